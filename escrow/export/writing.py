"""Tables written as CSV and SQLite. Every cell stays the text that it was: leading zeros are never lost."""

import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path

import adbc_driver_sqlite.dbapi as adbc
import pyarrow as pa
import pyarrow.csv as pacsv

from escrow.errors import FormatError
from escrow.export.table import Table, quoted


def write_csv(table: Table, originals: Path, folder: Path) -> None:
    """`<table>.csv`: RFC 4180, UTF-8, commas; an empty cell is null, `""` is an empty text.

    An original that is so already is taken as it is. FormatError `table-damaged`.
    """
    target = folder / f"{table.name}.csv"
    if _is_plain(table):
        shutil.copyfile(originals / table.origin, target)
        return
    with table.read() as reader:
        write_batches(reader, target)


def write_batches(reader: pa.RecordBatchReader, target: Path) -> int:
    """A stream of batches as CSV, in the place of what is there. Gives the number of rows."""
    partial = target.with_suffix(".part")
    rows = 0
    with partial.open("wb") as file, pacsv.CSVWriter(file, reader.schema) as writer:
        for batch in reader:
            rows += batch.num_rows
            writer.write_batch(batch)
    partial.replace(target)
    return rows


def _is_plain(table: Table) -> bool:
    shape = table.shape
    return shape is not None and (shape.encoding, shape.delimiter, table.columns) == ("utf-8", ",", table.header)


def write_sqlite(tables: Iterable[Table], path: Path) -> Iterator[tuple[Table, FormatError]]:
    """One database of all tables, every column TEXT; anew where it was. Gives the tables that could not be read."""
    partial = path.with_suffix(".part")
    partial.unlink(missing_ok=True)
    with adbc.connect(str(partial), autocommit=True) as base, base.cursor() as cursor:
        for pragma in ("page_size = 32768", "journal_mode = OFF", "synchronous = OFF"):
            cursor.execute(f"PRAGMA {pragma}")
        for table in tables:
            try:
                if table.stored and table.stored.address:
                    _copy(cursor, table, table.stored.name, table.stored.address)
                else:
                    with table.read() as reader:
                        cursor.adbc_ingest(table.name, reader, mode="create")
            except FormatError as error:
                cursor.execute(f"DROP TABLE IF EXISTS {quoted(table.name)}")
                yield table, error
    partial.replace(path)


def _copy(cursor: adbc.Cursor, table: Table, own: str, address: str) -> None:
    """Within SQLite, where columns that are declared TEXT make text of numbers as a cast does."""
    name = quoted(table.name)
    columns = ", ".join(f"{quoted(one)} TEXT" for one in table.columns)
    cells = ", ".join(f"iif(typeof({one}) = 'blob', lower(hex({one})), {one})" for one in map(quoted, table.header))
    with table.guarded():
        cursor.execute("ATTACH ? AS original", [address])
        try:
            cursor.execute(f"CREATE TABLE {name} ({columns})")
            cursor.execute(f"INSERT INTO {name} SELECT {cells} FROM original.{quoted(own)}")  # noqa: S608
        finally:
            cursor.execute("DETACH original")
