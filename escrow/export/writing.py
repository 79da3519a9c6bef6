"""Tables written as CSV, SQLite and Excel. Every cell stays the text that it was: leading zeros are never lost."""

import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path

import adbc_driver_sqlite.dbapi as adbc
import pyarrow as pa
import pyarrow.csv as pacsv
import xlsxwriter

from escrow.errors import FormatError
from escrow.export.table import Table, quoted

_SHEET_ROWS = 1_000_000
"""Rows of a sheet; Excel ends at 1,048,576."""

_SHEET_COLUMNS = 16_384
_CELL = 32_767
"""Characters of a cell of Excel."""

_CUT = " …"
_HEADER_WIDTH = 40


def write_csv(table: Table, originals: Path, folder: Path) -> None:
    """`<table>.csv`: RFC 4180, UTF-8, commas; an empty cell is null, `""` is an empty text.

    An original that is so already is taken as it is. FormatError `table-damaged`.
    """
    target = folder / f"{table.name}.csv"
    if _is_plain(table):
        shutil.copyfile(originals / table.origin, target)
        return
    partial = target.with_suffix(".part")
    with table.read() as reader, partial.open("wb") as file, pacsv.CSVWriter(file, reader.schema) as writer:
        for batch in reader:
            writer.write_batch(batch)
    partial.replace(target)


def _is_plain(table: Table) -> bool:
    shape = table.shape
    return shape is not None and (shape.encoding, shape.delimiter, table.columns) == ("utf-8", ",", table.header)


def write_sqlite(tables: Iterable[Table], path: Path) -> Iterator[tuple[Table, FormatError]]:
    """One database of all tables, every column TEXT; anew where it was. Gives the tables that could not be read."""
    partial = path.with_suffix(".part")
    partial.unlink(missing_ok=True)
    with adbc.connect(str(partial), autocommit=True) as base, base.cursor() as cursor:
        for pragma in ("journal_mode = OFF", "synchronous = OFF"):
            cursor.execute(f"PRAGMA {pragma}")
        for table in tables:
            try:
                with table.read() as reader:
                    cursor.adbc_ingest(table.name, reader, mode="create")
            except FormatError as error:
                cursor.execute(f"DROP TABLE IF EXISTS {quoted(table.name)}")
                yield table, error
    partial.replace(path)


def write_excel(table: Table, folder: Path) -> int:
    """`<table>.xlsx`, and `<table>-2.xlsx` … from each millionth row on; every cell is text, so no formula runs.

    Gives how many cells were too long, and were cut. FormatError `table-damaged`, `excel-columns`.
    """
    if len(table.columns) > _SHEET_COLUMNS:
        raise FormatError("excel-columns", f"Excel has {_SHEET_COLUMNS:,} columns, the table {len(table.columns):,}")
    cut = 0
    with table.read() as reader:
        batches = iter(reader)
        part, batch = 1, next(batches, None)
        while batch is not None or part == 1:
            name = table.name if part == 1 else f"{table.name}-{part}"
            with _Sheet(folder / f"{name}.xlsx", table) as sheet:
                while batch is not None and sheet.rows < _SHEET_ROWS:
                    room = _SHEET_ROWS - sheet.rows
                    cut += sheet.add(batch.slice(0, room))
                    batch = batch.slice(room) if batch.num_rows > room else next(batches, None)
            part += 1
    return cut


class _Sheet:
    def __init__(self, path: Path, table: Table) -> None:
        self.rows = 0
        self._path = path
        options = {"constant_memory": True, "tmpdir": str(path.parent)}
        self._book = xlsxwriter.Workbook(str(path.with_suffix(".part")), options)
        self._page = self._book.add_worksheet(table.name[:31])
        bold = self._book.add_format({"bold": True})
        self._page.freeze_panes(1, 0)
        for column, title in enumerate(table.columns):
            self._page.set_column(column, column, min(max(len(title) + 2, 10), _HEADER_WIDTH))
            self._page.write_string(0, column, title[:_CELL], bold)

    def __enter__(self) -> "_Sheet":
        return self

    def __exit__(self, *_gone: object) -> None:
        self._book.close()
        self._path.with_suffix(".part").replace(self._path)

    def add(self, batch: pa.RecordBatch) -> int:
        cut = 0
        for row in zip(*(column.to_pylist() for column in batch.columns), strict=True):
            self.rows += 1
            for column, cell in enumerate(row):
                if cell is not None:
                    if len(cell) > _CELL:
                        cut += 1
                        cell = cell[: _CELL - len(_CUT)] + _CUT  # noqa: PLW2901
                    self._page.write_string(self.rows, column, cell)
        return cut
