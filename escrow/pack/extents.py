"""Extents: runs of raw bytes in packs (docs/format.md, section 6)."""

from array import array

Extent = tuple[int, int, int]
"""Pack ordinal within the series, raw offset, length in bytes."""


class ExtentList:
    """Builds a file's extents, joining runs that touch: 16 bytes a run."""

    def __init__(self) -> None:
        self._runs = array("Q")
        self._place = self._length = 0

    def add(self, place: int, length: int) -> None:
        """Append `length` bytes, at least one, at `place` (pack ordinal x 2^32 + raw offset)."""
        if self._place + self._length == place and place & 0xFFFFFFFF:
            self._length += length
            return
        self._close()
        self._place, self._length = place, length

    def _close(self) -> None:
        if self._length:
            self._runs.append(self._place)
            self._runs.append(self._length)
            self._length = 0

    def finish(self) -> tuple[Extent, ...]:
        """All of them, in order."""
        self._close()
        runs = self._runs
        return tuple((runs[at] >> 32, runs[at] & 0xFFFFFFFF, runs[at + 1]) for at in range(0, len(runs), 2))
