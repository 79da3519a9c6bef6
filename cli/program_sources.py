"""Sources on this machine that are no folders, as escrow.toml describes them: SQLite, a command, standard input."""

import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Self

from escrow.errors import SourceError, UsageError

from .credentials import Credential, credential_of
from .source_config import SourceConfig
from .tables import Table
from .units import parse_age

if TYPE_CHECKING:
    from escrow.seal import Secret
    from escrow.source import Source

_LIMIT = timedelta(hours=12)


@dataclass(frozen=True, slots=True, kw_only=True)
class SqliteConfig(SourceConfig):
    """A database file of SQLite; `ignore`: patterns of tables to leave out, as `main.sessions.csv`."""

    path: Path
    ignore: tuple[str, ...] = ()

    @classmethod
    def parse(cls, name: str, table: Table, root: Path) -> Self:
        return cls(name=name, path=root / table.needed("path"), ignore=tuple(table.texts("ignore")))

    def open(self, own: Sequence[Path]) -> "Source":
        from escrow.source.sql import SqlSource
        from escrow.source.sqlite import SqliteSnapshot

        return SqlSource(self.name, lambda: SqliteSnapshot(self.path), ignore=self.ignore)


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandConfig(SourceConfig):
    """A command and its `file`; it runs in `folder`, with variables of ours and credentials, and no others."""

    file: str
    command: tuple[str, ...]
    folder: Path
    variables: tuple[str, ...]
    credentials: Mapping[str, Credential]
    limit: timedelta

    @classmethod
    def parse(cls, name: str, table: Table, root: Path) -> Self:
        return cls(
            name=name,
            file=table.needed("file"),
            command=tuple(table.texts("command")),
            folder=root,
            variables=tuple(table.texts("environment")),
            credentials=_credentials(table.table("credentials"), root),
            limit=table.parsed("time_limit", parse_age) or _LIMIT,
        )

    def open(self, own: Sequence[Path]) -> "Source":
        from escrow.source.command import CommandSource

        seconds = self.limit.total_seconds()
        return CommandSource(self.name, self.file, self.command, self.environment, folder=self.folder, seconds=seconds)

    def environment(self) -> "dict[str, str | Secret]":
        """What the command gets. SourceError `command-variable`, and those of credentials."""
        missing = [name for name in self.variables if name not in os.environ]
        if missing:
            hint = "set it for the account that runs the night, or take it out of environment"
            raise SourceError("command-variable", f"expected the variable {missing[0]}, found none", hint=hint)
        base = [name for name in ("SYSTEMROOT",) if name in os.environ]  # no program of Windows starts without
        plain = {name: os.environ[name] for name in (*base, *self.variables)}
        return plain | {name: one.read() for name, one in self.credentials.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class StdinConfig(SourceConfig):
    """Standard input, as `file`."""

    file: str

    @classmethod
    def parse(cls, name: str, table: Table, root: Path) -> Self:  # noqa: ARG003
        return cls(name=name, file=table.needed("file"))

    def open(self, own: Sequence[Path]) -> "Source":
        from escrow.source.stdin import StdinSource

        return StdinSource(self.name, self.file, _stdin)


def _stdin() -> BinaryIO | None:
    return sys.stdin.buffer if sys.stdin else None


def _credentials(table: Table | None, root: Path) -> dict[str, Credential]:
    """Variables, and where the value of each lies. UsageError."""
    found: dict[str, Credential] = {}
    if table is None:
        return found
    names = table.keys()
    for name in names:
        one = credential_of(table, name, root)
        if one is None or not name or "=" in name:
            raise UsageError("config-value", f"{table.where}: expected names of variables, found {name!r:.80}")
        found[name] = one
    return found
