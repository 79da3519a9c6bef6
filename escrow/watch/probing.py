"""Probing a store again and again: what the last probe is worth beside earlier ones, and the agent's share of it."""

from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

from escrow.engine.ports import Clock
from escrow.errors import DeniedError, EscrowError, StateError
from escrow.store import Store
from escrow.store.base import utc_now
from escrow.store.probe import probe
from escrow.store.probe_judge import judge
from escrow.store.probe_report import Check
from escrow.trust import Finding
from escrow.watch.probe_memory import Acceptance, Kept, read_acceptance, read_kept, write_kept

EVERY = timedelta(days=30)
NOT_PROBED = "not-probed"
"""Stands among accepted checks where the credential could not probe at all."""


def judge_kept(kept: Kept, acceptance: Acceptance | None) -> tuple[Finding, ...]:
    """Pure: what the last probe is worth. An error is a check that a store must pass, or that it passed before and now
    does not; one that was accepted is a warning."""

    def weigh(finding: Finding) -> Finding:
        check = finding.code.removeprefix("probe-")
        if check in kept.held:
            finding = replace(
                finding, severity="error", detail=f"{finding.detail}; it held on {_day(kept.held[check])}"
            )
        if acceptance and check in acceptance.checks:
            said = f"{finding.detail}; accepted on {_day(acceptance.at)}: {acceptance.reason}"
            finding = replace(finding, severity="warning", detail=said)
        return finding

    unknown = Finding(f"probe-{NOT_PROBED}", kept.store, "nobody has tried what this store enforces")
    findings = judge(kept.report) if kept.report else (unknown,)
    return tuple(sorted(map(weigh, findings), key=lambda finding: finding.severity))


def failing(findings: Iterable[Finding]) -> frozenset[str]:
    """Pure: the checks that refuse a store."""
    return frozenset(finding.code.removeprefix("probe-") for finding in findings if finding.severity == "error")


def probe_and_keep(
    store: Store, folder: Path, clock: Callable[[], datetime] = utc_now, told: Callable[[Check], object] | None = None
) -> Kept:
    """Probe `store` (itself, no wrapper) and remember how it ended. Errors of `probe`; StateError."""
    before = read_kept(folder, store.describe())
    report = probe(store, clock=clock, told=told)
    held = {check.name: report.at for check in report.checks if check.outcome == "enforced"}
    kept = Kept(report.store, report.at, report, (before.held if before else {}) | held)
    write_kept(folder, kept)
    return kept


def recent(folder: Path, store: Store) -> Kept:
    """The last probe of `store`, without a report when that is over `EVERY` ago, by the store's clock."""
    now = store.now()
    kept = read_kept(folder, store.describe()) or Kept(store.describe(), now)
    return kept if kept.report and now - kept.report.at < EVERY else replace(kept, tried=now, report=None)


def monthly(
    open_store: Callable[[], Store], folder: Path, clock: Clock, *, only_deposits: bool
) -> tuple[tuple[Finding, ...], str]:
    """The agent's share: probe when the last attempt is `EVERY` ago, or found what refuses the store.

    What refuses it is told every night, also when nobody may probe again. Gives findings, and a warning or ""; raises
    nothing. `only_deposits`: the credential is known to be the depositor's, so nothing is tried (a refusal may ring an
    alarm).
    """
    errors: tuple[Finding, ...] = ()
    try:
        store = open_store()
        now = clock.now()
        kept = read_kept(folder, store.describe()) or Kept(store.describe(), now - EVERY)
        errors = tuple(one for one in _findings(folder, kept) if one.severity == "error")
        if not _due(kept, now, errors):
            return errors, ""
        if not only_deposits and (made := _try(store, folder, clock)):
            return _findings(folder, made), ""
        write_kept(folder, replace(kept, tried=now))
    except EscrowError as error:
        return errors, f"the store could not be probed ({error.code}); the next round tries again"
    return errors, "the store was not probed, this credential may not: run escrow store probe with the registrar's"


def overdue(folder: Path, store: str, now: datetime) -> tuple[Finding, ...]:
    """The reminder `probe-old`, where this machine remembers probes and the last is `EVERY` ago; `store` by its own
    description."""
    kept = read_kept(folder, store)
    if kept is None or (kept.report and now - kept.report.at < EVERY):
        return ()
    last = f"last tried on {_day(kept.report.at)}" if kept.report else "never tried from this machine"
    detail = f"what the store enforces was {last}: run escrow store probe with the registrar's credential"
    return (Finding("probe-old", store, detail, "warning"),)


def _try(store: Store, folder: Path, clock: Clock) -> Kept | None:
    try:
        return probe_and_keep(store, folder, clock.now)
    except DeniedError as error:
        if error.code != "store-probe-denied":
            raise
    return None


def _due(kept: Kept, now: datetime, errors: Sequence[Finding]) -> bool:
    """Pure: after a probe with errors the next night looks again, unless an attempt since then was refused."""
    refused = kept.report is None or kept.tried != kept.report.at
    return abs(now - kept.tried) >= EVERY or (bool(errors) and not refused)


def _findings(folder: Path, kept: Kept) -> tuple[Finding, ...]:
    """A damaged file of acceptances accepts nothing."""
    acceptance = None
    with suppress(StateError):
        acceptance = read_acceptance(folder, kept.store)
    return judge_kept(kept, acceptance) if kept.report else ()


def _day(at: datetime) -> str:
    return f"{at:%Y-%m-%d}"
