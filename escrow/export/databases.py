"""Tables of SQLite databases, each cell as SQLite's own text, bytes in hexadecimal.

ADBC reads a file; the standard library reads what lies in no folder, in memory.
"""

import sqlite3
from collections.abc import Collection, Iterator, Sequence
from contextlib import ExitStack, closing
from operator import itemgetter
from pathlib import Path

import adbc_driver_sqlite.dbapi as adbc
import pyarrow as pa

from escrow.errors import FormatError
from escrow.export.naming import column_names
from escrow.export.originals import Original
from escrow.export.table import Found, InDatabase, Misfits, Opener, batches, quoted

SQLITE = b"SQLite format 3\0"
_BATCH = 20_000
_IN_MEMORY = 512 << 20
_TEXTS = (pa.int64(), pa.string())
_PLACE_IN_KEY = itemgetter(5)
_ROLLBACK = b"\x01\x01"
"""Bytes 18 and 19 of a database without a write-ahead log, which memory cannot have."""


def sqlite_tables(original: Original) -> Iterator[Found]:
    """Its tables but SQLite's own. FormatError `database-large` for over 512 MiB that lie in no folder."""
    with closing(_connect(original)) as base:
        found = base.execute("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name").fetchall()
        for name in (str(row[0]) for row in found):
            if not name.startswith("sqlite_"):
                said = base.execute(f"PRAGMA table_info({quoted(name)})").fetchall()
                header = tuple(str(row[1]) for row in said)
                whole = frozenset(str(row[1]) for row in said if "INT" in str(row[2]).upper())
                key = tuple(str(row[1]) for row in sorted(said, key=_PLACE_IN_KEY) if row[5])
                stored = InDatabase(name, key, _address(original.place) if original.place else None)
                opener = _opener(original, name, header, whole)
                yield Found(f"{original.path}#{name}", header, opener, stored=stored)


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
    base = sqlite3.connect(":memory:", check_same_thread=False)
    base.deserialize(data)
    return base


def _opener(original: Original, name: str, header: tuple[str, ...], whole: frozenset[str]) -> Opener:
    columns = tuple(column_names(header))

    def opened(_misfits: Misfits, stack: ExitStack) -> pa.RecordBatchReader:
        if original.place is None:
            base = stack.enter_context(closing(_connect(original)))
            return batches(columns, map(list, base.execute(_select(name, header))))
        file = stack.enter_context(adbc.connect(_address(original.place), autocommit=True))
        schema = pa.schema([(column, pa.string()) for column in columns])
        return pa.RecordBatchReader.from_batches(schema, _read(file, name, header, whole, schema))

    return opened


def as_text(cell: str) -> str:
    """The SQL that makes a cell text."""
    return f"CASE typeof({cell}) WHEN 'blob' THEN lower(hex({cell})) ELSE CAST({cell} AS TEXT) END"


def _select(name: str, header: Sequence[str], whole: Collection[str] = (), skip: int = 0) -> str:
    """A table's rows from the `skip`-th on, cells as text; those of columns in `whole` as they are."""
    cells = (cell if one in whole else as_text(cell) for one, cell in zip(header, map(quoted, header), strict=True))
    return f"SELECT {', '.join(cells)} FROM {quoted(name)} LIMIT -1 OFFSET {skip}"  # noqa: S608 - names in quotes


def _read(
    base: adbc.Connection, name: str, header: Sequence[str], whole: Collection[str], schema: pa.Schema
) -> Iterator[pa.RecordBatch]:
    """Columns in `whole` are read as numbers, which is faster, until there is a cell that is none; then all as text."""
    rows = 0
    for numbers in (whole, ()):
        # The driver takes a column's type from its first cells, so that the first row is one of ours.
        first = ", ".join("0" if one in numbers else "''" for one in header)
        query = f"SELECT {first} UNION ALL SELECT * FROM ({_select(name, header, numbers, rows)})"  # noqa: S608
        kinds = [pa.int64() if one in numbers else pa.string() for one in header]
        ours = 1
        try:
            with base.cursor(adbc_stmt_kwargs={"adbc.sqlite.query.batch_rows": str(_BATCH)}) as cursor:
                cursor.execute(query)
                for batch in cursor.fetch_record_batch():
                    if batch.schema.types != kinds:
                        break
                    cells = [one.cast(pa.string()) for one in batch.slice(ours).columns]
                    text = pa.RecordBatch.from_arrays(cells, schema=schema)
                    text.validate(full=True)
                    rows, ours = rows + text.num_rows, 0
                    yield text
                else:
                    return
        except OSError:
            continue
    raise FormatError("table-damaged", "expected a whole table, found a page that cannot be read")


def _address(path: Path) -> str:
    return f"{path.absolute().as_uri()}?mode=ro&immutable=1"
