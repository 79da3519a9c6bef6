"""What a machine remembers of its store's probes: how the last ended, what once held, what was accepted in writing."""

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import get_args

from escrow.engine.memory import write_json
from escrow.engine.ports import Clock
from escrow.errors import DeniedError, StateError
from escrow.record import time_text
from escrow.store import Store
from escrow.store.base import utc_now
from escrow.store.probe import probe
from escrow.store.probe_judge import CHECKS, judge
from escrow.store.probe_report import Check, Lock, Outcome, ProbeReport
from escrow.trust import Finding

PROBED = "store-probe.json"
ACCEPTED = "store-accepted.json"
EVERY = timedelta(days=30)
NOT_PROBED = "not-probed"
"""Stands among accepted checks where the credential could not probe at all."""

_OUTCOMES: dict[str, Outcome] = {outcome: outcome for outcome in get_args(Outcome)}
_LOCKS: dict[str, Lock] = {lock: lock for lock in get_args(Lock)}


@dataclass(frozen=True, slots=True)
class Kept:
    """The probes of one store. `tried` is the last attempt, refused or not; `report` the last that was made.

    `held` says for each check when it was last seen enforced.
    """

    store: str
    tried: datetime
    report: ProbeReport | None = None
    held: dict[str, datetime] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Acceptance:
    """That somebody takes a store although exactly these checks fail, and why."""

    store: str
    at: datetime
    reason: str
    checks: frozenset[str]


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
    store: Store, folder: Path, clock: Callable[[], datetime] = utc_now, told: Callable[[Check], object] = id
) -> Kept:
    """Probe `store` (itself, no wrapper) and remember how it ended. Errors of `probe`; StateError."""
    before = read_kept(folder, store.describe())
    report = probe(store, clock=clock, told=told)
    held = {check.name: report.at for check in report.checks if check.outcome == "enforced"}
    kept = Kept(report.store, report.at, report, (before.held if before else {}) | held)
    _write_kept(folder, kept)
    return kept


def recent(folder: Path, store: Store) -> Kept:
    """The last probe of `store`, without a report when that is over `EVERY` ago, by the store's clock."""
    now = store.now()
    kept = read_kept(folder, store.describe()) or Kept(store.describe(), now)
    return kept if kept.report and now - kept.report.at < EVERY else replace(kept, tried=now, report=None)


def monthly(
    open_store: Callable[[], Store], folder: Path, clock: Clock, *, only_deposits: bool
) -> tuple[tuple[Finding, ...], str]:
    """The agent's share: probe when the last attempt is `EVERY` ago, and tell what refuses the store, every night.

    `only_deposits`: the credential is known to be the depositor's, so nothing is tried (a refusal may ring an alarm).
    Gives findings, and a warning or "". Errors of `probe`; StateError.
    """
    store = open_store()
    kept = read_kept(folder, store.describe())
    now = clock.now()
    if kept and abs(now - kept.tried) < EVERY:
        return tuple(one for one in _findings(folder, kept) if one.severity == "error"), ""
    try:
        if not only_deposits:
            return _findings(folder, probe_and_keep(store, folder, clock.now)), ""
    except DeniedError as error:
        if error.code != "store-probe-denied":
            raise
    kept = replace(kept, tried=now) if kept else Kept(store.describe(), now)
    _write_kept(folder, kept)
    warning = "the store was not probed, this credential may not: run escrow store probe with the registrar's"
    return _findings(folder, kept), warning


def _findings(folder: Path, kept: Kept) -> tuple[Finding, ...]:
    return judge_kept(kept, read_acceptance(folder, kept.store)) if kept.report else ()


def read_kept(folder: Path, store: str) -> Kept | None:
    """The probes of `store`; None before the first, or when the file is damaged: that costs one more probe."""
    try:
        data = json.loads((folder / PROBED).read_text("utf-8"))
        if data["store"] != store:
            return None
        last = data["last"]
        report = last and ProbeReport(
            store=store,
            at=datetime.fromisoformat(last["at"]),
            folder=bool(last["folder"]),
            lock=_LOCKS[last["lock"]],
            checks=tuple(
                Check(one["name"], _OUTCOMES[one["outcome"]], one["detail"])
                for one in last["checks"]
                if one["name"] in CHECKS
            ),
            left=tuple(map(str, last["left"])),
        )
        held = {str(name): datetime.fromisoformat(at) for name, at in data["held"].items()}
        return Kept(store, datetime.fromisoformat(data["tried"]), report, held)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def _write_kept(folder: Path, kept: Kept) -> None:
    report = kept.report
    last = report and {
        "at": _time(report.at),
        "folder": report.folder,
        "lock": report.lock,
        "checks": [{"name": one.name, "outcome": one.outcome, "detail": one.detail} for one in report.checks],
        "left": report.left,
    }
    held = {name: _time(at) for name, at in kept.held.items()}
    write_json(folder / PROBED, {"store": kept.store, "tried": _time(kept.tried), "held": held, "last": last})


def accept(folder: Path, acceptance: Acceptance) -> None:
    """Record an acceptance; earlier ones stay in the file, and the last of a store holds. StateError."""
    rows = [
        {"store": one.store, "at": _time(one.at), "reason": one.reason, "checks": sorted(one.checks)}
        for one in (*_acceptances(folder), acceptance)
    ]
    write_json(folder / ACCEPTED, {"accepted": rows})


def read_acceptance(folder: Path, store: str) -> Acceptance | None:
    """The acceptance of `store` that holds. StateError `store-accepted` when the file cannot be understood."""
    return next((one for one in reversed(_acceptances(folder)) if one.store == store), None)


def _acceptances(folder: Path) -> list[Acceptance]:
    path = folder / ACCEPTED
    try:
        return [
            Acceptance(
                store=str(one["store"]),
                at=datetime.fromisoformat(one["at"]),
                reason=str(one["reason"]),
                checks=frozenset(map(str, one["checks"])),
            )
            for one in json.loads(path.read_text("utf-8"))["accepted"]
        ]
    except FileNotFoundError:
        return []
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise StateError(
            "store-accepted",
            f"{path}: expected what was accepted of stores, found something else ({type(error).__name__})",
            hint="remove it, and accept again with escrow store probe --accept REASON",
        ) from error


def _time(at: datetime) -> str:
    return time_text(at.replace(microsecond=0))


def _day(at: datetime) -> str:
    return f"{at:%Y-%m-%d}"
