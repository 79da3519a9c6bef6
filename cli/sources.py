"""The kinds of sources that `[[source]]` knows: a new kind is a class and a line here."""

from pathlib import Path

from escrow.errors import UsageError

from .http_sources import IsamsConfig, OneRosterConfig, WondeConfig
from .program_sources import CommandConfig, SqliteConfig, StdinConfig
from .source_config import FolderConfig, SourceConfig
from .sql_sources import MySqlConfig, PostgresConfig, SqlServerConfig
from .tables import Table

KINDS: dict[str, type[SourceConfig]] = {
    "folder": FolderConfig,
    "wonde": WondeConfig,
    "isams": IsamsConfig,
    "oneroster": OneRosterConfig,
    "postgresql": PostgresConfig,
    "mysql": MySqlConfig,
    "sqlserver": SqlServerConfig,
    "sqlite": SqliteConfig,
    "command": CommandConfig,
    "stdin": StdinConfig,
}


def parse_source(table: Table, root: Path) -> SourceConfig:
    """One `[[source]]`. Without `kind` it is a folder. UsageError."""
    name = table.needed("name")
    kind = table.text("kind") or "folder"
    if kind not in KINDS:
        raise UsageError(
            "config-source-kind", f"{table.where}: kind: expected one of {', '.join(KINDS)}, found {kind!r:.80}"
        )
    source = KINDS[kind].parse(name, table, root)
    table.end()
    return source
