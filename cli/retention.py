"""`escrow retention`: what is left out of all that is read from now on, and the register of it."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from escrow.errors import UsageError, WrongKeyError

from .config import load_config
from .exits import Exit
from .handover_parts import clock, put_or_keep
from .handover_release import DeedsOption
from .key_use import Use, board_of, check_purpose, leave_event, open_nights, with_keys
from .options import ConfigOption, JsonOption
from .output import Output, shown
from .retention_expire import expire
from .retention_report import report
from .retention_shred import shred
from .vault import OpenVault, read_vault

if TYPE_CHECKING:
    from escrow.custody.erasure import Wish
    from escrow.custody.release import Board
    from escrow.engine.reading import CompartmentView
    from escrow.engine.restored import Omission
    from escrow.record import Erased
    from escrow.seal import Identity
    from escrow.trust import ToldErasure

app = typer.Typer(
    help="What is left out, and for how long things are kept.", no_args_is_help=True, rich_markup_mode=None
)
app.command()(report)
app.command()(expire)
app.command()(shred)
OUT = Path("erasure-deeds")
_LARGEST = 4 * 1024 * 1024
_HONEST = (
    "nothing is removed from the vault: restore and every other reader leave it out from now on; "
    "the sealed data stays until its series expire"
)


@app.command()
@with_keys("check")
def erase(
    file: Annotated[Path, typer.Argument(metavar="FILE.toml", help="What to leave out, one [[entry]] each.")],
    yes: Annotated[bool, typer.Option("--yes", help="Sign it. Without, only what would be left out is shown.")] = False,
    *,
    use: Use,
    deeds: DeedsOption = OUT,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Leave files, or rows of tables, out of everything that is restored from the nights so far.

    An archive that nobody can change cannot forget: the sealed data stays until its series expire. What is signed here
    is a register, sealed in the vault, that every reader obeys. Enough holders sign, or the custodian to whom the keys
    were released. What later nights bring is not touched: erase it in the school's systems too.

    Shows what would be left out of the last night; with --yes it is signed. Interrupted, it is simply run again.

    \b
    A file of erasures:
        compartments = ["records"]    # not needed: all
        clause = "9.2"                # not needed: of the charter
        [[entry]]
        kind = "file"                 # a file, or a folder with all below it
        path = "mis/documents/10023"
        [[entry]]
        kind = "rows"                 # rows of a CSV table
        path = "mis/marks.csv"
        column = "upn"
        value = "A123456789012"

    \b
    Example: escrow retention erase leaver.toml --yes --share head.txt --share chair.txt
    """
    from escrow.custody.erasure import parse_wish

    output = Output(as_json)
    wish = parse_wish(_read(file))
    vault = read_vault(load_config(config))
    vault.warn(output)
    if yes:
        _sign(output, vault, wish, use, deeds)
    omitted = _preview(output, wish, _last_night(output, vault, wish, use))
    output.note(_HONEST)
    _end(output, omitted, "would be left out of the last night: say --yes to sign", signed=0)


def _last_night(output: Output, vault: OpenVault, wish: "Wish", use: Use) -> "list[CompartmentView]":
    from escrow.custody.erasure import erasable_keys
    from escrow.engine.reading import choose

    night = choose(vault.history, "latest")
    keys = erasable_keys(vault.history, wish.compartments)
    only = sorted({part.compartment for part in night.parts if part.key in keys}) if wish.compartments else []
    return [] if wish.compartments and not only else open_nights(output, vault, use, [night], only)[0]


def _sign(output: Output, vault: OpenVault, wish: "Wish", use: Use, deeds: Path) -> None:
    from escrow.custody.erasure import draft_erasures, erasable_keys, keys_lacking
    from escrow.engine.reading import choose, open_snapshot
    from escrow.engine.register import entries_of

    history = vault.history
    board = board_of(vault, use)
    keys = erasable_keys(history, wish.compartments)
    if use.custodian is not None:
        keys &= history.handover.keys_of([one.public() for one in board.keys])
        if not keys:
            hint = "escrow handover status shows what was released to whom"
            raise WrongKeyError("key-not-released", "no series of this vault was released to this key", hint=hint)
    lacking = keys_lacking(
        history, keys, wish.entries, lambda told, one: entries_of(told, _identity(vault, board, one))
    )
    night = choose(history, "latest")
    only = [part.compartment for part in night.parts if part.key in keys]
    views = open_snapshot(vault.store, history, night, board.opener, only) if only else []
    omitted = _preview(output, wish, views)
    if not lacking:
        _end(output, omitted, "left out already; nothing was signed", signed=0)
    objects = draft_erasures(history, wish, lacking, board.keys, clock())
    put_or_keep(output, vault.config, history, objects, deeds)
    output.note(_HONEST)
    _end(output, omitted, f"left out of the last night; signed for {len(lacking)} series keys", signed=len(lacking))


