"""A store in memory: the strict reference that the others are held to, with versions and enforced locks."""

import hashlib
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from escrow.errors import DeniedError, ExistsError
from escrow.store.base import ObjectInfo, absent, check_key, check_put, utc_now, wanted


@dataclass(frozen=True, slots=True)
class Stored:
    """One version as kept: what a listing says, and the bytes (b"" for a delete marker)."""

    info: ObjectInfo
    body: bytes


class MemoryStore:
    """A versioned, locking store. `dump` is a snapshot from which an equal store can be made."""

    def __init__(
        self,
        dump: Mapping[str, tuple[Stored, ...]] | None = None,
        *,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        self._objects: dict[str, list[Stored]] = {key: list(kept) for key, kept in (dump or {}).items()}
        numbers = [int(stored.info.version) for kept in self._objects.values() for stored in kept]
        self._last = max(numbers, default=0)
        self._clock = clock
        self._lock = threading.RLock()

    def dump(self) -> dict[str, tuple[Stored, ...]]:
        """Every version of every key, newest first; cheap, as the bytes are shared."""
        with self._lock:
            return {key: tuple(kept) for key, kept in sorted(self._objects.items())}

    def put(self, key: str, body: bytes, *, retain_until: datetime | None = None) -> ObjectInfo:
        check_put(key, body, retain_until)
        with self._lock:
            kept = self._objects.get(key, [])
            if not kept or kept[0].info.delete_marker:
                return self.overwrite(key, body, retain_until=retain_until)
            if kept[0].body != body:
                raise ExistsError(
                    "store-exists",
                    f"{key}: expected no object or the same one, found {len(kept[0].body)} other bytes",
                    hint="objects never change; run escrow verify",
                )
            return kept[0].info

    def overwrite(self, key: str, body: bytes, *, retain_until: datetime | None = None) -> ObjectInfo:
        """Put a new version on top whatever is there, as a careless or hostile writer could."""
        with self._lock:
            return self._push(key, bytes(body), retain_until, delete_marker=False)

    def _push(self, key: str, body: bytes, retain_until: datetime | None, *, delete_marker: bool) -> ObjectInfo:
        self._last += 1
        info = ObjectInfo(
            key=key,
            size=len(body),
            version=f"{self._last:08d}",
            sha256=None if delete_marker else hashlib.sha256(body).hexdigest(),
            modified=self._clock(),
            latest=True,
            delete_marker=delete_marker,
            retain_until=retain_until,
        )
        older = [replace(kept, info=replace(kept.info, latest=False)) for kept in self._objects.get(key, [])]
        self._objects[key] = [Stored(info, body), *older]
        return info

    def _find(self, key: str, version: str | None) -> Stored:
        check_key(key)
        with self._lock:
            for stored in self._objects.get(key, []):
                if version is None or stored.info.version == version:
                    if stored.info.delete_marker:
                        break
                    return stored
        raise absent(key, version)

    def get(self, key: str, *, start: int = 0, length: int | None = None, version: str | None = None) -> bytes:
        body = self._find(key, version).body
        return body[start : start + wanted(key, len(body), start, length)]

    def list(self, prefix: str = "", *, versions: bool = False, after: str = "") -> Iterator[ObjectInfo]:
        for key, kept in self.dump().items():
            if key.startswith(prefix) and key > after:
                if versions:
                    yield from (stored.info for stored in kept)
                elif not kept[0].info.delete_marker:
                    yield kept[0].info

    def head(self, key: str, *, version: str | None = None) -> ObjectInfo:
        return self._find(key, version).info

    def delete(self, key: str, *, version: str | None = None) -> None:
        check_key(key)
        with self._lock:
            kept = self._objects.get(key, [])
            if version is None:
                if kept and not kept[0].info.delete_marker:
                    self._push(key, b"", None, delete_marker=True)
                return
            left = [stored for stored in kept if stored.info.version != version]
            for stored in kept:
                lock = stored.info.retain_until
                if stored.info.version == version and lock is not None and lock > self._clock():
                    raise DeniedError(
                        "store-denied",
                        f"{key} in version {version}: expected no lock, found one until {lock}",
                        hint="wait until the lock ends",
                    )
            if left:
                left[0] = replace(left[0], info=replace(left[0].info, latest=True))
                self._objects[key] = left
            else:
                self._objects.pop(key, None)

    def now(self) -> datetime:
        return self._clock()

    def describe(self) -> str:
        return "memory"
