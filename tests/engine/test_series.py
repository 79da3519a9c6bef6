"""When a series ends and another begins: planned, lost, rolled back, used up."""

import random
import shutil
from datetime import timedelta
from pathlib import Path

import pytest

from escrow.engine import night as engine
from escrow.store import MemoryStore
from escrow.trust import Head
from tests.engine.charters import DAY, charter_2, why
from tests.engine.kit import NIGHTS, School, errors, school
from tests.store.faulty import Crash, Fault, FaultyStore


@pytest.fixture
def place(tmp_path: Path) -> School:
    return school(tmp_path / "school")


def test_planned_ends_over_three_series(tmp_path: Path) -> None:
    place = school(tmp_path / "s", nights=40)
    reasons = []
    expected = {}
    for n in range(1, 7):
        report = place.night(NIGHTS[(n - 1) % 3 + 1])
        reasons.append(why(report))
        expected[n] = NIGHTS[(n - 1) % 3 + 1]
        assert report.alarms == ()
        place.clock.at += 25 * DAY
    assert reasons == [{"first"}, {None}, {"planned"}, {None}, {"planned"}, {None}]
    place.check_all_snapshots(expected)
    history = place.check_healthy()
    records = [one for one in history.series.values() if one.compartment == "records"]
    assert len({one.key for one in records}) == len(records) == 3
    for one in records:
        assert one.record is not None
        assert one.record.ends - one.record.started == 40 * DAY
        assert one.record.retain_until - one.record.ends == 30 * DAY


def test_retention_is_capped(place: School) -> None:
    charter_2(place, cap_days=100)
    place.night(NIGHTS[1])
    for one in place.history().series.values():
        assert one.record is not None
        assert one.record.retain_until - one.record.started == 100 * DAY


def test_state_lost(place: School) -> None:
    old = place.nights(2)
    shutil.rmtree(place.state)
    report = place.night(NIGHTS[3])
    assert (report.seq, why(report), report.alarms) == (3, {"state-lost"}, ())
    place.check_all_snapshots(old | {3: NIGHTS[3]})
    history = place.check_healthy()
    assert len({one.key for one in history.series.values()}) == 4


def test_state_lost_twice_before_the_notice(place: School) -> None:
    """A crash after the store's history was taken over: the reason stays."""
    old = place.nights(1)
    shutil.rmtree(place.state)
    with pytest.raises(Crash):
        place.night(NIGHTS[2], store=FaultyStore(place.store, lambda _, method, key: stop_at_put(method), error=Crash))
    report = place.night()
    place.check_all_snapshots(old | {2: NIGHTS[2]})
    assert why(report) == {"state-lost"}


def stop_at_put(method: str) -> Fault | None:
    return Fault.BEFORE if method == "put" else None


def test_state_rolled_back(place: School) -> None:
    old = place.nights(1)
    shutil.copytree(place.state, place.folder / "copy")
    old[2] = NIGHTS[2]
    place.night(NIGHTS[2])
    shutil.rmtree(place.state)
    (place.folder / "copy").rename(place.state)
    report = place.night(NIGHTS[3])
    assert (report.seq, why(report)) == (3, {"state-rolled-back"})
    place.check_all_snapshots(old | {3: NIGHTS[3]})
    place.check_healthy()
    assert why(place.night()) == {None}


def test_two_states_with_one_key(place: School) -> None:
    """A cloned machine: one goes on, the other notices; both machines' nights restore."""
    old = place.nights(1)
    twin = School(place.folder.parent / "twin", place.store, place.clock, place.vault)
    twin.folder.mkdir()
    shutil.copytree(place.state, twin.state)
    assert why(place.night(NIGHTS[2])) == {None}
    report = twin.night(NIGHTS[3])
    assert (report.seq, why(report)) == (3, {"state-rolled-back"})
    assert why(place.night(NIGHTS[1])) == {"state-rolled-back"}
    place.check_all_snapshots(old | {2: NIGHTS[2], 3: NIGHTS[3], 4: NIGHTS[1]})
    place.check_healthy()


def test_two_at_once_fork(place: School, tmp_path: Path) -> None:
    """Both put notice 2 without seeing the other's: a fork, told; every night restores; the next goes on."""
    place.nights(1)
    assert isinstance(place.store, MemoryStore)
    twin = place.clone(tmp_path / "twin")
    place.night(NIGHTS[2])
    twin.night(NIGHTS[3])
    for info in list(twin.store.list()):
        place.store.put(info.key, twin.store.get(info.key))
    history = place.history()
    assert errors(history.findings) == ["notice-fork notices/00000002"]
    both = [one for one in history.snapshots if one.seq == 2]
    restored = [place.restore_all(one) for one in both]
    assert len(both) == 2
    assert all(night in restored for night in (NIGHTS[2], NIGHTS[3]))
    report = place.night(NIGHTS[1])
    assert (report.seq, why(report)) == (3, {"state-rolled-back"})
    assert place.restore_all() == NIGHTS[1]


