"""Some rows of a table: those that hold a value, or each distinct one of some columns; streaming."""

from collections.abc import Callable, Iterator, Mapping, Set
from typing import cast

import pyarrow as pa
import pyarrow.compute as pc

from escrow.export.table import Table

Cells = tuple[str, ...]
"""A row's cells in the order of the table's columns; null is empty."""


def select(
    table: Table, wanted: Mapping[str, Set[str]], anywhere: Set[str] = frozenset()
) -> Iterator[tuple[Cells, tuple[str, ...]]]:
    """Rows with one of the `wanted` values below its column, or one of `anywhere` below any: the row, and by which
    columns. Blanks around a cell do not count, nor does case. FormatError `table-damaged`."""
    sets = {
        column: pa.array(sorted({one.lower() for one in (*wanted.get(column, ()), *anywhere)}), pa.string())
        for column in table.columns
        if wanted.get(column) or anywhere
    }
    if not sets:
        return
    with table.read() as reader:
        for batch in reader:
            masks = {column: _holds(_texts(batch, column), values) for column, values in sets.items()}
            yield from _rows(batch, {column: mask for column, mask in masks.items() if pc.any(mask).as_py()})


def naming(table: Table, columns: Set[str], pattern: str) -> Iterator[tuple[Cells, tuple[str, ...]]]:
    """Rows with a text that a pattern (RE2) finds below one of `columns`, whatever its case. FormatError."""
    with table.read() as reader:
        for batch in reader:
            masks = {column: _finds(_texts(batch, column), pattern) for column in table.columns if column in columns}
            yield from _rows(batch, {column: mask for column, mask in masks.items() if pc.any(mask).as_py()})


def _finds(cells: pa.StringArray, pattern: str) -> pa.BooleanArray:
    found = pc.match_substring_regex(cells, pattern, ignore_case=True)
    return cast("pa.BooleanArray", pc.fill_null(found, pa.scalar(False)))


def _holds(cells: pa.StringArray, values: pa.StringArray) -> pa.BooleanArray:
    return pc.is_in(pc.utf8_lower(pc.utf8_trim_whitespace(cells)), value_set=values)


def matching(table: Table, keep: Callable[[Cells], bool]) -> Iterator[Cells]:
    """Rows that `keep` keeps, for small tables. FormatError `table-damaged`."""
    with table.read() as reader:
        for batch in reader:
            yield from filter(keep, _cells(batch))


def _rows(batch: pa.RecordBatch, masks: dict[str, pa.BooleanArray]) -> Iterator[tuple[Cells, tuple[str, ...]]]:
    if not masks:
        return
    first, *others = masks.values()
    for mask in others:
        first = pc.or_(first, mask)
    by = [(column, mask.filter(first).to_pylist()) for column, mask in masks.items()]
    for at, cells in enumerate(_cells(batch.filter(first))):
        yield cells, tuple(column for column, holds in by if holds[at])


def _cells(batch: pa.RecordBatch) -> Iterator[Cells]:
    columns = [[cell or "" for cell in column.to_pylist()] for column in batch.columns]
    yield from zip(*columns, strict=True)


def distinct(table: Table, columns: tuple[str, ...]) -> list[Cells]:
    """Each combination of cells that these columns hold, sorted; blanks around a cell left out. FormatError."""
    found: set[Cells] = set()
    with table.read() as reader:
        for batch in reader:
            some = pa.Table.from_batches([batch.select(columns)]).group_by(list(columns)).aggregate([])
            found |= {tuple(cell.strip() for cell in row) for part in some.to_batches() for row in _cells(part)}
    return sorted(found)


def is_key(table: Table, column: str) -> bool:
    """Whether a column names each row of a table: all filled, each value once. Memory grows with it. FormatError."""
    blank = pa.array(["", None], pa.string())
    parts: list[pa.StringArray] = []
    with table.read() as reader:
        for batch in reader:
            cells = pc.utf8_trim_whitespace(_texts(batch, column))
            if pc.any(pc.is_in(cells, value_set=blank)).as_py() or not _differ([cells]):
                return False
            parts.append(cells)
    return bool(parts) and _differ(parts)


def _differ(parts: list[pa.StringArray]) -> bool:
    cells = pa.chunked_array(parts)
    return bool(pc.count_distinct(cells).as_py() == len(cells))


def _texts(batch: pa.RecordBatch, column: str) -> pa.StringArray:
    return cast("pa.StringArray", batch.column(column))
