"""Copies: what is lacking is put in the write order, what is wrong is mended, and reading takes whichever is whole."""

from pathlib import Path
from random import Random

from escrow.engine.copying import copy_vault, plan_copy, whole_vault
from escrow.engine.ports import NoProgress
from escrow.engine.reading import load_history
from escrow.engine.shares import Cursor, next_share
from escrow.engine.verify import Expected, expected_objects, verify_bytes, verify_listing
from escrow.store import MemoryStore
from escrow.store.copies import Copies
from tests.engine.kit import NIGHTS, errors, school
from tests.store.faulty import CountingStore


def test_a_copy_is_whole_and_incremental(tmp_path: Path) -> None:
    place = school(tmp_path)
    place.nights(2)
    target = MemoryStore(clock=place.clock.now)
    moved = copy_vault(place.store, target, place.history(), NoProgress())
    assert (moved.put, moved.findings) == (len(list(place.store.list())), ())
    assert copy_vault(place.store, target, place.history(), NoProgress()).put == 0
    place.night(NIGHTS[3])
    again = copy_vault(place.store, target, place.history(), NoProgress())
    assert (again.put, again.already) == (5, moved.put)
    place.check_all_snapshots(dict(NIGHTS))
    history = load_history(target, place.anchor)
    assert errors((*history.findings, *verify_listing(target, history, NoProgress()).findings)) == []
    assert place.restore_all("3", target) == NIGHTS[3]


def test_notices_come_last(tmp_path: Path) -> None:
    place = school(tmp_path)
    place.nights(2)
    waves = plan_copy(whole_vault(place.store, place.history()), {})
    kinds = [{item.name.partition("/")[0] for item in wave} for wave in waves]
    assert kinds == [{"charter", "stock"}, {"series"}, {"notices"}]


def test_a_copy_mends_another(tmp_path: Path) -> None:
    place = school(tmp_path, on_disk=True)
    expected = place.nights(3)
    good = MemoryStore(clock=place.clock.now)
    copy_vault(place.store, good, place.history(), NoProgress())
    packs = sorted((tmp_path / "vault" / "series").rglob("packs/*.age"))
    packs[0].chmod(0o644)
    packs[0].write_bytes(packs[0].read_bytes()[:-1] + b"x")
    packs[1].unlink()
    both = Copies([place.store, good])
    assert {seq: place.restore_all(str(seq), both) for seq in expected} == expected
    history = place.history()
    bad = {one.subject for one in verify_bytes(place.store, expected_objects(history), NoProgress()).findings}
    assert len(bad) == 2
    assert copy_vault(good, place.store, history, NoProgress(), bad).put == 2
    place.check_healthy()
    place.check_all_snapshots(expected)


def test_copies_read_on_when_one_is_away(tmp_path: Path) -> None:
    place = school(tmp_path)
    expected = place.nights(2)
    both = Copies([MemoryStore(clock=place.clock.now), CountingStore(place.store)])
    assert place.restore_all("2", both) == expected[2]


def test_a_cycle_of_shares_covers_everything_once() -> None:
    expected = [Expected(f"series/x/packs/{number}", "0" * 64, 1) for number in range(100)]
    cursor: Cursor | None = Cursor(Random(1).randbytes(32).hex(), "")
    seen: list[str] = []
    nights = 0
    while cursor:
        chosen, cursor = next_share(expected, cursor, 1 / 30)
        seen += [one.name for one in chosen]
        nights += 1
    assert sorted(seen) == sorted(one.name for one in expected)
    assert nights == 25
    other, _ = next_share(expected, Cursor(Random(2).randbytes(32).hex(), ""), 1 / 30)
    assert [one.name for one in other] != seen[: len(other)]
