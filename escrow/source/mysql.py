"""MySQL and MariaDB, by asyncmy: one consistent, READ ONLY snapshot of InnoDB; the server writes the CSV's fields."""

import asyncio
import ssl
from collections.abc import Coroutine, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import TypeVar

from asyncmy.connection import Connection
from asyncmy.cursors import SSCursor
from asyncmy.errors import MySQLError

from escrow.errors import SourceError
from escrow.limits import MIB
from escrow.source import mysql_catalog as catalog
from escrow.source.base import UnreadableError
from escrow.source.mysql_dialect import lines, name_of, select_of
from escrow.source.sql_address import CONNECT_SECONDS, LOCK_SECONDS, Address, away, no_database, no_tls, refused
from escrow.source.sql_model import BATCH, Rows, Table, View

_T = TypeVar("_T")
_FAULTS = (MySQLError, OSError, EOFError)
_HOURS = 24 * 3600
_TURNS = 3
"""Of the loop, until a TLS connection and the socket below it are closed."""
_SETTINGS = (
    "SET NAMES utf8mb4",
    "SET SESSION sql_mode = '', time_zone = '+00:00'",
    f"SET SESSION net_write_timeout = {_HOURS}, net_read_timeout = {_HOURS}, wait_timeout = {_HOURS}",
    f"SET SESSION lock_wait_timeout = {LOCK_SECONDS}",
    f"SET SESSION sort_buffer_size = {32 * MIB}",  # a wide table without a key is sorted by all its columns
    "SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ",
)
_LIMITS = ("SET SESSION max_statement_time = 0", "SET SESSION max_execution_time = 0")  # MariaDB's, MySQL's
_REFUSED = frozenset({1045, 1251, 1698, 1862, 1820, 2061})
_NO_DATABASE = frozenset({1044, 1049})
_NO_TLS = frozenset({2026, 3159})
_AWAY = frozenset({0, 1053, 1077, 1152, 1927, 2003, 2006, 2013, 2014, 4031})
_UNREAD = {
    1142: "permission",
    1143: "permission",
    1044: "permission",
    1146: "vanished",
    1054: "changing",
    1412: "changing",
    1205: "in-use",
    1301: "row-too-large",
}


