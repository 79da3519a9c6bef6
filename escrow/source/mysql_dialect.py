"""The SQL that MySQL and MariaDB are asked, and the lines that come of the answers. Pure.

The server writes what is surely small as one piece of CSV a row; what may be large (`text`, `blob` and the like) comes
as it is and is quoted here: no piece grows over the server's `max_allowed_packet`, and its REPLACE takes a time that
grows with the square of a text's quotes.
"""

from collections.abc import Iterable, Sequence
from itertools import chain
from typing import Literal

from escrow.errors import SourceError
from escrow.source.base import UnreadableError
from escrow.source.sql_model import Form, Table, order_of

Part = Literal["csv", "text", "hex"]
"""What a column of the answer is: CSV already, a text to quote, or bytes."""

_PLAIN = {"tinyint", "smallint", "mediumint", "int", "bigint", "decimal", "float", "double", "bit"}
_PLAIN |= {"year", "date", "time", "datetime", "timestamp"}
_BYTES = {"binary", "varbinary", "tinyblob", "blob", "mediumblob", "longblob", "vector"}
_SPATIAL = {"geometry", "point", "linestring", "polygon", "multipoint", "multilinestring", "multipolygon"}
_SPATIAL |= {"geometrycollection", "geomcollection"}
_LARGE = {"text", "mediumtext", "longtext", "json", "blob", "mediumblob", "longblob", "vector"} | _SPATIAL


def form_of(kind: str) -> Form:
    """How a column of this data type stands in CSV."""
    if kind in _PLAIN:
        return "plain"
    return "hex" if kind in _BYTES | _SPATIAL else "text"


def quote_name(name: str) -> str:
    """An identifier. SourceError `sql-name` for one that no server can have."""
    if "\0" in name:
        raise SourceError("sql-name", "expected a name without NUL")
    return "`" + name.replace("`", "``") + "`"


def name_of(table: Table) -> str:
    """The table's full name, quoted."""
    return f"{quote_name(table.schema)}.{quote_name(table.name)}"


def select_of(table: Table) -> tuple[str, tuple[Part, ...]]:
    """The query for a table, sorted, and what each column of its answer is."""
    shown: list[str] = []
    parts: list[Part] = []
    small: list[str] = []

    def close() -> None:
        if small:
            shown.append(f"""CONCAT({", ',', ".join(small)})""")
            parts.append("csv")
            small.clear()

    for column in table.columns:
        name = quote_name(column.name)
        kind = column.type.partition("(")[0].partition(" ")[0]
        if kind in _LARGE:
            close()
            shown.append(name if column.form == "hex" else f"CONVERT({name} USING utf8mb4)")
            parts.append("hex" if column.form == "hex" else "text")
        else:
            small.append(f"IF({name} IS NULL, '', {_field(name, kind, column.form)})")
    close()
    order = ", ".join(_order(name, table) for name in order_of(table))
    return f"SELECT {', '.join(shown)} FROM {name_of(table)} ORDER BY {order}", tuple(parts)  # noqa: S608 - quoted


def _field(name: str, kind: str, form: Form) -> str:
    if form == "text":
        return f"""CONCAT('"', REPLACE(CONVERT({name} USING utf8mb4), '"', '""'), '"')"""
    if form == "hex":
        return f"CONCAT('\\\\x', LOWER(HEX({name})))"
    if kind == "float":
        return f"{name} + 0e0"  # as it is stored: a FLOAT is shown with six digits
    return f"{name} + 0" if kind == "bit" else name


def _order(name: str, table: Table) -> str:
    form = next(column.form for column in table.columns if column.name == name)
    quoted = quote_name(name)
    return quoted if table.key or form == "plain" else f"CAST({quoted} AS BINARY)"


def lines(rows: Sequence[Sequence[bytes | None]], parts: tuple[Part, ...]) -> bytes:
    """Rows of an answer as lines. UnreadableError `row-too-large` where the server gave up on one."""
    try:
        if parts == ("csv",):
            return b"\n".join(chain.from_iterable(rows)) + b"\n"  # type: ignore[arg-type] # a None is caught
        return b"".join(_line(row, parts) for row in rows)
    except TypeError:
        raise UnreadableError("row-too-large", "a row is over the server's max_allowed_packet") from None


def _line(row: Iterable[bytes | None], parts: tuple[Part, ...]) -> bytes:
    return b",".join(map(_part, row, parts)) + b"\n"  # type: ignore[arg-type] # a None of `csv` is caught


def _part(value: bytes | None, part: Part) -> bytes | None:
    if part == "csv":
        return value
    if value is None:
        return b""
    return b'"' + value.replace(b'"', b'""') + b'"' if part == "text" else b"\\x" + value.hex().encode()
