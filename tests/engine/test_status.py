"""Status: how old, how far the keys last, and what is amiss, in one look."""

from datetime import timedelta
from pathlib import Path

import pytest

from escrow.engine.status import judge_status
from escrow.source import FolderSource, UnreadableError
from escrow.store import MemoryStore
from tests.engine.kit import NIGHTS, School, school

DAY_AND_A_HALF = timedelta(hours=36)


@pytest.fixture
def place(tmp_path: Path) -> School:
    return school(tmp_path)


def test_status_grows_stale(place: School) -> None:
    assert judge_status(place.history(), place.clock, DAY_AND_A_HALF).stale
    place.nights(1)
    fresh = judge_status(place.history(), place.clock, DAY_AND_A_HALF)
    assert (fresh.stale, fresh.latest, fresh.snapshots, fresh.age) == (False, 1, 1, timedelta(days=1))
    place.clock.at += timedelta(hours=13)
    assert judge_status(place.history(), place.clock, DAY_AND_A_HALF).stale


def test_stale_begins_after_the_limit(place: School) -> None:
    place.night(NIGHTS[1])
    place.clock.at += DAY_AND_A_HALF
    assert not judge_status(place.history(), place.clock, DAY_AND_A_HALF).stale
    place.clock.at += timedelta(seconds=1)
    assert judge_status(place.history(), place.clock, DAY_AND_A_HALF).stale


def test_a_night_that_was_cut_short_is_no_snapshot(place: School) -> None:
    """The age is that of the newest whole night."""
    place.nights(1)
    times = iter([True, False, False, False])
    place.night(NIGHTS[2], may_go_on=lambda: next(times))
    status = judge_status(place.history(), place.clock, DAY_AND_A_HALF)
    assert (status.latest, status.snapshots, status.age) == (1, 1, timedelta(days=1))


def test_size_is_what_the_store_holds(place: School) -> None:
    place.nights(2)
    held = sum(info.size for info in place.store.list("series/") if info.key.endswith(".age"))
    assert judge_status(place.history(), place.clock, DAY_AND_A_HALF).size == held


def test_keys_are_counted_down(place: School) -> None:
    fresh = judge_status(place.history(), place.clock, DAY_AND_A_HALF).compartments
    assert {(one.series, one.ends, one.keys_left) for one in fresh.values()} == {(None, None, 5)}
    place.nights(1)
    used = judge_status(place.history(), place.clock, DAY_AND_A_HALF).compartments
    first = {name: one.series for name, one in used.items()}
    assert [one.keys_left for one in used.values()] == [4, 4]
    assert all(one.ends and one.ends > place.clock.at for one in used.values())
    place.clock.at += timedelta(days=401)
    place.night(NIGHTS[2])
    after = judge_status(place.history(), place.clock, DAY_AND_A_HALF).compartments
    assert [one.keys_left for one in after.values()] == [3, 3]
    assert all(one.series != first[name] for name, one in after.items())


def test_verdict_and_findings_are_told(place: School, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_source: FolderSource, _item: object) -> object:
        raise UnreadableError("permission", "locked by the MIS")

    place.nights(1)
    assert judge_status(place.history(), place.clock, DAY_AND_A_HALF).verdict == "pass"
    monkeypatch.setattr(FolderSource, "open", refuse)
    place.night(NIGHTS[2])
    head = place.history().head
    assert judge_status(place.history(), place.clock, DAY_AND_A_HALF).verdict == "warn"
    assert isinstance(place.store, MemoryStore)
    del place.store._objects[place.history().main[-1].name]
    status = judge_status(place.history(head), place.clock, DAY_AND_A_HALF)
    assert status.latest == 1
    assert [one.code for one in status.findings if one.severity == "error"] == ["rollback"]
    assert [one.code for one in status.findings if one.severity == "warning"] == ["charter-no-custodian"]
