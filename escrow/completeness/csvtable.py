"""Profiles delimited text, a block of whole records at a time, with numpy: no value becomes a Python object unless new.

Every record is counted. Files up to four MiB, and the first four MiB of larger ones, are counted in full; behind them
one block in four is, for blanks and the newest dates, and one in 64 for distinct values: "sampled". An identifier in
the first column is counted in all blocks. Memory: one block and the counts.
"""

import csv
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from escrow.completeness.csvblock import Block, Cells, cut
from escrow.completeness.identifiers import names_a_thing
from escrow.completeness.profile import Column
from escrow.completeness.sketch import Sketch
from escrow.completeness.terms import as_day
from escrow.completeness.textflow import Bytes
from escrow.completeness.values import Values

MAX_RECORD = 4 << 20
MAX_COLUMNS = 4096
_PAD = 8
_PIECE = 256 << 10
_DEEP_BYTES = 4 << 20
_DEEP_EVERY = 64
_FULL_EVERY = 4
_LOOKED_AT = 32
_LOOKED_AT_FIRST = 256
_DELIMITERS = ",;\t|"
_LF, _CR, _QUOTE = 10, 13, 34


class _Column:
    def __init__(self, name: str) -> None:
        self.values = Values(name)
        self.sketch = Sketch()
        self.watched = names_a_thing(name) or bool(self.values.identifier)
        self.most = ""

    def look(self, cells: Cells) -> None:
        """Count this column's values in one block, and look at the new ones."""
        hashes, places = cells.hashes()
        fresh = places[self.sketch.add(hashes)]
        limit = None if self.values.identifier else _LOOKED_AT if self.values.seen else _LOOKED_AT_FIRST
        for value in cells.texts(fresh[:limit]):
            self.values.see(value)

    def date(self, cells: Cells) -> None:
        """The newest of this column's dates in one block."""
        newest = cells.newest(self.values.date_form)
        if as_day(newest):
            self.most = max(self.most, newest)


