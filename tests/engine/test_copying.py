"""Copies: what is lacking is put in the write order, what is wrong is mended, and reading takes whichever is whole."""

import math
from collections.abc import Collection, Iterator
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from random import Random

import pytest

from escrow.engine.copying import Item, Moved, Plan, copy_vault, plan_copy, read_original, whole_vault
from escrow.engine.ports import NoProgress
from escrow.engine.reading import load_history
from escrow.engine.shares import Cursor, next_share
from escrow.engine.verify import Expected, expected_objects, verify_bytes, verify_listing
from escrow.errors import NotFoundError, UnreachableError, UsageError
from escrow.store import MemoryStore, ObjectInfo, Store
from escrow.store.copies import Copies
from tests.engine.kit import NIGHTS, School, errors, school
from tests.store.faulty import Crash, Fault, FaultyStore


def fill(source: Store, target: Store, place: School, bad: Collection[str] = ()) -> tuple[Moved, int]:
    """Copies what the target lacks; gives with it how many objects were there."""
    original = read_original(source, place.anchor)
    plan = plan_copy(whole_vault(original), {info.key: info for info in target.list()}, bad)
    return copy_vault(original, target, plan, NoProgress()), plan.already


def objects(store: Store) -> dict[str, bytes]:
    return {info.key: store.get(info.key) for info in store.list()}


def test_a_copy_is_whole_and_incremental(tmp_path: Path) -> None:
    place = school(tmp_path)
    place.nights(2)
    target = MemoryStore(clock=place.clock.now)
    moved, _ = fill(place.store, target, place)
    assert (moved.put, moved.findings) == (len(list(place.store.list())), ())
    assert fill(place.store, target, place)[0].put == 0
    place.night(NIGHTS[3])
    again, already = fill(place.store, target, place)
    assert (again.put, already) == (5, moved.put)
    place.check_all_snapshots(dict(NIGHTS))
    history = load_history(target, place.anchor)
    assert errors((*history.findings, *verify_listing(target, history, NoProgress()).findings)) == []
    assert place.restore_all("3", target) == NIGHTS[3]


def test_notices_come_last(tmp_path: Path) -> None:
    place = school(tmp_path)
    place.nights(2)
    plan = plan_copy(whole_vault(read_original(place.store, place.anchor)), {})
    kinds = [{item.name.partition("/")[0] for item in wave} for wave in plan.waves]
    assert kinds == [{"charter"}, {"stock", "series"}, {"notices"}]


def test_the_write_order_holds_wherever_a_copy_is_killed(tmp_path: Path) -> None:
    """What is there by then restores; the next run copies the rest."""
    place = school(tmp_path)
    expected = place.nights(2)
    total = len(whole_vault(read_original(place.store, place.anchor)))
    for at in range(total):
        target = MemoryStore(clock=place.clock.now)
        puts = count(0)

        def plan(_index: int, method: str, _key: str, at: int = at, puts: "count[int]" = puts) -> Fault | None:
            return Fault.BEFORE if method == "put" and next(puts) >= at else None

        with pytest.raises(Crash):
            fill(place.store, FaultyStore(target, plan, error=Crash), place)
        there = {info.key.partition("/")[0] for info in target.list()}
        if "notices" in there:
            assert there == {"charter", "stock", "series", "notices"}
            seen = load_history(target, place.anchor)
            assert errors(verify_bytes(target, expected_objects(seen), NoProgress()).findings) == []
            assert {one.seq: place.restore_all(one, target) for one in seen.snapshots} == {
                one.seq: expected[one.seq] for one in seen.snapshots
            }
        rest, already = fill(place.store, target, place)
        assert (rest.put + already, rest.findings) == (total, ())
        assert objects(target) == objects(place.store)


@pytest.mark.parametrize(
    ("there", "bad", "moves"),
    [
        (None, (), True),
        ((3, "a" * 64), (), False),
        ((3, None), (), False),
        ((3, None), ("series/x/packs/y.age",), True),
        ((3, "b" * 64), (), True),
        ((2, None), (), True),
    ],
)
def test_what_is_copied(there: tuple[int, str | None] | None, bad: tuple[str, ...], moves: bool) -> None:
    name = "series/x/packs/y.age"
    item = Item(name, 3, "a" * 64, b"", None)
    made = datetime(2026, 1, 1, tzinfo=UTC)
    infos = {name: ObjectInfo(name, there[0], "", there[1], made)} if there else {}
    assert plan_copy([item], infos, bad) == Plan(((), (item,) if moves else (), ()), int(not moves))


def test_what_the_source_has_lost_is_told_and_the_rest_is_copied(tmp_path: Path) -> None:
    place = school(tmp_path)
    place.nights(2)
    history = place.history()
    first, second = [one.name for one in expected_objects(history) if "/packs/" in one.name][:2]
    del place.store._objects[first]  # type: ignore[attr-defined]
    place.store.delete(second)
    place.store.put(second, b"junk")
    target = MemoryStore(clock=place.clock.now)
    moved, _ = fill(place.store, target, place)
    assert [(one.code, one.subject) for one in moved.findings] == [("store-absent", first)]
    assert objects(target).keys() == objects(place.store).keys()
    assert verify_bytes(target, expected_objects(history), NoProgress()).findings[0].subject == first


