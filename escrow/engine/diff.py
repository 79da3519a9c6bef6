"""What changed between two snapshots: files, and for CSV tables rows by count."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Literal

from escrow.engine.reading import CompartmentView
from escrow.record import Entry, FileEntry

_SEPARATORS = {b".csv": b",", b".tsv": b"\t"}


@dataclass(frozen=True, slots=True)
class Rows:
    """How many rows of a table were added, removed, and changed (one removed and one added under one first column)."""

    added: int
    removed: int
    changed: int


@dataclass(frozen=True, slots=True)
class Change:
    """One path that differs. Sizes in bytes, None where there is no file. `erasure`: that leaves it or rows out."""

    path: bytes
    kind: Literal["added", "removed", "changed"]
    size_before: int | None
    size_after: int | None
    rows: Rows | None = None
    erasure: int | None = None


def diff(before: Sequence[CompartmentView], after: Sequence[CompartmentView]) -> Iterator[Change]:
    """The changes, compartment by compartment, in path order."""
    old = {view.name: view for view in before}
    new = {view.name: view for view in after}
    for name in sorted(old.keys() | new.keys()):
        yield from _diff_compartment(old.get(name), new.get(name))


def _diff_compartment(old: CompartmentView | None, new: CompartmentView | None) -> Iterator[Change]:
    for was, now in _paired(old.entries() if old else iter(()), new.entries() if new else iter(())):
        path = (now or was).path  # type: ignore[union-attr]
        found = [view.left_out.erasure_of(path) for view in (old, new) if view]
        erasure = min((n for n in found if n is not None), default=None)
        if was is None or now is None:
            yield Change(path, "removed" if now is None else "added", _size(was), _size(now), erasure=erasure)
        elif not _same(was, now):
            yield Change(path, "changed", _size(was), _size(now), _rows(old, was, new, now), erasure)


def _rows(old: CompartmentView | None, was: Entry, new: CompartmentView | None, now: Entry) -> Rows | None:
    if not (old and new and isinstance(was, FileEntry) and isinstance(now, FileEntry)):
        return None
    separator = _SEPARATORS.get(now.path[-4:].lower())
    if separator is None:
        return None
    return count_rows(old.packs.stream(was.extents), new.packs.stream(now.extents), separator)


def _paired(old: Iterator[Entry], new: Iterator[Entry]) -> Iterator[tuple[Entry | None, Entry | None]]:
    was, now = next(old, None), next(new, None)
    while was or now:
        if now is None or (was is not None and was.path < now.path):
            yield was, None
            was = next(old, None)
        elif was is None or now.path < was.path:
            yield None, now
            now = next(new, None)
        else:
            yield was, now
            was, now = next(old, None), next(new, None)


def _same(was: Entry, now: Entry) -> bool:
    if isinstance(was, FileEntry) and isinstance(now, FileEntry):
        return was.sha256 == now.sha256
    return was == now


def _size(entry: Entry | None) -> int | None:
    return entry.size if isinstance(entry, FileEntry) else None


def count_rows(before: Iterable[bytes], after: Iterable[bytes], separator: bytes = b",") -> Rows:
    """Compare two tables as multisets of rows.

    The two are read in step, so memory holds only rows that the other has not shown yet.
    """
    net: dict[int, tuple[int, int]] = {}
    for was, now in zip_longest(rows_of(before), rows_of(after)):
        for row, step in ((was, -1), (now, 1)):
            if row is None:
                continue
            key = hash(row)
            count = net.get(key, (0, 0))[0] + step
            if count:
                net[key] = (count, hash(row.partition(separator)[0]))
            else:
                net.pop(key, None)
    added: dict[int, int] = {}
    removed: dict[int, int] = {}
    for count, first in net.values():
        side = added if count > 0 else removed
        side[first] = side.get(first, 0) + abs(count)
    changed = sum(min(count, removed.get(first, 0)) for first, count in added.items())
    return Rows(sum(added.values()) - changed, sum(removed.values()) - changed, changed)


def rows_of(blocks: Iterable[bytes]) -> Iterator[bytes]:
    """The rows of a CSV file (RFC 4180) without their line ends; a quoted line break does not end a row."""
    row: list[bytes] = []
    quotes = 0
    for block in blocks:
        for number, piece in enumerate(block.split(b"\n")):
            if number and quotes % 2:
                row.append(b"\n")
            elif number:
                yield b"".join(row).rstrip(b"\r")
                row.clear()
                quotes = 0
            row.append(piece)
            quotes += piece.count(b'"')
    last = b"".join(row)
    if last:
        yield last.rstrip(b"\r")
