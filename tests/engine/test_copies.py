"""Copies: what is refused, what is left behind, locks, damage that no listing shows, and places that fall silent."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from itertools import count
from pathlib import Path

import pytest

from escrow.engine.copying import (
    Moved,
    check_place,
    copy_vault,
    find_bad,
    find_damaged,
    plan_copy,
    read_original,
    whole_vault,
)
from escrow.engine.places import Holds, up_to
from escrow.engine.ports import NoProgress
from escrow.engine.reading import load_history
from escrow.engine.verify import expected_objects, verify_bytes, verify_listing
from escrow.errors import DeniedError, IntegrityError, RefusedError, StoreError
from escrow.record import pack_name
from escrow.store import MemoryStore, ObjectInfo, Store
from escrow.store.copies import Copies
from tests.engine.kit import NIGHTS, School, errors, school
from tests.store.faulty import Fault, FaultyStore


@pytest.fixture
def place(tmp_path: Path) -> School:
    made = school(tmp_path)
    made.nights(2)
    return made


def objects(store: Store) -> dict[str, bytes]:
    return {info.key: store.get(info.key) for info in store.list()}


def fill(place: School, target: Store, holds: Holds = "all", source: Store | None = None) -> Moved:
    original = read_original(source or place.store, place.anchor)
    plan = plan_copy(whole_vault(original, holds), {info.key: info for info in target.list()})
    return copy_vault(original, target, plan, NoProgress())


def copied(place: School) -> MemoryStore:
    target = MemoryStore(clock=place.clock.now)
    fill(place, target)
    return target


def test_a_place_of_keys_gets_keys_alone(place: School) -> None:
    target = MemoryStore(clock=place.clock.now)
    fill(place, target, "keys")
    assert objects(target) == {
        name: data for name, data in objects(place.store).items() if name.startswith(("charter/", "stock/"))
    }
    assert errors(verify_listing(target, load_history(target, place.anchor), NoProgress()).findings) == []
    assert find_bad(read_original(place.store, place.anchor), target, "keys", NoProgress()) == ()


def test_another_vaults_place_is_refused_and_its_records_stay_behind(place: School, tmp_path: Path) -> None:
    other = school(tmp_path / "other", nights=366)
    history = place.history()
    with pytest.raises(RefusedError) as caught:
        check_place(other.store, history)
    assert caught.value.code == "store-other-vault"
    for fine in (place.store, MemoryStore(), copied(place)):
        check_place(fine, history)
    both = Copies([place.store, other.store])
    target = MemoryStore(clock=place.clock.now)
    assert fill(place, target, source=both).findings == ()
    assert objects(target) == objects(place.store)
    with pytest.raises(IntegrityError, match="expected a vault to copy"):
        read_original(other.store, place.anchor)


def test_a_copy_is_locked_as_the_store_is(place: School) -> None:
    """Keys, charter and stock as long as the charter allows, also when they are copied before the first night."""
    before = school(place.folder / "new")
    early = MemoryStore(clock=before.clock.now)
    fill(before, early)
    cap = timedelta(days=900)
    assert {info.retain_until for info in early.list()} == {before.clock.at + cap}
    target = copied(place)
    until = {info.key: info.retain_until for info in target.list()}
    for name, state in place.history().series.items():
        assert state.record
        assert {until[key] for key in until if key.startswith(f"series/{name}/")} == {state.record.retain_until}
    assert {until[key] for key in until if key.startswith("stock/")} == {place.clock.at + cap}
    assert errors(verify_listing(target, place.history(), NoProgress()).findings) == []


class Mute(MemoryStore):
    """Lists no hashes, as S3 does."""

    def list(self, prefix: str = "", *, versions: bool = False, after: str = "") -> Iterator[ObjectInfo]:
        return (replace(info, sha256=None) for info in super().list(prefix, versions=versions, after=after))


def test_damage_that_no_listing_shows_is_found_and_mended(place: School) -> None:
    """Same size, other bytes; one of them over the right bytes, in a newer version."""
    target = Mute(clock=place.clock.now)
    original = read_original(place.store, place.anchor)
    items = whole_vault(original)
    first, second = [item for item in items if "/packs/" in item.name][:2]
    target.put(first.name, b"x" * first.size)
    target.put(second.name, place.store.get(second.name))
    target.overwrite(second.name, b"x" * second.size)
    fill(place, target)
    damaged = find_damaged(items, target, NoProgress())
    assert {one.subject for one in damaged} == {first.name, second.name}
    plan = plan_copy(items, {info.key: info for info in target.list()}, {one.subject for one in damaged})
    assert (plan.count, copy_vault(original, target, plan, NoProgress()).put) == (2, 2)
    assert find_damaged(items, target, NoProgress()) == []
    assert objects(target) == objects(place.store)


def test_bad_records_are_found_without_reading_packs(place: School) -> None:
    target = copied(place)
    notice, stock = (
        next(name for name in objects(target) if name.startswith(part)) for part in ("notices/", "stock/0")
    )
    target.overwrite(notice, b"x" * len(target.get(notice)))
    target._objects[notice] = target._objects[notice][:1]
    del target._objects[stock]
    calls: list[str] = []
    watched = FaultyStore(target, lambda _index, method, key: calls.append(f"{method} {key}"))
    original = read_original(place.store, place.anchor)
    bad = find_bad(original, watched, "all", NoProgress())
    assert {(one.code, one.subject) for one in bad} >= {("object-hash", notice), ("object-missing", stock)}
    assert not [call for call in calls if call.startswith("get") and "/packs/" in call]


def test_a_credential_that_may_not_hide_tells_what_it_could_not_mend(place: School) -> None:
    target = MemoryStore(clock=place.clock.now)
    original = read_original(place.store, place.anchor)
    items = whole_vault(original)
    name = next(item.name for item in items if "/packs/" in item.name)
    target.put(name, b"junk")

    def denied() -> BaseException:
        return DeniedError("store-denied", "planned")

    watched = FaultyStore(target, lambda _i, method, _k: Fault.BEFORE if method == "delete" else None, error=denied)
    plan = plan_copy(items, {info.key: info for info in target.list()})
    moved = copy_vault(original, watched, plan, NoProgress())
    assert [(one.code, one.subject) for one in moved.findings] == [("store-denied", name)]
    assert moved.put == plan.count - 1


def test_a_damaged_notice_hides_no_missing_pack(place: School) -> None:
    target = copied(place)
    first = place.history().main[0]
    target.overwrite(first.name, b"junk")
    target._objects[first.name] = target._objects[first.name][:1]
    part = first.notice.series[0]
    pack = pack_name(part.series, part.packs[0].sha256)
    del target._objects[pack]
    own = load_history(target, place.anchor)
    assert not any(one.name == pack for one in expected_objects(own)), "the copy itself shows nothing of it"
    due = expected_objects(up_to(place.history(), 2, own))
    assert {one.subject for one in verify_bytes(target, due, NoProgress()).findings} == {pack}
    assert up_to(place.history(), 0, own).links == ()


def falls_silent(inner: Store, after: int) -> FaultyStore:
    calls = count()
    return FaultyStore(inner, lambda *_: Fault.BEFORE if next(calls) >= after else None)


@pytest.mark.parametrize("after", [0, 1, 3, 10, 25, 40, 60])
def test_a_restore_goes_on_when_a_place_falls_silent(place: School, after: int) -> None:
    for stores in (
        [falls_silent(place.store, after), copied(place)],
        [copied(place), falls_silent(place.store, after)],
    ):
        assert place.restore_all("2", Copies(stores)) == NIGHTS[2]


def test_a_place_that_does_not_answer_is_asked_once(place: School) -> None:
    silent = falls_silent(place.store, 0)
    assert place.restore_all("2", Copies([silent, copied(place)])) == NIGHTS[2]
    assert len(silent.calls) == 1


class Failing(MemoryStore):
    """Lists everything and gives nothing."""

    error: Callable[[], StoreError]

    def get(self, key: str, *, start: int = 0, length: int | None = None, version: str | None = None) -> bytes:
        raise self.error()


@pytest.mark.parametrize("code", ["store-io", "store-short", "store-denied"])
def test_a_place_that_fails_at_every_object_is_passed_over(place: School, code: str) -> None:
    bad = Failing(copied(place).dump(), clock=place.clock.now)
    bad.error = lambda: DeniedError(code, "planned") if code == "store-denied" else StoreError(code, "planned")
    for stores in ([bad, copied(place)], [copied(place), bad]):
        assert place.restore_all("2", Copies(stores)) == NIGHTS[2]


def test_a_listing_of_versions_names_its_copy(place: School) -> None:
    both = Copies([place.store, copied(place)])
    infos: list[ObjectInfo] = list(both.list("notices/", versions=True))
    assert [info.version.partition(":")[0] for info in infos] == ["0", "1"] * 2
    assert {both.get(info.key, version=info.version) for info in infos} == {
        data for name, data in objects(place.store).items() if name.startswith("notices/")
    }