class CsvTable:
    """One table: `feed` text (UTF-8, or any bytes that hold ASCII as itself), then `finish`."""

    def __init__(self) -> None:
        self.rows = 0
        self.notes: set[str] = set()
        self._columns: list[_Column] = []
        self._nulls: NDArray[np.int64] = np.zeros(0, np.int64)
        self._delimiter = 0
        self._raw = bytearray(b"\n" + bytes(_PAD))
        self._text: Bytes = np.frombuffer(self._raw, np.uint8)
        self._held = 1
        self._blocks = 0
        self._bytes = 0
        self._ragged = 0
        self._skimmed = 0
        self._width = 0
        self._ends: set[bytes] = set()
        self._broken = False
        self._old_mac = False

    def feed(self, data: Bytes) -> None:
        """The next bytes; they are not kept."""
        for start in range(0, len(data), _PIECE):
            if self._broken:
                return
            self._append(data[start : start + _PIECE])
            if self._held > _PIECE:
                self._take(final=False)
                if self._held > MAX_RECORD:
                    self._fail("record-too-long")

    def _append(self, data: Bytes) -> None:
        end = self._held + len(data)
        if end + _PAD > len(self._raw):
            held = self._text[: self._held]
            self._raw = bytearray(end + _PAD)
            self._text = np.frombuffer(self._raw, np.uint8)
            self._text[: self._held] = held
        self._text[self._held : end] = data
        if self._raw.find(0, self._held, end) >= 0:
            self.notes.add("nul-bytes")
        self._held = end

    def _fail(self, note: str) -> None:
        self.notes.add(note)
        self._broken = True
        self._held = 1

    def _take(self, *, final: bool) -> None:
        """Count the whole records that are held; what is not whole stays. The byte before a record is a line end."""
        self._old_mac = self._old_mac or self._has_only_cr(self._held - 1)
        if self._old_mac:
            text = self._text[1 : self._held]
            text[text == _CR] = _LF
        start = 0
        if not self._columns:
            start = self._header()
            if not start:
                return
        quoted = self._raw.find(b'"', start, self._held) >= 0
        if not (quoted or final) and self._bytes > _DEEP_BYTES and self._blocks % _FULL_EVERY:
            size = self._skim(self._text[start : self._held + _PAD])
            if size:
                self._keep(start + size)
                return
        block = cut(self._text[start : self._held + _PAD], self._delimiter, len(self._columns), quoted=quoted)
        if block is not None:
            self._count(block)
            start += block.size
        self._keep(start)

    def _skim(self, text: Bytes) -> int:
        """Count the records of a block, and the identifiers in its first column; gives their bytes, 0 for a block that
        must be looked at in full."""
        breaks = np.flatnonzero(text[:-_PAD] == _LF)
        if len(breaks) < 2 or int(np.diff(breaks).min()) < len(self._columns):
            return 0
        first, starts, width = self._columns[0], breaks[:-1] + 1, self._width
        if first.watched and width and bool((text[starts + width] == self._delimiter).all()):
            first.look(Cells(text, starts, np.full(len(starts), width)))
        else:
            first.sketch.partial = True
        for column in self._columns[1:]:
            column.sketch.partial = True
        self.rows += len(starts)
        self._skimmed += len(starts)
        self._blocks += 1
        self._bytes += int(breaks[-1])
        return int(breaks[-1])

    def _keep(self, start: int) -> None:
        """Let go of what lies before a place."""
        rest = self._held - start
        self._text[:rest] = self._text[start : self._held].copy()
        self._held = rest

    def _has_only_cr(self, end: int) -> bool:
        """Whether lines end with CR alone, as on a Mac of old."""
        return not self._columns and self._raw.find(b"\n", 1, self._held) < 0 <= self._raw.find(b"\r", 1, end)

    def _header(self) -> int:
        """Take the first record; gives the place of its line end, or 0 where it is not whole."""
        end = _record_end(self._text[: self._held])
        if not end:
            return 0
        record = _text(bytes(self._raw[1:end])).rstrip("\r\n")
        self._delimiter = ord(delimiter_of(record))
        try:
            names = next(csv.reader([record], delimiter=chr(self._delimiter)), [])
        except csv.Error:
            names = record.split(chr(self._delimiter))
        if len(names) > MAX_COLUMNS:
            self._fail("too-many-columns")
            return 0
        self._columns = [_Column(name) for name in names or [""]]
        if len({name.strip() for name in names}) < len(names):
            self.notes.add("header-duplicate")
        self._nulls = np.zeros(len(self._columns), np.int64)
        return end

    def _count(self, block: Block) -> None:
        self.rows += block.rows
        self._ragged += block.ragged
        self._nulls += block.nulls()
        self._ends |= set() if self._old_mac else block.line_ends
        deep = self._bytes < _DEEP_BYTES or self._blocks % _DEEP_EVERY == 0
        for number, column in enumerate(self._columns):
            dated = column.values.date_form
            if deep or dated or column.watched:
                cells = block.cells(number)
                if deep or column.watched:
                    column.look(cells)
                if dated:
                    column.date(cells)
            if not (deep or column.watched):
                column.sketch.partial = True
        self._width = block.cells(0).width if self._columns[0].watched else 0
        self._blocks += 1
        self._bytes += block.size

    def finish(self) -> None:
        """The end of the text: count what is left."""
        if not self._broken and self._held > 1:
            self._old_mac = self._old_mac or self._has_only_cr(self._held)
            if self._raw[self._held - 1] not in (_LF, _CR):
                line_end = b"\r\n" if self._ends == {b"\r\n"} else b"\n"
                self._append(np.frombuffer(line_end, np.uint8))
            self._take(final=True)
            if self._held > 1:
                self.notes.add("quote-unclosed")
        if self._ragged:
            self.notes.add("ragged")
        if len(self._ends) > 1:
            self.notes.add("line-ends-mixed")
        if self._skimmed:
            self.notes.add("sampled")
        for column in self._columns:
            self.notes |= column.values.notes

    @property
    def delimiter(self) -> str:
        """The delimiter, "" before the first record."""
        return chr(self._delimiter) if self._delimiter else ""

    def columns(self) -> Iterator[Column]:
        """The columns, as they are known."""
        share = self.rows / max(self.rows - self._skimmed, 1)
        for column, nulls in zip(self._columns, self._nulls.tolist(), strict=True):
            sketch = column.sketch
            yield column.values.column(round(nulls * share), sketch.distinct, sketch.certainty, column.most)


def _text(data: bytes) -> str:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return data.decode("cp1252", "replace")


def _record_end(text: Bytes) -> int:
    """The place of the line end of the record that begins at 1; 0 where it goes on."""
    for size in (1 << 16, len(text)):
        ends = np.flatnonzero(text[1:size] == _LF) + 1
        quotes = np.cumsum(text[: int(ends[-1]) + 1] == _QUOTE) if len(ends) else ends
        outside = ends[quotes[ends] % 2 == 0]
        if len(outside):
            return int(outside[0])
    return 0


def delimiter_of(record: str) -> str:
    """Whichever of `,` `;` TAB `|` is most frequent outside quotes; the comma on a tie."""
    outside = "".join(record.split('"')[::2])
    return max(_DELIMITERS, key=outside.count)
