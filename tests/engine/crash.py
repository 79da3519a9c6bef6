"""Ends a run at a chosen point: before, half way through, or after any store call and any write of local state."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from escrow.engine import filecache, night
from escrow.engine.state import State
from escrow.store import Store
from tests.store.faulty import Crash, Fault, FaultyStore

_STEPS = {2: (Fault.BEFORE, Fault.AFTER), 3: (Fault.BEFORE, Fault.TORN, Fault.AFTER)}


class Stopper:
    """Counts points from 0, and ends the process at number `at`: nothing works after it."""

    def __init__(self, at: int | None = None) -> None:
        self.points: list[str] = []
        self.dead = False
        self._at = at
        self._lock = threading.Lock()

    def take(self, what: str, steps: int = 3) -> Fault | None:
        """What happens to the next write or call, which has `steps` points to stop at."""
        with self._lock:
            if self.dead:
                return Fault.BEFORE
            first = len(self.points)
            self.points += [f"{what} {fault.name}" for fault in _STEPS[steps]]
            if self._at is None or not first <= self._at < first + steps:
                return None
            self.dead = True
            return _STEPS[steps][self._at - first]


def stopping_store(store: Store, stopper: Stopper) -> FaultyStore:
    def plan(_index: int, method: str, key: str) -> Fault | None:
        return stopper.take(f"{method} {key[:12]}", 3 if method == "put" else 2)

    return FaultyStore(store, plan, error=Crash)


class QuickState(State):
    """Does not wait for the disk: a crash of the process loses nothing that the system has."""

    @classmethod
    def open(cls, folder: Path) -> State:
        state = super().open(folder)
        state._db.execute("PRAGMA synchronous = OFF")
        return state


def stopping_state(stopper: Stopper) -> type[State]:
    class StoppingState(QuickState):
        @contextmanager
        def _transaction(self) -> Iterator:
            fault = stopper.take("state")
            if fault is Fault.BEFORE:
                raise Crash
            with super()._transaction() as database:
                yield database
                if fault is Fault.TORN:
                    raise Crash
            if fault is Fault.AFTER:
                raise Crash

    return StoppingState


@contextmanager
def stopping_files(stopper: Stopper) -> Iterator[None]:
    """Also stop at the file cache: at its last name, torn under it, and before and after old ones are removed."""
    keep, drop_old = filecache.CacheWriter.keep, filecache.drop_old

    def stopping_keep(cache: filecache.CacheWriter) -> str:
        fault = stopper.take("cache")
        if fault is Fault.BEFORE:
            raise Crash
        digest = keep(cache)
        if fault is Fault.TORN:
            path = cache._folder / f"{digest}.list"
            path.write_bytes(path.read_bytes()[:-7])
        if fault:
            raise Crash
        return digest

    def stopping_drop(folder: Path, kept: set[str]) -> None:
        fault = stopper.take("drop", 2)
        if fault is Fault.BEFORE:
            raise Crash
        drop_old(folder, kept)
        if fault:
            raise Crash

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(filecache.CacheWriter, "keep", stopping_keep)
        patch.setattr(night, "drop_old", stopping_drop)
        yield
