"""One block of delimited records as arrays: where each cell begins and how long it is."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from escrow.completeness.sketch import Hashes
from escrow.completeness.textflow import Bytes

Numbers = NDArray[np.int64]
Places = NDArray[np.intp]
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
_STRIDE = 16


@dataclass(frozen=True, slots=True)
class Cells:
    """One column's cells in a block: starts and lengths in `text`, which has eight bytes behind its last cell."""

    text: Bytes
    starts: Numbers
    lengths: Numbers

    @property
    def width(self) -> int:
        """The length that all cells have; 0 where they differ."""
        fits = len(self.lengths) > 0 and int(self.lengths.min()) == int(self.lengths.max())
        return int(self.lengths[0]) if fits else 0

    def hashes(self) -> tuple[Hashes, Places]:
        """Hashes of cells that are not blank, and which cells they are; of equal neighbours one may be left out.

        Of long cells the first, middle and last eight bytes count.
        """
        starts, lengths = self.starts, self.lengths
        places = np.arange(len(starts))
        if not len(starts) or not lengths.min():
            places = np.flatnonzero(lengths)
            starts, lengths = starts[places], lengths[places]
            if not len(places):
                return np.zeros(0, np.uint64), places
        words = np.ndarray((len(self.text) - 7,), "<u8", self.text, 0, (1,))
        shortest, longest = int(lengths.min()), int(lengths.max())
        found = last = words[starts]
        if 8 < shortest == longest <= 16:
            last = words[starts + (longest - 8)]
            fresh = np.flatnonzero((found[1:] != found[:-1]) | (last[1:] != last[:-1]))
            if 2 * len(fresh) < len(found):
                fresh = np.concatenate([np.zeros(1, np.intp), fresh + 1])
                places, starts, lengths, found, last = (one[fresh] for one in (places, starts, lengths, found, last))
        elif longest > 8:
            last = words[starts + np.maximum(lengths - 8, 0)]
        if shortest < 8:
            mask = _MASKS[np.minimum(lengths, 8)]
            found, last = found & mask, last & mask
        found = found * _WORD ^ last
        if longest > 16:
            middle = words[starts + np.maximum((lengths >> 1) - 4, 0)] * _WORD2
            middle[lengths <= 16] = 0
            found ^= middle
        found ^= lengths.astype(np.uint64) << _HALF
        found ^= found >> _HALF
        found *= _WORD
        return found, places

    def texts(self, places: Places) -> Iterator[bytes]:
        """The text of some cells, without quotes around it."""
        for start, length in zip(self.starts[places].tolist(), self.lengths[places].tolist(), strict=True):
            cell = self.text[start : start + length].tobytes()
            yield cell[1:-1].replace(b'""', b'"') if cell[:1] == cell[-1:] == b'"' and length > 1 else cell

    def newest(self, form: str) -> str:
        """The last date, in ISO form, of cells that begin with a date of ten characters; "" where there is none."""
        starts = self.starts
        if len(starts) and self.lengths.min() < _DATE:
            starts = starts[self.lengths >= _DATE]
        if not len(starts):
            return ""
        if self.text[starts[0]] == _QUOTE:
            starts = starts + (self.text[starts] == _QUOTE)
        head = np.ndarray((len(self.text) - 7,), ">u8", self.text, 0, (1,))[starts].astype(np.uint64)
        return self._newest_iso(head, starts) if form == "iso" else self._newest_slashed(head, starts, form)

    def _newest_iso(self, head: Hashes, starts: Numbers) -> str:
        good = (head & _ISO_MARKS) == _ISO_WANTED
        if not good.all():
            head, starts = head[good], starts[good]
        if not len(head):
            return ""
        most = int(head.max())
        tails = np.ndarray((len(self.text) - 9,), ">u2", self.text, 8, (1,))[starts[head == np.uint64(most)]]
        return most.to_bytes(8, "big").decode("latin-1") + int(tails.max()).to_bytes(2, "big").decode("latin-1")

    def _newest_slashed(self, head: Hashes, starts: Numbers, form: str) -> str:
        tail = np.ndarray((len(self.text) - 9,), ">u2", self.text, 8, (1,))[starts].astype(np.uint64)
        marks = head & _DAY_MARKS
        good = (marks == _DAY_WANTED[0]) | (marks == _DAY_WANTED[1])
        year = (head & _U16) << np.uint64(16) | tail
        first, second = head >> np.uint64(48), head >> np.uint64(24) & _U16
        day, month = (second, first) if form == "month-first" else (first, second)
        dates = (year << np.uint64(32) | month << np.uint64(16) | day)[good]
        if not len(dates):
            return ""
        text = int(dates.max()).to_bytes(8, "big").decode("latin-1")
        return f"{text[:4]}-{text[4:6]}-{text[6:]}"


