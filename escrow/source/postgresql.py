"""PostgreSQL, by psycopg: one READ ONLY, REPEATABLE READ transaction, and the server's own COPY."""

import re
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import LiteralString

import psycopg
from psycopg import sql
from psycopg.rows import TupleRow

from escrow.errors import SourceError
from escrow.source import postgresql_catalog as catalog
from escrow.source.base import UnreadableError
from escrow.source.sql_address import CONNECT_SECONDS, LOCK_SECONDS, Address, away, no_database, no_tls, refused
from escrow.source.sql_model import Rows, Table, View, order_of

_PIECE = 256 * 1024
_MODES = {"verify": "verify-full", "unverified": "require", "off": "disable"}
_BUNDLES = ("/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem")
"""Where systems keep their authorities in one file: the OpenSSL that comes with the driver looks elsewhere."""
_SETTINGS = {
    "DateStyle": "ISO, YMD",
    "IntervalStyle": "postgres",
    "TimeZone": "UTC",
    "bytea_output": "hex",
    "client_encoding": "UTF8",
    "extra_float_digits": "3",
    "idle_in_transaction_session_timeout": "0",
    "lock_timeout": f"{LOCK_SECONDS}s",
    "row_security": "off",  # rows that a policy hides are an error, never silently missing
    "search_path": "pg_catalog",
    "standard_conforming_strings": "on",
    "statement_timeout": "0",
}
_NOT_UTF8 = "22021"
_UNREAD = {
    _NOT_UTF8: "encoding",
    "42501": "permission",
    "42P01": "vanished",
    "42703": "changing",
    "40001": "changing",
    "55P03": "in-use",
    "57014": "io-error",
    "57P01": "away",
}


