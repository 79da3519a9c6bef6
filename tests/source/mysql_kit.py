"""A database of its own in the running MariaDB, an account that may only read it, and what a scan gives."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count

from escrow.seal import Secret
from escrow.source import UnreadableError
from escrow.source.base import UnreadItem
from escrow.source.mysql import MySqlSnapshot
from escrow.source.sql import SqlSource
from escrow.source.sql_address import Address
from tests.servers.databases import PASSWORD, Server, mariadb_admin

_NUMBERS = count()


@dataclass(frozen=True)
class Base:
    """A database and its reader."""

    server: Server
    name: str
    reader: str

    def run(self, *statements: str) -> None:
        """As the superuser."""
        with mariadb_admin(self.server, self.name) as admin, admin.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)

    def address(self, password: str = PASSWORD, database: str | None = None, port: int | None = None) -> Address:
        """How the reader comes in."""
        secret = Secret(password.encode())
        return Address("127.0.0.1", port or self.server.port, database or self.name, self.reader, lambda: secret, "off")

    def source(self, name: str = "mis", **other: object) -> SqlSource:
        """The database as a source."""
        return SqlSource(name, lambda: MySqlSnapshot(self.address(**other)))  # type: ignore[arg-type]


@contextmanager
def base(server: Server, *statements: str, grant: bool = True) -> Iterator[Base]:
    """A new database, filled, and dropped at the end."""
    number = next(_NUMBERS)
    one = Base(server, f"school{number}", f"reader{number}")
    with mariadb_admin(server) as admin, admin.cursor() as cursor:
        cursor.execute(f"CREATE DATABASE {one.name} CHARACTER SET utf8mb4")
        cursor.execute(f"CREATE USER {one.reader}@'127.0.0.1' IDENTIFIED BY %s", (PASSWORD,))
        if grant:
            cursor.execute(f"GRANT SELECT ON {one.name}.* TO {one.reader}@'127.0.0.1'")
    try:
        one.run(*statements)
        yield one
    finally:
        if server.process.poll() is None:
            with mariadb_admin(server) as admin, admin.cursor() as cursor:
                cursor.execute(f"DROP DATABASE {one.name}")
                cursor.execute(f"DROP USER {one.reader}@'127.0.0.1'")


def scanned(source: SqlSource) -> tuple[dict[str, bytes], dict[str, str]]:
    """All files of a scan, without the source's name and the database's, and why others cannot be read."""
    files: dict[str, bytes] = {}
    unread: dict[str, str] = {}
    for item in source.scan():
        name = item.path.decode().partition("/")[2]
        name = name if name == "schema.json" else name.partition(".")[2].removesuffix(".csv")
        if isinstance(item, UnreadItem):
            unread[name] = item.reason
            continue
        try:
            with source.open(item) as reader:  # type: ignore[arg-type]
                files[name] = reader.read()
        except UnreadableError as error:
            unread[name] = error.code
    return files, unread


def schema(files: dict[str, bytes]) -> dict[str, dict[str, object]]:
    """schema.json's tables by name."""
    return {table["table"]: table for table in json.loads(files["schema.json"])["tables"]}