class Block:
    """Whole records. `rows` counts ragged records too, but no blank lines; `size`: bytes of all records."""

    def __init__(self, text: Bytes, size: int, before: Numbers, after: Numbers, *, ragged: int, quoted: bool) -> None:
        """`before`, `after`: the places of the delimiters around each cell, a row for each record."""
        self.size = size
        self.rows = len(before) + ragged
        self.ragged = ragged
        self._text = text
        self._before, self._after = before, after
        self._quoted = quoted
        ends = after[:, -1]
        self._crlf = (text[ends - 1] == _CR) & (ends - 1 > before[:, -1])
        self.line_ends = ({b"\r\n"} if self._crlf.any() else set()) | ({b"\n"} if not self._crlf.all() else set())

    def nulls(self) -> Numbers:
        """Blank cells by column."""
        width = self._before.shape[1]
        gaps = self._after - self._before
        blank = gaps == 1
        counted: Numbers = np.bincount(np.flatnonzero(blank) % width, minlength=width)
        counted[-1] += int((self._crlf & (gaps[:, -1] == 2)).sum())
        if self._quoted:
            counted += ((gaps == 3) & self._opens(self._before)).sum(axis=0)
            counted[-1] += int(((gaps[:, -1] == 4) & self._crlf & self._opens(self._before[:, -1])).sum())
        return counted

    def _opens(self, before: Numbers) -> NDArray[np.bool_]:
        opens: NDArray[np.bool_] = self._text[before + 1] == _QUOTE
        return opens

    def cells(self, number: int) -> Cells:
        """One column."""
        before = self._before[:, number]
        lengths = self._after[:, number] - before
        lengths -= 1
        if number == self._before.shape[1] - 1:
            lengths -= self._crlf
        if self._quoted:
            lengths[(lengths == 2) & self._opens(before)] = 0
        return Cells(self._text, before + 1, lengths)


def cut(text: Bytes, delimiter: int, width: int, *, quoted: bool) -> Block | None:
    """The whole records of `text` after its first byte, a line end, and before its last eight, which are spare.

    None where there is no whole record.
    """
    body = text[:-8]
    marks = body == delimiter
    marks |= body == _LF
    if quoted:
        marks |= body == _QUOTE
    places = marks.nonzero()[0]
    kinds = text[places]
    if quoted:
        quotes = kinds == _QUOTE
        outside = (quotes.cumsum(dtype=np.uint8) & 1 == 0) & ~quotes
        places, kinds = places[outside], kinds[outside]
    lasts = (kinds == _LF).nonzero()[0]
    rows = len(lasts) - 1
    if rows < 1:
        return None
    places = places[: lasts[-1] + 1]
    last = int(places[-1])
    if len(places) - 1 == rows * width and width > 1 and bool((kinds[: len(places) : width] == _LF).all()):
        before, after = places[:-1].reshape(rows, width), places[1:].reshape(rows, width)
        return Block(text, last, before, after, ragged=0, quoted=quoted)
    counts = np.diff(lasts)
    ends, starts = places[lasts[1:]], places[lasts[1:] - 1]
    blank = (counts == 1) & (ends - starts - (text[starts + 1] == _CR) <= 1)
    good = lasts[1:][(counts == width) & ~blank]
    index = good[:, None] + np.arange(-width, 0)
    ragged = rows - len(good) - int(blank.sum())
    return Block(text, last, places[index], places[index + 1], ragged=ragged, quoted=quoted)


def around_changes(text: Bytes, starts: Numbers, width: int) -> Numbers:
    """Those of `starts` of cells that show every value, where equal ones stand together: one cell in sixteen, and all
    between two of these that differ. All where most of these differ."""
    words = np.ndarray((len(text) - 7,), "<u8", text, 0, (1,))
    few = starts[::_STRIDE]
    head = words[few] & _MASKS[min(width, 8)]
    tail = words[few + max(width - 8, 0)] & _MASKS[min(width, 8)]
    changes = np.flatnonzero((head[1:] != head[:-1]) | (tail[1:] != tail[:-1]))
    if 2 * len(changes) > len(few):
        return starts
    between = (changes[:, None] * _STRIDE + np.arange(1, _STRIDE + 1)).ravel()
    return np.concatenate([starts[:1], starts[between], starts[(len(few) - 1) * _STRIDE :]])
