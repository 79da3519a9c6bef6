"""`escrow vendor dump`: a vendor's last dump, deposited by the nightly machine and held against the last good night."""

import json
import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from escrow.errors import StateError, UsageError

from .config import Config, RuleConfig, load_config, parse_config
from .exits import Exit
from .key_use import Use, open_nights, with_keys
from .nights import deposit_night, judge_night
from .options import ConfigOption, JsonOption
from .output import Output
from .public_folder import write_whole
from .source_config import FolderConfig
from .vault import OpenVault, read_vault
from .vendor_case import FOLDER, CaseOption, Leaving, open_case_in, today

if TYPE_CHECKING:
    from collections.abc import Sequence

    from escrow.export.originals import FolderFile
    from escrow.record import JsonObject
    from escrow.trust import Snapshot
    from escrow.vendor.held import Side
    from escrow.vendor.reconcile import Reconciled

SOURCE = "vendor-dump"
COUNTS = "counts.json"
_GUARDED = "safeguarding"


@with_keys("restore")
def dump(
    paths: Annotated[list[Path], typer.Argument(metavar="FOLDER|FILE...", help="What the vendor handed over.")],
    deposit: Annotated[
        bool, typer.Option("--deposit", help="On the nightly machine: make it a source, and deposit a night now.")
    ] = False,
    night: Annotated[
        str | None, typer.Option(metavar="NIGHT", help="Compare with this night. Default: the last good one.")
    ] = None,
    compartment: Annotated[
        list[str] | None,
        typer.Option(help="Compare this compartment only, may be repeated; with --deposit: where it goes."),
    ] = None,
    case: CaseOption = FOLDER,
    *,
    use: Use,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Deposit a vendor's last dump, or tell what it lacks beside the last good night: tables, columns, rows, documents.

    With --deposit on the nightly machine, without keys: the folder becomes a source of its own, in the strictest
    compartment unless another is named, and is deposited from now on. With keys on the holders' machine: every table
    is compared, and a report and the list of what is missing go to the case's folder dump. The night is read where the
    vault holds it: nothing of it is written to a disk. Safeguarding is compared where its compartment is named.

    \b
    Example: escrow vendor dump /srv/from-the-vendor --deposit
    Example: escrow vendor dump /media/stick/from-the-vendor --share head.txt --share chair.txt
    """
    from escrow.vendor.held import dump_files

    output = Output(as_json)
    if deposit == bool(use):
        hint = "the nightly machine deposits, the holders' compares: two machines, or one after the other"
        raise UsageError("vendor-dump", "expected --deposit or keys, one of them", hint=hint)
    files = dump_files(paths)
    if deposit:
        _deposit(output, paths, len(files), compartment or [], case, config)
    _compare(output, open_case_in(output, case, config), files, night, compartment or [], use)


def _deposit(
    output: Output, paths: list[Path], files: int, compartments: list[str], case: Path, config: Path | None
) -> None:
    loaded = load_config(config)
    if len(paths) != 1 or not paths[0].is_dir() or len(compartments) > 1:
        hint = "put the dump into a folder of its own, which stays there"
        raise UsageError("vendor-dump", "expected one folder to deposit, and at most one compartment", hint=hint)
    vault = read_vault(loaded)
    charter = vault.history.charter
    assert charter is not None
    names = [one.name for one in charter.compartments]
    chosen = compartments[0] if compartments else charter.strictest
    if chosen not in names:
        raise UsageError("compartment-unknown", f"expected one of {', '.join(names)}, found {chosen!r}")
    changed = _with_source(output, loaded, Path(os.path.normpath(paths[0].absolute())), chosen)
    with output.progress() as progress:
        report = deposit_night(changed, progress)
    text = f"the vendor's dump is deposited in {chosen}: {files} files, night {report.seq}"
    from escrow.vendor.case import NAME

    if report.seq and (case / NAME).exists():
        leaving = open_case_in(output, case, config)
        leaving.note(text, today())
    output.finish(judge_night(report), text, night=report.seq, files=files, compartment=chosen)


def _with_source(output: Output, config: Config, folder: Path, compartment: str) -> Config:
    """The configuration with the dump as a source, and a rule before all others; both are written into its file."""
    for one in config.sources:
        if one.path is not None and folder.is_relative_to(os.path.normpath(one.path.absolute())):
            output.note(f"{folder} is of the source {one.name} already, and goes where its rules say")
            return config
    taken = {one.name for one in config.sources}
    name = next(one for one in (SOURCE, *(f"{SOURCE}-{n}" for n in range(2, 100))) if one not in taken)
    rule = f'[[rule]]\ncompartment = "{compartment}"\nglobs = ["/{name}/"]\n\n'
    path = json.dumps(str(folder), ensure_ascii=False)
    source = f'\n[[source]]\nname = "{name}"\npath = {path}\nrecipe = "vendor-dump"\n'
    text = config.file.read_text("utf-8")
    lines = text.splitlines(keepends=True)
    first = next((at for at, line in enumerate(lines) if line.strip().startswith("[[rule]]")), None)
    made = "".join(lines) + "\n" + rule if first is None else "".join((*lines[:first], rule, *lines[first:]))
    made = made.rstrip("\n") + "\n" + source
    added = FolderConfig(name=name, path=folder, recipes=("vendor-dump",))
    wanted = replace(
        config, sources=(*config.sources, added), rules=(RuleConfig(compartment, (f"/{name}/",)), *config.rules)
    )
    again = parse_config(made, config.file, {})
    if (again.sources, again.rules) != (wanted.sources, wanted.rules):
        hint = f"write it there yourself, the rule before all others:\n{rule}{source}"
        raise UsageError("config-syntax", f"{config.file}: expected a file that can be added to", hint=hint)
    write_whole(config.file, made.encode())
    output.note(f"{config.file}: [[source]] {name} and its [[rule]] were added")
    return wanted


def _compare(
    output: Output, leaving: Leaving, files: "Sequence[FolderFile]", night: str | None, only: list[str], use: Use
) -> None:
    from escrow.engine.opened import opened_files
    from escrow.engine.restored import RestoreReport
    from escrow.vendor.held import read_dump, read_night
    from escrow.vendor.page import counts_text
    from escrow.vendor.reconcile import reconcile

    vault = leaving.vault
    chosen = last_good(output, vault, night)
    views = open_nights(output, vault, use, [chosen], only or usual_compartments(output, chosen))[0]
    with output.progress() as progress:
        progress.stage("read the dump")
        try:
            theirs = read_dump(files, progress.advance)
        except OSError as error:
            raise StateError("vendor-dump", f"{error.filename}: cannot be read ({error.strerror})") from error
        progress.stage("compare")
        report = RestoreReport()
        ours = read_night((one for view in views for one in opened_files(view, report)), SOURCE)
        done = reconcile(ours, theirs)
    _write(leaving, done, theirs, chosen)
    _tell(output, leaving, done)
    told = f"{counts_text(done)}, beside night {chosen.seq}"
    whole = not done.lacks and leaving.case.done("dump") is None
    text = f"the vendor's last dump was compared with night {chosen.seq}: {counts_text(done)}"
    leaving.note(text, today(), step="dump" if whole else None, proof=(f"{len(files)} files", theirs.digest))
    if done.same:
        output.note("the dump's tables are byte for byte files of the night: is it the vendor's, or the school's own?")
    if done.lacks:
        output.note("ask for it; when no more will come: escrow vendor note --step dump, with the reason")
    exit = Exit.INCOMPLETE if done.lacks else Exit.SUSPICIOUS if done.same else Exit.OK
    output.finish(exit, told, night=chosen.seq, same=done.same, **done.counts)


def last_good(output: Output, vault: OpenVault, night: str | None) -> "Snapshot":
    """The night of a number, else the last that nobody complained of, else the last. UsageError `snapshot-unknown`."""
    from escrow.engine.reading import choose
    from escrow.vendor.chronology import good_nights

    nights = good_nights(vault.history)
    if night is None and nights:
        return nights[-1]
    found = choose(vault.history, night or "latest")
    if night is None:
        output.note(
            f"no night passed without a complaint: night {found.seq} is taken, its complaints are in escrow list"
        )
    return found


def usual_compartments(output: Output, night: "Snapshot") -> list[str]:
    """All but safeguarding, which is opened only where it is named."""
    names = [part.compartment for part in night.parts]
    usual = [name for name in names if name != _GUARDED]
    if usual and usual != names:
        output.note(f"{_GUARDED} is not compared: say --compartment {_GUARDED} where it is meant")
    return usual or names


def _write(leaving: Leaving, done: "Reconciled", theirs: "Side", night: "Snapshot") -> None:
    from escrow.paper.html import to_html
    from escrow.paper.pdf import pdf
    from escrow.vendor.page import missing_csv, reconciled_page
    from escrow.vendor.words import day

    charter = leaving.vault.history.charter
    assert charter is not None
    page = reconciled_page(
        done,
        school=charter.school.name,
        processor=leaving.case.processor,
        night=f"night {night.seq} of {day(night.store_time.date())}",
        digest=theirs.digest,
    )
    folder = leaving.folder / "dump"
    write_whole(folder / "report.html", to_html(page, f"Vault {leaving.case.vault}").encode())
    write_whole(folder / "report.pdf", pdf("page", page.values()))
    write_whole(folder / "missing.csv", missing_csv(done))
    counts = {one.night: one.rows_night for one in done.tables}
    text = json.dumps(
        {"night": night.seq, "on": day(night.store_time.date()), "tables": counts}, ensure_ascii=False, indent=2
    )
    write_whole(leaving.folder / COUNTS, text.encode("utf-8", "backslashreplace"))


def _tell(output: Output, leaving: Leaving, done: "Reconciled") -> None:
    from escrow.vendor.page import what_is_missing

    for one in done.tables:
        fields: JsonObject = {
            "table": one.night,
            "dump": one.dump,
            "by": one.by or None,
            "rows_night": one.rows_night,
            "rows_dump": one.rows_dump,
            "rows_missing": one.rows_missing,
            "rows_new": one.rows_new,
            "key": one.key or None,
            "values_missing": one.values,
            "columns_missing": [*one.columns_missing],
            "columns_emptied": [*one.columns_emptied],
            "columns_new": [*one.columns_new],
            "problem": one.problem or None,
        }
        if one.lacks or output.as_json:
            output.row(f"{one.night}: {what_is_missing(one)}", **fields)
    for path, code in done.troubles:
        output.row(f"{path}: {code}", path=path, code=code)
    output.row(
        f"wrote {leaving.folder / 'dump' / 'report.html'}, report.pdf and missing.csv", report="dump/report.html"
    )
