"""The levels of verification: what each finds, and what it calls it."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from escrow.engine.locks import Due, Wanted, folded, judge_versions
from escrow.engine.ports import NoProgress
from escrow.engine.verify import (
    Expected,
    expected_objects,
    sample,
    verify_bytes,
    verify_listing,
    verify_open,
)
from escrow.store import LockMode, MemoryStore, ObjectInfo
from escrow.store.base import LocksSaid
from escrow.trust import Finding
from tests.engine.kit import NIGHTS, School, school

NOW = datetime(2026, 1, 1, tzinfo=UTC)
DUE = NOW + timedelta(days=400)
WANTED = Wanted("series/x/packs/y.age", "a" * 64, 100, Due(DUE))
RECORD = Wanted("charter/x.json", "a" * 16, None, Due(DUE, exact=False))


def version(
    size: int = 100,
    sha256: str | None = "a" * 64,
    *,
    marker: bool = False,
    until: datetime | None = DUE,
    mode: LockMode | None = "COMPLIANCE",
    locks: LocksSaid = "told",
) -> ObjectInfo:
    return ObjectInfo(
        key=WANTED.name,
        size=size,
        sha256=sha256,
        modified=NOW,
        version="v",
        delete_marker=marker,
        retain_until=until,
        lock_mode=mode if until else None,
        locks=locks,
    )


SECOND = timedelta(seconds=1)
SHORT = version(until=DUE - SECOND)
BARE = version(until=None)
WEAK = version(mode="GOVERNANCE")
JUNK = version(sha256="b" * 64)


@pytest.mark.parametrize(
    ("versions", "codes"),
    [
        ([version()], ""),
        ([version(sha256=None)], ""),
        ([version(), version(size=1)], ""),
        ([version(), version(marker=True)], ""),
        ([version(size=99)], "object-altered"),
        ([version(size=99, sha256=None)], "object-altered"),
        ([JUNK], "object-altered"),
        ([JUNK, version()], "object-covered"),
        ([version(size=99, sha256=None), version()], "object-covered"),
        ([version(sha256=None), version()], "object-covered"),
        ([version(sha256=None), version(sha256=None, until=None)], ""),
        ([version(marker=True), version()], "object-deleted"),
        ([version(0, None, marker=True)], "object-deleted"),
        ([version(until=DUE + SECOND)], ""),
        ([SHORT], "lock-short"),
        ([BARE], "lock-missing"),
        ([version(until=NOW)], "lock-missing"),
        ([WEAK], "lock-weak"),
        ([version(until=DUE - SECOND, mode="GOVERNANCE")], "lock-weak lock-short"),
        ([BARE, version()], ""),
        ([BARE, WEAK], "lock-missing"),
        ([JUNK, BARE], "object-covered lock-missing"),
        ([version(marker=True), SHORT], "object-deleted lock-short"),
        ([version(until=None, locks="none")], ""),
        ([version(until=None, locks="ask")], ""),
    ],
)
def test_what_a_store_says_of_one_object(versions: list[ObjectInfo], codes: str) -> None:
    found = judge_versions(WANTED, versions, NOW)
    assert [(finding.code, finding.severity) for finding in found] == [(code, "error") for code in codes.split()]


def test_a_lock_that_is_over_is_no_longer_due() -> None:
    assert judge_versions(WANTED, [BARE], DUE) == []
    assert judge_versions(WANTED, [BARE], DUE - SECOND) != []
    assert judge_versions(replace(WANTED, due=None), [BARE], NOW) == []


@pytest.mark.parametrize(
    ("versions", "codes"),
    [
        ([version(7)], ""),
        ([version(7, None)], ""),
        ([JUNK], ""),
        ([JUNK, version(7)], "object-covered"),
        ([version(marker=True), version(7)], "object-deleted"),
        ([version(marker=True)], ""),
        ([BARE], "lock-missing"),
        ([WEAK], "lock-weak"),
        ([SHORT], "lock-short warning"),
    ],
)
def test_what_a_store_says_of_a_record(versions: list[ObjectInfo], codes: str) -> None:
    """Its size is in no record; of its lock, an early end is a warning."""
    found = [
        finding.code + (" warning" if finding.severity == "warning" else "")
        for finding in judge_versions(RECORD, versions, NOW)
    ]
    assert found == ([codes] if codes else [])


def test_a_store_without_locks_is_told_in_one_page() -> None:
    many = [Finding("lock-missing", f"series/{number}", "none", "error") for number in range(5000)]
    other = [Finding("object-missing", f"series/{number}", "none", "error") for number in range(5000)]
    found = list(folded([*many, *other]))
    assert len(found) == 5101
    assert found[-1].detail == "none; and 4899 more objects like this"
    assert list(folded(many[:100])) == many[:100]


def test_a_store_full_of_junk_is_told_in_one_page(tmp_path: Path) -> None:
    place = school(tmp_path)
    place.nights(1)
    for number in range(300):
        place.store.put(f"series/{'0' * 16}/packs/{number:064x}.age", b"junk")
    findings = verify_listing(place.store, place.history(), NoProgress()).findings
    assert {finding.code for finding in findings} == {"object-unnamed"}
    assert len(findings) == 101
    assert findings[-1].detail.endswith("and 199 more objects like this")


def by_level(place: School) -> tuple[list[str], list[str]]:
    history = place.history()
    listing = verify_listing(place.store, history, NoProgress())
    read = verify_bytes(place.store, expected_objects(history), NoProgress())
    assert listing.count <= read.count == len(expected_objects(history))
    return [finding.code for finding in listing.findings], [finding.code for finding in read.findings]


def a_pack(place: School) -> str:
    return next(info.key for info in place.store.list("series/") if "/packs/" in info.key)


def hide(place: School, name: str) -> None:
    place.store.delete(name)


def cover(place: School, name: str) -> None:
    place.store.delete(name)
    place.store.put(name, b"junk", retain_until=DUE + timedelta(days=4000))


def lose(place: School, name: str) -> None:
    assert isinstance(place.store, MemoryStore)
    del place.store._objects[name]


def put_more(place: School, name: str) -> None:
    place.store.put(f"{name[:-68]}{'0' * 64}.age", b"junk")


@pytest.mark.parametrize(
    ("harm", "listed", "read"),
    [
        (hide, ["object-deleted"], []),
        (cover, ["object-covered"], ["object-covered"]),
        (lose, ["object-missing"], ["object-missing"]),
        (put_more, ["object-unnamed"], []),
    ],
)
def test_listing_and_bytes(
    tmp_path: Path, harm: Callable[[School, str], None], listed: list[str], read: list[str]
) -> None:
    """Bytes of an older version still count: what is hidden or covered is not lost."""
    place = school(tmp_path)
    expected = place.nights(2)
    assert by_level(place) == ([], [])
    harm(place, a_pack(place))
    assert by_level(place) == (listed, read)
    if not read:
        place.check_all_snapshots(expected)


def test_a_store_that_lies_is_found_by_its_bytes_only(tmp_path: Path) -> None:
    place = school(tmp_path)
    place.nights(1)
    name = a_pack(place)
    get = place.store.get

    def lie(key: str, **how: object) -> bytes:
        body = get(key, **how)  # type: ignore[arg-type]
        return body[:-1] + bytes([body[-1] ^ 1]) if key == name else body

    place.store.get = lie  # type: ignore[method-assign]
    assert by_level(place) == ([], ["object-hash"])


def test_opened_files_are_checked(tmp_path: Path) -> None:
    """Damage to one segment is told of the files that lie in it; the other compartment's are whole."""
    place = school(tmp_path, on_disk=True)
    place.nights(3)
    checked = verify_open(place.views(), NoProgress())
    assert (checked.count, checked.size) == (3, sum(map(len, NIGHTS[3].values())))
    assert checked.findings == ()
    views = place.views()
    records = next(view for view in views if view.name == "records")
    for pack in (tmp_path / "vault").rglob("packs/*.age"):
        if records.manifest.series in pack.parts:
            pack.chmod(0o644)
            data = bytearray(pack.read_bytes())
            data[2200] ^= 1
            pack.write_bytes(data)
    found = verify_open(views, NoProgress()).findings
    assert found
    assert all("bob" not in finding.subject for finding in found)


def test_a_sample_is_a_share_that_nobody_foresees() -> None:
    expected = [Expected(f"series/x/packs/{number}", "0" * 64, 1) for number in range(10)]
    numbers = iter([number / 10 for number in range(10)])
    assert sample(expected, 0.3, lambda: next(numbers)) == expected[:3]
    assert sample(expected, 1, lambda: 0.999) == expected
    assert sample(expected, 0, lambda: 0.0) == []


def test_l1b_tells_of_other_bytes_that_lie_over_an_object(tmp_path: Path) -> None:
    place = school(tmp_path)
    place.nights(1)
    history = place.history()
    store = place.store
    assert isinstance(store, MemoryStore)
    covered = next(one for one in expected_objects(history) if "/packs/" in one.name)
    store.warden().overwrite(covered.name, b"x" * covered.size)
    (finding,) = verify_bytes(store, [covered], NoProgress()).findings
    assert (finding.code, finding.subject) == ("object-covered", covered.name)
