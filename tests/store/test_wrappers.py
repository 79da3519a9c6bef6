"""Retrying, throttling, and the faulty store that proves them."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from escrow.errors import DeniedError, NotFoundError, StoreError, UnreachableError
from escrow.store import FolderStore, MemoryStore, ObjectInfo, Retrying, Throttled
from tests.store.faulty import CountingStore, Crash, Fault, FaultyStore


def retrying(inner: FaultyStore, attempts: int = 3) -> tuple[Retrying, list[float]]:
    waits: list[float] = []
    return Retrying(inner, attempts=attempts, sleep=waits.append, jitter=lambda cap: cap), waits


def test_the_call_that_works_is_not_repeated() -> None:
    faulty = FaultyStore(MemoryStore(), {})
    store, waits = retrying(faulty)
    store.put("a", b"one")
    assert (len(faulty.calls), waits) == (1, [])


@pytest.mark.parametrize("fault", [Fault.BEFORE, Fault.AFTER, Fault.TORN])
@pytest.mark.parametrize("folder", [False, True])
def test_a_put_survives_its_lost_answer(fault: Fault, folder: bool, tmp_path: Path) -> None:
    inner = FolderStore(tmp_path / "vault", create=True) if folder else MemoryStore()
    faulty = FaultyStore(inner, {0: fault, 1: fault})
    store, waits = retrying(faulty)
    assert store.put("a/b", b"one").size == 3
    assert inner.get("a/b") == b"one"
    assert [info.key for info in inner.list(versions=True)] == ["a/b"]
    assert waits == [0.5, 1.0]
    assert len(faulty.calls) == 3


def test_waits_double_up_to_a_cap_and_then_the_error_comes() -> None:
    faulty = FaultyStore(MemoryStore(), lambda *_: Fault.BEFORE)
    store, waits = retrying(faulty, attempts=9)
    with pytest.raises(UnreachableError):
        store.get("a")
    assert waits == [0.5, 1, 2, 4, 8, 16, 30, 30]
    assert len(faulty.calls) == 9


def test_jitter_is_full_by_default() -> None:
    waits: list[float] = []
    store = Retrying(FaultyStore(MemoryStore(), lambda *_: Fault.BEFORE), attempts=50, sleep=waits.append)
    with pytest.raises(UnreachableError):
        store.now()
    assert len(set(waits)) > 40
    assert all(0 <= wait <= 30 for wait in waits)


@pytest.mark.parametrize("error", [DeniedError, NotFoundError, StoreError])
def test_other_errors_come_at_once(error: type[StoreError]) -> None:
    faulty = FaultyStore(MemoryStore(), {0: Fault.BEFORE}, error=lambda: error("store-x", "planned"))
    store, waits = retrying(faulty)
    with pytest.raises(error):
        store.get("a")
    assert waits == []


def test_every_call_is_repeated() -> None:
    inner = MemoryStore()
    inner.put("a", b"one")
    calls: list[Callable[[Retrying], object]] = [
        lambda store: store.put("b", b""),
        lambda store: store.get("a", start=1, length=1),
        lambda store: list(store.list()),
        lambda store: store.head("a"),
        lambda store: store.delete("b"),
        lambda store: store.now(),
    ]
    for call in calls:
        store, waits = retrying(FaultyStore(inner, {0: Fault.BEFORE}))
        call(store)
        assert waits == [0.5]


@pytest.mark.parametrize("versions", [False, True])
def test_a_list_goes_on_where_it_stopped(versions: bool) -> None:
    inner = MemoryStore()
    for key in ("a", "b", "b", "b", "c", "d"):
        inner.overwrite(key, key.encode())
    expected = list(inner.list(versions=versions))
    for prefix in ("", "b"):
        store, waits = retrying(BreakingLists(inner))
        assert list(store.list(prefix, versions=versions)) == [info for info in expected if prefix in info.key]
        assert waits or prefix == "b"


class BreakingLists(FaultyStore):
    """The n-th listing breaks after n objects."""

    def __init__(self, inner: MemoryStore) -> None:
        super().__init__(inner, {})

    def list(self, prefix: str = "", *, versions: bool = False, after: str = "") -> Iterator[ObjectInfo]:
        self.calls.append(("list", prefix))
        for count, info in enumerate(self.inner.list(prefix, versions=versions, after=after)):
            if count == len(self.calls):
                raise UnreachableError("store-unreachable", "planned")
            yield info


def test_uploads_keep_to_the_speed() -> None:
    now = 100.0
    waits: list[float] = []

    def sleep(seconds: float) -> None:
        nonlocal now
        waits.append(seconds)
        now += seconds

    inner = CountingStore(MemoryStore())
    store = Throttled(inner, 1000, clock=lambda: now, sleep=sleep)
    for number in range(4):
        store.put(f"a{number}", bytes(500))
    assert waits == [0.5, 0.5, 0.5]
    now += 100
    store.put("b", bytes(500))
    assert len(waits) == 3
    assert store.get("b") == bytes(500)
    assert (inner.sent, inner.received, inner.count("put")) == (2500, 500, 5)


def test_faults_come_in_pairs(tmp_path: Path) -> None:
    inner = FolderStore(tmp_path / "vault", create=True)
    store = FaultyStore(inner, {0: Fault.BEFORE, 1: Fault.TORN, 2: Fault.AFTER, 4: Fault.SHORT}, error=Crash)
    for expected in ([], [], ["a"]):
        with pytest.raises(Crash):
            store.put("a", b"four")
        assert [info.key for info in inner.list()] == expected
    assert (tmp_path / "vault" / ".tmp-torn").read_bytes() == b"fo"
    assert store.get("a") == b"four"
    with pytest.raises(StoreError) as caught:
        store.get("a")
    assert caught.value.code == "store-short"
