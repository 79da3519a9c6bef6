"""The data dictionary: what each column of each table holds, with examples that name nobody."""

import re
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import duckdb
import pyarrow as pa

from escrow.errors import FormatError
from escrow.export.table import Misfits, Table, quoted

_COLUMNS_AT_ONCE = 100
_SAMPLE = 2_000
_EXAMPLES = 3
_LONGEST = 40
_KINDS = {
    "integer": re.compile(r"[+-]?[0-9]+"),
    "decimal": re.compile(r"[+-]?[0-9]*[.]?[0-9]+"),
    "date": re.compile(
        r"[0-9]{4}-[0-9]{2}-[0-9]{2}([T ][0-9:.]+Z?)?|[0-9]{1,2}[/.-][0-9]{1,2}[/.-][0-9]{2,4}([ T][0-9:.]+)?"
    ),
}
_MEMORY = "512MB"


@dataclass(frozen=True, slots=True)
class Column:
    """One column. `type`: integer, decimal, date, text or empty, by the form of all its cells.

    `distinct` is an estimate (HyperLogLog). `examples` are the commonest forms in the first rows: a letter is `a` or
    `A`, a digit `9`.
    """

    table: str
    name: str
    type: str
    nulls: int
    blanks: int
    distinct: int
    longest: int
    examples: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Described:
    """One table: its rows that fit the header, those that do not, its columns in order."""

    table: Table
    rows: int
    misfits: Misfits
    columns: tuple[Column, ...]


@contextmanager
def engine(spill: str = "") -> Iterator[duckdb.DuckDBPyConnection]:
    """DuckDB that keeps to its memory and writes to no disk but to a folder `spill`. FormatError `table-damaged`,
    `table-large` for what it says."""
    with duckdb.connect() as base:
        base.execute("SET temp_directory = ?", [spill])
        for setting in (f"memory_limit='{_MEMORY}'", "enable_external_access=false", "threads=2"):
            base.execute(f"SET {setting}")
        try:
            yield base
        except duckdb.OutOfMemoryException:
            detail = f"expected a table that can be compared or counted in {_MEMORY}, found a larger one"
            raise FormatError("table-large", detail) from None
        except duckdb.Error as error:
            kind = type(error).__name__  # its words may hold cells
            raise FormatError("table-damaged", f"expected a table that can be read, found otherwise ({kind})") from None


def describe(table: Table) -> Described:
    """Read a table once for each hundred of its columns. FormatError `table-damaged`."""
    columns: list[Column] = []
    rows, misfits = 0, Misfits()
    for start in range(0, len(table.columns), _COLUMNS_AT_ONCE):
        wanted = table.columns[start : start + _COLUMNS_AT_ONCE]
        misfits = Misfits()
        with table.read(misfits) as reader:
            sample = _Sample(reader)
            cells = {name: _filled(sample.cells(name)) for name in wanted}
            kinds = [_kind(found) for found in cells.values()]
            rows, counted = _measure(sample.reader(), wanted, kinds)
        for name, kind, (nulls, blanks, distinct, longest, fits) in zip(wanted, kinds, counted, strict=True):
            sure = "empty" if rows == nulls + blanks else kind if fits else "text"
            columns.append(Column(table.name, name, sure, nulls, blanks, distinct, longest, _forms(cells[name])))
    return Described(table, rows, misfits, tuple(columns))


class _Sample:
    """A stream of batches, of which the first is kept."""

    def __init__(self, reader: pa.RecordBatchReader) -> None:
        self._schema = reader.schema
        self._rest = iter(reader)
        self._first = next(self._rest, None)

    def reader(self) -> pa.RecordBatchReader:
        def batches() -> Iterator[pa.RecordBatch]:
            if self._first is not None:
                yield self._first
            yield from self._rest

        return pa.RecordBatchReader.from_batches(self._schema, batches())

    def cells(self, column: str) -> list[str | None]:
        if self._first is None:
            return []
        cells: list[str | None] = self._first.slice(0, _SAMPLE).column(column).to_pylist()
        return cells


def _filled(cells: list[str | None]) -> list[str]:
    return [cell.strip() for cell in cells if cell and cell.strip()]


def _kind(cells: list[str]) -> str:
    """The first kind that all cells of a sample are of."""
    return next((kind for kind, form in _KINDS.items() if cells and all(map(form.fullmatch, cells))), "text")


def _measure(
    reader: pa.RecordBatchReader, wanted: tuple[str, ...], kinds: list[str]
) -> tuple[int, list[tuple[int, int, int, int, bool]]]:
    """Rows; and for each column nulls, blanks, distinct values, the longest, and whether all cells are of its kind."""
    facts = []
    for name, kind in zip(wanted, kinds, strict=True):
        cell = quoted(name)
        full = f"nullif(trim({cell}), '')"
        other = f"count(*) FILTER (NOT regexp_full_match({full}, '{_KINDS[kind].pattern}'))" if kind in _KINDS else "0"
        longest = f"coalesce(max(length({cell})), 0)"
        facts += [f"count({cell})", f"count({full})", f"approx_count_distinct({full})", longest, other]
    with engine() as base:
        base.register("stream", reader)
        row = base.execute(f"SELECT count(*), {', '.join(facts)} FROM stream").fetchall()[0]  # noqa: S608 - in quotes
    numbers = [int(value) for value in row]
    found: list[tuple[int, int, int, int, bool]] = []
    for at in range(1, len(numbers), 5):
        there, filled, distinct, longest_cell, others = numbers[at : at + 5]
        found.append((numbers[0] - there, there - filled, min(distinct, filled), longest_cell, others == 0))
    return numbers[0], found


def _forms(cells: list[str]) -> tuple[str, ...]:
    counted = Counter(map(masked, cells))
    return tuple(sorted(counted, key=lambda form: (-counted[form], form))[:_EXAMPLES])


def masked(text: str) -> str:
    """The form of a text, at most 40 characters: letters as `A` or `a`, digits as `9`, all else but blanks as it is."""
    form = "".join(
        "9"
        if char.isdigit()
        else ("A" if char.isupper() else "a")
        if char.isalpha()
        else char
        if char.isascii()
        else "?"
        for char in text[:_LONGEST]
    )
    return form if len(text) <= _LONGEST else form + "…"
