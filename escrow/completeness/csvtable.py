"""Profiles delimited text, a block of whole records at a time, with numpy: no value becomes a Python object unless new.

A table of up to four MiB is held until its end, and counted in full. Of a larger one every record is counted, and an
identifier in the first column; blanks, newest dates and distinct values come from its beginning, its end and a sample
of sixteen records in every 509: "sampled". Memory: four MiB, one block and the counts.
"""

import csv
from collections.abc import Iterator

import numpy as np

from escrow.completeness.csvblock import Block, Cells, Numbers, around_changes, cut
from escrow.completeness.identifiers import names_a_thing
from escrow.completeness.profile import Column
from escrow.completeness.sketch import Sketch
from escrow.completeness.terms import as_day
from escrow.completeness.textflow import Bytes
from escrow.completeness.values import Values

MAX_RECORD = 4 << 20
MAX_COLUMNS = 4096
_PAD = 8
_WHOLE = 4 << 20
_PIECE = 1 << 20
_BLOCK = 256 << 10
_TAIL = 64 << 10
_RUN, _EVERY = 16, 509
"""Records of the sample that follow each other, and how far apart such runs begin: a prime, in step with no table."""
_DEEP_EVERY = 8
_FEW = 14
"""Fewer filled cells than these in a sample are not multiplied: they may be all there are."""
_LOOKED_AT = 32
_LOOKED_AT_FIRST = 256
_DELIMITERS = ",;\t|"
_LF, _CR, _QUOTE = 10, 13, 34
_SHORTEST = 3
"""Bytes of a line that is surely not blank, its line end counted."""


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
        self._exact = _Blanks(0)
        self._sample = _Blanks(0)
        self._delimiter = 0
        self._raw = bytearray(b"\n" + bytes(_PAD))
        self._text: Bytes = np.frombuffer(self._raw, np.uint8)
        self._held = 1
        self._large = False
        self._chosen = bytearray(b"\n")
        self._blocks = 0
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
            if self._held > _WHOLE:
                self._take(final=False)
                if self._held > MAX_RECORD:
                    self._fail("record-too-long")

    def _append(self, data: Bytes) -> None:
        end = self._held + len(data)
        if end + _PAD > len(self._raw):
            held = self._text[: self._held]
            self._raw = bytearray(2 * end + _PAD if end < _PIECE else max(end, _WHOLE + _PIECE) + _PAD)
            self._text = np.frombuffer(self._raw, np.uint8)
            self._text[: self._held] = held
        self._raw[self._held : end] = data.data
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
        if not final:
            if not self._large:
                start = self._count_all(start, start + _BLOCK)
            self._large = True
            end = max(start, self._held - _TAIL)
            start = self._skim(start, end) or self._count_all(start, end)
        else:
            start = self._count_all(start, self._held)
        self._keep(start)

    def _count_all(self, start: int, end: int) -> int:
        """Count the whole records between two places in full; gives the place of the last one's line end."""
        stop = start
        while stop < end:
            stop = min(max(stop, start) + _BLOCK, end)
            quoted = self._raw.find(b'"', start, stop) >= 0
            block = cut(self._text[start : stop + _PAD], self._delimiter, len(self._columns), quoted=quoted)
            if block is not None:
                self.rows += block.rows
                self._count(block, self._exact)
                start += block.size
        return start

    def _skim(self, start: int, end: int) -> int:
        """Count records and the identifiers in their first column, and choose some for the sample; gives the place of
        the last one's line end, 0 where all must be looked at in full: a line is shorter than a record can be."""
        text = self._text[start : end + _PAD]
        breaks = (text[:-_PAD] == _LF).nonzero()[0]
        if self._raw.find(b'"', start, end) >= 0:
            quotes = (text[:-_PAD] == _QUOTE).nonzero()[0]
            breaks = breaks[np.searchsorted(quotes, breaks) % 2 == 0]
        count = len(breaks) - 1
        if count < 1 or int((breaks[1:] - breaks[:-1]).min()) < max(len(self._columns), _SHORTEST):
            return 0
        self._look_at_first(text, breaks[:-1] + 1)
        for column in self._columns[1:]:
            column.sketch.partial = True
        first = np.arange(-self._skimmed % _EVERY, count, _EVERY)
        starts, ends = breaks[first], breaks[np.minimum(first + _RUN, count)]
        for begin, behind in zip((starts + start + 1).tolist(), (ends + start + 1).tolist(), strict=True):
            self._chosen += self._raw[begin:behind]
        if len(self._chosen) > _BLOCK:
            self._count_chosen()
        self.rows += count
        self._skimmed += count
        return start + int(breaks[-1])

    def _look_at_first(self, text: Bytes, starts: Numbers) -> None:
        """Count the identifiers in the first column. Between two records with the same, not far apart, no other is
        looked for: tables that are sorted by it are counted at little cost."""
        first, width = self._columns[0], self._width
        if first.watched and width:
            chosen = around_changes(text, starts, width)
            if bool((text[chosen + width] == self._delimiter).all()):
                first.look(Cells(text, chosen, np.full(len(chosen), width)))
                return
        first.sketch.partial = True

    def _count_chosen(self) -> None:
        """Count the records of the sample that were not counted yet."""
        text = np.frombuffer(self._chosen + bytes(_PAD), np.uint8)
        block = cut(text, self._delimiter, len(self._columns), quoted=self._chosen.find(b'"') >= 0)
        if block is not None:
            self._count(block, self._sample)
        self._chosen = bytearray(b"\n")

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
        self._exact, self._sample = _Blanks(len(self._columns)), _Blanks(len(self._columns))
        return end

    def _count(self, block: Block, blanks: "_Blanks") -> None:
        blanks.rows += block.rows
        blanks.counts += block.nulls()
        self._ragged += block.ragged
        self._ends |= set() if self._old_mac else block.line_ends
        deep = not self._large or self._blocks % _DEEP_EVERY == 0
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
        if len(self._chosen) > 1:
            self._count_chosen()
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
        blanks = zip(self._exact.counts.tolist(), self._sample.reckoned(self._skimmed), strict=True)
        for column, (counted, reckoned) in zip(self._columns, blanks, strict=True):
            sketch = column.sketch
            yield column.values.column(counted + reckoned, sketch.distinct, sketch.certainty, column.most)


class _Blanks:
    """Blank cells by column in so many rows."""

    def __init__(self, columns: int) -> None:
        self.rows = 0
        self.counts: Numbers = np.zeros(columns, np.int64)

    def reckoned(self, rows: int) -> list[int]:
        """Blank cells in `rows`, of which these are a sample."""
        filled = [(self.rows - blank, blank) for blank in self.counts.tolist()]
        return [rows - some if some < _FEW else round(blank * rows / self.rows) for some, blank in filled]


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
