"""Stores around a store: one that tries again, one that keeps to an upload speed. Same interface."""

import random
import threading
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import TypeVar

from escrow.errors import UnreachableError
from escrow.store.base import LockMode, ObjectInfo, Store, lock_of, reads_at_once

FIRST_DELAY = 0.5
"""Seconds, at most, before the second try; the cap doubles with each."""
MAX_DELAY = 30.0
"""Seconds, at most, between two tries."""

T = TypeVar("T")


class Retrying:
    """Repeats calls that met UnreachableError, with exponential backoff and full jitter.

    A put whose answer was lost meets its own object on the next try, which is success (see Store.put).
    `jitter` gets the cap in seconds and returns the wait.
    """

    def __init__(
        self,
        store: Store,
        *,
        attempts: int = 6,
        sleep: Callable[[float], None] = time.sleep,
        jitter: Callable[[float], float] = lambda cap: random.uniform(0, cap),  # noqa: S311 - not a secret
    ) -> None:
        self._store = store
        self._attempts = attempts
        self._sleep = sleep
        self._jitter = jitter

    def _wait(self, failures: int) -> None:
        self._sleep(self._jitter(min(FIRST_DELAY * 2 ** (failures - 1), MAX_DELAY)))

    def _try(self, call: Callable[[], T]) -> T:
        for failures in range(1, self._attempts):
            try:
                return call()
            except UnreachableError:
                self._wait(failures)
        return call()

    def put(
        self,
        key: str,
        body: bytes,
        *,
        retain_until: datetime | None = None,
        lock_mode: LockMode = "COMPLIANCE",
    ) -> ObjectInfo:
        return self._try(lambda: self._store.put(key, body, retain_until=retain_until, lock_mode=lock_mode))

    def get(self, key: str, *, start: int = 0, length: int | None = None, version: str | None = None) -> bytes:
        return self._try(lambda: self._store.get(key, start=start, length=length, version=version))

    def list(self, prefix: str = "", *, versions: bool = False, after: str = "") -> Iterator[ObjectInfo]:
        """Goes on after a failure where it stopped; each object that arrives gives all attempts again."""
        failures = 0
        whole, key, seen = after, "", 0  # the last key given out whole; the current one and its versions so far
        while True:
            try:
                skip = seen
                for info in self._store.list(prefix, versions=versions, after=whole):
                    if info.key == key and skip:
                        skip -= 1
                        continue
                    if info.key != key:
                        whole, key, seen = key or after, info.key, 0
                    failures, skip = 0, 0
                    seen += 1
                    yield info
            except UnreachableError:
                failures += 1
                if failures >= self._attempts:
                    raise
                self._wait(failures)
            else:
                return

    def head(self, key: str, *, version: str | None = None) -> ObjectInfo:
        return self._try(lambda: self._store.head(key, version=version))

    def delete(self, key: str, *, version: str | None = None) -> None:
        self._try(lambda: self._store.delete(key, version=version))

    def now(self) -> datetime:
        return self._try(self._store.now)

    def describe(self) -> str:
        return self._store.describe()

    def lock_of(self, key: str, version: str | None) -> tuple[datetime | None, LockMode | None]:
        return self._try(lambda: lock_of(self._store, key, version))

    @property
    def reads_at_once(self) -> int:
        return reads_at_once(self._store)


class Throttled:
    """Lets uploads start only as fast as `bytes_per_second` allows on average, over all threads.

    An object goes at full speed; the next waits until the first's time is over.
    """

    def __init__(
        self,
        store: Store,
        bytes_per_second: float,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._store = store
        self._speed = bytes_per_second
        self._clock = clock
        self._sleep = sleep
        self._free = clock()
        self._lock = threading.Lock()

    def put(
        self,
        key: str,
        body: bytes,
        *,
        retain_until: datetime | None = None,
        lock_mode: LockMode = "COMPLIANCE",
    ) -> ObjectInfo:
        with self._lock:
            now = self._clock()
            begin = max(now, self._free)
            self._free = begin + len(body) / self._speed
        if begin > now:
            self._sleep(begin - now)
        return self._store.put(key, body, retain_until=retain_until, lock_mode=lock_mode)

    def get(self, key: str, *, start: int = 0, length: int | None = None, version: str | None = None) -> bytes:
        return self._store.get(key, start=start, length=length, version=version)

    def list(self, prefix: str = "", *, versions: bool = False, after: str = "") -> Iterator[ObjectInfo]:
        return self._store.list(prefix, versions=versions, after=after)

    def head(self, key: str, *, version: str | None = None) -> ObjectInfo:
        return self._store.head(key, version=version)

    def delete(self, key: str, *, version: str | None = None) -> None:
        self._store.delete(key, version=version)

    def now(self) -> datetime:
        return self._store.now()

    def describe(self) -> str:
        return self._store.describe()

    def lock_of(self, key: str, version: str | None) -> tuple[datetime | None, LockMode | None]:
        return lock_of(self._store, key, version)

    @property
    def reads_at_once(self) -> int:
        return reads_at_once(self._store)
