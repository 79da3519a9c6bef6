"""Several copies of one vault, read as one store: each object from whichever copy has it."""

import heapq
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from typing import TypeAlias, TypeVar

from escrow.errors import DeniedError, LimitError, NotFoundError, StoreError, UnreachableError, UsageError
from escrow.store.base import LockMode, ObjectInfo, Store, absent, reads_at_once

_T = TypeVar("_T")
_Errors: TypeAlias = list[StoreError]


class Copies:
    """Reads from `stores` in order of preference; never writes.

    A version is named `<copy>:<version in that copy>`, so that whoever looks for the right bytes among the versions of
    an object finds those of every copy. A copy that did not answer once is asked no more; one that may not be read, or
    fails otherwise, is passed over. A named version that its copy does not give is absent.
    """

    def __init__(self, stores: Sequence[Store]) -> None:
        if not stores:
            raise UsageError("store-url", "expected at least one copy, found none")
        self._stores = stores
        self._away: dict[int, UnreachableError] = {}

    def put(
        self,
        key: str,
        body: bytes,
        *,
        retain_until: datetime | None = None,
        lock_mode: LockMode = "COMPLIANCE",
    ) -> ObjectInfo:
        """Refused: UsageError `store-copies`."""
        raise UsageError("store-copies", "several copies are read as one, and never written as one")

    def delete(self, key: str, *, version: str | None = None) -> None:
        """Refused: UsageError `store-copies`."""
        raise UsageError("store-copies", "several copies are read as one, and never written as one")

    def get(self, key: str, *, start: int = 0, length: int | None = None, version: str | None = None) -> bytes:
        """From the named version's copy, or from the first copy that gives it."""
        if version is None:
            return self._first(lambda store: store.get(key, start=start, length=length))
        return self._named(key, version, lambda store, inner: store.get(key, start=start, length=length, version=inner))

    def list(self, prefix: str = "", *, versions: bool = False, after: str = "") -> Iterator[ObjectInfo]:
        """The objects of all copies, the preferred copy's first under each key; without `versions` each key once."""
        errors: _Errors = []
        listings = [self._listing(number, errors, prefix, versions, after) for number in range(len(self._stores))]
        last = None
        for info in heapq.merge(*listings, key=lambda info: info.key):
            if versions or info.key != last:
                yield info
            last = info.key
        if len(errors) == len(self._stores):
            raise errors[0]

    def _listing(self, number: int, errors: _Errors, prefix: str, versions: bool, after: str) -> Iterator[ObjectInfo]:
        if number in self._away:
            errors.append(self._away[number])
            return
        try:
            for info in self._stores[number].list(prefix, versions=versions, after=after):
                yield replace(info, version=f"{number}:{info.version}", latest=info.latest and number == 0)
        except StoreError as error:
            self._note(number, error)
            errors.append(error)

    def head(self, key: str, *, version: str | None = None) -> ObjectInfo:
        """What the first copy that has the object says of it."""
        if version is None:
            return self._first(lambda store: store.head(key))
        return self._named(key, version, lambda store, inner: store.head(key, version=inner))

    def now(self) -> datetime:
        """The preferred copy's clock."""
        return self._first(lambda store: store.now())

    @property
    def reads_at_once(self) -> int:
        return max(map(reads_at_once, self._stores))

    def describe(self) -> str:
        return " and ".join(store.describe() for store in self._stores)

    def _first(self, call: Callable[[Store], _T]) -> _T:
        errors: _Errors = []
        for number, store in enumerate(self._stores):
            if number in self._away:
                errors.append(self._away[number])
                continue
            try:
                return call(store)
            except StoreError as error:
                self._note(number, error)
                errors.append(error)
        raise _worst(errors)

    def _named(self, key: str, version: str, call: Callable[[Store, str | None], _T]) -> _T:
        number, _, inner = version.partition(":")
        try:
            if int(number) not in self._away:
                return call(self._stores[int(number)], inner or None)
        except (StoreError, LimitError) as error:
            self._note(int(number), error)
            raise absent(key, version) from error
        raise absent(key, version)

    def _note(self, number: int, error: StoreError | LimitError) -> None:
        if isinstance(error, UnreachableError):
            self._away[number] = error


def _worst(errors: Sequence[StoreError]) -> StoreError:
    """Absent only when every copy says so: what cannot be read may still be there."""
    for error in errors:
        if not isinstance(error, NotFoundError | DeniedError):
            return error
    return errors[0]
