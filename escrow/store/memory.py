"""A store in memory: the strict reference that the others are held to, with versions and enforced locks."""

import hashlib
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from escrow.errors import DeniedError, ExistsError, StoreError, UnreachableError
from escrow.store.base import LockMode, ObjectInfo, absent, check_key, check_put, utc_now, wanted
from escrow.store.warden import Damage, Warden


@dataclass(frozen=True, slots=True)
class Stored:
    """One version as kept: what a listing says, and the bytes (b"" for a delete marker)."""

    info: ObjectInfo
    body: bytes


class MemoryStore:
    """A versioned, locking store, and its own warden. `dump` is a snapshot from which an equal store can be made.

    The credential has every right, that to bypass GOVERNANCE included: only locks refuse.
    """

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

    def put(
        self,
        key: str,
        body: bytes,
        *,
        retain_until: datetime | None = None,
        lock_mode: LockMode = "COMPLIANCE",
    ) -> ObjectInfo:
        check_put(key, body, retain_until)
        with self._lock:
            try:
                return self.create(key, body, retain_until=retain_until, lock_mode=lock_mode)
            except ExistsError:
                top = self._objects[key][0]
                if top.body != body:
                    raise
                return top.info

    def create(
        self, key: str, body: bytes, *, retain_until: datetime | None = None, lock_mode: LockMode = "COMPLIANCE"
    ) -> ObjectInfo:
        with self._lock:
            kept = self._objects.get(key, [])
            if kept and not kept[0].info.delete_marker:
                raise ExistsError(
                    "store-exists",
                    f"{key}: expected no object or the same one, found {len(kept[0].body)} other bytes",
                    hint="objects never change; run escrow verify",
                )
            return self.overwrite(key, body, retain_until=retain_until, lock_mode=lock_mode)

    def overwrite(
        self, key: str, body: bytes, *, retain_until: datetime | None = None, lock_mode: LockMode = "COMPLIANCE"
    ) -> ObjectInfo:
        """Put a new version on top whatever is there, as a careless or hostile writer could."""
        mode = None if retain_until is None else lock_mode
        return self._push(key, bytes(body), retain_until, mode, delete_marker=False)

    def put_damaged(self, key: str, body: bytes, damage: Damage) -> None:
        raise UnreachableError("store-checksum", f"{key}: other bytes arrived than were sent ({damage})")

    def _push(
        self,
        key: str,
        body: bytes,
        retain_until: datetime | None,
        lock_mode: LockMode | None,
        *,
        delete_marker: bool,
    ) -> ObjectInfo:
        with self._lock:
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
                lock_mode=lock_mode,
                locks="told",
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
            if version is not None:
                self.remove(key, version)
                return
            kept = self._objects.get(key, [])
            if kept and not kept[0].info.delete_marker:
                self._push(key, b"", None, None, delete_marker=True)

    def remove(self, key: str, version: str, *, bypass: bool = False) -> None:
        with self._lock:
            kept = self._objects.get(key, [])
            left = [stored for stored in kept if stored.info.version != version]
            for stored in kept:
                if stored.info.version == version and self._holds(stored.info, bypass=bypass):
                    raise locked(stored.info)
            if left:
                left[0] = replace(left[0], info=replace(left[0].info, latest=True))
                self._objects[key] = left
            else:
                self._objects.pop(key, None)

    def retain(self, key: str, version: str, until: datetime, lock_mode: LockMode, *, bypass: bool = False) -> None:
        with self._lock:
            found = self._find(key, version).info
            weaker = until < (found.retain_until or until) or (found.lock_mode == "COMPLIANCE" != lock_mode)
            if weaker and self._holds(found, bypass=bypass):
                raise locked(found)
            self._objects[key] = [
                replace(stored, info=replace(found, retain_until=until, lock_mode=lock_mode, latest=stored.info.latest))
                if stored.info.version == version
                else stored
                for stored in self._objects[key]
            ]

    def _holds(self, info: ObjectInfo, *, bypass: bool) -> bool:
        """Whether a lock stands in the way of removing this version or of weakening its retention."""
        if info.retain_until is None or info.retain_until <= self._clock():
            return False
        return not (bypass and info.lock_mode == "GOVERNANCE")

    def versioning(self) -> bool:
        return True

    def set_versioning(self, on: bool) -> None:
        if not on:
            raise StoreError("store-refused", "memory: expected a bucket without locks, found one with them")

    def try_expiry(self, prefix: str) -> None:
        raise StoreError("store-unsupported", f"memory: expected no lifecycle rules, found one for {prefix}")

    def now(self) -> datetime:
        return self._clock()

    def warden(self) -> Warden:
        return self

    def describe(self) -> str:
        return "memory"


def locked(info: ObjectInfo) -> DeniedError:
    """The error for a version under a lock that still holds."""
    return DeniedError(
        "store-denied",
        f"{info.key} in version {info.version}: expected no lock, found one until {info.retain_until}",
        hint="wait until the lock ends",
    )
