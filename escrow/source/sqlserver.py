"""SQL Server, by pyodbc and Microsoft's driver: one SNAPSHOT transaction, every table as CSV.

The dialect is held by tests against its text, and what the driver manager does by another database behind ODBC: it was
not run against SQL Server itself.
"""

import re
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime
from typing import Protocol

import pyodbc  # type: ignore[import-not-found] # its stub lies where mypy does not look

from escrow.errors import SourceError
from escrow.source import sqlserver_catalog as catalog
from escrow.source.base import UnreadableError
from escrow.source.sql_address import (
    CONNECT_SECONDS,
    LOCK_SECONDS,
    Address,
    away,
    no_database,
    no_driver,
    no_tls,
    refused,
)
from escrow.source.sql_model import Rows, Table, View
from escrow.source.sqlserver_dialect import count_of, line, select_of, try_of

pyodbc.pooling = False  # a connection of before would still have its isolation

_DRIVER = re.compile(r"ODBC Driver (\d+) for SQL Server")
_PIECE = 256 * 1024
_TLS = {
    "verify": "Encrypt=yes;TrustServerCertificate=no",
    "unverified": "Encrypt=yes;TrustServerCertificate=yes",
    "off": "Encrypt=no;TrustServerCertificate=no",
}
_SETTINGS = (
    "SET ANSI_NULLS, ANSI_PADDING, ANSI_WARNINGS, ARITHABORT, CONCAT_NULL_YIELDS_NULL, QUOTED_IDENTIFIER ON",
    "SET XACT_ABORT, NUMERIC_ROUNDABORT OFF",
    "SET ROWCOUNT 0",
    "SET TEXTSIZE 2147483647",
    f"SET LOCK_TIMEOUT {LOCK_SECONDS * 1000}",
    "SET DEADLOCK_PRIORITY LOW",
)
_NOW = "SELECT CONVERT(varchar(34), SYSUTCDATETIME(), 126)"
_NUMBERS = re.compile(r"\((-?\d+)\)(?= \(SQL|; \[|$)")
_NO_DATABASE = frozenset({"4060", "911", "916"})
_REFUSED = frozenset({"18452", "18456", "18470", "18486", "18487", "18488"})
_NO_DRIVER = frozenset({"IM002", "IM003", "IM004"})
_UNREAD = {
    "229": "permission",
    "230": "permission",
    "208": "vanished",
    "207": "changing",
    "3961": "changing",
    "1205": "in-use",
    "1222": "in-use",
    "41332": "memory-optimized",
}


class _Cursor(Protocol):
    """Of pyodbc, what is used here."""

    def execute(self, query: str) -> "_Cursor": ...
    def fetchall(self) -> list[Sequence[object]]: ...
    def __iter__(self) -> Iterator[Sequence[object]]: ...
    def close(self) -> None: ...


class _Connection(Protocol):
    """The same."""

    def cursor(self) -> _Cursor: ...
    def close(self) -> None: ...


class SqlServerSnapshot:
    """A snapshot of one database, by an account that may only read; without a user it is Windows' own account."""

    def __init__(self, address: Address, driver: str | None = None) -> None:
        """Connects by `driver`, else by the newest of Microsoft's that is installed, and takes the snapshot.

        SourceError `sql-away`, `sql-driver`, `sql-password`, `sql-tls`, `sql-database`, `sql-name`, `sql-snapshot`.
        """
        self._connection: _Connection = _connect(address, driver or _driver())
        try:
            self.view = self._begin(address.database)
        except (pyodbc.Error, UnicodeDecodeError, SourceError) as error:
            self.close()
            if isinstance(error, SourceError):
                raise
            if isinstance(error, pyodbc.Error):
                raise away(address, _state(error)) from None
            raise SourceError("sql-name", "expected names in UTF-16, found others") from None

    def _begin(self, database: str) -> View:
        for statement in _SETTINGS:
            self._run(statement)
        ((server, state, fixed, sees_all, unmasks),) = self._ask(catalog.ABOUT)
        isolation = _isolation(state == 1, bool(fixed), database)
        self._run(f"SET TRANSACTION ISOLATION LEVEL {isolation}")
        self._run("BEGIN TRANSACTION")
        tables, told = catalog.read_tables(self._ask, sees_all=bool(sees_all), unmasks=bool(unmasks))
        ((taken,),) = self._ask(_NOW)
        return View(
            server=str(server),
            isolation="snapshot" if isolation == "SNAPSHOT" else "a read-only database",
            taken=datetime.fromisoformat(str(taken)).replace(tzinfo=UTC),
            tables=tuple(table if table.unread else self._counted(table) for table in tables),
            told=told,
        )

    def _counted(self, table: Table) -> Table:
        """With its rows, and tried whole: a column that may not be read fails here."""
        try:
            self._ask(try_of(table))
            ((count,),) = self._ask(count_of(table))
        except pyodbc.Error as error:
            return replace(table, unread=_reason(error))
        return replace(table, rows=int(str(count)))

    def rows(self, table: Table) -> Rows:
        """As sql_model.Snapshot."""
        forms = [column.form for column in table.columns]
        pieces: list[bytes] = []
        size = 0
        with _told(), closing(self._connection.cursor()) as cursor:
            for row in cursor.execute(select_of(table)):
                pieces.append(line(row, forms))
                size += len(pieces[-1])
                if size >= _PIECE:
                    yield len(pieces), b"".join(pieces)
                    pieces.clear()
                    size = 0
        yield len(pieces), b"".join(pieces)

    def close(self) -> None:
        """As sql_model.Snapshot. The driver undoes the transaction."""
        with suppress(pyodbc.Error):
            self._connection.close()

    def _run(self, statement: str) -> None:
        with closing(self._connection.cursor()) as cursor:
            cursor.execute(statement)

    def _ask(self, query: str) -> Sequence[Sequence[object]]:
        with closing(self._connection.cursor()) as cursor:
            return cursor.execute(query).fetchall()


