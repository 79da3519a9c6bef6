"""escrow.toml: where it is, and what it says. Strict: nothing in it is ignored."""

import os
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Literal

from escrow.errors import UsageError

from .source_config import SourceConfig
from .sources import parse_source
from .tables import Table
from .telling_config import ChannelConfig, parse_tell
from .units import parse_age, parse_rate

NAME = "escrow.toml"
_HEX32 = re.compile(r"[0-9a-f]{32}")
_ACCOUNT = re.compile(r"[0-9]{12}", re.ASCII)
_HEX64 = re.compile(r"[0-9a-f]{64}")
_COPY_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,31}")
_HOLDS: tuple[Literal["all", "keys"], ...] = ("all", "keys")
_DEFAULT_AGE = timedelta(hours=36)


@dataclass(frozen=True, slots=True)
class StoreConfig:
    """Where the vault is. `limit_upload` in bytes per second; `payer` is who pays for the place and administers it;
    `owner` is the AWS account that the bucket must belong to."""

    url: str
    endpoint: str | None = None
    region: str | None = None
    ca_file: str | None = None
    path_style: bool = False
    profile: str | None = None
    content_md5: bool = False
    owner: str | None = None
    limit_upload: float | None = None
    payer: str | None = None


@dataclass(frozen=True, slots=True)
class CopyConfig:
    """A copy of the vault, or of its `keys` alone (charter, stock, sealed keys). `offline`: it comes and goes."""

    name: str
    store: StoreConfig
    offline: bool = False
    holds: Literal["all", "keys"] = "all"


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
    copies: tuple[CopyConfig, ...] = ()
    tell: tuple[ChannelConfig, ...] = ()


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
    store = table.table("store")
    named = _store(store, file.parent) if store else None
    copies = _copies(table.tables("copy"), file, named)
    if environment.get("ESCROW_STORE"):
        named, copies = _moved(_address(environment["ESCROW_STORE"], file.parent), named, copies)
    config = Config(
        file=file,
        vault=table.text_of("vault", _HEX32, "32 lower-case hex digits"),
        fingerprint=table.text_of("fingerprint", _HEX64, "64 lower-case hex digits"),
        state=file.parent / (environment.get("ESCROW_STATE") or state),
        store=named,
        sources=tuple(parse_source(each, file.parent) for each in table.tables("source")),
        rules=tuple(_rule(each) for each in table.tables("rule")),
        max_age=_max_age(table.table("status")),
        copies=copies,
        tell=parse_tell(table.table("tell"), file.parent),
    )
    table.end()
    return config


def _store(table: Table, root: Path) -> StoreConfig:
    store = _place(table, root)
    table.end()
    return store


def _moved(
    url: str, store: StoreConfig | None, copies: tuple[CopyConfig, ...]
) -> tuple[StoreConfig, tuple[CopyConfig, ...]]:
    """The store is at `url`; where a copy lies there, the copy takes its place."""
    same = [copy for copy in copies if _plain(copy.store.url) == _plain(url)]
    moved = same[0].store if same else replace(store, url=url) if store else StoreConfig(url)
    return moved, tuple(copy for copy in copies if copy not in same)


def _place(table: Table, root: Path) -> StoreConfig:
    ca_file = table.text("ca_file")
    return StoreConfig(
        url=_address(table.needed("url"), root),
        endpoint=table.text("endpoint"),
        region=table.text("region"),
        ca_file=str(root / ca_file) if ca_file else None,
        path_style=table.flag("path_style"),
        profile=table.text("profile"),
        content_md5=table.flag("content_md5"),
        owner=table.text_of("owner", _ACCOUNT, "an AWS account, 12 digits"),
        limit_upload=table.parsed("limit_upload", parse_rate),
        payer=table.text("payer"),
    )


def _copies(tables: list[Table], file: Path, store: StoreConfig | None) -> tuple[CopyConfig, ...]:
    """Every place has its own name and its own address."""
    from escrow.engine.places import STORE

    found = [_copy(table, file.parent) for table in tables]
    names = [STORE]
    places = [_address_of(store)] if store else []
    for copy in found:
        if copy.name in names:
            hint = f"give every copy a name of its own; {STORE!r} is the store's"
            raise UsageError("config-copy", f"{file}: [[copy]]: the name {copy.name!r} is taken", hint=hint)
        if _address_of(copy.store) in places:
            hint = "a copy must lie in another place"
            raise UsageError("config-copy", f"{file}: [[copy]] {copy.name}: another place has its url", hint=hint)
        names.append(copy.name)
        places.append(_address_of(copy.store))
    return tuple(found)


def _copy(table: Table, root: Path) -> CopyConfig:
    name = table.text_of("name", _COPY_NAME, "a short name of lower-case letters, digits, - and _") or table.needed(
        "name"
    )
    copy = CopyConfig(name, _place(table, root), table.flag("offline"), table.one_of("holds", _HOLDS))
    table.end()
    return copy


def _address_of(place: StoreConfig) -> tuple[str, str | None]:
    return _plain(place.url), place.endpoint if "://" in place.url else None


def _plain(url: str) -> str:
    return url.rstrip("/") if "://" in url else os.path.normpath(url)


def _address(url: str, root: Path) -> str:
    return url if "://" in url else str(root / url)


def _rule(table: Table) -> RuleConfig:
    rule = RuleConfig(table.needed("compartment"), tuple(table.texts("globs")))
    table.end()
    return rule


def _max_age(table: Table | None) -> timedelta:
    age = table.parsed("max_age", parse_age) if table else None
    if table:
        table.end()
    return age if age is not None else _DEFAULT_AGE
