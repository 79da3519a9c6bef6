"""Leaves rows out of a CSV table, byte for byte, in one pass and constant memory (docs/format.md, 13.7). Pure."""

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from escrow.errors import FormatError
from escrow.limits import MAX_ROW, MIB
from escrow.record.grammar import BLANKS

_HEAD = 1 << 16
_DELIMITERS = (b",", b";", b"\t", b"|")
_BOM = b"\xef\xbb\xbf"
_BLANKS = BLANKS.encode()
_FEW = 8
_LINE_END = re.compile(rb"[\r\n]")


class RowRule(NamedTuple):
    """Rows with a cell `value` below `column` are left out, by erasure number `n`."""

    column: str
    value: str
    n: int


class RowFilter:
    """Iterates once over `blocks` without the rows that `rules` leave out; `left_out` then counts them by erasure.

    FormatError `erasure-whole` (no such column, a quote that never closes, NUL bytes, an endless row) means that
    nothing of the table may be given out, what came before included.
    """

    def __init__(self, blocks: Iterable[bytes], rules: Sequence[RowRule]) -> None:
        self._blocks = blocks
        self._columns: dict[str, dict[bytes, int]] = {}
        for rule in sorted(rules, key=lambda rule: rule.n):
            for value in _spellings(rule.value):
                self._columns.setdefault(rule.column, {}).setdefault(value, rule.n)
        needles = {value.replace(b'"', b"") for values in self._columns.values() for value in values}
        self._needles = needles if len(needles) <= _FEW else {b""}
        self._grammar: _Grammar | None = None
        self._places: list[tuple[int, dict[bytes, int]]] = []
        self.left_out: dict[int, int] = {}

    def __iter__(self) -> Iterator[bytes]:
        rest = b""
        for piece in _pieces(self._blocks):
            if b"\0" in piece:
                raise _whole("a table of text", "NUL bytes")
            rest += piece
            if len(rest) >= _HEAD:
                kept, rest = self._take(rest, end=False)
                yield kept
            if len(rest) > MAX_ROW:
                raise _too_long()
        yield self._take(rest, end=True)[0]

    def _take(self, data: bytes, *, end: bool) -> tuple[bytes, bytes]:
        """What is kept of the whole records at the beginning of `data`, and the rest."""
        at = 0
        if self._grammar is None:
            self._grammar = _Grammar(_delimiter_of(data[:_HEAD]))
            at = len(_BOM) * data.startswith(_BOM)
        if not self._places:
            header = self._grammar.match(data, at, end=end)
            if header is None:
                _demand_end(end=end)
                return data[:at], data[at:]
            self._places = self._find(self._grammar.cells(header[0]))
            at = header.end()
        if b'"' not in data and not self._may_hold(data):
            return self._take_lines(data, at, end=end)
        return self._take_records(data, at, end=end)

    def _take_lines(self, data: bytes, at: int, *, end: bool) -> tuple[bytes, bytes]:
        """Without quotes and without any value that is looked for: all lines but the unfinished one are kept."""
        first = _LINE_END.search(data, at)
        if (first.end() if first else len(data)) - at > MAX_ROW:
            raise _too_long()
        cut = len(data) if end else max(at, data.rfind(b"\n") + 1, data.rfind(b"\r") + 1)
        return data[:cut], data[cut:]

    def _take_records(self, data: bytes, at: int, *, end: bool) -> tuple[bytes, bytes]:
        assert self._grammar is not None
        kept: list[bytes] = []
        begin = 0
        suspicious = self._may_hold(data)
        while at < len(data) and (record := self._grammar.match(data, at, end=end)) is not None:
            at = record.end()
            if suspicious and self._may_hold(record[0]):
                n = self._erasure_of(self._grammar.cells(record[0]))
                if n is not None:
                    self.left_out[n] = self.left_out.get(n, 0) + 1
                    kept.append(data[begin : record.start()])
                    begin = at
        if at < len(data):
            _demand_end(end=end)
        kept.append(data[begin:at])
        return b"".join(kept), data[at:]

    def _may_hold(self, data: bytes) -> bool:
        """Whether a cell in it can be one of those looked for: a cell is its bytes in the file without some quotes."""
        plain = data.replace(b'"', b"")
        return any(needle in plain for needle in self._needles)

    def _find(self, header: Sequence[bytes]) -> list[tuple[int, dict[bytes, int]]]:
        names = [cell.strip(_BLANKS) for cell in header]
        places: list[tuple[int, dict[bytes, int]]] = []
        for column, values in self._columns.items():
            found = [(at, values) for at, name in enumerate(names) if name in _spellings(column)]
            if not found:
                raise _whole(f"a column {column}", "none of this name")
            places += found
        return places

    def _erasure_of(self, cells: Sequence[bytes]) -> int | None:
        found = [values.get(cells[at].strip(_BLANKS)) for at, values in self._places if at < len(cells)]
        return min((n for n in found if n is not None), default=None)


