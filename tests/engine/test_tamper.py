"""Whatever the store's owner changes, drops, swaps or rolls back is found without keys; junk blocks nothing."""

from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from escrow.engine.ports import NoProgress
from escrow.engine.reading import load_history
from escrow.engine.verify import expected_objects, verify_bytes, verify_listing
from escrow.errors import EscrowError
from escrow.record import parse_name
from escrow.store import MemoryStore
from escrow.trust import Head
from tests.engine.kit import NIGHTS, School, errors, school

Objects = dict[str, bytes]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> School:
    made = school(tmp_path_factory.mktemp("tamper"))
    made.nights(3)
    return made


def objects_of(place: School) -> Objects:
    return {info.key: place.store.get(info.key) for info in place.store.list()}


def found(place: School, objects: Objects, remembered: Head | None = None) -> list[str]:
    """What a keyless check of a store with just these objects tells."""
    store = MemoryStore(clock=place.clock.now)
    for name, data in objects.items():
        store.put(name, data)
    try:
        history = load_history(store, place.anchor, remembered)
    except EscrowError as error:
        return [error.code]
    listing = verify_listing(store, history, NoProgress())
    read = verify_bytes(store, expected_objects(history), NoProgress())
    return errors((*history.findings, *listing.findings, *read.findings))


def positions(data: bytes, every: bool) -> Iterator[int]:
    yield from range(0, len(data), 1 if every and len(data) < 20_000 else max(1, len(data) // 9))
    yield len(data) - 1


def check_flips(place: School, every: bool) -> int:
    objects = objects_of(place)
    count = 0
    for name, data in objects.items():
        for at in positions(data, every):
            changed = data[:at] + bytes([data[at] ^ 1 << at % 8]) + data[at + 1 :]
            assert found(place, {**objects, name: changed}), (name, at)
            count += 1
    return count


def test_an_untouched_vault_has_nothing_to_tell(place: School) -> None:
    assert found(place, objects_of(place), place.history().head) == []


def test_flipped_bytes(place: School, record_property: Callable[[str, object], None]) -> None:
    count = check_flips(place, every=False)
    record_property("summary", f"vault: {count} flipped bytes found without keys")


@pytest.mark.slow
def test_every_flipped_byte(place: School) -> None:
    check_flips(place, every=True)


def test_truncated_and_removed_objects(place: School) -> None:
    objects = objects_of(place)
    head = place.history().head
    for name, data in objects.items():
        assert found(place, {**objects, name: data[:-1]}), name
        assert found(place, {**objects, name: b""}), name
        assert found(place, {other: kept for other, kept in objects.items() if other != name}, head), name


def test_swapped_objects(place: School) -> None:
    objects = objects_of(place)
    names = sorted(objects)
    for number, one in enumerate(names):
        for other in names[number + 1 :: 5]:
            swapped = {**objects, one: objects[other], other: objects[one]}
            assert found(place, swapped), (one, other)
    by_kind: dict[str, list[str]] = {}
    for name in names:
        parsed = parse_name(name)
        assert parsed
        by_kind.setdefault(parsed.kind, []).append(name)
    for same in by_kind.values():
        for one, other in pairwise(same):
            assert found(place, {**objects, one: objects[other], other: objects[one]}), (one, other)


def test_every_earlier_state_replayed(tmp_path: Path) -> None:
    place = school(tmp_path)
    states: list[Objects] = [objects_of(place)]
    for n in sorted(NIGHTS):
        place.night(NIGHTS[n])
        states.append(objects_of(place))
    head = place.history().head
    assert found(place, states[-1], head) == []
    for state in states[:-1]:
        assert any(code.startswith("rollback") for code in found(place, state, head))


def test_junk_under_guessable_names_blocks_nothing(tmp_path: Path) -> None:
    place = school(tmp_path)
    expected = place.nights(2)
    series = next(iter(place.history().series))
    for name in (
        "notices/00000003-0123456789abcdef.json",
        "notices/00000099-0123456789abcdef.json",
        "notices/readme.json",
        "charter/00000002-0123456789abcdef.json",
        "stock/00000002-0123456789abcdef.json",
        "stock/0123456789abcdef.age",
        f"series/{series}/series-0123456789abcdef.json",
        f"series/{series}/packs/{'0' * 64}.age",
        f"series/{series}/manifests/00000003-{'0' * 64}.age",
        "series/ffffffffffffffff/series-0123456789abcdef.json",
    ):
        place.store.put(name, b"junk")
    old = place.history().main[0].name
    for number in (3, 99):  # a notice that was really signed, under names that it does not have
        place.store.put(old.replace("00000001", f"{number:08d}"), place.store.get(old))
        place.store.put(f"notices/{number:08d}-{'f' * 16}.json", place.store.get(old))
    head = place.history().head_name
    assert head
    place.store.put(f"notices/00000002-{'f' * 16}.json", place.store.get(head))
    report = place.night(NIGHTS[3])
    assert (report.seq, report.alarms) == (3, ())
    assert {one.new_series for one in report.compartments.values()} == {None}
    place.check_all_snapshots(expected | {3: NIGHTS[3]})
    assert errors(place.history().findings), "junk is told"
