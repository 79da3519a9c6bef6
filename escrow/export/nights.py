"""Two nights side by side: which files changed, and what changed in their tables."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from escrow.errors import FormatError
from escrow.export.exporting import ExportReport, Trouble
from escrow.export.naming import table_names, unique
from escrow.export.originals import Original
from escrow.export.since import Difference, FileChange, compare, write_whole
from escrow.export.table import Table
from escrow.export.tables import find_tables

_NOTHING = ("opaque", "empty")


@dataclass(frozen=True, slots=True)
class Since:
    """What changed: files by path, tables by their order in the export, those of the older night alone last."""

    files: tuple[FileChange, ...]
    tables: tuple[Difference, ...]

    @property
    def counts(self) -> dict[str, int]:
        """Files and rows that were added, removed, changed."""
        kinds = ("added", "removed", "changed")
        files = {f"files_{kind}": sum(one.kind == kind for one in self.files) for kind in kinds}
        return files | {f"rows_{kind}": sum(getattr(one, kind) for one in self.tables) for kind in kinds}


def differences(
    report: ExportReport,
    older: Iterable[Original],
    changes: Sequence[FileChange],
    keys: Mapping[str, tuple[str, ...]],
    folder: Path,
) -> Since:
    """Compares the tables of files that changed; `older` are the older night's. What cannot be compared is noted in the
    report: its error's code, or `since-unread` where only one of the nights can be read."""
    paths = {one.path for one in changes}
    was, left = find_tables(one for one in older if one.path in paths)
    unread = {one.origin for one in left if one.code not in _NOTHING}
    now = [one for one in report.tables if _path(one.origin, paths)]
    unread |= {one.origin for one in report.left if one.code not in _NOTHING}
    pairs = _pairs(report.tables, was, now)
    found: list[Difference] = []
    for before, after in pairs:
        table = after or before
        assert table is not None
        if _path(table.origin, unread):
            words = "one of the two nights cannot be read as a table: compare the originals"
            report.troubles.append(Trouble(table.name, table.origin, "since", "since-unread", words))
            continue
        try:
            found.append(_difference(before, after, keys.get(table.name, ()), folder))
        except FormatError as error:
            report.fail(table, "since", error)
    return Since(tuple(changes), tuple(found))


def _path(origin: str, paths: set[str]) -> bool:
    """Whether a table's origin is one of these files, or lies inside of one."""
    return origin in paths or any(origin[:at] in paths for at, char in enumerate(origin) if char == "#")


def _pairs(
    named: Sequence[Table], was: Sequence[Table], now: Sequence[Table]
) -> list[tuple[Table | None, Table | None]]:
    """By origin; a table of the older night alone gets a name that none of the newer has."""
    old = {one.origin: one for one in was}
    gone = [one for one in was if one.origin not in {two.origin for two in now}]
    names = unique([*(one.name for one in named), *table_names([one.origin for one in gone])])[len(named) :]
    return [
        *((old.get(one.origin), one) for one in now),
        *((replace(one, name=name), None) for one, name in zip(gone, names, strict=True)),
    ]


def _difference(before: Table | None, after: Table | None, key: tuple[str, ...], folder: Path) -> Difference:
    if before and after:
        return compare(before, after, key, folder)
    if after:
        return write_whole(after, "added", after.name, folder)
    assert before is not None
    return write_whole(before, "removed", before.name, folder)
