"""Database servers as sources, as escrow.toml describes them."""

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Self

from escrow.errors import UsageError

from .credentials import Credential, credential_of
from .source_config import SourceConfig
from .tables import Table

if TYPE_CHECKING:
    from escrow.source import Source
    from escrow.source.sql_address import Address, Tls
    from escrow.source.sql_model import Snapshot

_TLS: "tuple[Tls, ...]" = ("verify", "unverified", "off")


@dataclass(frozen=True, slots=True, kw_only=True)
class SqlConfig(SourceConfig):
    """One database of a server; `host`: a name, or a socket's path; without `port` it is the server's usual one."""

    host: str
    port: int | None
    database: str
    user: str
    password: Credential | None
    tls: "Tls"
    ca_file: Path | None
    ignore: tuple[str, ...]

    @classmethod
    def parse(cls, name: str, table: Table, root: Path) -> Self:
        return cls(
            name=name,
            host=table.needed("host"),
            port=table.number("port", 65535),
            database=table.needed("database"),
            user=cls.user_of(table),
            password=credential_of(table, "password", root),
            tls=table.one_of("tls", _TLS),
            ca_file=table.file("ca_file", root),
            ignore=tuple(table.texts("ignore")),
        )

    @classmethod
    def user_of(cls, table: Table) -> str:
        """The account's name. UsageError for none."""
        return table.needed("user")

    def open(self, own: Sequence[Path]) -> "Source":
        from escrow.source.sql import SqlSource
        from escrow.source.sql_address import Address

        password = self.password.read if self.password else None
        address = Address(self.host, self.port, self.database, self.user, password, self.tls, self.ca_file)
        return SqlSource(self.name, lambda: self.connect(address), ignore=self.ignore)

    @abstractmethod
    def connect(self, address: "Address") -> "Snapshot":
        """A snapshot of the database. SourceError."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PostgresConfig(SqlConfig):
    """PostgreSQL."""

    def connect(self, address: "Address") -> "Snapshot":
        from escrow.source.postgresql import PostgresSnapshot

        return PostgresSnapshot(address)


@dataclass(frozen=True, slots=True, kw_only=True)
class MySqlConfig(SqlConfig):
    """MySQL and MariaDB."""

    def connect(self, address: "Address") -> "Snapshot":
        from escrow.source.mysql import MySqlSnapshot

        return MySqlSnapshot(address)


@dataclass(frozen=True, slots=True, kw_only=True)
class SqlServerConfig(SqlConfig):
    """SQL Server; without `user` it is the Windows account that the night runs as."""

    def __post_init__(self) -> None:
        if self.ca_file is not None:
            hint = "put the authority's certificate into the system's store: the driver knows no other"
            raise UsageError("config-value", f"{self.name}: ca_file: expected none for SQL Server", hint=hint)

    @classmethod
    def user_of(cls, table: Table) -> str:
        return table.text("user") or ""

    def connect(self, address: "Address") -> "Snapshot":
        from escrow.source.sql_address import no_driver

        try:
            from escrow.source.sqlserver import SqlServerSnapshot
        except ImportError:
            raise no_driver() from None
        return SqlServerSnapshot(address)
