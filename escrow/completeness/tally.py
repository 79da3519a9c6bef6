"""One table whose rows come one by one, as names and values: for XML and JSON."""

from collections.abc import Iterable
from hashlib import blake2b

from escrow.completeness.profile import Column, Profile
from escrow.completeness.sketch import Sketch
from escrow.completeness.values import Values, clean_name

MAX_COLUMNS = 1000
_LOOKED_AT = 4096
_KEPT = 64


class _Column:
    """One column: its values, and the row and the text that were seen last."""

    __slots__ = ("filled", "last", "row", "sketch", "values")

    def __init__(self, name: str) -> None:
        self.values = Values(name)
        self.sketch = Sketch()
        self.filled = 0
        self.row = 0
        self.last = ""


class Tally:
    """Counts rows, and by column what is blank and distinct. Columns over MAX_COLUMNS are not counted."""

    def __init__(self) -> None:
        self.rows = 0
        self.notes: set[str] = set()
        self._columns: dict[str, _Column] = {}

    def row(self, cells: Iterable[tuple[str, str]]) -> None:
        """One row: its cells; those that are not named are blank."""
        self.rows += 1
        for name, text in cells:
            column = self._columns.get(name) or self._new(name)
            if column is None:
                continue
            value = text if text == column.last else text.strip()
            if value and column.row != self.rows:
                column.row = self.rows
                column.filled += 1
            if value and value != column.last:
                column.last = value
                self._see(column, value.encode("utf-8", "replace"))

    def _new(self, name: str) -> _Column | None:
        if len(self._columns) == MAX_COLUMNS:
            self.notes.add("too-many-columns")
            return None
        return self._columns.setdefault(name, _Column(name))

    def _see(self, column: _Column, value: bytes) -> None:
        digest = blake2b(value, digest_size=8).digest() if len(value) > 8 else value.rjust(8, b"\0")
        if column.sketch.add_one(_spread(digest)) and column.values.seen < _LOOKED_AT:
            column.values.see(value)

    def profile(self, format: str) -> Profile:
        """The table, with the notes that its values ask for."""
        columns: list[Column] = []
        notes = set(self.notes)
        for one in self._columns.values():
            columns.append(one.values.column(self.rows - one.filled, one.sketch.distinct, one.sketch.certainty))
            notes |= one.values.notes
        return Profile(format, self.rows, tuple(columns), notes=tuple(sorted(notes)))


def _spread(digest: bytes) -> int:
    """Eight bytes as a number that is as good as random: a permutation, so that short values never collide."""
    number = int.from_bytes(digest, "big")
    number ^= number >> 32
    number = number * 0x9E3779B97F4A7C15 & 0xFFFFFFFFFFFFFFFF
    return number ^ number >> 29


class Tables:
    """Several tables by name, at most so many that memory stays small."""

    def __init__(self) -> None:
        self._tables: dict[str, Tally] = {}
        self.crowded = False

    def of(self, name: str) -> Tally:
        """The table of this name; one that takes everything past the limit."""
        found = self._tables.get(name)
        if found is None:
            if len(self._tables) >= _KEPT:
                self.crowded = True
                return Tally()
            found = self._tables[name] = Tally()
        return found

    def members(self) -> dict[str, Profile]:
        """The tables that have rows."""
        return {clean_name(name): tally.profile("rows") for name, tally in self._tables.items() if tally.rows}
