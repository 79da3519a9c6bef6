"""Rows of tables as the pages want them: by field, an absent cell as an empty text."""

from collections.abc import Iterator, Mapping, Sequence

from escrow.export.continuity import Row, Rows
from escrow.export.table import Table


def rows_of(tables: Sequence[Table]) -> Rows:
    """Reads the tables by name. FormatError `table-damaged`."""
    known = {table.name: table for table in tables}

    def rows(name: str, columns: Mapping[str, str]) -> Iterator[Row]:
        with known[name].read() as reader:
            for batch in reader:
                cells = [batch.column(column).to_pylist() for column in columns.values()]
                for row in zip(*cells, strict=True):
                    yield {field: (cell or "").strip() for field, cell in zip(columns, row, strict=True)}

    return rows
