"""A table as exports know it: a stream of batches of text cells."""

import sqlite3
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field

import adbc_driver_sqlite.dbapi as adbc
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
class InDatabase:
    """A table of SQLite: its own name, the columns of its primary key, and its file's address where it is a file."""

    name: str
    key: tuple[str, ...]
    address: str | None


@dataclass(frozen=True, slots=True)
class Table:
    """One table. `origin`: the original's path with `/`, behind `#` what lies inside it; `header` as it stands there,
    `columns` unique; `shape` where it is a file of delimited text, `stored` where it is one of a database."""

    name: str
    origin: str
    header: tuple[str, ...]
    columns: tuple[str, ...]
    opener: Opener
    shape: Shape | None = None
    stored: InDatabase | None = None

    @contextmanager
    def read(self, misfits: Misfits | None = None) -> Iterator[pa.RecordBatchReader]:
        """Its rows as batches of text, of which the next is read while one is used; `misfits` counts those that do not
        fit. FormatError `table-damaged`, as `guarded`."""
        with self.guarded(), ExitStack() as stack:
            reader = self.opener(misfits or Misfits(), stack)
            yield _ahead(reader, stack)

    @contextmanager
    def guarded(self) -> Iterator[None]:
        """FormatError `table-damaged` for what pyarrow, DuckDB, ADBC and SQLite say inside of the `with`."""
        try:
            yield
        except (pa.ArrowException, adbc.Error, sqlite3.Error) as error:
            kind = type(error).__name__  # its words may hold cells
            raise FormatError("table-damaged", f"{self.origin}: cannot be read as a table ({kind})") from None


def _ahead(reader: pa.RecordBatchReader, stack: ExitStack) -> pa.RecordBatchReader:
    pool = stack.enter_context(ThreadPoolExecutor(1, "table"))
    rest = iter(reader)

    def batches() -> Iterator[pa.RecordBatch]:
        coming = pool.submit(next, rest, None)
        while (batch := coming.result()) is not None:
            coming = pool.submit(next, rest, None)
            yield batch

    return pa.RecordBatchReader.from_batches(reader.schema, batches())


@dataclass(frozen=True, slots=True)
class Found:
    """A table that has no name yet."""

    origin: str
    header: tuple[str, ...]
    opener: Opener
    shape: Shape | None = None
    stored: InDatabase | None = None


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
