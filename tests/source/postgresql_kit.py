"""A database of a real PostgreSQL for one test, and the account that reads it, made by the guide's GRANTs."""

import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from psycopg import sql

from escrow.seal import Secret
from escrow.source.postgresql import PostgresSnapshot
from escrow.source.sql import SqlSource
from escrow.source.sql_address import Address
from tests.servers.databases import PASSWORD, Server, postgres_admin

GUIDE = Path(__file__).parents[2] / "docs" / "guide-sql.md"


@dataclass(frozen=True)
class Base:
    """A database of its own with a table `other`, and an account that has the guide's GRANTs and no more."""

    server: Server
    name: str
    user: str

    def run(self, *statements: str) -> None:
        with postgres_admin(self.server, self.name) as admin:
            for statement in statements:
                admin.execute(statement.encode())

    def address(self, *, password: str = PASSWORD, **change: object) -> Address:
        """By TCP without TLS, unless `change` says so."""
        usual = {"host": "127.0.0.1", "port": self.server.port, "database": self.name, "user": self.user, "tls": "off"}
        return Address(password=lambda: Secret(password.encode()), **(usual | change))  # type: ignore[arg-type]

    def source(self, *ignore: str, password: str = PASSWORD, **change: object) -> SqlSource:
        address = self.address(password=password, **change)
        return SqlSource("mis", lambda: PostgresSnapshot(address), ignore=ignore)


def grants() -> str:
    """The SQL of the guide for PostgreSQL, as it stands there."""
    (block,) = re.findall(r"^```console\n(CREATE ROLE .*?)^```$", GUIDE.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    return str(block)


@contextmanager
def new_base(server: Server) -> Iterator[Base]:
    """A database, dropped at the end where the server is still there."""
    one = Base(server, f"b{secrets.token_hex(4)}", f"u{secrets.token_hex(4)}")
    with postgres_admin(server) as admin:
        admin.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(one.name)))
    word = sql.Literal(PASSWORD).as_string()
    text = grants().replace("escrow_reader", one.user).replace("fernhill", one.name).replace("'PASSWORD'", word)
    one.run("CREATE TABLE other (id int)", *text.strip().removesuffix(";").split(";\n"))
    yield one
    if server.process.poll() is None:
        with postgres_admin(server) as admin:
            admin.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(one.name)))
            admin.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(one.user)))
