"""Deletes objects in every place of a vault, confirms that they are gone, and tells what is left and until when."""

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from escrow.errors import DeniedError, StoreError

from .config import Config, StoreConfig
from .exits import Exit
from .handover_parts import put_deeds
from .output import Output
from .units import size_text
from .vault import connect, store_of

if TYPE_CHECKING:
    from escrow.custody.deeds import Named
    from escrow.record import ParsedName
    from escrow.store import ObjectInfo, Store
    from escrow.trust import History

_AT_ONCE = 8
Remove = Callable[["Store", str, str | None], None]
"""Deletes one version of an object, or the object where there are no versions."""


@dataclass(frozen=True, slots=True)
class Removal:
    """What became of one place. `gone`: versions deleted now, `size` their bytes; `left`: versions still there, locked
    until `until` at least, None where no lock is told. `away`: the code of why the place could not be looked at."""

    place: str
    gone: int = 0
    size: int = 0
    left: int = 0
    until: datetime | None = None
    away: str = ""

    @property
    def is_done(self) -> bool:
        """Whether a listing confirmed that nothing is left."""
        return not (self.left or self.away)


def places_of(config: Config) -> list[tuple[str, StoreConfig]]:
    """The store and every copy, by name."""
    return [("the store", store_of(config)), *((copy.name, copy.store) for copy in config.copies)]


def remove_everywhere(
    output: Output,
    config: Config,
    prefixes: Sequence[str],
    wanted: "Callable[[ParsedName], bool]",
    *,
    deeds: "Sequence[Named]",
    history: "History",
    connect: Callable[[StoreConfig], "Store"] = connect,
    remove: Remove | None = None,
) -> list[Removal]:
    """Delete what is `wanted` below these prefixes, every version, in every place. A place that is away is told.

    `deeds`: the vault's events, which each place must have before anything is deleted there.
    """
    found = []
    for name, where in places_of(config):
        try:
            store = connect(where)
            there = {info.key for info in store.list("events/")}
            put_deeds(store, history, [one for one in deeds if one[0].startswith("events/") and one[0] not in there])
            found.append(remove_from(name, store, prefixes, wanted, remove))
        except StoreError as error:
            found.append(Removal(name, away=error.code))
        _tell(output, found[-1])
    return found


def end_of(removals: Iterable[Removal]) -> Exit:
    """OK when all of it is gone everywhere."""
    return Exit.OK if all(one.is_done for one in removals) else Exit.UNFINISHED


def remove_from(
    place: str,
    store: "Store",
    prefixes: Sequence[str],
    wanted: "Callable[[ParsedName], bool]",
    remove: Remove | None = None,
) -> Removal:
    """The same in one place, one prefix after the other. A listing afterwards confirms what is gone."""

    def went(info: "ObjectInfo") -> bool:
        try:
            (remove or _delete)(store, info.key, info.version or None)
        except DeniedError:
            return False
        return True

    gone: list[ObjectInfo] = []
    with ThreadPoolExecutor(_AT_ONCE, "remove") as pool:
        for prefix in prefixes:
            there = list(_there(store, [prefix], wanted))
            done = zip(there, pool.map(went, there), strict=True)
            gone += [info for info, is_gone in done if is_gone and not info.delete_marker]
    left = [info for info in _there(store, prefixes, wanted) if not info.delete_marker]
    until = max(filter(None, (_until(store, info) for info in left)), default=None)
    return Removal(place, len(gone), sum(info.size for info in gone), len(left), until)


def _there(store: "Store", prefixes: Sequence[str], wanted: "Callable[[ParsedName], bool]") -> "Iterable[ObjectInfo]":
    from escrow.record import parse_name

    for prefix in prefixes:
        for info in store.list(prefix, versions=True):
            parsed = parse_name(info.key)
            if parsed and wanted(parsed):
                yield info


def _until(store: "Store", info: "ObjectInfo") -> datetime | None:
    """The end of its lock; None where the store does not tell."""
    from escrow.store.base import lock_of

    version = info.version or None
    try:
        return info.retain_until or store.head(info.key, version=version).retain_until
    except DeniedError:
        with suppress(StoreError):  # a credential may see locks alone
            return lock_of(store, info.key, version)[0]
    except StoreError:
        pass
    return None


def _delete(store: "Store", key: str, version: str | None) -> None:
    store.delete(key, version=version)


def _tell(output: Output, one: Removal) -> None:
    if one.away:
        text = f"{one.place}: away ({one.away}); run this again once it is there"
    else:
        text = f"{one.place}: {one.gone} objects deleted, {size_text(one.size)}"
        if one.left:
            lock = (
                f", locked until {one.until:%Y-%m-%d %H:%M} UTC"
                if one.until
                else ", which this credential may not delete"
            )
            text += f"; {one.left} left{lock}"
    output.row(
        text,
        place=one.place,
        deleted=one.gone,
        bytes=one.size,
        left=one.left,
        until=f"{one.until:%Y-%m-%dT%H:%M:%SZ}" if one.until else None,
        away=one.away or None,
    )
