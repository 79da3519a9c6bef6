"""Some rows of a table: those that hold a value, or each distinct one of some columns; streaming."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Set
from dataclasses import dataclass
from functools import reduce
from typing import cast

import pyarrow as pa
import pyarrow.compute as pc

from escrow.export.table import Table

Cells = tuple[str, ...]
"""A row's cells in the order of the table's columns; null is empty."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """A row of `select`: by which columns it was wanted, in which a text was found."""

    cells: Cells
    by: tuple[str, ...]
    said_in: tuple[str, ...]


def select(
    table: Table,
    wanted: Mapping[str, Set[str]],
    anywhere: Set[str] = frozenset(),
    pattern: str = "",
    texts: Set[str] = frozenset(),
) -> Iterator[Chosen]:
    """Rows with one of the `wanted` values below its column, one of `anywhere` below any, or with a text below one of
    `texts` in which `pattern` (RE2) is found. Blanks around a cell do not count, nor does case. FormatError
    `table-damaged`."""
    sets = {
        column: pa.array(sorted({one.lower() for one in (*wanted.get(column, ()), *anywhere)}), pa.string())
        for column in table.columns
        if wanted.get(column) or anywhere
    }
    looked = texts if pattern else frozenset[str]()
    if not sets and not looked:
        return
    with table.read() as reader:
        for batch in reader:
            held = _some((one, _holds(_texts(batch, one), values)) for one, values in sets.items())
            said = _some((one, _finds(_texts(batch, one), pattern)) for one in table.columns if one in looked)
            yield from _rows(batch, held, said)


def _some(masks: Iterable[tuple[str, pa.BooleanArray]]) -> dict[str, pa.BooleanArray]:
    return {column: mask for column, mask in masks if pc.any(mask).as_py()}


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


def _rows(
    batch: pa.RecordBatch, held: Mapping[str, pa.BooleanArray], said: Mapping[str, pa.BooleanArray]
) -> Iterator[Chosen]:
    masks = [*held.values(), *said.values()]
    if not masks:
        return
    either = reduce(pc.or_, masks)
    by, said_in = ([(one, mask.filter(either).to_pylist()) for one, mask in each.items()] for each in (held, said))
    for at, cells in enumerate(_cells(batch.filter(either))):
        yield Chosen(
            cells, tuple(one for one, holds in by if holds[at]), tuple(one for one, holds in said_in if holds[at])
        )


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
