"""Tables of SQLite databases, each cell as SQLite's own text, bytes in hexadecimal.

ADBC reads a file; the standard library reads what lies in no folder, in memory.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import adbc_driver_sqlite.dbapi as adbc
import pyarrow as pa

from escrow.errors import FormatError
from escrow.export.naming import column_names
from escrow.export.originals import Original
from escrow.export.table import Found, Misfits, Opener, batches, quoted

SQLITE = b"SQLite format 3\0"
_BATCH = 20_000
_IN_MEMORY = 512 << 20
_ROLLBACK = b"\x01\x01"
"""Bytes 18 and 19 of a database without a write-ahead log, which memory cannot have."""


def sqlite_tables(original: Original) -> Iterator[Found]:
    """Its tables but SQLite's own. FormatError `database-large` for over 512 MiB that lie in no folder."""
    with closing(_connect(original)) as base:
        found = base.execute("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name").fetchall()
        for name in (str(row[0]) for row in found):
            if not name.startswith("sqlite_"):
                header = tuple(str(row[1]) for row in base.execute(f"PRAGMA table_info({quoted(name)})"))
                yield Found(f"{original.path}#{name}", header, _opener(original, name, header))


def _connect(original: Original) -> sqlite3.Connection:
    if original.place is not None:
        return sqlite3.connect(_address(original.place), uri=True)
    if original.size > _IN_MEMORY:
        raise FormatError(
            "database-large",
            f"{original.path}: expected at most {_IN_MEMORY >> 20} MiB to read in memory, found {original.size >> 20}",
            hint="escrow restore it and look into the file",
        )
    with original.open() as file:
        data = bytearray(file.read())
    data[18:20] = _ROLLBACK
    base = sqlite3.connect(":memory:")
    base.deserialize(data)
    return base


def _opener(original: Original, name: str, header: tuple[str, ...]) -> Opener:
    columns = tuple(column_names(header))
    cells = ", ".join(
        f"CASE typeof({cell}) WHEN 'blob' THEN lower(hex({cell})) ELSE CAST({cell} AS TEXT) END AS {quoted(column)}"
        for cell, column in zip(map(quoted, header), columns, strict=True)
    )
    query = f"SELECT {cells} FROM {quoted(name)}"  # noqa: S608 - names in quotes

    def opened(_misfits: Misfits, stack: ExitStack) -> pa.RecordBatchReader:
        if original.place is None:
            base = stack.enter_context(closing(_connect(original)))
            return batches(columns, map(list, base.execute(query)))
        file = stack.enter_context(adbc.connect(_address(original.place), autocommit=True))
        cursor = stack.enter_context(file.cursor(adbc_stmt_kwargs={"adbc.sqlite.query.batch_rows": str(_BATCH)}))
        cursor.execute(query)
        return _checked(cursor.fetch_record_batch(), columns)

    return opened


def _checked(reader: pa.RecordBatchReader, columns: tuple[str, ...]) -> pa.RecordBatchReader:
    """The same, all columns text, its bytes proven to be UTF-8."""
    schema = pa.schema([(column, pa.string()) for column in columns])

    def proven() -> Iterator[pa.RecordBatch]:
        for batch in reader:
            text = batch.cast(schema)
            text.validate(full=True)
            yield text

    return pa.RecordBatchReader.from_batches(schema, proven())


def _address(path: Path) -> str:
    return f"{path.absolute().as_uri()}?mode=ro&immutable=1"
