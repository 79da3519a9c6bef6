"""SQLite: one read transaction on a connection that cannot write; nothing is copied to a temporary file."""

import os
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path
from urllib.parse import quote

from escrow.errors import SourceError
from escrow.source.base import UnreadableError
from escrow.source.sql_address import LOCK_SECONDS
from escrow.source.sql_model import BATCH, Column, ForeignKey, Form, Rows, Table, View, order_of

SCHEMA = "main"
_PIECE = 256 * 1024
_BLOBS = 8
"""Rows at a time where columns are for blobs: one large photo may come after many small ones."""
_ROWIDS = ("rowid", "_rowid_", "oid")
_SETTINGS = ("query_only = 1", "trusted_schema = 0", "temp_store = 2")
_BUSY = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED})
_UNREAD = {
    sqlite3.SQLITE_BUSY: "in-use",
    sqlite3.SQLITE_LOCKED: "in-use",
    sqlite3.SQLITE_PERM: "permission",
    sqlite3.SQLITE_AUTH: "permission",
}
_TABLES = (
    "SELECT name, coalesce(rootpage, 0) FROM sqlite_master WHERE type = 'table' AND substr(name, 1, 7) <> 'sqlite_' "
    "ORDER BY name"
)


class SqliteSnapshot:
    """A snapshot of one database file, open."""

    def __init__(self, path: Path) -> None:
        """Opens it and begins to read.

        SourceError `sqlite-missing`, `sqlite-locked`, `sqlite-crashed`, `sqlite-not-one`, `sqlite-unreadable`.
        """
        if not path.is_file():
            hint = "check path, and that the account that runs the night may read its folder"
            raise SourceError("sqlite-missing", f"expected an SQLite database at {path}, found no file", hint=hint)
        self._connection: sqlite3.Connection | None = None
        try:
            self._connection = sqlite3.connect(
                address(path), uri=True, timeout=LOCK_SECONDS, isolation_level=None, check_same_thread=False
            )
            self._connection.text_factory = _name_text
            self.view = _begin(self._connection)
            self._connection.text_factory = bytearray
        except sqlite3.Error as error:
            self.close()
            raise _not_opened(path, error) from None

    def rows(self, table: Table) -> Rows:
        """As sql_model.Snapshot. As many rows at a time as make a piece: few where they are large."""
        assert self._connection is not None
        count, most = 1, _BLOBS if any(column.form == "hex" for column in table.columns) else BATCH
        try:
            with closing(self._connection.execute(select_of(table))) as cursor:
                while rows := cursor.fetchmany(count):
                    lines = lines_of(rows)
                    yield len(rows), lines
                    count = min(most, count * 2) if len(lines) < _PIECE else max(1, count // 2)
        except sqlite3.Error as error:
            raise UnreadableError(_reason(error), f"SQLite ends a table ({_code(error)})") from None

    def close(self) -> None:
        """As sql_model.Snapshot."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def address(path: Path) -> str:
    """Pure: the URI that opens a file for reading alone, also on a Windows share."""
    text = path.absolute().as_posix()
    return f"file://{quote(os.fsencode(text if text.startswith('/') else '/' + text))}?mode=ro"


def select_of(table: Table) -> str:
    """Pure: the SELECT of a table by its primary key and its rowid, which its trees give in order: nothing is sorted.

    Rows whose primary key is NULL, which SQLite allows, are told apart by the rowid.
    """
    columns = ", ".join(_quoted(column.name) for column in table.columns)
    order = [_quoted(name) for name in (table.key if table.order else order_of(table))]
    order += [table.order] if table.order else []
    return f"SELECT {columns} FROM {_name(table.name)} ORDER BY {', '.join(order)}"  # noqa: S608 - quoted


def lines_of(rows: Sequence[Sequence[object]]) -> bytes:
    """Pure: rows as CSV, each value by its own type: a text is a bytearray (its bytes as they are), a blob bytes.

    A column of integers, or of texts without quotes, is formatted with the whole batch at once.
    """
    cells: list[Sequence[object]] = []
    forms: list[bytes] = []
    for column in zip(*rows, strict=True):
        kinds = set(map(type, column))
        if kinds == {int}:
            form, shown = b"%d", column
        elif kinds == {bytearray} and b'"' not in b"".join(column):
            form, shown = b'"%b"', column
        else:
            form, shown = b"%b", tuple(map(_field, column))
        forms.append(form)
        cells.append(shown)
    return (b",".join(forms) + b"\n") * len(rows) % tuple(chain.from_iterable(zip(*cells, strict=True)))


def _field(value: object) -> bytes:
    if value is None:
        return b""
    if isinstance(value, bytearray):
        return b'"' + value.replace(b'"', b'""') + b'"'
    return b"\\x" + value.hex().encode() if isinstance(value, bytes) else repr(value).encode()


def form_of(declared: str) -> Form:
    """Pure: the form of a column, by the rules of its declared type (sqlite.org/datatype3.html, section 3.1).

    Every value has a type of its own: in each column a text is quoted, and bytes are hex.
    """
    upper = declared.upper()
    if "INT" in upper:
        return "plain"
    if any(part in upper for part in ("CHAR", "CLOB", "TEXT")):
        return "text"
    return "hex" if "BLOB" in upper else "plain"


def _begin(run: sqlite3.Connection) -> View:
    for setting in _SETTINGS:
        run.execute(f"PRAGMA {setting}")
    run.execute("BEGIN")
    known = run.execute(_TABLES).fetchall()
    tables = [_table(run, name) for name, root in known if root]
    virtual = sum(not root for _, root in known)
    keys = {table.name.lower(): table.key for table in tables}
    told = (f"{virtual} virtual tables: left out, as another program makes them; what they keep in tables is here",)
    return View(
        server=f"SQLite {sqlite3.sqlite_version}; in each column a text is quoted and bytes are hex",
        isolation="one read transaction",
        taken=datetime.now(UTC),
        tables=tuple(_counted(run, _pointing(run, table, keys)) for table in tables),
        told=told if virtual else (),
    )


def _table(run: sqlite3.Connection, name: str) -> Table:
    columns: list[Column] = []
    key: dict[int, str] = {}
    for _, column, declared, not_null, _, place, hidden in run.execute(f"PRAGMA {SCHEMA}.table_xinfo({_quoted(name)})"):
        if hidden != 1:
            columns.append(Column(column, declared, not not_null, form_of(declared)))
            key |= {place: columns[-1].name} if place else {}
    taken = {column.name.lower() for column in columns}
    free = next((one for one in _ROWIDS if one not in taken), "")
    table = Table(SCHEMA, name, tuple(columns), tuple(key[place] for place in sorted(key)))
    return replace(table, order=free if free and _has_rowid(run, name, free) else "")


def _has_rowid(run: sqlite3.Connection, name: str, rowid: str) -> bool:
    try:
        run.execute(f"SELECT {rowid} FROM {_name(name)} LIMIT 0")  # noqa: S608 - quoted
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode != sqlite3.SQLITE_ERROR:
            raise
        return False
    return True


def _pointing(run: sqlite3.Connection, table: Table, keys: dict[str, tuple[str, ...]]) -> Table:
    """With foreign keys; one that names no columns points to the primary key. They have no names of their own."""
    found: dict[int, list[tuple[str, str, str | None]]] = {}
    for number, _, to_table, column, to, *_ in run.execute(f"PRAGMA {SCHEMA}.foreign_key_list({_quoted(table.name)})"):
        found.setdefault(number, []).append((to_table, column, to))
    foreign = []
    for _, parts in sorted(found.items()):
        to_table = parts[0][0]
        named = tuple(to for _, _, to in parts if to is not None)
        columns = tuple(column for _, column, _ in parts)
        foreign.append(ForeignKey("", columns, SCHEMA, to_table, named or keys.get(to_table.lower(), ())))
    return replace(table, foreign_keys=tuple(foreign))


def _counted(run: sqlite3.Connection, table: Table) -> Table:
    try:
        (rows,) = run.execute(f"SELECT count(*) FROM {_name(table.name)}").fetchone()  # noqa: S608 - quoted
    except sqlite3.Error as error:
        return replace(table, unread=_reason(error))
    return replace(table, rows=rows)


def _name(table: str) -> str:
    return f"{SCHEMA}.{_quoted(table)}"


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _name_text(raw: bytes) -> str:
    return raw.decode("utf-8", "replace")


def _not_opened(path: Path, error: sqlite3.Error) -> SourceError:
    code = _code(error)
    if code & 0xFF in _BUSY:
        hint = "another program writes to it; move the night away from that"
        return SourceError("sqlite-locked", f"{path}: locked for {LOCK_SECONDS} seconds", hint=hint)
    if code in {sqlite3.SQLITE_READONLY_ROLLBACK, sqlite3.SQLITE_READONLY_RECOVERY}:
        hint = "its program ended half way; start that program once, which mends it"
        return SourceError(
            "sqlite-crashed", f"{path}: a change is half written, and only a writer may undo it", hint=hint
        )
    if code & 0xFF in (sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT):
        hint = "look whether it is encrypted, damaged or another kind of file; as a folder it is kept as it is"
        return SourceError(
            "sqlite-not-one", f"{path}: expected an SQLite database, found none that can be read", hint=hint
        )
    hint = "the account must read the file; where -wal or -shm files belong to it, it must write to its folder as well"
    return SourceError("sqlite-unreadable", f"{path}: cannot be read ({type(error).__name__} {code})", hint=hint)


def _reason(error: sqlite3.Error) -> str:
    return _UNREAD.get(_code(error) & 0xFF, "io-error")


def _code(error: sqlite3.Error) -> int:
    """SQLite's extended number, 0 where the fault is Python's."""
    return getattr(error, "sqlite_errorcode", 0)
