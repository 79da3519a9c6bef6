"""`escrow export --since`: what changed and what was deleted since an older night."""

import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from escrow.errors import UsageError

from .output import Output, printable
from .public_folder import write_whole
from .vault import OpenVault

if TYPE_CHECKING:
    from escrow.engine.opened import OpenedFile
    from escrow.engine.reading import CompartmentView
    from escrow.export.exporting import ExportReport
    from escrow.export.nights import Since
    from escrow.record import JsonObject
    from escrow.trust import Snapshot

FOLDER = "since"
Wanted = Callable[[bytes], bool]


def nights_of(vault: OpenVault, snapshot: str, since: str | None) -> "list[Snapshot]":
    """The night to export, and the older one where one is named. UsageError `snapshot-unknown`, `since-order`."""
    from escrow.engine.reading import choose

    night = choose(vault.history, snapshot)
    if since is None:
        return [night]
    older = choose(vault.history, since)
    if older.seq >= night.seq:
        found = f"expected --since to name a night before {night.seq}, found {older.seq}"
        raise UsageError("since-order", found, hint="escrow list shows the nights")
    return [night, older]


def write_since(
    output: Output,
    to: Path,
    report: "ExportReport",
    nights: "Sequence[list[CompartmentView]]",
    wanted: Wanted,
    page: "Callable[[Since], bytes]",
) -> "JsonObject":
    """Compare `nights`, the newer first, into the folder `since` of an export; gives the counts."""
    from escrow.export.exporting import ORIGINALS
    from escrow.export.keys import primary_keys
    from escrow.export.nights import differences
    from escrow.export.originals import folder_files
    from escrow.export.since import file_changes, write_file_changes

    folder = to / FOLDER
    shutil.rmtree(folder, ignore_errors=True)  # of a run with another night
    folder.mkdir()
    now, was = (_files(views, wanted) for views in nights)
    changes = list(file_changes(_facts(was), _facts(now)))
    write_file_changes(changes, folder / "files.csv")
    keys = primary_keys(folder_files(to / ORIGINALS), report.tables)
    since = differences(report, was.values(), changes, keys, folder)
    for one in since.tables:
        if one.added or one.removed or one.changed or one.came or one.went:
            text = f"{printable(one.table)}: {one.added} rows added, {one.removed} removed, {one.changed} changed"
            columns: JsonObject = {"came": list(one.came), "went": list(one.went)}
            counts: JsonObject = {"added": one.added, "removed": one.removed, "changed": one.changed}
            output.row(text, table=one.table, since=counts, key=list(one.key), columns=columns)
    write_whole(folder / "since.html", page(since))
    return dict(since.counts)


def _files(views: "list[CompartmentView]", wanted: Wanted) -> "dict[str, OpenedFile]":
    from escrow.engine.opened import opened_files
    from escrow.engine.restored import RestoreReport

    told = RestoreReport()  # what was erased was told of the newer night already
    return {one.path: one for view in views for one in opened_files(view, told) if wanted(one.entry.path)}


def _facts(files: "Mapping[str, OpenedFile]") -> dict[str, tuple[int, str]]:
    return {path: (one.size, one.entry.sha256) for path, one in files.items()}
