"""The SQL that SQL Server is asked for a table, and the lines that come of the answer. Pure.

Numbers come as the driver has them. All other values are made text by the server, with a style that names every digit:
its language and date order do not matter. A text comes as the bytes of UTF-16, so that no driver converts it; what is
no valid UTF-16 (half of a pair) is kept as it is.
"""

import re
from collections.abc import Iterable, Sequence

from escrow.errors import SourceError
from escrow.source.sql_model import Column, Form, Table, order_of

_NATIVE = frozenset({"bit", "tinyint", "smallint", "int", "bigint", "real", "float"})
_STYLES = {
    "decimal": "CONVERT(varchar(41), {})",
    "numeric": "CONVERT(varchar(41), {})",
    "money": "CONVERT(varchar(30), {}, 2)",
    "smallmoney": "CONVERT(varchar(30), {}, 2)",
    "date": "CONVERT(varchar(34), {}, 121)",
    "time": "CONVERT(varchar(34), {}, 121)",
    "datetime": "CONVERT(varchar(34), {}, 121)",
    "smalldatetime": "CONVERT(varchar(34), {}, 121)",
    "datetime2": "CONVERT(varchar(34), {}, 121)",
    "datetimeoffset": "CONVERT(varchar(34), {}, 121)",
}
_BYTES = frozenset({"binary", "varbinary", "image", "timestamp"})
_TEXTS = frozenset({"char", "varchar", "text", "nchar", "nvarchar", "ntext", "xml", "json", "vector"})
_TEXTS |= {"uniqueidentifier", "hierarchyid", "sql_variant"}
_SHORT = 4000
"""UTF-16 units that fit into a value that is not `max`."""
_VARIANT = """CONVERT(nvarchar(max), SQL_VARIANT_PROPERTY({0}, 'BaseType')) + N':' + \
CASE CONVERT(nvarchar(128), SQL_VARIANT_PROPERTY({0}, 'BaseType')) \
WHEN N'float' THEN CONVERT(nvarchar(max), CONVERT(float, {0}), 3) \
WHEN N'real' THEN CONVERT(nvarchar(max), CONVERT(real, {0}), 3) \
WHEN N'money' THEN CONVERT(nvarchar(max), CONVERT(money, {0}), 2) \
WHEN N'smallmoney' THEN CONVERT(nvarchar(max), CONVERT(smallmoney, {0}), 2) \
WHEN N'datetime' THEN CONVERT(nvarchar(max), CONVERT(datetime, {0}), 121) \
WHEN N'smalldatetime' THEN CONVERT(nvarchar(max), CONVERT(smalldatetime, {0}), 121) \
WHEN N'binary' THEN CONVERT(nvarchar(max), CONVERT(varbinary(8000), {0}), 1) \
WHEN N'varbinary' THEN CONVERT(nvarchar(max), CONVERT(varbinary(8000), {0}), 1) \
ELSE CONVERT(nvarchar(max), {0}) END"""
"""The type's name, a colon, and the value: a variant's type is part of what it says."""

ENCRYPTED = " encrypted"
"""Behind the type of a column of Always Encrypted: only its bytes can be had."""


def form_of(kind: str) -> Form:
    """How a column of this data type stands in CSV; what the type is not known of (CLR, spatial) as its bytes."""
    if kind in _NATIVE or kind in _STYLES:
        return "plain"
    return "text" if kind in _TEXTS else "hex"


def type_of(kind: str, length: int, precision: int, scale: int) -> str:
    """A type as T-SQL writes it. `length` in bytes, -1 for `max`."""
    if kind in ("decimal", "numeric"):
        return f"{kind}({precision},{scale})"
    if kind in ("time", "datetime2", "datetimeoffset"):
        return f"{kind}({scale})"
    if kind in ("char", "varchar", "binary", "varbinary", "nchar", "nvarchar"):
        shown = "max" if length < 0 else str(length // 2 if kind.startswith("n") else length)
        return f"{kind}({shown})"
    return kind


def quote_name(name: str) -> str:
    """An identifier. SourceError `sql-name` for one that no server can have."""
    if "\0" in name:
        raise SourceError("sql-name", "expected a name without NUL")
    return "[" + name.replace("]", "]]") + "]"


def name_of(table: Table) -> str:
    """The table's name with its schema, quoted."""
    return f"{quote_name(table.schema)}.{quote_name(table.name)}"


def count_of(table: Table) -> str:
    """The query that counts a table's rows."""
    return f"SELECT COUNT_BIG(*) FROM {name_of(table)}"  # noqa: S608 - quoted


def try_of(table: Table) -> str:
    """A query that no row comes of, and that fails where one of the columns may not be read."""
    columns = ", ".join(quote_name(column.name) for column in table.columns)
    return f"SELECT TOP (0) {columns} FROM {name_of(table)}"  # noqa: S608 - quoted


def select_of(table: Table) -> str:
    """The query for a table, sorted by its primary key, else by the bytes of all columns."""
    shown = ", ".join(_shown(column) for column in table.columns)
    by_name = {column.name: column for column in table.columns}
    order = [_order(by_name[name], keyed=bool(table.key)) for name in order_of(table)]
    by = ", ".join(filter(None, order))
    return f"SELECT {shown} FROM {name_of(table)}" + (f" ORDER BY {by}" if by else "")  # noqa: S608 - quoted


def _order(column: Column, *, keyed: bool) -> str:
    if column.type.endswith(ENCRYPTED):
        return ""
    if keyed or column.form == "plain":
        return quote_name(column.name)
    return _shown(column) if column.form == "text" else f"CONVERT(varbinary(max), {quote_name(column.name)})"


def _shown(column: Column) -> str:
    name = quote_name(column.name)
    kind = _kind(column.type)
    if column.type.endswith(ENCRYPTED) or kind in _NATIVE or kind in _BYTES:
        return name
    if column.form == "text":
        return _utf16(name, kind, column.type)
    return _STYLES.get(kind, "CONVERT(varbinary(max), {})").format(name)


def _utf16(name: str, kind: str, shown: str) -> str:
    if kind == "sql_variant":
        return f"CONVERT(varbinary(max), {_VARIANT.format(name)})"
    if kind in ("uniqueidentifier", "hierarchyid"):
        return f"CONVERT(varbinary(8000), CONVERT(nvarchar({_SHORT}), {name}))"
    length = re.search(r"\((\d+)\)", shown)
    short = length is not None and int(length[1]) <= _SHORT
    if kind in ("nchar", "nvarchar"):
        return f"CONVERT(varbinary({'8000' if short else 'max'}), {name})"
    if short:
        return f"CONVERT(varbinary(8000), CONVERT(nvarchar({_SHORT}), {name}))"
    return f"CONVERT(varbinary(max), CONVERT(nvarchar(max), {name}))"


def _kind(shown: str) -> str:
    return shown.partition("(")[0].partition(" ")[0]


def line(row: Iterable[object], forms: Sequence[Form]) -> bytes:
    """One row of an answer as a line. TypeError, ValueError for what the driver should not have given."""
    return b",".join(_field(value, form) for value, form in zip(row, forms, strict=True)) + b"\n"


def _field(value: object, form: Form) -> bytes:
    if value is None:
        return b""
    if form == "plain":
        return (str(int(value)) if isinstance(value, bool) else str(value)).encode("ascii")
    if not isinstance(value, bytes | bytearray):
        raise TypeError("expected bytes")
    if form == "hex":
        return b"\\x" + value.hex().encode()
    text = value.decode("utf-16-le", "surrogatepass")
    return b'"' + text.replace('"', '""').encode("utf-8", "surrogatepass") + b'"'
