"""Gets a vault's small public objects: bytes that fit their names, older versions included."""

import hashlib
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import groupby

from escrow.errors import IntegrityError, LimitError, NotFoundError
from escrow.limits import MAX_PACK, MAX_RECORD
from escrow.record import FOLDERS, check_name, parse_name
from escrow.store import ObjectInfo, Store

_PARALLEL = 8
_PUBLIC = ("charter", "stock", "series", "notice", "event", "release", "receipt", "erasure")


def public_objects(store: Store, prefixes: Iterable[str] = FOLDERS, after: str = "") -> Iterator[tuple[str, bytes]]:
    """Signed records (not keys, packs or manifests) below `prefixes`, each with bytes that fit its name if any do.

    Junk comes too, by name and empty; trust/ tells of it. Objects over MAX_RECORD come empty.
    """
    with ThreadPoolExecutor(_PARALLEL) as pool:
        for prefix in prefixes:
            listed = store.list(prefix, versions=True, after=after)
            wanted = (list(infos) for key, infos in groupby(listed, key=lambda info: info.key) if _is_public(key))
            yield from pool.map(lambda infos: _best(store, infos), wanted)


def _is_public(key: str) -> bool:
    name = parse_name(key)
    return name is None or name.kind in _PUBLIC


def _best(store: Store, versions: list[ObjectInfo]) -> tuple[str, bytes]:
    """The newest version that fits the name, else the newest one. Junk is not read: the agent may be denied it."""
    key = versions[0].key
    name = parse_name(key)
    if name is None:
        return key, b""
    newest: bytes | None = None
    for info in versions:
        if info.delete_marker:
            continue
        try:
            data = b"" if info.size > MAX_RECORD else store.get(key, version=info.version or None)
        except (LimitError, NotFoundError):
            data = b""
        if newest is None:
            newest = data
        try:
            check_name(name, data)
        except IntegrityError:
            continue
        return key, data
    return key, newest or b""


def fetch_exact(store: Store, key: str, sha256: str) -> bytes:
    """The object whose bytes hash to `sha256`, from older versions if need be.

    Raises NotFoundError when no version is there, IntegrityError (`object-hash`) when none fits.
    """
    return find_exact(store, key, sha256)[0]


def find_exact(store: Store, key: str, sha256: str) -> tuple[bytes, str | None]:
    """As `fetch_exact`, with the version that fits (None: the latest)."""
    missing: NotFoundError | None = None
    try:
        data = store.get(key)
        if hashlib.sha256(data).hexdigest() == sha256:
            return data, None
    except NotFoundError as error:
        missing = error
    except LimitError:
        pass
    for info in store.list(key, versions=True):
        if info.key == key and info.version and not info.delete_marker and info.size <= MAX_PACK:
            try:
                data = store.get(key, version=info.version)
            except (LimitError, NotFoundError):
                continue
            if hashlib.sha256(data).hexdigest() == sha256:
                return data, info.version
    if missing:
        raise missing
    raise IntegrityError(
        "object-hash",
        f"{key}: expected bytes with SHA-256 {sha256[:16]}…, found others in every version",
        hint="run escrow verify, and repair from another copy",
    )
