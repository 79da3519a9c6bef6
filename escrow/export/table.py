"""A table as exports know it: a stream of batches of text cells."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field

import adbc_driver_sqlite.dbapi as adbc
import duckdb
import pyarrow as pa

from escrow.errors import FormatError
from escrow.export.text import Shape

_BATCH = 20_000


@dataclass(slots=True)
class Misfits:
    """Rows of one table that do not fit its header: how many, and the first of their numbers (the header is 1)."""

    count: int = 0
    first: list[int] = field(default_factory=list)

    def add(self, number: int | None) -> None:
        self.count += 1
        if number is not None and len(self.first) < 10:
            self.first.append(number)


Opener = Callable[[Misfits, ExitStack], pa.RecordBatchReader]
"""Begins to read a table; what has to be closed is pushed on the stack."""


@dataclass(frozen=True, slots=True)
class Table:
    """One table. `origin`: the original's path with `/`, behind `#` what lies inside it; `header` as it stands there,
    `columns` unique; `shape` where it is a file of delimited text."""

    name: str
    origin: str
    header: tuple[str, ...]
    columns: tuple[str, ...]
    opener: Opener
    shape: Shape | None = None

    @contextmanager
    def read(self, misfits: Misfits | None = None) -> Iterator[pa.RecordBatchReader]:
        """Its rows as batches of text; `misfits` counts those that do not fit. FormatError `table-damaged`: also for
        what pyarrow, DuckDB, ADBC and SQLite say inside of the `with`."""
        with ExitStack() as stack:
            try:
                yield self.opener(misfits or Misfits(), stack)
            except (pa.ArrowException, duckdb.Error, adbc.Error, sqlite3.Error) as error:
                kind = type(error).__name__  # its words may hold cells
                raise FormatError("table-damaged", f"{self.origin}: cannot be read as a table ({kind})") from None


@dataclass(frozen=True, slots=True)
class Found:
    """A table that has no name yet."""

    origin: str
    header: tuple[str, ...]
    opener: Opener
    shape: Shape | None = None


def batches(columns: tuple[str, ...], rows: Iterator[list[str | None]]) -> pa.RecordBatchReader:
    """Rows of cells as a stream of batches of text."""
    schema = pa.schema([(column, pa.string()) for column in columns])

    def made() -> Iterator[pa.RecordBatch]:
        waiting: list[list[str | None]] = []
        for row in rows:
            waiting.append(row)
            if len(waiting) == _BATCH:
                yield _batch(waiting, schema)
                waiting = []
        if waiting:
            yield _batch(waiting, schema)

    return pa.RecordBatchReader.from_batches(schema, made())


def _batch(rows: list[list[str | None]], schema: pa.Schema) -> pa.RecordBatch:
    return pa.RecordBatch.from_arrays(
        [pa.array(cells, pa.string()) for cells in zip(*rows, strict=True)], schema=schema
    )


def quoted(name: str) -> str:
    """A name as SQL writes it."""
    return '"' + name.replace('"', '""') + '"'
