"""Stores that lie, one lie at a time, over the strict memory store; and one whose credential lacks rights."""

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from escrow.errors import DeniedError
from escrow.store import LockMode, MemoryStore, ObjectInfo
from escrow.store.memory import locked
from escrow.store.warden import Damage

LIES: dict[str, set[str]] = {
    "drops the lock": {"lock-kept"},
    "keeps half the lock": {"lock-kept"},
    "locks with GOVERNANCE instead": {"lock-kept"},
    "deletes what is locked": {"delete-version", "governance-delete"},
    "says no and deletes": {"delete-version"},
    "bypasses COMPLIANCE": {"bypass-delete"},
    "shortens": {"shorten"},
    "shortens with bypass": {"bypass-shorten"},
    "downgrades": {"downgrade"},
    "deletes under GOVERNANCE": {"governance-delete"},
    "shortens GOVERNANCE": {"governance-shorten"},
    "suspends versions": {"suspend-versioning"},
    "has no versions on": {"versioning"},
    "overwrites the bytes": {"overwrite"},
    "deletes instead of hiding": {"delete-marker"},
    "takes a name twice": {"if-none-match", "if-none-match-lock", "if-none-match-race"},
    "takes a name twice under lock": {"if-none-match-lock", "if-none-match-race"},
    "lets racers win": {"if-none-match-race"},
    "ignores a wrong SHA-256": {"wrong-sha256"},
    "ignores a wrong MD5": {"wrong-md5"},
    "keeps a torn upload": {"torn-upload"},
    "tells no SHA-256": {"checksum-returned"},
    "tells another SHA-256": {"checksum-returned"},
    "is six minutes late": {"clock"},
    "starts ranges at 0": {"range-read"},
    "cuts long reads short": {"range-read"},
    "hides old versions": {"versions-listed"},
    "forgets what was put": {"versions-listed"},
    "takes any rule": {"lifecycle-rule"},
}
"""Each lie, and the checks that must find it: these, and no others."""


@dataclass
class _Away(threading.local):
    """Whether this thread is inside a lie that switches locks off."""

    locks_off: bool = False


