"""CSV as escrow writes it from databases: RFC 4180, UTF-8, lines end in LF, NULL unquoted and empty. Pure."""

from collections.abc import Callable, Iterable, Sequence

from escrow.source.sql_model import Form, Table

BATCH = 1000
"""Rows that are asked for at a time."""


def quoted(text: str) -> str:
    """A text in quotes, always: the empty text is `""`, NULL is nothing."""
    return '"' + text.replace('"', '""') + '"'


def header(table: Table) -> bytes:
    """The first line: the columns' names, all quoted."""
    return (",".join(quoted(column.name) for column in table.columns) + "\n").encode("utf-8", "surrogatepass")


def field(value: object, form: Form) -> str:
    """One value as Python has it. Bytes are hex in every column, whatever it was declared as."""
    if value is None:
        return ""
    if isinstance(value, bytes | bytearray | memoryview):
        return "\\x" + bytes(value).hex()
    return quoted(str(value)) if form == "text" or isinstance(value, str) else str(value)


def encoder(table: Table) -> Callable[[Iterable[Sequence[object]]], bytes]:
    """A function from rows as Python has them to lines."""
    forms = [column.form for column in table.columns]

    def encode(rows: Iterable[Sequence[object]]) -> bytes:
        lines = [",".join(map(field, row, forms)) for row in rows]
        return ("\n".join(lines) + "\n").encode("utf-8", "surrogatepass") if lines else b""

    return encode