def test_junk_is_not_copied(tmp_path: Path) -> None:
    place = school(tmp_path)
    place.nights(1)
    clean = objects(place.store)
    series = next(iter(place.history().series))
    for name in (
        "notices/00000002-0123456789abcdef.json",
        "charter/00000002-0123456789abcdef.json",
        "stock/0123456789abcdef-0123456789abcdef.age",
        f"series/{series}/packs/{'0' * 64}.age",
        f"series/{series}/series-0123456789abcdef.json",
        "elsewhere",
    ):
        place.store.put(name, b"junk")
    target = MemoryStore(clock=place.clock.now)
    assert fill(place.store, target, place)[0].findings == ()
    assert objects(target) == clean


def test_a_copy_mends_another(tmp_path: Path) -> None:
    place = school(tmp_path, on_disk=True)
    expected = place.nights(3)
    good = MemoryStore(clock=place.clock.now)
    fill(place.store, good, place)
    packs = sorted((tmp_path / "vault" / "series").rglob("packs/*.age"))
    packs[0].chmod(0o644)
    data = packs[0].read_bytes()
    packs[0].write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    packs[1].unlink()
    both = Copies([place.store, good])
    assert {seq: place.restore_all(str(seq), both) for seq in expected} == expected
    history = place.history()
    bad = {one.subject for one in verify_bytes(place.store, expected_objects(history), NoProgress()).findings}
    assert len(bad) == 2
    assert fill(good, place.store, place, bad)[0].put == 2
    place.check_healthy()
    place.check_all_snapshots(expected)


def test_each_copy_holds_what_the_other_has_lost(tmp_path: Path) -> None:
    place = school(tmp_path)
    expected = place.nights(3)
    other = MemoryStore(clock=place.clock.now)
    fill(place.store, other, place)
    for number, name in enumerate(sorted(objects(place.store))):
        store = (place.store, other)[number % 2]
        if number % 3:
            del store._objects[name]  # type: ignore[attr-defined]
        else:
            store.delete(name)
            store.put(name, b"junk")
    both = Copies([place.store, other])
    history = load_history(both, place.anchor)
    assert errors(history.findings) == []
    assert {one.seq: place.restore_all(one, both) for one in history.snapshots} == expected
    read = verify_bytes(both, expected_objects(history), NoProgress()).findings
    assert {one.code for one in read} == {"object-covered"}


def test_copies_read_on_when_one_is_away(tmp_path: Path) -> None:
    place = school(tmp_path)
    expected = place.nights(2)

    def away() -> FaultyStore:
        return FaultyStore(place.store, lambda *_: Fault.BEFORE)

    for stores in ([MemoryStore(), place.store], [away(), place.store], [place.store, away()]):
        assert place.restore_all("2", Copies(stores)) == expected[2]
    for stores in ([away(), away()], [MemoryStore(), away()]):
        with pytest.raises(UnreachableError):
            Copies(stores).get("notices/none")
    with pytest.raises(UnreachableError):
        list(Copies([away(), away()]).list())
    with pytest.raises(NotFoundError):
        Copies([MemoryStore(), MemoryStore()]).get("notices/none")


def test_copies_are_never_written() -> None:
    both = Copies([MemoryStore(), MemoryStore()])
    for write in (lambda: both.put("charter/x", b""), lambda: both.delete("charter/x"), lambda: Copies([])):
        with pytest.raises(UsageError):
            write()


def some(count: int) -> list[Expected]:
    return [Expected(f"series/x/packs/{number}", "0" * 64, 1) for number in range(count)]


def cursors(seed: int) -> Iterator[Cursor]:
    random = Random(seed)
    while True:
        yield Cursor(random.randbytes(32).hex(), "")


def test_a_cycle_of_shares_covers_everything_once() -> None:
    fresh = cursors(1)
    cursor, following = next(fresh), next(fresh)
    seen: list[str] = []
    for _ in range(25):
        chosen = next_share(some(100), cursor, following, 1 / 30)
        cursor = chosen[-1][1]
        seen += [one.name for one, _ in chosen]
    assert sorted(seen) == sorted(one.name for one in some(100))
    assert next_share(some(100), cursor, following, 1 / 30)[-1][1].secret == following.secret
    other = next_share(some(100), following, cursor, 1 / 30)
    assert [one.name for one, _ in other] != seen[: len(other)]


@pytest.mark.parametrize("share", [1 / 30, 0.3, 1.0])
def test_what_comes_meanwhile_is_seen_in_this_cycle_or_the_next(share: float) -> None:
    fresh = cursors(3)
    cursor = next(fresh)
    nights_seen: dict[str, int] = {}
    nights = 2 * math.ceil(1 / share) + 1
    for night in range(nights):
        there = some(50 + 3 * night)
        chosen = next_share(there, cursor, next(fresh), share)
        assert len({one.name for one, _ in chosen}) == math.ceil(share * len(there))
        cursor = chosen[-1][1]
        nights_seen |= {one.name: night for one, _ in chosen}
    assert {one.name for one in some(50)} <= nights_seen.keys()


@pytest.mark.parametrize(("count", "share"), [(0, 0.5), (5, 0.0)])
def test_nothing_is_chosen_of_nothing(count: int, share: float) -> None:
    assert next_share(some(count), Cursor("00" * 32, ""), Cursor("11" * 32, ""), share) == []
