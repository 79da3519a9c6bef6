"""Sources that are asked over HTTP, as escrow.toml describes them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Self

from escrow.errors import UsageError

from .credentials import Credential, needed_credential
from .source_config import SourceConfig
from .tables import Table

if TYPE_CHECKING:
    from escrow.seal import Secret
    from escrow.source import Source
    from escrow.source.http import HttpClient
    from escrow.source.oneroster import Version

_VERSIONS: "tuple[Version, ...]" = ("1.1", "1.2")


@dataclass(frozen=True, slots=True)
class Line:
    """How a server is reached: `ca_file` (PEM) of an authority of the school's own, `proxy` an address."""

    url: str | None
    ca_file: Path | None
    proxy: str | None

    @classmethod
    def parse(cls, table: Table, root: Path) -> Self:
        """Take `url`, `ca_file` and `proxy` out of `table`. UsageError."""
        return cls(table.text("url"), table.file("ca_file", root), table.text("proxy"))

    def needed_url(self, table: Table) -> str:
        """Where the server is, for kinds that have no address of their own. UsageError."""
        if self.url is None:
            raise UsageError("config-missing-key", f"{table.where}: expected url, found none")
        return self.url

    def client(
        self, default: str, *, bearer: "Secret | None" = None, key: "tuple[str, Secret] | None" = None
    ) -> "HttpClient":
        """A client with its credential. UsageError, SourceError."""
        from escrow.source.http import HttpClient

        return HttpClient(self.url or default, bearer=bearer, key=key, ca_file=self.ca_file, proxy=self.proxy)


@dataclass(frozen=True, slots=True, kw_only=True)
class WondeConfig(SourceConfig):
    """A school by Wonde; `entities` as they are written there, none for all."""

    school: str
    token: Credential
    line: Line
    entities: tuple[str, ...] = ()

    @classmethod
    def parse(cls, name: str, table: Table, root: Path) -> Self:
        return cls(
            name=name,
            school=table.needed("school"),
            token=needed_credential(table, "token", root),
            line=Line.parse(table, root),
            entities=tuple(table.texts("entities")),
        )

    def open(self, own: Sequence[Path]) -> "Source":
        from escrow.source.wonde import BASE_URL, WondeSource
        from escrow.source.wonde_entities import parse_entity

        entities = [parse_entity(one) for one in self.entities] or None
        return WondeSource(
            self.name, lambda: self.line.client(BASE_URL, bearer=self.token.read()), self.school, entities=entities
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class IsamsConfig(SourceConfig):
    """iSAMS by its Batch API; `url` is the school's own address."""

    url: str
    key: Credential
    line: Line

    @classmethod
    def parse(cls, name: str, table: Table, root: Path) -> Self:
        line = Line.parse(table, root)
        return cls(name=name, url=line.needed_url(table), key=needed_credential(table, "key", root), line=line)

    def open(self, own: Sequence[Path]) -> "Source":
        from escrow.source.isams import KEY, IsamsSource

        return IsamsSource(self.name, lambda: self.line.client(self.url, key=(KEY, self.key.read())))


@dataclass(frozen=True, slots=True, kw_only=True)
class OneRosterConfig(SourceConfig):
    """OneRoster by REST; `url`: what stands before `/ims/oneroster`; `entities` as there, none for rostering."""

    url: str
    token_url: str
    client_id: str
    client_secret: Credential
    version: "Version"
    line: Line
    scope: str
    entities: tuple[str, ...] = ()

    @classmethod
    def parse(cls, name: str, table: Table, root: Path) -> Self:
        line = Line.parse(table, root)
        url = line.needed_url(table)
        if "/ims/oneroster" in url:
            hint = "leave out /ims/oneroster and what comes behind it"
            raise UsageError("config-value", f"{table.where}: url: expected the server's address alone", hint=hint)
        return cls(
            name=name,
            url=url,
            token_url=table.needed("token_url"),
            client_id=table.needed("client_id"),
            client_secret=needed_credential(table, "client_secret", root),
            version=table.one_of("version", _VERSIONS),
            line=line,
            scope=table.text("scope") or "",
            entities=tuple(table.texts("entities")),
        )

    def open(self, own: Sequence[Path]) -> "Source":
        from escrow.source.oneroster import OneRosterSource, Token, log_in

        def enter(scope: str) -> Token:
            server = replace(self.line, url=self.token_url).client(self.token_url)
            return log_in(server, self.client_id, self.client_secret.read(), scope)

        return OneRosterSource(
            self.name,
            enter,
            lambda bearer: self.line.client(self.url, bearer=bearer),
            version=self.version,
            entities=self.entities,
            scope=self.scope,
        )
