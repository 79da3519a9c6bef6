"""One block of delimited records as arrays: where each cell begins and how long it is."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from escrow.completeness.sketch import Hashes
from escrow.completeness.textflow import Bytes

Numbers = NDArray[np.int64]
_LF, _CR, _QUOTE = 10, 13, 34
_WORD = np.uint64(0x9E3779B97F4A7C15)
_WORD2 = np.uint64(0xC2B2AE3D27D4EB4F)
_HALF = np.uint64(32)
_MASKS = np.array([(1 << (8 * n)) - 1 for n in range(9)], np.uint64)
_U16 = np.uint64(0xFFFF)
_ISO_MARKS, _ISO_WANTED = np.uint64(0x00000000FF0000FF), np.uint64(0x000000002D00002D)
_DAY_MARKS = np.uint64(0x0000FF0000FF0000)
_DAY_WANTED = (np.uint64(0x00002F00002F0000), np.uint64(0x00002E00002E0000))
_DATE = 10


@dataclass(frozen=True, slots=True)
class Cells:
    """One column's cells in a block: starts and lengths in `text`, which has eight bytes behind its last cell."""

    text: Bytes
    starts: Numbers
    lengths: Numbers

    def hashes(self) -> Hashes:
        """A hash of every cell that is not blank. Of long cells the first, middle and last eight bytes count."""
        filled = np.flatnonzero(self.lengths)
        whole = len(filled) == len(self.starts)
        starts, lengths = (self.starts, self.lengths) if whole else (self.starts[filled], self.lengths[filled])
        if not len(starts):
            return np.zeros(0, np.uint64)
        words = np.ndarray((len(self.text) - 7,), "<u8", self.text, 0, (1,))
        shortest, longest = int(lengths.min()), int(lengths.max())
        mask = _MASKS[np.minimum(lengths, 8)] if shortest < 8 else _MASKS[8]
        found = words[starts] & mask
        if longest > 8:
            found *= _WORD
            found ^= words[starts + np.maximum(lengths - 8, 0)] & mask
        if longest > 16:
            found *= _WORD2
            found ^= words[starts + np.maximum((lengths >> 1) - 4, 0)] & mask
        if shortest < longest:
            found ^= lengths.astype(np.uint64) << _HALF
        found ^= found >> _HALF
        found *= _WORD
        return found

    def texts(self, places: NDArray[np.intp]) -> Iterator[bytes]:
        """The text of some cells by their place among those that are not blank; without quotes around it."""
        filled = np.flatnonzero(self.lengths)[places]
        for start, length in zip(self.starts[filled].tolist(), self.lengths[filled].tolist(), strict=True):
            cell = self.text[start : start + length].tobytes()
            yield cell[1:-1].replace(b'""', b'"') if cell[:1] == cell[-1:] == b'"' and length > 1 else cell

    def dates(self, form: str) -> tuple[str, str]:
        """The first and the last date, in ISO form, of cells that begin with a date of ten characters; else ""."""
        fits = self.lengths >= _DATE
        starts = self.starts if fits.all() else self.starts[fits]
        starts = starts + (self.text[starts] == _QUOTE) if len(starts) and self.text[starts[0]] == _QUOTE else starts
        if not len(starts) or not form:
            return "", ""
        head = np.ndarray((len(self.text) - 7,), ">u8", self.text, 0, (1,))[starts].astype(np.uint64)
        tail = np.ndarray((len(self.text) - 9,), ">u2", self.text, 8, (1,))[starts].astype(np.uint64)
        if form == "iso":
            good = (head & _ISO_MARKS) == _ISO_WANTED
        else:
            marks = head & _DAY_MARKS
            good = (marks == _DAY_WANTED[0]) | (marks == _DAY_WANTED[1])
            year = (head & _U16) << np.uint64(16) | tail
            first, second = head >> np.uint64(48), head >> np.uint64(24) & _U16
            day, month = (second, first) if form == "month-first" else (first, second)
            head, tail = year << np.uint64(32) | month << np.uint64(16) | day, np.zeros_like(tail)
        if not good.all():
            head, tail = head[good], tail[good]
        if not len(head):
            return "", ""
        return _day(head, tail, int(head.min()), form, last=False), _day(head, tail, int(head.max()), form, last=True)


def _day(head: Hashes, tail: Hashes, bound: int, form: str, *, last: bool) -> str:
    text = bound.to_bytes(8, "big").decode("latin-1")
    if form != "iso":
        return f"{text[:4]}-{text[4:6]}-{text[6:]}"
    rest = tail[head == np.uint64(bound)]
    return text + int(rest.max() if last else rest.min()).to_bytes(2, "big").decode("latin-1")