def _preview(output: Output, wish: "Wish", views: "list[CompartmentView]") -> "list[Omission]":
    from escrow.engine.register import left_out_by
    from escrow.engine.restored import preview

    left_out = left_out_by([(0, entry) for entry in wish.entries])
    omitted = [one for view in views for one in preview(view, left_out)]
    for one in omitted:
        what = f"{one.rows} rows" if one.rows is not None else f"whole ({one.why})" if one.why else "whole"
        output.row(f"{shown(one.path)}  {what}", path=shown(one.path), rows=one.rows, why=one.why or None)
    seen = {one.path for one in omitted}
    for entry in wish.entries:
        if not any(path == entry.path or path.startswith(entry.path + b"/") for path in seen):
            output.note(f"{shown(entry.path)}: not in the last night, or no such row; older nights may have it")
    return omitted


def _end(output: Output, omitted: "list[Omission]", text: str, *, signed: int) -> None:
    whole = sum(one.rows is None for one in omitted)
    rows = sum(one.rows or 0 for one in omitted)
    output.finish(Exit.OK, f"{whole} entries and {rows} rows {text}", entries=whole, rows=rows, signed=signed)


@app.command()
@with_keys("check")
def erased(
    *,
    use: Use,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """List the erasure register: when, by whom, for how many series. With keys, what is left out too.

    \b
    Example: escrow retention erased --share head.txt --share chair.txt
    """
    output = Output(as_json)
    vault = read_vault(load_config(config))
    vault.warn(output)
    events = {link.event.deed: link.event for link in vault.history.events if link.event.kind == "erased"}
    if use:
        check_purpose(vault, use)
    board = board_of(vault, use) if use else None
    for told in vault.history.deeds.erasures:
        event = events[told.sha256]
        until = told.record.until if told.record else None
        about = f"nights up to {until}" if until else "all nights"
        text = f"{told.n:>5}  {event.created:%Y-%m-%d}  {about}, {len(told.keys)} keys  {', '.join(event.by)}"
        output.row(
            text if told.record else f"{text}  MISSING",
            n=told.n,
            created=f"{event.created:%Y-%m-%dT%H:%M:%SZ}",
            until=until,
            keys=[*sorted(told.keys)],
            by=list(event.by),
            clause=event.clause,
            missing=told.record is None,
        )
        if board:
            _show_entries(output, vault, board, told)
    if board:
        keys = {key for told in vault.history.deeds.erasures for key in told.keys}
        leave_event(
            output,
            vault,
            use,
            board.keys,
            {(one.key, name) for name, one in vault.history.series.items() if one.key in keys},
        )
    missing = any(told.record is None for told in vault.history.deeds.erasures)
    count = len(vault.history.deeds.erasures)
    output.finish(Exit.INTEGRITY if missing else Exit.OK, f"{count} erasures", erasures=count)


def _show_entries(output: Output, vault: OpenVault, board: "Board", told: "ToldErasure") -> None:
    from escrow.engine.register import open_erasure
    from escrow.errors import IntegrityError
    from escrow.record import ErasedRows

    try:
        left = vault.history.keys.keys() - vault.history.ending.shredded.keys()
        key = min(told.keys & left, default="")
        if not key:
            output.note(f"erasure {told.n}: the keys that opened it were destroyed")
            return
        entries: tuple[Erased, ...] = open_erasure(told, _identity(vault, board, key))
    except (IntegrityError, WrongKeyError) as error:
        output.note(f"erasure {told.n}: {error}")
        return
    for entry in entries:
        path = shown(entry.path)
        if isinstance(entry, ErasedRows):
            text = f"{path}  rows where {entry.column} is {entry.value}"
            output.row(f"       {text}", n=told.n, path=path, column=entry.column, value=entry.value)
        else:
            output.row(f"       {path}", n=told.n, path=path)


def _identity(vault: OpenVault, board: "Board", key: str) -> "Identity":
    from escrow.engine.fetch import fetch_exact
    from escrow.record import key_name

    one = vault.history.keys[key]
    return board.opener(fetch_exact(vault.store, key_name(one.id, one.sha256), one.sha256), one)


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(_LARGEST)
    except OSError as error:
        hint = "escrow retention erase --help shows such a file"
        raise UsageError("erasure-file", f"{path}: cannot be read ({error.strerror})", hint=hint) from error