def test_store_rolled_back(place: School) -> None:
    place.nights(3)
    last = place.history().main[-1]
    assert isinstance(place.store, MemoryStore)
    del place.store._objects[last.name]
    report = place.night(NIGHTS[1])
    assert (report.seq, why(report)) == (4, {"store-rolled-back"})
    assert report.alarms == ("store-rolled-back",)
    assert place.restore_all() == NIGHTS[1]
    codes = {one.code for one in place.history(Head(3, last.sha256)).findings}
    assert {"notice-gap", "rollback-other"} <= codes
    after = place.night(NIGHTS[2])
    assert (after.alarms, why(after)) == ((), {None})
    assert {n: place.restore_all(str(n)) for n in (1, 2, 4, 5)} == {
        1: NIGHTS[1],
        2: NIGHTS[2],
        4: NIGHTS[1],
        5: NIGHTS[2],
    }


def test_store_rolled_back_and_runs_that_fail_after(place: School) -> None:
    """Retries go on with the series that the first one began: a bad night does not use up the stock."""
    place.nights(2)
    assert isinstance(place.store, MemoryStore)
    del place.store._objects[place.history().main[-1].name]

    def plan(_index: int, _method: str, key: str) -> Fault | None:
        return Fault.BEFORE if "/manifests/" in key else None

    for _ in range(4):
        with pytest.raises(Crash):
            place.night(NIGHTS[3], store=FaultyStore(place.store, plan, error=Crash))
    report = place.night()
    assert report.alarms == ("store-rolled-back",)
    assert place.restore_all() == NIGHTS[3]
    assert len(place.history().series) == 4


def test_store_rolled_back_to_nothing(place: School) -> None:
    place.nights(2)
    assert isinstance(place.store, MemoryStore)
    for name in [name for name in place.store._objects if name.startswith(("notices/", "series/"))]:
        del place.store._objects[name]
    report = place.night(NIGHTS[3])
    assert report.alarms == ("store-rolled-back",)
    assert place.restore_all() == NIGHTS[3]


def test_churn_and_used_up_keys(place: School) -> None:
    """Five keys a compartment: the sixth series takes the last again, and says so. The fourth loss is an alarm."""
    expected = {}
    alarms, warned = [], []
    for n in range(1, 8):
        if n > 1:
            shutil.rmtree(place.state)
        report = place.night(NIGHTS[(n - 1) % 3 + 1])
        expected[n] = NIGHTS[(n - 1) % 3 + 1]
        alarms.append(report.alarms)
        warned.append(sum("used again" in text for text in report.warnings))
        place.clock.at += DAY
    assert warned == [0, 0, 0, 0, 0, 2, 2]
    assert [alarm == ("series-churn",) for alarm in alarms] == [False, False, False, False, True, True, True]
    place.check_all_snapshots(expected)
    place.clock.at += timedelta(days=40)
    assert place.night().alarms == ()


def test_stock_that_runs_low(place: School) -> None:
    report = place.night(NIGHTS[1])
    assert [text for text in report.warnings if "keys are left" in text] == []
    for _ in range(4):
        shutil.rmtree(place.state)
        place.night()
    report = place.night()
    assert sum("0 series keys are left" in text for text in report.warnings) == 2


def test_progress_notices(place: School, monkeypatch: pytest.MonkeyPatch) -> None:
    """A long first night names its packs on the way; a crash in the middle sends little again."""
    monkeypatch.setattr(engine, "_PROGRESS_PACKS", 1)
    monkeypatch.setattr("escrow.limits.PACK_TARGET", 300_000)
    monkeypatch.setattr("escrow.limits.SEGMENT_RAW", 100_000)
    files = {f"f{n}.bin": bytes([n]) * 50 + place.vault.vault.encode() * n + _noise(n) for n in range(30)}
    puts = 0

    def plan(_: int, method: str, key: str) -> Fault | None:
        nonlocal puts
        puts += method == "put" and "/packs/" in key
        return Fault.BEFORE if puts > 6 else None

    with pytest.raises(Crash):
        place.night(files, store=FaultyStore(place.store, plan, error=Crash))
    history = place.history()
    assert {link.notice.kind for link in history.main} == {"progress"}
    assert history.snapshots == ()
    assert errors(history.findings) == []
    assert len(history.main) >= 3
    report = place.night()
    assert report.finished
    assert place.restore_all() == files
    place.check_healthy()
    assert place.night().compartments["safeguarding"].unchanged == len(files)


def _noise(n: int) -> bytes:
    return random.Random(n).randbytes(200_000)