class Block:
    """Whole records. `rows` counts ragged records too, but no blank lines; `end`: where the next record begins."""

    def __init__(self, text: Bytes, end: int, edges: Numbers, width: int, *, ragged: int, quoted: bool) -> None:
        """`edges`: of each record of `width` cells, one after another, the place before it and its delimiters'."""
        self.end = end
        self.rows = len(edges) // (width + 1) + ragged
        self.ragged = ragged
        self._text = text
        self._edges = edges.reshape(-1, width + 1)
        self._quoted = quoted
        last = self._edges[:, width] - 1
        self._crlf = (text[last] == _CR) & (last > self._edges[:, width - 1])
        self.line_ends = ({b"\r\n"} if self._crlf.any() else set()) | ({b"\n"} if not self._crlf.all() else set())

    def nulls(self) -> Numbers:
        """Blank cells by column."""
        width = self._edges.shape[1] - 1
        gaps = np.diff(self._edges)
        counted: Numbers = np.bincount(np.flatnonzero(gaps == 1) % width, minlength=width)
        counted[-1] += int((self._crlf & (gaps[:, -1] == 2)).sum())
        if self._quoted:
            pairs = (gaps == 3) & (self._text[self._edges[:, :-1] + 1] == _QUOTE)
            counted += pairs.sum(axis=0)
            counted[-1] += int(((gaps[:, -1] == 4) & self._crlf & (self._text[self._edges[:, -2] + 1] == _QUOTE)).sum())
        return counted

    def cells(self, number: int) -> Cells:
        """One column."""
        starts = self._edges[:, number] + 1
        lengths = self._edges[:, number + 1] - starts
        if number == self._edges.shape[1] - 2:
            lengths -= self._crlf
        if self._quoted:
            lengths[(lengths == 2) & (self._text[starts] == _QUOTE)] = 0
        return Cells(self._text, starts, lengths)


def cut(buffer: Bytes, start: int, held: int, delimiter: int, width: int) -> Block | None:
    """The whole records of `buffer[start:held]`; None where there is not one. Eight more bytes lie behind `held`."""
    text = buffer[start:held]
    breaks = text == _LF
    marks = text == delimiter
    marks |= breaks
    quotes = text == _QUOTE
    quoted = bool(quotes.any())
    if quoted:
        inside = np.logical_xor.accumulate(quotes)
        np.logical_not(inside, out=inside)
        marks &= inside
        breaks &= inside
    rows = int(np.count_nonzero(breaks))
    if not rows:
        return None
    last = _last(breaks)
    places = np.flatnonzero(marks[: last + 1])
    regular = len(places) == rows * width and bool(breaks[places[width - 1 :: width]].all())
    places += start
    if regular and width > 1:
        return Block(buffer[: held + 8], start + last + 1, _edges(places, start, width), width, ragged=0, quoted=quoted)
    lasts = np.flatnonzero(breaks[places - start])
    counts = np.diff(lasts, prepend=-1)
    before = np.empty_like(places)
    before[0] = start - 1
    before[1:] = places[:-1]
    blank = (counts == 1) & (places[lasts] - before[lasts] - (buffer[before[lasts] + 1] == _CR) <= 1)
    good = lasts[(counts == width) & ~blank]
    edges = places[np.maximum(good[:, None] + np.arange(-width, 1), 0)]
    edges[:, 0] = before[good - width + 1]
    ragged = rows - len(good) - int(blank.sum())
    return Block(buffer[: held + 8], start + last + 1, edges.reshape(-1), width, ragged=ragged, quoted=quoted)


def _last(breaks: NDArray[np.bool_]) -> int:
    """The last place that is true, of at least one: near the end, as a rule."""
    for behind in (4096, len(breaks)):
        found = np.flatnonzero(breaks[-behind:])
        if len(found):
            break
    return int(found[-1]) + max(len(breaks) - behind, 0)


def _edges(places: Numbers, start: int, width: int) -> Numbers:
    """For each record the place before its first cell, then those of its delimiters."""
    rows = len(places) // width
    edges = np.empty((rows, width + 1), np.int64)
    edges[:, 1:] = places.reshape(rows, width)
    edges[0, 0] = start - 1
    edges[1:, 0] = edges[:-1, width]
    return edges.reshape(-1)