class Liar(MemoryStore):
    """A memory store with one of LIES ("" for none)."""

    def __init__(self, lie: str = "", *, clock: Callable[[], datetime] | None = None) -> None:
        super().__init__(**({"clock": clock} if clock else {}))
        self.lie = lie
        self.versions = lie != "has no versions on"
        self._away = _Away()
        self._gate = threading.Barrier(8)

    def _holds(self, info: ObjectInfo, *, bypass: bool) -> bool:
        return not self._away.locks_off and super()._holds(info, bypass=bypass)

    def _unlocked(self, act: Callable[[], object]) -> None:
        self._away.locks_off = True
        try:
            act()
        finally:
            self._away.locks_off = False

    def overwrite(
        self, key: str, body: bytes, *, retain_until: datetime | None = None, lock_mode: LockMode = "COMPLIANCE"
    ) -> ObjectInfo:
        asked, asked_mode = retain_until, lock_mode
        if self.lie == "drops the lock":
            retain_until = None
        if self.lie == "keeps half the lock" and retain_until:
            retain_until -= timedelta(hours=12)
        if self.lie == "locks with GOVERNANCE instead":
            lock_mode = "GOVERNANCE"
        if self.lie == "overwrites the bytes":
            self._objects.pop(key, None)
        info = super().overwrite(key, body, retain_until=retain_until, lock_mode=lock_mode)
        return replace(info, retain_until=asked, lock_mode=asked_mode if asked else None)

    def create(
        self, key: str, body: bytes, *, retain_until: datetime | None = None, lock_mode: LockMode = "COMPLIANCE"
    ) -> ObjectInfo:
        twice = self.lie == "takes a name twice" or (self.lie == "takes a name twice under lock" and retain_until)
        if twice or (self.lie == "lets racers win" and key.endswith("-race.txt") and self._gate.wait(5) >= 0):
            return self.overwrite(key, body, retain_until=retain_until, lock_mode=lock_mode)
        return super().create(key, body, retain_until=retain_until, lock_mode=lock_mode)

    def put_damaged(self, key: str, body: bytes, damage: Damage) -> None:
        kept = {"sha256": "ignores a wrong SHA-256", "md5": "ignores a wrong MD5", "torn": "keeps a torn upload"}
        if self.lie == kept[damage]:
            self.overwrite(key, body[: len(body) // 2])
        super().put_damaged(key, body, damage)

    def remove(self, key: str, version: str, *, bypass: bool = False) -> None:
        info = self._find_any(key, version)
        opens = {
            "deletes what is locked": not bypass,
            "says no and deletes": not bypass and info.lock_mode == "COMPLIANCE",
            "bypasses COMPLIANCE": bypass and info.lock_mode == "COMPLIANCE",
            "deletes under GOVERNANCE": not bypass and info.lock_mode == "GOVERNANCE",
        }
        if not opens.get(self.lie):
            super().remove(key, version, bypass=bypass)
            return
        self._unlocked(lambda: MemoryStore.remove(self, key, version))
        if self.lie == "says no and deletes":
            raise locked(info)

    def _find_any(self, key: str, version: str) -> ObjectInfo:
        return next(stored.info for stored in self._objects[key] if stored.info.version == version)

    def retain(self, key: str, version: str, until: datetime, lock_mode: LockMode, *, bypass: bool = False) -> None:
        info = self._find_any(key, version)
        shorter = info.retain_until is not None and until < info.retain_until
        opens = {
            "shortens": shorter and not bypass and lock_mode == info.lock_mode == "COMPLIANCE",
            "shortens with bypass": shorter and bypass and lock_mode == info.lock_mode == "COMPLIANCE",
            "downgrades": lock_mode == "GOVERNANCE" != info.lock_mode,
            "shortens GOVERNANCE": shorter and not bypass and lock_mode == info.lock_mode == "GOVERNANCE",
        }
        if opens.get(self.lie):
            self._unlocked(lambda: MemoryStore.retain(self, key, version, until, lock_mode))
        else:
            super().retain(key, version, until, lock_mode, bypass=bypass)

    def versioning(self) -> bool:
        return self.versions

    def set_versioning(self, on: bool) -> None:
        if self.lie == "suspends versions":
            self.versions = on
        else:
            super().set_versioning(on)

    def try_expiry(self, prefix: str) -> None:
        if self.lie != "takes any rule":
            super().try_expiry(prefix)

    def delete(self, key: str, *, version: str | None = None) -> None:
        if self.lie == "deletes instead of hiding" and version is None:
            self._objects.pop(key)
        else:
            super().delete(key, version=version)

    def head(self, key: str, *, version: str | None = None) -> ObjectInfo:
        info = super().head(key, version=version)
        told = {"tells no SHA-256": None, "tells another SHA-256": "00" * 32}
        return replace(info, sha256=told.get(self.lie, info.sha256))

    def get(self, key: str, *, start: int = 0, length: int | None = None, version: str | None = None) -> bytes:
        if self.lie == "starts ranges at 0" and start:
            return super().get(key, version=version)[:length]
        if self.lie == "cuts long reads short" and length:
            return super().get(key, version=version)[start : start + length]
        return super().get(key, start=start, length=length, version=version)

    def list(self, prefix: str = "", *, versions: bool = False, after: str = "") -> Iterator[ObjectInfo]:
        for info in super().list(prefix, versions=versions, after=after):
            old = self.lie == "hides old versions" and not info.latest
            if not old and not (self.lie == "forgets what was put" and info.key.endswith("kept.txt")):
                yield info

    def now(self) -> datetime:
        return super().now() - timedelta(minutes=6 if self.lie == "is six minutes late" else 0)


class Limited(MemoryStore):
    """A credential that may put, read and list, and nothing else, on a store that may or may not lock."""

    def _denied(self) -> DeniedError:
        return DeniedError("store-denied", "the credential lacks the right")

    def retain(self, key: str, version: str, until: datetime, lock_mode: LockMode, *, bypass: bool = False) -> None:
        raise self._denied()

    def remove(self, key: str, version: str, *, bypass: bool = False) -> None:
        raise self._denied()

    def delete(self, key: str, *, version: str | None = None) -> None:
        raise self._denied()

    def set_versioning(self, on: bool) -> None:
        raise self._denied()

    def versioning(self) -> bool:
        raise self._denied()

    def try_expiry(self, prefix: str) -> None:
        raise self._denied()
