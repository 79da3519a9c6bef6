"""One suite that every store passes: memory, folder, S3 on moto, on SeaweedFS with and without versions, on Ceph."""

import hashlib
import os
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from escrow.errors import DeniedError, ExistsError, LimitError, NotFoundError, StoreError, UsageError
from escrow.limits import MAX_PACK
from escrow.store import Store
from tests.store.conftest import Subject

KEYS = ["README.txt", "RESCUE/read.py", "a/b", "a/b2", "a/c/d", "b-c", "b.c", "notices/00000001-00ff.json"]


def keys(store: Store, **how: object) -> list[str]:
    return [info.key for info in store.list(**how)]  # type: ignore[arg-type]


def fill(store: Store) -> None:
    for key in reversed(KEYS):
        store.put(key, key.encode())


def test_a_put_reads_back(store: Store) -> None:
    body = os.urandom(100_000)
    info = store.put("series/0a/packs/00ff.age", body)
    assert (info.key, info.size, info.delete_marker) == ("series/0a/packs/00ff.age", len(body), False)
    assert info.sha256 in {None, hashlib.sha256(body).hexdigest()}
    assert store.get("series/0a/packs/00ff.age") == body


def test_an_empty_object(store: Store) -> None:
    store.put("empty", b"")
    assert store.get("empty") == b""
    assert store.head("empty").size == 0


def test_head_tells_size_hash_and_time(subject: Subject) -> None:
    store = subject.store
    store.put("a/b", b"four")
    info = store.head("a/b")
    assert (info.key, info.size, info.latest, info.delete_marker) == ("a/b", 4, True, False)
    assert info.sha256 == (hashlib.sha256(b"four").hexdigest() if subject.checksums else None)
    assert info.modified.tzinfo is UTC
    assert abs(info.modified - datetime.now(UTC)) < timedelta(seconds=60)


def test_the_same_again_is_success(subject: Subject) -> None:
    store = subject.store
    first = store.put("a/b", b"same")
    again = store.put("a/b", b"same")
    assert (again.version == first.version) == subject.exclusive
    assert keys(store) == ["a/b"]
    assert len(keys(store, versions=True)) == (1 if subject.exclusive else 2)


def test_other_content_under_the_name_is_refused_or_beside_it(subject: Subject) -> None:
    store = subject.store
    first = store.put("a/b", b"same")
    for other in (b"diff", b"longer than before", b""):
        if not subject.exclusive:
            store.put("a/b", other)
            continue
        with pytest.raises(ExistsError) as caught:
            store.put("a/b", other)
        assert caught.value.code == "store-exists"
    assert store.get("a/b", version=first.version or None) == b"same"
    assert len(keys(store, versions=True)) == (1 if subject.exclusive else 4)


def test_one_of_many_writers_wins_or_none_is_lost(subject: Subject) -> None:
    store = subject.store

    def write(number: int) -> bool:
        try:
            store.put("race", b"%d" % number)
        except ExistsError:
            return False
        return True

    with ThreadPoolExecutor(4) as pool:
        won = list(pool.map(write, range(4)))
    if not subject.exclusive:
        kept = {store.get("race", version=info.version) for info in store.list("race", versions=True)}
        assert (won.count(True), kept) == (4, {b"0", b"1", b"2", b"3"})
        return
    assert won.count(True) == 1
    assert store.get("race") == b"%d" % won.index(True)


def test_a_range_is_exact(store: Store) -> None:
    store.put("ten", b"0123456789")
    for start, length in [(0, 1), (0, 10), (3, 4), (9, 1)]:
        assert store.get("ten", start=start, length=length) == b"0123456789"[start : start + length]
    assert store.get("ten", start=4) == b"456789"


def test_a_short_answer_raises(store: Store) -> None:
    store.put("ten", b"0123456789")
    for start, length in [(0, 11), (9, 2), (10, 1), (10, None), (50, None)]:
        with pytest.raises(StoreError) as caught:
            store.get("ten", start=start, length=length)
        assert caught.value.code == "store-short"


def test_an_absurd_range_is_refused(store: Store) -> None:
    store.put("ten", b"0123456789")
    for start, length in [(-1, None), (0, 0), (0, -1)]:
        with pytest.raises(UsageError):
            store.get("ten", start=start, length=length)


