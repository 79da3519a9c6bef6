"""The strict reference: locks by its own clock, snapshots, and writers that do not keep the rules."""

from datetime import UTC, datetime, timedelta

import pytest

from escrow.errors import DeniedError, ExistsError
from escrow.store import MemoryStore

START = datetime(2026, 9, 1, tzinfo=UTC)


def test_a_lock_ends_by_the_stores_clock() -> None:
    now = START
    store = MemoryStore(clock=lambda: now)
    assert store.now() == START
    info = store.put("a", b"one", retain_until=START + timedelta(days=1))
    now = START + timedelta(hours=23)
    with pytest.raises(DeniedError):
        store.delete("a", version=info.version)
    now = START + timedelta(days=1)
    store.delete("a", version=info.version)
    assert list(store.list(versions=True)) == []


def test_a_dump_is_a_snapshot() -> None:
    store = MemoryStore(clock=lambda: START)
    first = store.put("a", b"one", retain_until=START + timedelta(days=1))
    store.delete("a")
    before = store.dump()
    store.put("a", b"two")
    store.put("b", b"three")
    again = MemoryStore(before, clock=lambda: START)
    assert again.dump() == before != store.dump()
    assert again.get("a", version=first.version) == b"one"
    assert again.put("c", b"four").version not in {first.version, ""}
    with pytest.raises(DeniedError):
        again.delete("a", version=first.version)


def test_the_caller_cannot_change_what_is_kept() -> None:
    store = MemoryStore()
    body = bytearray(b"one")
    store.put("a", body)  # type: ignore[arg-type]
    body[0] = 0
    assert store.get("a") == b"one"


def test_a_careless_writer_hides_but_does_not_remove() -> None:
    store = MemoryStore()
    first = store.put("a", b"one")
    second = store.overwrite("a", b"junk")
    assert store.get("a") == b"junk"
    assert store.get("a", version=first.version) == b"one"
    assert [info.version for info in store.list(versions=True)] == [second.version, first.version]
    with pytest.raises(ExistsError):
        store.put("a", b"one")
    store.delete("a", version=second.version)
    assert store.head("a").latest
