"""Sources that are asked over HTTP, as escrow.toml describes them."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Self

from escrow.errors import UsageError

from .credentials import Credential, needed_credential
from .source_config import SourceConfig
from .tables import Table

if TYPE_CHECKING:
    from escrow.source import Source
    from escrow.source.http import HttpClient


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

    def client(
        self, default: str, *, bearer: Credential | None = None, key: tuple[str, Credential] | None = None
    ) -> "HttpClient":
        """A client with its credential, read now. UsageError, SourceError."""
        from escrow.source.http import HttpClient

        return HttpClient(
            self.url or default,
            bearer=bearer.read() if bearer else None,
            key=(key[0], key[1].read()) if key else None,
            ca_file=self.ca_file,
            proxy=self.proxy,
        )


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
            self.name, lambda: self.line.client(BASE_URL, bearer=self.token), self.school, entities=entities
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
        if line.url is None:
            raise UsageError("config-missing-key", f"{table.where}: expected url, found none")
        return cls(name=name, url=line.url, key=needed_credential(table, "key", root), line=line)

    def open(self, own: Sequence[Path]) -> "Source":
        from escrow.source.isams import KEY, IsamsSource

        return IsamsSource(self.name, lambda: self.line.client(self.url, key=(KEY, self.key)))
