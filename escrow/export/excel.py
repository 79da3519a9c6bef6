"""Tables written as workbooks for Excel."""

from pathlib import Path

import pyarrow as pa
import xlsxwriter

from escrow.errors import FormatError
from escrow.export.table import Table

_SHEET_ROWS = 1_000_000
"""Rows of a sheet; Excel ends at 1,048,576."""

_SHEET_COLUMNS = 16_384
_CELL = 32_767
"""Characters of a cell of Excel."""

_CUT = " …"
_HEADER_WIDTH = 40


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
