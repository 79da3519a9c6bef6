"""`escrow retention expire`: deletes the series that are over."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from escrow.errors import RefusedError

from .config import load_config
from .custodian_key import read_custodian
from .exits import Exit
from .handover_parts import all_deeds, clock, custodian_board, open_board, put_or_keep
from .handover_release import DeedsOption
from .options import ConfigOption, CustodianOption, JsonOption, KeyOption, LetterboxOption, ShareOption, SheetsOption
from .output import Output
from .removing import end_of, remove_everywhere
from .retention_report import ScheduleOption, read_report, show
from .unlock import Means
from .vault import OpenVault, anchor_of, connect, read_vault, store_of

if TYPE_CHECKING:
    from escrow.custody.release import Board
    from escrow.retention.expiry import Expiry
    from escrow.retention.report import SeriesEnd

OUT = Path("expiry-deeds")
SeriesArgument = Annotated[
    list[str] | None, typer.Argument(metavar="SERIES", help="Only these, by their ids. Default: all that are due.")
]


def expire(
    series: SeriesArgument = None,
    schedule: ScheduleOption = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do it. Without, only what would go is shown.")] = False,
    key: KeyOption = None,
    share: ShareOption = None,
    letterbox: LetterboxOption = None,
    sheets: SheetsOption = False,
    custodian: CustodianOption = None,
    deeds: DeedsOption = OUT,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Delete series of nights that are over: locks, charter and schedule say so, and nothing holds them.

    First the series that comes after is read and its last night opened. Then enough holders sign an event (after a
    transfer the custodian), and then packs and manifests are deleted, in the store and in every copy, with a
    credential that may. There is no way back. Interrupted, or with a place away, it is run again, without keys.

    \b
    Example: escrow retention expire
    Example: escrow retention expire --yes --share head.txt --share chair.txt
    """
    from escrow.retention.expiry import draft_expiry, plan_expiry
    from escrow.retention.scope import named_series

    output = Output(as_json)
    vault = read_vault(load_config(config))
    vault.warn(output)
    report = read_report(output, vault, schedule)
    plan = plan_expiry(report, named_series(vault.history, series or ()))
    for one in report.ends if not series else plan.all:
        if one in plan.all or one.state != "expired":
            show(output, one)
    if not plan.all:
        output.finish(Exit.OK, "nothing is due", series=0, deleted=0)
    if not yes:
        _dry_run(output, plan)
    if plan.chosen:
        means = Means(key, tuple(share or ()), letterbox, sheets)
        board = _board(vault, means, custodian)
        _check_after(output, vault, board, plan.chosen)
        put_or_keep(
            output, vault.config, vault.history, [draft_expiry(vault.history, plan.chosen, board.keys, clock())], deeds
        )
    _delete(output, plan, read_vault(vault.config))


def _dry_run(output: Output, plan: "Expiry") -> None:
    nights = len({night for one in plan.chosen for night in one.nights})
    count = sum(one.objects for one in plan.chosen)
    text = f"{len(plan.chosen)} series, {nights} nights, {count} objects would go for good, in every place: say --yes"
    if plan.again:
        output.note(f"{len(plan.again)} series expired before: --yes deletes what may be left of them")
    output.finish(Exit.OK, text, series=len(plan.chosen), nights=nights, objects=count, deleted=0)


def _board(vault: OpenVault, means: Means, custodian: str | None) -> "Board":
    if custodian is not None:
        return custodian_board(read_custodian(custodian), vault.history, vault.store)
    return open_board(means, vault.history)


def _check_after(output: Output, vault: OpenVault, board: "Board", chosen: "Sequence[SeriesEnd]") -> None:
    """The series that come after, in the store: every object by its hash, the last night's files opened. RefusedError
    `expire-successor`."""
    from escrow.engine.reading import open_snapshot
    from escrow.engine.verify import expected_objects, verify_bytes, verify_open
    from escrow.errors import EscrowError
    from escrow.retention.expiry import successors

    store = connect(store_of(vault.config))  # not as one with the copies, which could hide that it is damaged there
    objects, nights = successors(vault.history, chosen)
    with output.progress() as progress:
        expected = [one for one in expected_objects(vault.history) if one.name in objects]
        findings = list(verify_bytes(store, expected, progress).findings)
        for night, compartment in nights if not findings else ():
            try:
                views = open_snapshot(store, vault.history, night, board.opener, [compartment])
            except EscrowError as error:
                raise _unfit(f"night {night.seq} of {compartment}: {error.code}: {error}") from error
            findings += verify_open(views, progress).findings
    if findings:
        raise _unfit(f"{findings[0].subject}: {findings[0].code}: {findings[0].detail}")


def _unfit(found: str) -> RefusedError:
    expected = "expected the series that comes after to be whole"
    hint = "mend it first (escrow verify, escrow store repair): nothing older is deleted before"
    return RefusedError("expire-successor", f"{expected}, found {found}", hint=hint)


def _delete(output: Output, plan: "Expiry", vault: OpenVault) -> None:
    """What the vault's own events say has expired; nothing else."""
    told = vault.history.ending.expired
    wanted = [one.series for one in plan.all if one.series in told]
    if not wanted:
        text = "nothing is deleted before the event is in the store: run this again once it is posted"
        output.finish(Exit.UNFINISHED, text, series=0, deleted=0)
    removals = remove_everywhere(
        output,
        vault.config,
        [f"series/{one}/{kind}/" for kind in ("manifests", "packs") for one in wanted],
        lambda name: name.kind in ("pack", "manifest"),
        deeds=all_deeds(vault.store, anchor_of(vault.config)),
        history=vault.history,
    )
    count = sum(one.gone for one in removals)
    exit = end_of(removals)
    rest = "" if exit is Exit.OK else "; what is left is told above: run this again"
    output.finish(
        exit, f"{len(wanted)} series expired, {count} objects deleted{rest}", series=len(wanted), deleted=count
    )
