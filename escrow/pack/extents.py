"""Extents: runs of raw bytes in packs (docs/format.md, section 6)."""

Extent = tuple[int, int, int]
"""Pack ordinal within the series, raw offset, length in bytes."""


class ExtentList:
    """Builds a file's extents, joining runs that touch."""

    def __init__(self) -> None:
        self._runs: list[list[int]] = []

    def add(self, place: int, length: int) -> None:
        """Append `length` bytes at `place` (pack ordinal x 2^32 + raw offset)."""
        if self._runs:
            last = self._runs[-1]
            if last[0] + last[1] == place and place & 0xFFFFFFFF:
                last[1] += length
                return
        self._runs.append([place, length])

    def finish(self) -> tuple[Extent, ...]:
        return tuple((place >> 32, place & 0xFFFFFFFF, length) for place, length in self._runs)
