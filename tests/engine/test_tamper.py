"""Whatever the store's owner changes, drops, swaps or rolls back is found without keys; junk blocks nothing."""

import hashlib
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from itertools import combinations
from pathlib import Path

import pytest

from escrow.engine.ports import NoProgress
from escrow.engine.reading import load_history
from escrow.engine.verify import Expected, expected_objects, verify_bytes, verify_listing
from escrow.errors import IntegrityError
from escrow.record import parse_name
from escrow.store import MemoryStore
from escrow.trust import Head, History, accept
from tests.engine.kit import NIGHTS, School, errors, school
from tests.store.faulty import FaultyStore

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
        store.put(name, data, retain_until=place.clock.now() + timedelta(days=900))
    try:
        history = load_history(store, place.anchor, remembered)
    except IntegrityError as error:
        assert error.code == "charter-missing"
        return [error.code]
    listing = verify_listing(store, history, NoProgress())
    read = verify_bytes(store, expected_objects(history), NoProgress())
    return errors((*history.findings, *listing.findings, *read.findings))


@dataclass(frozen=True)
class Looker:
    """Looks at one changed object of a whole vault, without hashing the others again and again."""

    history: History
    records: Objects
    sealed: dict[str, Expected]

    @classmethod
    def of(cls, place: School) -> "Looker":
        records = {name: data for name, data in objects_of(place).items() if name.endswith(".json")}
        history = place.history()
        return cls(history, records, {one.name: one for one in expected_objects(history)})

    def found(self, name: str, data: bytes) -> list[str]:
        """What there is to tell when the store gives `data` under `name`."""
        if name in self.records:
            return errors(self.accept({**self.records, name: data}).findings)
        store = MemoryStore()
        store.put(name, data)
        return errors(verify_bytes(store, [self.sealed[name]], NoProgress()).findings)

    def accept(self, records: Objects, remembered: Head | None = None) -> History:
        own = self.history
        return accept(
            records.items(),
            vault=own.vault,
            fingerprint=own.fingerprint,
            remembered=remembered,
            verified=own.verified,
        )


def flipped(data: bytes, stride: int) -> Iterator[tuple[int, bytes]]:
    """`data` with a bit changed at every `stride`-th byte and in the last."""
    for at in sorted({*range(0, len(data), stride), len(data) - 1}):
        yield at, data[:at] + bytes([data[at] ^ 1 << at % 8]) + data[at + 1 :]


def check_flips(place: School, stride: int, pack_stride: int) -> int:
    looker = Looker.of(place)
    count = 0
    for name, data in objects_of(place).items():
        for at, changed in flipped(data, pack_stride if "/packs/" in name else stride):
            assert looker.found(name, changed), (name, at)
            count += 1
    return count


def check_renamed(place: School, stride: int) -> int:
    """Records changed and given the name that fits their new bytes, as whoever owns the store would.

    A signature's `keyid` is a hint that nobody signs: changing it changes nothing that is accepted.
    """
    looker = Looker.of(place)
    count = 0
    for name, data in looker.records.items():
        others = {other: kept for other, kept in looker.records.items() if other != name}
        for at, changed in flipped(data, stride):
            stem = name[: -len("0123456789abcdef.json")]
            renamed = f"{stem}{hashlib.sha256(changed).hexdigest()[:16]}.json"
            assert parse_name(renamed)
            history = looker.accept({**others, renamed: changed}, looker.history.head)
            if without_hints(changed) == without_hints(data):
                assert content(history) == content(looker.history), (name, at)
            else:
                assert errors(history.findings), (name, at)
                count += 1
    return count


def without_hints(envelope: bytes) -> bytes:
    return re.sub(rb'"keyid":"[ !#-\[\]-~]*"', b"", envelope)


def content(history: History) -> object:
    own = history
    return own.charters, own.keys, own.series, [link.sha256 for link in own.links], own.head, own.findings


def test_an_untouched_vault_has_nothing_to_tell(place: School) -> None:
    assert found(place, objects_of(place), place.history().head) == []


def test_flipped_bytes(place: School, record_property: Callable[[str, object], None]) -> None:
    count = check_flips(place, 37, 100_003)
    record_property("summary", f"vault: {count} flipped bytes found without keys")


def test_flipped_bytes_under_names_that_fit(place: School) -> None:
    assert check_renamed(place, 199) > 300


@pytest.mark.slow
def test_every_flipped_byte(place: School, record_property: Callable[[str, object], None]) -> None:
    count = check_flips(place, 1, 4099)
    record_property("summary", f"vault: {count} flipped bytes found without keys, every one of records and manifests")


@pytest.mark.slow
def test_every_flipped_byte_under_names_that_fit(place: School) -> None:
    check_renamed(place, 1)


def test_truncated_and_removed_objects(place: School) -> None:
    objects = objects_of(place)
    head = place.history().head
    for name, data in objects.items():
        assert found(place, {**objects, name: data[:-1]}), name
        assert found(place, {**objects, name: b""}), name
        assert found(place, {other: kept for other, kept in objects.items() if other != name}, head), name


def test_swapped_objects(place: School) -> None:
    """Every pair of one kind, and a sample of the others."""
    objects = objects_of(place)
    kinds = {name: parsed.kind for name in objects if (parsed := parse_name(name))}
    assert set(kinds.values()) == {"charter", "stock", "key", "series", "pack", "manifest", "notice"}
    for number, (one, other) in enumerate(combinations(sorted(objects), 2)):
        if kinds[one] == kinds[other] or number % 5 == 0:
            assert found(place, {**objects, one: objects[other], other: objects[one]}), (one, other)


def test_every_earlier_state_replayed(tmp_path: Path) -> None:
    """The vault as it was before each put of three nights, to whoever remembers the last head."""
    place = school(tmp_path)
    states: list[Objects] = []

    def watch(_index: int, method: str, _key: str) -> None:
        if method == "put":
            states.append(objects_of(place))

    for files in NIGHTS.values():
        place.night(files, store=FaultyStore(place.store, watch))
    head = place.history().head
    assert found(place, objects_of(place), head) == []
    assert len({frozenset(state) for state in states}) == len(objects_of(place)) - len(states[0])
    for state in states:
        assert any(code.startswith("rollback ") for code in found(place, state, head)), sorted(state)


def test_another_schools_whole_vault_is_not_taken_for_this_one(place: School, tmp_path: Path) -> None:
    other = school(tmp_path, nights=366)
    other.nights(3)
    assert found(place, objects_of(other)) == ["charter-missing"]
    assert found(place, {**objects_of(place), **objects_of(other)}, place.history().head)


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
        "stock/0123456789abcdef-0123456789abcdef.age",
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