def _driver() -> str:
    """SourceError `sql-driver` where there is none."""
    found = {int(known[1]): known[0] for known in map(_DRIVER.fullmatch, pyodbc.drivers()) if known}
    if not found:
        raise no_driver()
    return found[max(found)]


def connection_string(address: Address, driver: str) -> str:
    """Pure but for the password, which is asked: what the driver manager is given. It must be shown nowhere."""
    server = f"{address.host},{address.port}" if address.port else address.host
    parts = [f"Driver={_braced(driver)}", f"Server={_braced(server)}", f"Database={_braced(address.database)}"]
    if address.user:
        parts += [f"UID={_braced(address.user)}", f"PWD={_braced(address.word())}"]
    else:
        parts.append("Trusted_Connection=yes")
    return ";".join([*parts, _TLS[address.tls], "APP=escrow"])


def _braced(value: str) -> str:
    return "{" + value.replace("}", "}}") + "}"


def _isolation(snapshot: bool, fixed: bool, database: str) -> str:
    """The level under which all tables are of one moment without a lock. SourceError `sql-snapshot` for none."""
    if snapshot:
        return "SNAPSHOT"
    if fixed:
        return "READ COMMITTED"
    hint = (
        f"ALTER DATABASE {database} SET ALLOW_SNAPSHOT_ISOLATION ON, or read a database snapshot of it, "
        "see docs/guide-sql.md"
    )
    raise SourceError(
        "sql-snapshot", f"expected that {database} allows snapshot isolation; without it tables would differ", hint=hint
    )


def _connect(address: Address, driver: str) -> _Connection:
    try:
        made: _Connection = pyodbc.connect(connection_string(address, driver), autocommit=True, timeout=CONNECT_SECONDS)
    except pyodbc.Error as error:
        raise _not_connected(address, error) from None
    return made


def _not_connected(address: Address, error: Exception) -> SourceError:
    """What a refusal means, by states and numbers, which have no language; "SSL" stands in each."""
    numbers = _numbers(error)
    text = str(error)
    if _state(error) in _NO_DRIVER or "Can't open lib" in text:
        return no_driver()
    if numbers & _NO_DATABASE:
        return no_database(address)
    if numbers & _REFUSED or _state(error) == "28000":
        return refused(address)
    if "SSL" in text or "TLS" in text:
        return no_tls()
    return away(address, _state(error))


@contextmanager
def _told() -> Iterator[None]:
    try:
        yield
    except pyodbc.Error as error:
        shown = min(_numbers(error), default=_state(error))
        raise UnreadableError(_reason(error), f"the server ends a table ({shown})") from None
    except (TypeError, ValueError) as error:
        raise UnreadableError("io-error", f"the driver gives another type ({type(error).__name__})") from None


def _state(error: Exception) -> str:
    """SQLSTATE, or the class where the driver has none."""
    state = error.args[0] if error.args else ""
    return state if isinstance(state, str) and re.fullmatch("[0-9A-Z]{5}", state) else type(error).__name__


def _numbers(error: Exception) -> set[str]:
    """The server's own numbers: pyodbc writes each message as `[state] text (number)`."""
    return set(_NUMBERS.findall(str(error.args[1]))) if len(error.args) > 1 else set()


def _reason(error: Exception) -> str:
    known = [_UNREAD[number] for number in sorted(_numbers(error) & set(_UNREAD))]
    if known:
        return known[0]
    return "away" if _state(error).startswith("08") or _state(error) == "HYT01" else "io-error"