class _Grammar:
    """Records of RFC 4180 with one delimiter."""

    def __init__(self, delimiter: bytes) -> None:
        self._delimiter = delimiter
        rest = rb"[^\r\n%b]*" % re.escape(delimiter)
        quoted = rb'"[^"]*(?:""[^"]*)*"(?!")' + rest
        cell = rb'(?:%b|(?!")%b)' % (quoted, rest)
        record = rb"%b(?:%b%b)*" % (cell, re.escape(delimiter), cell)
        self._inner = re.compile(record + rb"(?:\r\n|\n|\r(?=[\x00-\xff]))")
        self._last = re.compile(record + rb"(?:\r\n|\n|\r|\Z)")
        self._cell = re.compile(rb'(?:"([^"]*(?:""[^"]*)*)"(?!"))?((?(1)|(?!"))%b)' % rest)

    def match(self, data: bytes, at: int, *, end: bool) -> re.Match[bytes] | None:
        """The record that begins at `at`, where all of it is there. FormatError `erasure-whole` for an endless one."""
        found = (self._last if end else self._inner).match(data, at)
        if found and found.end() - at > MAX_ROW:
            raise _too_long()
        return found

    def cells(self, record: bytes) -> list[bytes]:
        """What the cells of one record say, quotes undone."""
        if b'"' not in record:
            return record.rstrip(b"\r\n").split(self._delimiter)
        cells: list[bytes] = []
        at = 0
        while True:
            found = self._cell.match(record, at)
            assert found is not None
            cells.append((found[1] or b"").replace(b'""', b'"') + found[2])
            if record[found.end() : found.end() + 1] != self._delimiter:
                return cells
            at = found.end() + 1


def _pieces(blocks: Iterable[bytes]) -> Iterator[bytes]:
    for block in blocks:
        for at in range(0, len(block), MIB):
            yield block[at : at + MIB]


def _delimiter_of(head: bytes) -> bytes:
    """The one that stands most often in the first record of the file's first 64 KiB, outside quotes."""
    outside: list[bytes] = []
    for part in head.split(b'"')[::2]:
        first, *more = _LINE_END.split(part, 1)
        outside.append(first)
        if more:
            break
    return max(_DELIMITERS, key=b'"'.join(outside).count)


def _spellings(text: str) -> set[bytes]:
    """The bytes of a text in UTF-8, and in Windows-1252 where it has such."""
    try:
        return {text.encode(), text.encode("cp1252")}
    except UnicodeEncodeError:
        return {text.encode()}


def _demand_end(*, end: bool) -> None:
    """A record that is not whole may go on in the next block, but not past the file's end."""
    if end:
        raise _whole("quotes that close", "one that does not")


def _too_long() -> FormatError:
    return _whole(f"rows of at most {MAX_ROW} bytes", "a longer one, or a quote that never closes")


def _whole(expected: str, found: str) -> FormatError:
    return FormatError("erasure-whole", f"left out whole: expected {expected}, found {found}")
