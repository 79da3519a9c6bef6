"""`escrow export`: a night in open formats, for a school, a new vendor or a records store."""

from datetime import UTC, date, datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from escrow.errors import IntegrityError, StoreError, UsageError

from .config import load_config
from .exits import Exit
from .export_since import FOLDER, nights_of, write_since
from .key_use import Use, open_nights, with_keys
from .options import ConfigOption, JsonOption
from .output import Output
from .restoring import tell_restored, wanted_of
from .vault import OpenVault, read_vault

if TYPE_CHECKING:
    from collections.abc import Callable

    from escrow.engine.reading import CompartmentView
    from escrow.engine.restored import RestoreReport
    from escrow.export.exporting import ExportReport
    from escrow.export.mapping import Plan
    from escrow.export.nights import Since
    from escrow.record import JsonObject

_MAPPING = "mapping.toml"
_GUARDED = "safeguarding"


class _Format(StrEnum):
    CSV = "csv"
    SQLITE = "sqlite"
    EXCEL = "excel"


class _Pack(StrEnum):
    CONTINUITY = "continuity"


@with_keys("restore")
def export(
    snapshot: Annotated[str, typer.Argument(metavar="SNAPSHOT", help="The night's number, or latest.")],
    patterns: Annotated[
        list[str] | None, typer.Argument(metavar="PATTERN", help="Only these, as in .gitignore: mis/*.csv")
    ] = None,
    to: Annotated[Path, typer.Option(help="The folder to write.")] = Path("export"),
    format: Annotated[
        list[_Format] | None, typer.Option(help="May be repeated. Default: csv; with --pack none.")
    ] = None,
    pack: Annotated[_Pack | None, typer.Option(help="Pages for Monday morning, as PDF and workbook.")] = None,
    mapping: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Which columns the pages take. Default: mapping.toml in --to.")
    ] = None,
    confirm: Annotated[
        str | None, typer.Option(metavar="WHO", help="Who has read the mapping and takes it as it is.")
    ] = None,
    on: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], metavar="DATE", help="The pages' day. Default: today.")
    ] = None,
    since: Annotated[
        str | None, typer.Option(metavar="NIGHT", help="Also what changed since this night, by files and rows.")
    ] = None,
    quick: Annotated[bool, typer.Option("--quick", help="Without the dictionary and the report.")] = False,
    bag: Annotated[bool, typer.Option("--bag", help="As a BagIt bag, with the vault's signed records.")] = False,
    compartment: Annotated[list[str] | None, typer.Option(help="Only this compartment. May be repeated.")] = None,
    *,
    use: Use,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write a night in open formats: the originals, every table as CSV, SQLite or Excel, a dictionary and a report.

    Every cell stays the text that it was. Safeguarding stays shut unless its compartment is named. What cannot be
    converted is told; its original is there. An interrupted export goes on when it is run again.

    \b
    Example: escrow export latest --to monday --pack continuity --key /media/stick/fernhill/custody.key
    Example: escrow export latest --since 281 --to changes --key /media/stick/fernhill/custody.key
    Example: escrow export 312 --to vendor --format sqlite --format csv --compartment records --sheets
    """
    from escrow.engine.restore import RestoreOptions, restore
    from escrow.export.bag import check_place
    from escrow.export.exporting import ORIGINALS, Trouble
    from escrow.export.exporting import export as convert

    output = Output(as_json)
    check_place(to)
    vault = read_vault(load_config(config))
    vault.warn(output)
    nights = nights_of(vault, snapshot, since)
    opened = open_nights(output, vault, use, nights, compartment or _usual(output, vault, snapshot))
    views = opened[0]
    options = RestoreOptions(wanted_of(patterns or []))
    with output.progress() as progress:
        restored = restore(views, to / ORIGINALS, options, progress)
    vault.remember()
    came = tell_restored(output, restored, bool(patterns))
    wanted = format or ([_Format.CSV] if pack is None else [])
    report = convert(to, [one.value for one in wanted])
    night = _night(views)
    if pack:
        _pack(
            output,
            vault,
            to,
            report,
            _plan(output, mapping or to / _MAPPING, report, confirm),
            night,
            on.date() if on else _today(),
        )
    counts: JsonObject = {}
    if since:
        words = [_night(one) for one in opened]
        try:
            counts = write_since(output, to, report, opened, options.wanted, _since_page(vault, words[1], words[0]))
        except (IntegrityError, StoreError) as error:
            report.troubles.append(Trouble("all", f"night {since}", "since", error.code, str(error)))
    if not quick:
        from escrow.export.examining import examine

        examine(to, report)
        _write_report(to, report, vault, night, _said(views))
    if bag:
        _bag(to, vault, views, options.wanted)
    _finish(output, to, report, restored, came, counts)


def _usual(output: Output, vault: OpenVault, snapshot: str) -> list[str]:
    """All compartments but safeguarding, which leaves the archive only when it is named."""
    from escrow.engine.reading import choose

    names = [part.compartment for part in choose(vault.history, snapshot).parts]
    usual = [name for name in names if name != _GUARDED]
    if usual and usual != names:
        output.note(f"{_GUARDED} is left out: say --compartment {_GUARDED} where it is meant to come along")
    return usual or names


def _today() -> date:
    return datetime.now().date()


def _night(views: "list[CompartmentView]") -> str:
    made = max(view.manifest.created for view in views).astimezone(UTC)
    return f"{made.day} {made:%B %Y}"


def _school(vault: OpenVault) -> str:
    charter = vault.history.charter
    assert charter is not None
    return charter.school.name


def _said(views: "list[CompartmentView]") -> dict[str, int]:
    """Rows by original, as the night counted them."""
    from escrow.record import FileEntry

    said: dict[str, int] = {}
    for view in views:
        for entry in view.entries():
            if isinstance(entry, FileEntry) and entry.profile is not None:
                rows = entry.profile.get("rows")
                if isinstance(rows, int):
                    said[entry.path.decode("utf-8", "replace")] = rows
    return said


def _pack(
    output: Output, vault: OpenVault, to: Path, report: "ExportReport", plan: "Plan", night: str, day: date
) -> None:
    from escrow.export.continuity import continuity
    from escrow.export.papers import ruled_pdf, write_workbook
    from escrow.export.reader import rows_of

    from .public_folder import write_whole

    page = continuity(plan, rows_of(report.tables), school=_school(vault), night=night, today=day)
    write_whole(to / "continuity.pdf", ruled_pdf(page))
    write_workbook(page, to / "continuity.xlsx")
    output.row(f"wrote {to / 'continuity.pdf'} and {to / 'continuity.xlsx'}", pack="continuity")


def _plan(output: Output, mapping: Path, report: "ExportReport", confirm: str | None) -> "Plan":
    """The mapping of the file, or a proposal written there; it counts when somebody has confirmed it."""
    from dataclasses import replace

    from escrow.export.mapping import parse, propose, unmapped, write

    columns = {table.name: table.columns for table in report.tables}
    plan = parse(mapping.read_text(encoding="utf-8"), columns) if mapping.exists() else propose(columns)
    if confirm and plan.confirmed is None:
        plan = replace(plan, confirmed=f"{confirm}, {_today():%d.%m.%Y}")
    if confirm or not mapping.exists():
        mapping.write_text(write(plan, columns), encoding="utf-8")
    if plan.confirmed is None:
        hint = "read it, correct it, write who read it into `confirmed` (or say --confirm WHO), and run this again"
        raise UsageError(
            "mapping-unconfirmed", f"expected a mapping that somebody has read, found {mapping}", hint=hint
        )
    for role in unmapped(plan, columns)[0]:
        output.note(f"the mapping has no table for {role}: the pages say so")
    return plan


def _since_page(vault: OpenVault, was: str, now: str) -> "Callable[[Since], bytes]":
    def page(since: "Since") -> bytes:
        from escrow.export.since_page import since_page
        from escrow.paper.html import to_html

        return to_html(since_page(since, _school(vault), was, now), f"Vault {vault.history.vault}").encode()

    return page


def _write_report(to: Path, report: "ExportReport", vault: OpenVault, night: str, said: dict[str, int]) -> None:
    from escrow.export.page import dictionary_csv, report_page
    from escrow.paper.html import to_html

    from .public_folder import write_whole

    page = report_page(report, _school(vault), night, said)
    write_whole(to / "report.html", to_html(page, f"Vault {vault.history.vault}").encode())
    write_whole(to / "dictionary.csv", dictionary_csv(report))


def _bag(to: Path, vault: OpenVault, views: "list[CompartmentView]", wanted: "Callable[[bytes], bool]") -> None:
    from escrow.engine.fetch import public_objects
    from escrow.export.bag import make_bag
    from escrow.export.inventory import inventory_csv

    from .public_folder import write_whole

    for name, data in public_objects(vault.store):
        write_whole(to / "evidence" / name, data)
    charter = vault.history.charter
    files = (
        (view.name, one)
        for view in views
        for one in view.entries()
        if wanted(one.path) and view.left_out.whole(one.path) is None
    )
    write_whole(to / "inventory.csv", inventory_csv(files, (charter.retention if charter else None) or ()))
    make_bag(
        to,
        [
            ("Source-Organization", _school(vault)),
            ("External-Description", f"Snapshot {views[0].manifest.seq} of an escrow vault, with its signed records"),
            ("External-Identifier", vault.history.vault),
        ],
    )


def _finish(
    output: Output, to: Path, report: "ExportReport", restored: "RestoreReport", came: Exit, since: "JsonObject"
) -> None:
    for one in report.troubles:
        output.row(f"{one.table} ({one.format}): {one.words}", table=one.table, format=one.format, code=one.code)
    rows = sum(one.rows for one in report.described)
    files = restored.files + restored.already
    text = f"exported {files} originals and {len(report.tables)} tables to {to}"
    if restored.omitted:
        text += f"; erasures left out {restored.omitted_files} files and {restored.omitted_rows} rows"
    if restored.failed:
        text += f"; {len(restored.failed)} files FAILED"
    if since:
        text += f"; {to / FOLDER / 'since.html'} says what changed"
    if report.described and (report.troubles or report.doubts):
        text += f"; {to / 'report.html'} says what was not converted and where tables disagree"
    output.finish(
        came or (Exit.PARTIAL if report.troubles else Exit.OK),
        text,
        originals=files,
        failed=len(restored.failed),
        tables=len(report.tables),
        rows=rows,
        troubles=len(report.troubles),
        doubts=len(report.doubts),
        **({"since": since} if since else {}),
    )
