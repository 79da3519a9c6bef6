"""What a store is: six calls on named, immutable objects. Names carry hashes, so a store needs no trust."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal, Protocol, TypeAlias, runtime_checkable

from escrow.errors import DeniedError, LimitError, NotFoundError, StoreError, UsageError
from escrow.limits import MAX_PACK

MAX_KEY = 512
"""Bytes of one key."""

MAX_KEY_PART = 200
"""Bytes of one part of a key: below every file system's 255."""

LockMode: TypeAlias = Literal["COMPLIANCE", "GOVERNANCE"]
"""COMPLIANCE binds everybody until it ends; GOVERNANCE can be lifted by a right of its own (shreddable keys)."""

LocksSaid: TypeAlias = Literal["none", "ask", "told"]
"""What an ObjectInfo says of locks: the store has none; head tells, and the SHA-256 too; `retain_until` is it."""

_PART = re.compile(r"[a-z0-9_-][a-z0-9._-]*", re.ASCII)
_UPPER_CASE = {"README.txt", "RESCUE"}
_RESERVED = re.compile(r"(con|prn|aux|nul|com[0-9]|lpt[0-9])(\..*)?", re.ASCII)


@dataclass(frozen=True, slots=True)
class ObjectInfo:
    """What the store says of one version of one object: its claims, not facts.

    `size` in bytes; `version` is "" where the store names none; `sha256` is 64 hex digits or None where the
    store does not say; `etag` is equal for equal bytes put in one piece, "" where the store has none;
    `modified` and `retain_until` are UTC. `latest` is certain in listings only, `sha256`,
    `retain_until` and `lock_mode` in head only, unless `locks` is "told".
    """

    key: str
    size: int
    version: str
    sha256: str | None
    modified: datetime
    latest: bool = True
    delete_marker: bool = False
    retain_until: datetime | None = None
    lock_mode: LockMode | None = None
    locks: LocksSaid = "none"
    etag: str = ""


class Store(Protocol):
    """Where a vault lives. Safe to call from several threads; every failure is one of escrow.errors."""

    def put(
        self,
        key: str,
        body: bytes,
        *,
        retain_until: datetime | None = None,
        lock_mode: LockMode = "COMPLIANCE",
    ) -> ObjectInfo:
        """Create an object, durable on return. The same content already there is success, its lock unchanged.

        `lock_mode` counts only with `retain_until`; without, the store's own default holds.

        Raises ExistsError (other content under the name, where the store can tell), DeniedError, FullError,
        UnreachableError, LimitError (body over MAX_PACK).
        """

    def get(self, key: str, *, start: int = 0, length: int | None = None, version: str | None = None) -> bytes:
        """Exactly `length` bytes from `start` (to the end when None), of the latest or the named version.

        Raises NotFoundError, StoreError `store-short` (fewer bytes than asked), LimitError (over MAX_PACK).
        """

    def list(self, prefix: str = "", *, versions: bool = False, after: str = "") -> Iterator[ObjectInfo]:
        """Objects whose key starts with `prefix` and is greater than `after`, by key in code-point order.

        With `versions` every version and delete marker, newest first. Foreign names are listed too.
        """

    def head(self, key: str, *, version: str | None = None) -> ObjectInfo:
        """What the store says of one object, its lock and SHA-256 included. Raises NotFoundError."""

    def delete(self, key: str, *, version: str | None = None) -> None:
        """Remove the object, or hide it under a delete marker where there are versions; absent is success.

        With `version` that version goes for good. Raises DeniedError for a locked one.
        """

    def now(self) -> datetime:
        """The store's own clock, UTC."""

    def describe(self) -> str:
        """The store's name for messages, without credentials."""


@runtime_checkable
class Distant(Protocol):
    """A store whose answers take long to begin, so that many reads are best under way at once."""

    @property
    def reads_at_once(self) -> int:
        """How many."""


def reads_at_once(store: Store) -> int:
    """How many reads of this store are best under way at once."""
    return store.reads_at_once if isinstance(store, Distant) else 2


@runtime_checkable
class TellsLocks(Protocol):
    """A store that tells a lock to who may not see the object itself: S3 has a right for it, GetObjectRetention."""

    def lock_of(self, key: str, version: str | None) -> tuple[datetime | None, LockMode | None]:
        """Until when and how a version is locked; None for no lock. Raises DeniedError."""


def lock_of(store: Store, key: str, version: str | None) -> tuple[datetime | None, LockMode | None]:
    """The lock alone of one version. Raises DeniedError where the store or the credential does not tell."""
    if isinstance(store, TellsLocks):
        return store.lock_of(key, version)
    raise DeniedError("store-denied", f"{key}: expected a store that tells a lock by itself, found {store.describe()}")


def check_key(key: str) -> None:
    """Refuse a key that some store or file system would not keep as it is. Raises UsageError `store-key`.

    Parts of `[a-z0-9._-]` joined by "/", none empty or with a dot first or last, no device name of Windows;
    upper case only in README.txt and RESCUE (no lower-case twins: file systems may mix them up).
    """
    parts = key.split("/")
    if len(key) > MAX_KEY or not all(map(_is_part, parts)):
        raise UsageError(
            "store-key",
            f"expected an object name of [a-z0-9._/-], at most {MAX_KEY} bytes, found {key[:80]!r}",
            hint="use names that escrow makes",
        )


def _is_part(part: str) -> bool:
    if part in _UPPER_CASE:
        return True
    return (
        len(part) <= MAX_KEY_PART
        and _PART.fullmatch(part) is not None
        and not part.endswith(".")
        and _RESERVED.fullmatch(part) is None
        and part not in {name.lower() for name in _UPPER_CASE}
    )


def check_put(key: str, body: bytes, retain_until: datetime | None) -> None:
    """Refuse arguments that no store takes. Raises UsageError (key, naive time) or LimitError (size)."""
    check_key(key)
    check_size(key, len(body))
    if retain_until is not None and retain_until.utcoffset() is None:
        raise UsageError("store-retain", f"expected a retain-until with a time zone, found {retain_until}")


def check_size(key: str, size: int) -> None:
    """Refuse an object too big to hold in memory. Raises LimitError `store-size`."""
    if size > MAX_PACK:
        raise LimitError(
            "store-size",
            f"{key}: expected at most {MAX_PACK} bytes, found {size}",
            hint="no object of a vault is that big; run escrow verify",
        )


def check_range(start: int, length: int | None) -> None:
    """Refuse a range that HTTP cannot ask for. Raises UsageError `store-range`."""
    if start < 0 or (length is not None and length < 1):
        raise UsageError("store-range", f"expected start >= 0 and length >= 1, found {start} and {length}")


def wanted(key: str, size: int, start: int, length: int | None) -> int:
    """Bytes that a get of this range from an object of `size` bytes returns. Raises as `Store.get` does."""
    check_range(start, length)
    count = size - start if length is None else length
    if start + count > size or (start > 0 and count < 1):
        raise short(key, start + max(count, 1), size)
    check_size(key, count)
    return count


def short(key: str, expected: int, found: int) -> StoreError:
    """The error for an object that ends before the bytes that were asked for."""
    return StoreError(
        "store-short",
        f"{key}: expected at least {expected} bytes, found {found}",
        hint="the store lost the end of the object; run escrow verify",
    )


def absent(key: str, version: str | None = None) -> NotFoundError:
    """The error for an object that is not there."""
    which = f" in version {version}" if version else ""
    return NotFoundError("store-absent", f"{key}{which}: expected an object in the store, found none")


def utc_now() -> datetime:
    """This machine's clock, UTC."""
    return datetime.now(UTC)