def test_absent_objects(store: Store) -> None:
    store.put("a/b", b"there")
    for call in (store.get, store.head):
        for key in ("a", "a/c", "zz"):
            with pytest.raises(NotFoundError) as caught:
                call(key)
            assert caught.value.code == "store-absent"
    store.delete("zz")


def test_lists_are_sorted_by_code_point(store: Store) -> None:
    fill(store)
    assert keys(store) == KEYS
    assert [info.size for info in store.list()] == [len(key) for key in KEYS]
    assert keys(store, versions=True) == KEYS


def test_lists_take_a_prefix_and_a_start(subject: Subject) -> None:
    store = subject.store
    fill(store)
    for versions in (False, True):
        for prefix in ("", "a", "a/", "a/b", "a/c/", "b", "README.txt", "nothing/"):
            for after in ("", "a/b", "a/bz", "zz") if subject.any_marker or not versions else ("", "a/b", "b.c"):
                expected = [key for key in KEYS if key.startswith(prefix) and key > after]
                found = keys(store, prefix=prefix, versions=versions, after=after)
                assert found == expected, f"prefix {prefix!r}, after {after!r}, versions {versions}"


def test_an_empty_store_lists_nothing(store: Store) -> None:
    assert keys(store) == keys(store, versions=True) == []


def test_delete_and_put_again(store: Store) -> None:
    store.put("a/b", b"one")
    store.delete("a/b")
    store.delete("a/b")
    with pytest.raises(NotFoundError):
        store.get("a/b")
    assert keys(store) == []
    store.put("a/b", b"two")
    assert store.get("a/b") == b"two"


def test_old_versions_stay_readable(subject: Subject) -> None:
    store = subject.store
    first = store.put("a/b", b"one")
    store.delete("a/b")
    second = store.put("a/b", b"two!")
    other = store.put("a/c", b"three")
    if not subject.versioned:
        assert keys(store, versions=True) == ["a/b", "a/c"]
        return
    found = list(store.list(versions=True))
    assert [(info.key, info.delete_marker, info.latest) for info in found] == [
        ("a/b", False, True),
        ("a/b", True, False),
        ("a/b", False, False),
        ("a/c", False, True),
    ]
    assert [found[0].version, found[2].version, found[3].version] == [second.version, first.version, other.version]
    assert store.get("a/b", version=first.version) == b"one"
    assert store.get("a/b", version=second.version, start=1, length=2) == b"wo"
    assert store.head("a/b", version=first.version).size == 3
    for call in (store.get, store.head):
        with pytest.raises(NotFoundError):
            call("a/b", version=found[1].version)
    store.delete("a/b", version=second.version)
    store.delete("a/b", version=found[1].version)
    assert store.get("a/b") == b"one"


def test_a_lock_holds(subject: Subject) -> None:
    store = subject.store
    until = (store.now() + timedelta(days=2)).replace(microsecond=0)
    info = store.put("a/b", b"kept", retain_until=until if subject.accepts_locks else None)
    if not subject.locking:
        assert store.head("a/b").retain_until is None
        return
    assert info.retain_until == store.head("a/b").retain_until == until
    with pytest.raises(DeniedError) as caught:
        store.delete("a/b", version=info.version)
    assert caught.value.code == "store-denied"
    store.delete("a/b")
    assert store.get("a/b", version=info.version) == b"kept"


def test_the_clock_is_near(store: Store) -> None:
    assert store.now().tzinfo is UTC
    assert abs(store.now() - datetime.now(UTC)) < timedelta(seconds=5)


def test_arguments_are_refused_before_anything_is_sent(store: Store) -> None:
    with pytest.raises(LimitError):
        store.put("a/b", bytes(MAX_PACK + 1))
    with pytest.raises(UsageError):
        store.put("a/b", b"", retain_until=datetime(2030, 1, 1))
    calls = (store.get, store.head, store.delete, lambda key: store.put(key, b""))
    for call in calls:
        with pytest.raises(UsageError):
            call("../b")
    assert keys(store) == []


def test_names_tell_no_secret(store: Store) -> None:
    assert store.describe()
    assert os.environ.get("AWS_SECRET_ACCESS_KEY", "no key") not in store.describe() + repr(store)
