"""`escrow store probe`: what the store really enforces, tried and told; and what `init` makes of it."""

from typing import TYPE_CHECKING, Annotated

import typer

from escrow.errors import DeniedError, UsageError

from .checking import show_findings
from .config import Config, StoreConfig, load_config
from .exits import Exit
from .options import ConfigOption, JsonOption
from .output import Output
from .vault import bare_store, store_of

if TYPE_CHECKING:
    from escrow.engine.ports import Progress
    from escrow.trust import Finding
    from escrow.watch.probe_memory import Kept


def _given(reason: str | None) -> str | None:
    if reason is not None and not reason.strip():
        raise UsageError("accept-reason", "expected a reason, found none", hint="say why this store is to be taken")
    return reason


AcceptOption = Annotated[
    str | None,
    typer.Option(
        "--accept", metavar="REASON", callback=_given, help="Take this store although it fails; the reason is recorded."
    ),
]


def probe(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The copy to probe, or store.")] = "store",
    accept: AcceptOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Try on small objects of its own what an attacker would, and tell what this store really enforces.

    Needs a credential that may put and delete under probe/: the registrar's or the owner's, not the nightly one. A
    store that fails is refused. The state folder remembers the result, and what was accepted.

    \b
    Example: escrow store probe --accept "test server, no real data"
    """
    from escrow.store.probe_judge import CHECKS, demand, meaning

    output = Output(as_json)
    loaded = load_config(config)
    where = _place(loaded, name)
    with output.progress() as progress:
        kept = try_store(loaded, where, progress)
    report = kept.report
    assert report is not None
    for check in report.checks:
        tries, means = CHECKS[check.name].tries, meaning(check)
        words = {"check": check.name, "outcome": check.outcome, "tries": tries, "means": means, "detail": check.detail}
        output.row(f"{check.name:<19} {check.outcome:<13} {tries}: {means}", **words)
    findings = settle(loaded, kept, accept)
    show_findings(output, findings)
    if report.left:
        output.note(f"{len(report.left)} small objects under probe/ stay until their locks end, most in a day")
    demand(kept.store, findings)
    lock = "a folder, which has no lock" if report.folder else f"lock {report.lock}"
    output.finish(Exit.OK, f"{report.store}: {lock}", store=report.store, lock=report.lock, left=len(report.left))


def _place(loaded: Config, name: str) -> StoreConfig:
    from escrow.engine.places import STORE

    copies = {copy.name: copy.store for copy in loaded.copies}
    if name == STORE:
        return store_of(loaded)
    if name not in copies:
        raise UsageError("copy-unknown", f"expected one of {', '.join([STORE, *copies])}, found {name!r}")
    return copies[name]


def try_store(loaded: Config, where: StoreConfig, progress: "Progress") -> "Kept":
    """Probe one place of the configuration and remember how it ended. Errors of `escrow.store.probe.probe`."""
    from escrow.store.probe_judge import CHECKS
    from escrow.watch.probing import probe_and_keep

    progress.stage("probe the store", len(CHECKS))
    return probe_and_keep(bare_store(where), loaded.state, told=lambda _: progress.advance(1))


def probe_before(loaded: Config, reason: str | None, progress: "Progress") -> "tuple[Finding, ...]":
    """Probe before anything is put. Raises StoreError `store-lies`, and DeniedError `store-probe-denied` where the
    credential may not probe, nobody with another one did in the last 30 days, and none accepts that."""
    from escrow.store.probe_judge import demand
    from escrow.watch.probing import NOT_PROBED, failing, recent

    try:
        kept = try_store(loaded, store_of(loaded), progress)
        findings = settle(loaded, kept, reason)
    except DeniedError as error:
        if error.code != "store-probe-denied":
            raise
        kept = recent(loaded.state, bare_store(store_of(loaded)))
        findings = settle(loaded, kept, reason)
        if NOT_PROBED in failing(findings):
            raise
    demand(kept.store, findings)
    return findings


def settle(loaded: Config, kept: "Kept", reason: str | None) -> "tuple[Finding, ...]":
    """What is to be told of a store, after what `reason` accepts is recorded. StateError."""
    from escrow.watch.probe_memory import Acceptance, accept, read_acceptance
    from escrow.watch.probing import failing, judge_kept

    failed = failing(judge_kept(kept, None))
    if reason and failed:
        accept(loaded.state, Acceptance(kept.store, kept.tried, reason.strip(), failed))
    return judge_kept(kept, read_acceptance(loaded.state, kept.store))
