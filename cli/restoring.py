"""`escrow restore`: files of a night, into a folder or a tar stream."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from escrow.errors import UsageError

from .config import load_config
from .exits import Exit
from .key_use import Use, open_nights, with_keys
from .options import ConfigOption, JsonOption
from .output import Output, shown
from .units import size_text
from .vault import OpenVault, read_vault

if TYPE_CHECKING:
    from collections.abc import Callable

    from escrow.engine.ports import Progress
    from escrow.engine.reading import CompartmentView
    from escrow.engine.restore import RestoreOptions
    from escrow.engine.restored import RestoreReport

_OWN_FAULTS = ("path-", "restore-")


@with_keys("restore")
def restore(
    snapshot: Annotated[str, typer.Argument(metavar="SNAPSHOT", help="The night's number, or latest.")],
    patterns: Annotated[
        list[str] | None, typer.Argument(metavar="PATTERN", help="Only these, as in .gitignore: mis/documents/")
    ] = None,
    to: Annotated[Path | None, typer.Option(help="The folder to restore into.")] = None,
    tar: Annotated[str | None, typer.Option(metavar="FILE", help="A tar instead; - for stdout.")] = None,
    compartment: Annotated[list[str] | None, typer.Option(help="Only this compartment. May be repeated.")] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace files that differ.")] = False,
    escape_names: Annotated[
        bool, typer.Option("--escape-names", help="Write names that this system cannot have as %XX.")
    ] = False,
    without_erasures: Annotated[
        bool, typer.Option("--without-erasures", help="Restore what was erased too. Whoever asks answers for it.")
    ] = False,
    *,
    use: Use,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Restore a night, or some of its files. Each file's SHA-256 is checked before it gets its name.

    Opened with a key file, with as many sheets as the charter demands, or by a custodian to whom keys were released.
    It leaves an event in the vault. An interrupted restore goes on when it is run again. What the erasure register
    names is left out, and said.

    \b
    Example: escrow restore latest "mis/documents/" --to restored --key /media/stick/fernhill/custody.key
    """
    from escrow.engine.restore import RestoreOptions
    from escrow.engine.restore import restore as into_folder

    if (to is None) == (tar is None) or (tar == "-" and as_json):
        hint = "say --to DIR or --tar FILE (no --json with --tar -)"
        raise UsageError("restore-options", "expected one place to restore to", hint=hint)
    output = Output(as_json, aside=tar == "-")
    vault = read_vault(load_config(config))
    vault.warn(output)
    views = open_views(output, vault, snapshot, use, compartment or [])
    if without_erasures:
        output.note("WITHOUT THE ERASURE REGISTER: what was erased is restored too, and must not be kept or passed on")
        views = [view.without_register() for view in views]
    options = RestoreOptions(wanted_of(patterns or []), overwrite, escape_names)
    with output.progress() as progress:
        report = into_folder(views, to, options, progress) if to else _tar(views, str(tar), options, progress)
    vault.remember()
    _finish(output, report, bool(patterns), without_erasures=without_erasures)


def open_views(output: Output, vault: OpenVault, snapshot: str, use: Use, only: "list[str]") -> "list[CompartmentView]":
    """A night's compartments, opened; the use is recorded."""
    from escrow.engine.reading import choose

    return open_nights(output, vault, use, [choose(vault.history, snapshot)], only)[0]


def _tar(views: "list[CompartmentView]", tar: str, options: "RestoreOptions", progress: "Progress") -> "RestoreReport":
    from escrow.engine.tarball import write_tar

    if tar == "-":
        return write_tar(views, sys.stdout.buffer, options, progress)
    path = Path(tar)
    try:
        with path.open("xb") as file:
            return write_tar(views, file, options, progress)
    except OSError as error:
        hint = "choose a new file on a disk with room"
        raise UsageError("tar-unwritable", f"{path}: cannot be written ({error.strerror})", hint=hint) from error


def wanted_of(patterns: list[str]) -> "Callable[[bytes], bool]":
    """Which paths patterns choose; all where there are none."""
    from escrow.engine.restore import everything
    from escrow.source import compile_globs

    if not patterns:
        return everything
    spec = compile_globs(patterns)
    return lambda path: spec.match_file(path.decode("utf-8", "surrogateescape"))


def tell_restored(output: Output, report: "RestoreReport", chosen: bool) -> Exit:
    """What was left out, failed or could not be made, line by line. UsageError `pattern-unmatched`."""
    for one in report.omitted:
        what = f"{one.rows} rows" if one.rows is not None else f"whole ({one.why})" if one.why else "whole"
        text = f"left out {shown(one.path)}: {what}, by erasure {one.n}"
        output.row(text, left_out=shown(one.path), erasure=one.n, rows=one.rows, why=one.why or None)
    for path, code, words in report.failed:
        output.row(f"failed {shown(path)}: {words}", path=shown(path), code=code, message=words)
    if report.unread:
        output.note(
            f"{len(report.unread)} files were unreadable on the night itself, such as {shown(report.unread[0][0])}"
        )
    if report.links:
        output.note(f"{report.links} links were not made: they point outside, or this system has none")
    found = report.files + report.already + len(report.failed) + len(report.unread) + report.links
    found += len(report.omitted)
    if chosen and not found:
        raise UsageError(
            "pattern-unmatched", "no path of the snapshot matches", hint="escrow show --key tells what there is"
        )
    own = all(code.startswith(_OWN_FAULTS) for _, code, _ in report.failed)
    return Exit.OK if not report.failed else Exit.PARTIAL if own else Exit.INTEGRITY


def _finish(output: Output, report: "RestoreReport", chosen: bool, *, without_erasures: bool) -> None:
    exit = tell_restored(output, report, chosen)
    text = f"restored {report.files} files, {size_text(report.size)}"
    if report.already:
        text += f"; {report.already} were there already"
    if report.omitted:
        text += f"; erasures left out {report.omitted_files} files and {report.omitted_rows} rows"
    if without_erasures:
        text += "; WITHOUT THE ERASURE REGISTER"
    if report.failed:
        text += f"; {len(report.failed)} FAILED"
    output.finish(
        exit,
        text,
        files=report.files,
        bytes=report.size,
        already=report.already,
        failed=len(report.failed),
        omitted_files=report.omitted_files,
        omitted_rows=report.omitted_rows,
        without_erasures=without_erasures,
    )