class PostgresSnapshot:
    """A snapshot of one database, by an account that may only read."""

    def __init__(self, address: Address) -> None:
        """Connects and takes the snapshot.

        SourceError `sql-away`, `sql-password`, `sql-tls`, `sql-database`, `sql-name`.
        """
        self._connection = _connect(address)
        try:
            self.view = self._begin()
        except psycopg.Error as error:
            self.close()
            if error.sqlstate == _NOT_UTF8:
                hint = "convert the database from SQL_ASCII, or take pg_dump by a command"
                raise SourceError("sql-name", "expected names in UTF-8, found others", hint=hint) from None
            raise away(address, error.sqlstate or type(error).__name__) from None

    def _begin(self) -> View:
        """Locks come before the snapshot: a TRUNCATE in between would show a table as empty.

        ACCESS SHARE, as pg_dump takes it: it stops DROP, ALTER and TRUNCATE, and no reading or writing.
        """
        run = self._connection
        for name, value in _SETTINGS.items():
            run.execute("SELECT set_config(%s, %s, false)", (name, value))
        known = run.execute(catalog.TABLES).fetchall()
        run.execute("BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        unread: dict[int, str] = {}
        for oid, schema, name, partitioned in known:
            lock = sql.SQL("LOCK TABLE {} IN ACCESS SHARE MODE")
            try:
                with self._connection.transaction():
                    run.execute(lock.format(_name(Table(schema, name, (), partitioned=partitioned))))
            except psycopg.Error as error:
                unread[oid] = _reason(error)
        (version, taken) = run.execute("SELECT version(), clock_timestamp()").fetchone() or ("", datetime.now(UTC))
        tables = catalog.read_tables(run)
        return View(
            server=version,
            isolation="repeatable read, read only",
            taken=taken.astimezone(UTC),
            tables=tuple(self._counted(table, unread.get(oid, "")) for oid, table in tables.items()),
            told=catalog.left_out(run),
        )

    def _counted(self, table: Table, unread: str) -> Table:
        if unread:
            return replace(table, unread=unread)
        count = sql.SQL("SELECT count(*) FROM {}").format(_name(table))
        try:
            with self._connection.transaction():
                row = self._connection.execute(count).fetchone()
        except psycopg.Error as error:
            return replace(table, unread=_reason(error))
        return replace(table, rows=row[0] if row else None)

    def rows(self, table: Table) -> Rows:
        """As sql_model.Snapshot."""
        pieces: list[bytes] = []
        size = 0
        try:
            with (
                self._connection.transaction(),
                self._connection.cursor() as cursor,
                cursor.copy(copy_query(table)) as copy,
            ):
                for row in copy:
                    pieces.append(bytes(row))
                    size += len(row)
                    if size >= _PIECE:
                        yield len(pieces), b"".join(pieces)
                        pieces.clear()
                        size = 0
        except psycopg.Error as error:
            raise UnreadableError(_reason(error), f"the server ends a table ({error.sqlstate})") from None
        yield len(pieces), b"".join(pieces)

    def close(self) -> None:
        """As sql_model.Snapshot."""
        self._connection.close()


def copy_query(table: Table) -> sql.Composed:
    """Pure: the COPY of a table, sorted; what has no order of its own is sorted as text."""
    order = [
        sql.Identifier(name) if table.key else sql.SQL('{}::text COLLATE "C"').format(sql.Identifier(name))
        for name in order_of(table)
    ]
    texts = [sql.Identifier(column.name) for column in table.columns if column.form == "text"]
    force = sql.SQL(", FORCE_QUOTE ({})").format(sql.SQL(", ").join(texts)) if texts else sql.SQL("")
    by = sql.SQL(" ORDER BY {}").format(sql.SQL(", ").join(order)) if order else sql.SQL("")
    return sql.SQL("COPY (SELECT {} FROM {}{}) TO STDOUT (FORMAT csv{})").format(
        sql.SQL(", ").join(sql.Identifier(column.name) for column in table.columns), _name(table), by, force
    )


def _name(table: Table) -> sql.Composed:
    form: LiteralString = "{}" if table.partitioned else "ONLY {}"
    return sql.SQL(form).format(sql.Identifier(table.schema, table.name))


def _connect(address: Address) -> "psycopg.Connection[TupleRow]":
    try:
        return psycopg.connect(
            host=address.host,
            port=address.port,
            dbname=address.database,
            user=address.user,
            password=address.word(),
            sslmode=_MODES[address.tls],
            connect_timeout=CONNECT_SECONDS,
            keepalives_idle=60,
            keepalives_interval=15,
            keepalives_count=4,
            application_name="escrow",
            autocommit=True,
            passfile="",
            sslrootcert=_authorities(address) if address.tls == "verify" else None,
        )
    except psycopg.Error as error:
        raise _not_connected(address, error) from None


def _authorities(address: Address) -> str:
    found = address.ca_file or next((path for path in map(Path, _BUNDLES) if path.is_file()), None)
    if found is None:
        raise no_tls("no file of authorities is known on this machine")
    return str(found)


def _not_connected(address: Address, error: psycopg.Error) -> SourceError:
    """What a refusal means. Before there is a connection the driver gives text alone: it is looked at, never shown.

    The server's part, behind two blanks, may be in any language: what it names tells more than its words do.
    """
    ours, _, said = str(error).partition(":  ")
    if "pg_hba.conf" in said and address.tls == "off":
        return no_tls("pg_hba.conf lets this account in with TLS alone, or not at all")
    if not said and ("SSL" in ours or "certificate" in ours):
        return no_tls()
    if "pg_hba.conf" in said or _names(said, address.user) or (error.pgconn and error.pgconn.needs_password):
        return refused(address)
    if _names(said, address.database):
        return no_database(address)
    return away(address, error.sqlstate or type(error).__name__)


def _names(said: str, name: str) -> bool:
    return re.search(rf"(?<![\w-]){re.escape(name)}(?![\w-])", said) is not None


def _reason(error: psycopg.Error) -> str:
    if error.sqlstate is None or error.sqlstate.startswith("08"):
        return "away"
    return _UNREAD.get(error.sqlstate, "io-error")