class MySqlSnapshot:
    """A snapshot of one database, by an account that may only read."""

    def __init__(self, address: Address) -> None:
        """Connects and takes the snapshot. SourceError `sql-away`, `sql-password`, `sql-tls`, `sql-database`."""
        self._loop = asyncio.new_event_loop()
        self._connection: Connection | None = None
        with ExitStack() as undo:
            undo.callback(self.close)
            self._connection = self._wait(_connect(address))
            try:
                self.view = self._begin(address.database)
            except _FAULTS as error:
                raise away(address, str(_code(error))) from None
            undo.pop_all()

    def _begin(self, database: str) -> View:
        for statement in _SETTINGS:
            self._ask(statement)
        for statement in _LIMITS:
            with _either_server():
                self._ask(statement)
        self._ask("START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY")
        self._ask("SAVEPOINT escrow")
        ((version, taken),) = self._ask("SELECT CONCAT(@@version_comment, ' ', VERSION()), UTC_TIMESTAMP(6)")
        tables, told = catalog.read_tables(self._ask, database)
        return View(
            server=version or "",
            isolation="repeatable read, read only, consistent snapshot",
            taken=datetime.fromisoformat(taken or "").replace(tzinfo=UTC),
            tables=tuple(self._counted(table) for table in tables),
            told=told,
        )

    def _counted(self, table: Table) -> Table:
        """With its rows, and tried whole: a column that may not be read is in no catalogue, but fails here."""
        name = name_of(table)
        try:
            self._ask(f"SELECT * FROM {name} LIMIT 0")  # noqa: S608 - quoted
            ((count,),) = self._ask(f"SELECT COUNT(*) FROM {name}")  # noqa: S608 - quoted
            self._let_go()
        except _FAULTS as error:
            return replace(table, unread=_reason(error))
        return replace(table, rows=int(count or 0))

    def _let_go(self) -> None:
        """The table may be altered again, as with mysqldump; the snapshot notices that (error 1412)."""
        self._ask("ROLLBACK TO SAVEPOINT escrow")

    def rows(self, table: Table) -> Rows:
        """As sql_model.Snapshot. Left half way, it closes the connection: the rest would have to be read."""
        if self._connection is None:
            raise UnreadableError("away", "the database went away")
        query, parts = select_of(table)
        with _told():
            cursor = self._connection.cursor(SSCursor)
            usable = False
            try:
                self._wait(cursor.execute(query))
                while rows := self._wait(cursor.fetchmany(BATCH)):
                    yield len(rows), lines(rows, parts)
                usable = True
            except (MySQLError, UnreadableError) as error:
                usable = isinstance(error, UnreadableError) or _code(error) not in _AWAY
                raise
            finally:
                if usable:
                    self._wait(cursor.close())
                    self._let_go()
                else:
                    self.close()

    def close(self) -> None:
        """As sql_model.Snapshot."""
        if self._connection is not None:
            transport = self._connection._transport  # type: ignore[attr-defined]
            self._connection.close()
            self._connection = None
            if transport is not None:
                transport.abort()
        if not self._loop.is_closed():
            for _ in range(_TURNS):
                self._loop.run_until_complete(asyncio.sleep(0))
            self._loop.close()

    def _ask(self, query: str) -> list[tuple[str | None, ...]]:
        assert self._connection is not None
        cursor = self._connection.cursor()
        self._wait(cursor.execute(query))
        found = self._wait(cursor.fetchall())
        self._wait(cursor.close())
        return [tuple(value if value is None else value.decode() for value in row) for row in found or ()]

    def _wait(self, doing: Coroutine[object, object, _T]) -> _T:
        return self._loop.run_until_complete(self._flowing(doing))

    async def _flowing(self, doing: Coroutine[object, object, _T]) -> _T:
        """The driver keeps all that the server sends, however slow the night: so nothing is taken unless asked for."""
        transport = self._connection._transport if self._connection else None  # type: ignore[attr-defined]
        if transport is None:
            return await doing
        transport.resume_reading()
        try:
            return await doing
        finally:
            transport.pause_reading()


async def _connect(address: Address) -> Connection:
    """A connection of the running loop; without TLS where it should be there it is none."""
    path = address.host if address.host.startswith("/") else None
    context = address.context()
    try:
        connection = Connection(  # type: ignore[no-untyped-call]
            host="localhost" if path else address.host,
            port=address.port or 3306,
            unix_socket=path,
            user=address.user,
            password=address.word().encode("utf-8", "surrogateescape"),
            database=address.database,
            charset="utf8mb4",
            use_unicode=False,
            conv={},
            autocommit=True,
            connect_timeout=CONNECT_SECONDS,
            ssl=context,
            program_name="escrow",
        )
        await connection.connect()
    except _FAULTS as error:
        raise _not_connected(address, error) from None
    return connection


def _not_connected(address: Address, error: Exception) -> SourceError:
    code = _code(error)
    if code in _REFUSED:
        return refused(address)
    if code in _NO_DATABASE:
        return no_database(address)
    if code in _NO_TLS or isinstance(error, ssl.SSLError) or isinstance(error.__cause__, ssl.SSLError):
        return no_tls()
    return away(address, str(code or type(error).__name__))


@contextmanager
def _either_server() -> Iterator[None]:
    """A variable that the other of the two servers has (error 1193)."""
    try:
        yield
    except MySQLError as error:
        if _code(error) != 1193:
            raise


@contextmanager
def _told() -> Iterator[None]:
    try:
        yield
    except _FAULTS as error:
        raise UnreadableError(_reason(error), f"the server ends a table ({_code(error)})") from None


def _code(error: BaseException) -> int:
    """The server's number, 0 where there is none: the connection's own faults."""
    return error.args[0] if isinstance(error, MySQLError) and error.args and isinstance(error.args[0], int) else 0


def _reason(error: BaseException) -> str:
    code = _code(error)
    return "away" if code in _AWAY else _UNREAD.get(code, "io-error")
