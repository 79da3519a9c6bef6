"""Stores for tests of everything above: one that fails as planned, one that counts."""

import contextlib
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from enum import Enum, auto
from pathlib import Path

from escrow.errors import StoreError, UnreachableError
from escrow.store import FolderStore, LockMode, ObjectInfo, Store


class Crash(BaseException):
    """The process ends here: nothing below `except Exception` may survive it."""


class Fault(Enum):
    """What happens to one call. BEFORE and AFTER are the pair: failed and not persisted, failed but persisted."""

    BEFORE = auto()
    AFTER = auto()
    TORN = auto()  # a put stops half way: a folder keeps half a temporary file, other stores nothing
    SHORT = auto()  # a get ends early (another call: BEFORE)
    SLOW = auto()  # the call works, after `sleep` was called


def unreachable() -> BaseException:
    return UnreachableError("store-unreachable", "planned: the store does not answer")


class FaultyStore:
    """Counts calls of put, get, list, head, delete and now from 0, and fails those in `plan`.

    `error` makes what is raised (Crash for the end of the process). A list fails BEFORE its first object, or AFTER
    its first when there is one. `calls` is the log of (method, key).
    """

    def __init__(
        self,
        inner: Store,
        plan: Mapping[int, Fault] | Callable[[int, str, str], Fault | None],
        *,
        error: Callable[[], BaseException] = unreachable,
        sleep: Callable[[float], None] = lambda seconds: None,
    ) -> None:
        self.inner = inner
        self.calls: list[tuple[str, str]] = []
        self._plan = plan
        self._error = error
        self._sleep = sleep

    def _fault(self, method: str, key: str) -> Fault | None:
        index = len(self.calls)
        self.calls.append((method, key))
        fault = self._plan.get(index) if isinstance(self._plan, Mapping) else self._plan(index, method, key)
        if fault is Fault.SLOW:
            self._sleep(60.0)
        if fault is Fault.BEFORE or (fault is Fault.SHORT and method != "get"):
            raise self._error()
        if fault is Fault.TORN and method != "put":
            raise self._error()
        return fault

    @contextlib.contextmanager
    def _call(self, method: str, key: str) -> Iterator[Fault | None]:
        fault = self._fault(method, key)
        yield fault
        if fault is Fault.AFTER:
            raise self._error()

    def put(
        self,
        key: str,
        body: bytes,
        *,
        retain_until: datetime | None = None,
        lock_mode: LockMode = "COMPLIANCE",
    ) -> ObjectInfo:
        with self._call("put", key) as fault:
            if fault is Fault.TORN:
                leave_torn(self.inner, key, body)
                raise self._error()
            return self.inner.put(key, body, retain_until=retain_until, lock_mode=lock_mode)

    def get(self, key: str, *, start: int = 0, length: int | None = None, version: str | None = None) -> bytes:
        with self._call("get", key) as fault:
            body = self.inner.get(key, start=start, length=length, version=version)
            if fault is Fault.SHORT:
                raise StoreError("store-short", f"{key}: expected {len(body)} bytes, found {len(body) // 2}")
            return body

    def list(self, prefix: str = "", *, versions: bool = False, after: str = "") -> Iterator[ObjectInfo]:
        fault = self._fault("list", prefix)
        for info in self.inner.list(prefix, versions=versions, after=after):
            yield info
            if fault is Fault.AFTER:
                raise self._error()

    def head(self, key: str, *, version: str | None = None) -> ObjectInfo:
        with self._call("head", key):
            return self.inner.head(key, version=version)

    def delete(self, key: str, *, version: str | None = None) -> None:
        with self._call("delete", key):
            self.inner.delete(key, version=version)

    def now(self) -> datetime:
        with self._call("now", ""):
            return self.inner.now()

    def describe(self) -> str:
        return self.inner.describe()


def leave_torn(store: Store, key: str, body: bytes) -> None:
    """What a put leaves when the process ends in the middle of it."""
    if isinstance(store, FolderStore):
        folder = Path(store.describe().removeprefix("folder ")) / Path(key).parent
        folder.mkdir(parents=True, exist_ok=True)
        (folder / ".tmp-torn").write_bytes(body[: len(body) // 2])


class CountingStore(FaultyStore):
    """Never fails; `calls` is the log, `sent` and `received` count bytes of bodies."""

    def __init__(self, inner: Store) -> None:
        super().__init__(inner, {})
        self.sent = 0
        self.received = 0

    def put(
        self,
        key: str,
        body: bytes,
        *,
        retain_until: datetime | None = None,
        lock_mode: LockMode = "COMPLIANCE",
    ) -> ObjectInfo:
        self.sent += len(body)
        return super().put(key, body, retain_until=retain_until, lock_mode=lock_mode)

    def get(self, key: str, *, start: int = 0, length: int | None = None, version: str | None = None) -> bytes:
        body = super().get(key, start=start, length=length, version=version)
        self.received += len(body)
        return body

    def count(self, method: str) -> int:
        return sum(1 for called, _ in self.calls if called == method)
