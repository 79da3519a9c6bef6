"""The files of an opened night, read where they lie: their plaintext is in memory alone. Erasures are left out."""

import hashlib
import io
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import BinaryIO, cast

from escrow.engine.reading import CompartmentView
from escrow.engine.restored import RestoreReport
from escrow.engine.rows import RowFilter, RowRule
from escrow.errors import FormatError, IntegrityError
from escrow.limits import MIB
from escrow.record import Extent, FileEntry, UnreadEntry


@dataclass(frozen=True, slots=True)
class OpenedFile:
    """A file of a night. `size` is that of what may be given out. It lies in no folder, so `place` is None."""

    view: CompartmentView
    entry: FileEntry
    size: int
    place: None = None

    @property
    def path(self) -> str:
        """With `/`; bytes that are no UTF-8 as Python's surrogates."""
        return self.entry.path.decode("utf-8", "surrogateescape")

    def open(self) -> BinaryIO:
        """Its bytes; it can seek unless rows are left out of it. IntegrityError, FormatError while it is read."""
        rules = self.view.left_out.rows.get(self.entry.path, ())
        raw = Pieces(iter(RowFilter(proven(self.view, self.entry), rules))) if rules else _Extents(self)
        return cast("BinaryIO", io.BufferedReader(raw, MIB))


def opened_files(view: CompartmentView, report: RestoreReport) -> Iterator[OpenedFile]:
    """The files of a compartment, by path; what is left out, whole or by rows, and what could not be read on the night
    is noted in `report`. IntegrityError `erasure-missing`, `erasure-damaged` before the first."""
    view.left_out.check()
    for entry in view.entries():
        erasure = view.left_out.whole(entry.path)
        if erasure is not None:
            report.omit(entry, erasure)
        elif isinstance(entry, UnreadEntry):
            report.unread.append((entry.path, entry.reason))
        elif isinstance(entry, FileEntry):
            rules = view.left_out.rows.get(entry.path, ())
            size = shortened(view, entry, rules, report) if rules else entry.size
            if size is not None:
                report.files += 1
                report.size += size
                yield OpenedFile(view, entry, size)


def proven(view: CompartmentView, entry: FileEntry) -> Iterator[bytes]:
    """The bytes of a file. IntegrityError `file-hash` at their end."""
    digest = hashlib.sha256()
    for block in view.packs.stream(entry.extents):
        digest.update(block)
        yield block
    if digest.hexdigest() != entry.sha256:
        raise IntegrityError("file-hash", f"expected SHA-256 {entry.sha256[:16]}…, found {digest.hexdigest()[:16]}…")


def shortened(view: CompartmentView, entry: FileEntry, rules: Sequence[RowRule], report: RestoreReport) -> int | None:
    """The bytes of a table without its erased rows; None where it is left out whole. Either is noted in `report`."""
    table = RowFilter(proven(view, entry), rules)
    try:
        size = sum(map(len, table))
    except FormatError as error:
        if error.code != "erasure-whole":
            raise
        report.omit(entry, min(rule.n for rule in rules), str(error))
        return None
    report.omit_rows(entry, table.left_out, size)
    return size


class Pieces(io.RawIOBase):
    """Reads an iterator of bytes as a file."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._rest = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]  # whatever takes slices
        while not self._rest and (piece := next(self._pieces, None)) is not None:
            self._rest = piece
        given = self._rest[: len(buffer)]
        buffer[: len(given)] = given
        self._rest = self._rest[len(given) :]
        return len(given)


class _Extents(io.RawIOBase):
    """Reads a file's extents from wherever it is asked to. The packs prove every byte as one that was sealed."""

    def __init__(self, file: OpenedFile) -> None:
        self._packs = file.view.packs
        self._extents = file.entry.extents
        self._ends = list(accumulate(length for _, _, length in self._extents))
        self._at = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        begin = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._ends[-1] if self._ends else 0}[whence]
        self._at = max(0, begin + offset)
        return self._at

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]  # whatever takes slices
        wanted = list(self._within(self._at, self._at + len(buffer)))
        filled = 0
        for piece in self._packs.stream(wanted):
            buffer[filled : filled + len(piece)] = piece
            filled += len(piece)
        self._at += filled
        return filled

    def _within(self, begin: int, end: int) -> Iterator[Extent]:
        for number in range(bisect_right(self._ends, begin), len(self._extents)):
            pack, offset, length = self._extents[number]
            start = self._ends[number] - length
            if start >= end:
                return
            skip = max(0, begin - start)
            yield pack, offset + skip, min(end, start + length) - start - skip
