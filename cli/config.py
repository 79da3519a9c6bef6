"""escrow.toml: where it is, and what it says. Strict: nothing in it is ignored."""

import os
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

from escrow.errors import UsageError

from .tables import Table
from .units import parse_age, parse_rate

NAME = "escrow.toml"
_HEX32 = re.compile(r"[0-9a-f]{32}")
_HEX64 = re.compile(r"[0-9a-f]{64}")
_DEFAULT_AGE = timedelta(hours=36)


@dataclass(frozen=True, slots=True)
class StoreConfig:
    """Where the vault is. `limit_upload` in bytes per second."""

    url: str
    endpoint: str | None = None
    region: str | None = None
    ca_file: str | None = None
    path_style: bool = False
    profile: str | None = None
    content_md5: bool = False
    limit_upload: float | None = None


@dataclass(frozen=True, slots=True)
class SourceConfig:
    """One source: its alias, its folder, patterns to leave out."""

    name: str
    path: Path
    ignore: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RuleConfig:
    """Files that match one of `globs` go to `compartment`."""

    compartment: str
    globs: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Config:
    """One agent or reader. `vault` and `fingerprint` are None before `escrow init`; `store` where none is named."""

    file: Path
    vault: str | None
    fingerprint: str | None
    state: Path
    store: StoreConfig | None
    sources: tuple[SourceConfig, ...]
    rules: tuple[RuleConfig, ...]
    max_age: timedelta


def find_config(given: Path | None) -> Path:
    """The file that counts: as given, ESCROW_CONFIG, ./escrow.toml, the system's; the third where none exists."""
    named = given or (Path(os.environ["ESCROW_CONFIG"]) if os.environ.get("ESCROW_CONFIG") else None)
    if named:
        return named.absolute()
    here = Path(NAME).absolute()
    return here if here.exists() or not system_config().exists() else system_config()


def system_config() -> Path:
    """The place of a machine's own configuration."""
    if os.name == "nt":
        return Path(os.environ.get("PROGRAMDATA", r"C:\ProgramData")) / "escrow" / NAME
    return Path("/etc/escrow") / NAME


def load_config(given: Path | None) -> Config:
    """The configuration that counts, under ESCROW_STORE and ESCROW_STATE. UsageError names what is wrong."""
    file = find_config(given)
    try:
        text = file.read_bytes().decode("utf-8")
    except FileNotFoundError:
        hint = "run escrow init, or name the file with --config"
        raise UsageError("config-missing", f"expected a configuration at {file}, found none", hint=hint) from None
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError("config-unreadable", f"{file}: cannot be read ({error})") from error
    return parse_config(text, file, os.environ)


def parse_config(text: str, file: Path, environment: Mapping[str, str]) -> Config:
    """Pure: a configuration's text; `file` gives relative paths their folder. UsageError."""
    try:
        raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        hint = "complete the file, or take a copy that is whole"
        raise UsageError(
            "config-syntax", f"{file}: expected whole TOML, found otherwise: {error}", hint=hint
        ) from error
    table = Table(raw, str(file))
    state = table.text("state") or "state"
    config = Config(
        file=file,
        vault=table.text_of("vault", _HEX32, "32 lower-case hex digits"),
        fingerprint=table.text_of("fingerprint", _HEX64, "64 lower-case hex digits"),
        state=file.parent / (environment.get("ESCROW_STATE") or state),
        store=_store(table.table("store"), file.parent, environment.get("ESCROW_STORE")),
        sources=tuple(_source(each, file.parent) for each in table.tables("source")),
        rules=tuple(_rule(each) for each in table.tables("rule")),
        max_age=_max_age(table.table("status")),
    )
    table.end()
    return config


def _store(table: Table | None, root: Path, url: str | None) -> StoreConfig | None:
    if table is None:
        return StoreConfig(_address(url, root)) if url else None
    ca_file = table.text("ca_file")
    store = StoreConfig(
        url=_address(table.needed("url"), root),
        endpoint=table.text("endpoint"),
        region=table.text("region"),
        ca_file=str(root / ca_file) if ca_file else None,
        path_style=table.flag("path_style"),
        profile=table.text("profile"),
        content_md5=table.flag("content_md5"),
        limit_upload=table.parsed("limit_upload", parse_rate),
    )
    table.end()
    return replace(store, url=_address(url, root)) if url else store


def _address(url: str, root: Path) -> str:
    return url if "://" in url else str(root / url)


def _source(table: Table, root: Path) -> SourceConfig:
    source = SourceConfig(table.needed("name"), root / table.needed("path"), tuple(table.texts("ignore")))
    table.end()
    return source


def _rule(table: Table) -> RuleConfig:
    rule = RuleConfig(table.needed("compartment"), tuple(table.texts("globs")))
    table.end()
    return rule


def _max_age(table: Table | None) -> timedelta:
    age = table.parsed("max_age", parse_age) if table else None
    if table:
        table.end()
    return age if age is not None else _DEFAULT_AGE
