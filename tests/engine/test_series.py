"""When a series ends and another begins: planned, lost, rolled back, changed; and who may write at all."""

import random
import shutil
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from escrow import record as r
from escrow.custody import signing_key
from escrow.engine import night as engine
from escrow.engine.night import NightReport
from escrow.engine.status import judge_status
from escrow.errors import IntegrityError, RefusedError, UsageError
from escrow.seal import HybridIdentity, Secret, SigningKey
from escrow.source import Rule
from escrow.store import MemoryStore
from escrow.trust import Head, sign_record
from tests.engine.kit import NIGHTS, RULES, STRANGER, T0, School, errors, school
from tests.store.faulty import CountingStore, Crash, Fault, FaultyStore
from tests.trust.world import payload_sha256

DAY = timedelta(days=1)


def why(report: NightReport) -> set[str | None]:
    return {one.new_series for one in report.compartments.values()}


def charter_2(place: School, **change: object) -> r.Charter:
    """Sign and put a charter that follows the one in force."""
    history = place.history()
    assert history.charter is not None
    charter = replace(
        history.charter,
        n=history.charter.n + 1,
        prev=history.charter_sha256,
        **change,  # type: ignore[arg-type]
    )
    holder = signing_key(Secret(place.vault.key_file.secret), place.vault.vault)
    envelope = sign_record(charter, [holder])
    place.store.put(r.charter_name(charter.n, envelope), envelope, retain_until=place.clock.at + 900 * DAY)
    return charter


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


def test_charter_changed(place: School) -> None:
    old = place.nights(2)
    charter = charter_2(place, cap_days=800)
    report = place.night(NIGHTS[3])
    assert (report.seq, why(report)) == (3, {"charter-changed"})
    place.check_all_snapshots(old | {3: NIGHTS[3]})
    history = place.check_healthy()
    assert history.charter == charter
    assert why(place.night()) == {None}


def test_series_end_where_recipients_or_their_compartments_lengths_change(place: School) -> None:
    place.nights(1)
    history = place.history()
    assert history.charter is not None
    records, safeguarding = history.charter.compartments
    charter_2(place, compartments=(replace(records, nights=100, about="pupils"), replace(safeguarding, about="pupils")))
    report = place.night(NIGHTS[2])
    assert {name: one.new_series for name, one in report.compartments.items()} == {
        "records": "charter-changed",
        "safeguarding": None,
    }
    charter_2(place, recipients=(str(HybridIdentity.generate().recipient()),))
    assert why(place.night(NIGHTS[3])) == {"charter-changed"}
    assert why(place.night(NIGHTS[3])) == {None}


def test_compartment_that_has_no_key(place: School) -> None:
    place.nights(1)
    history = place.history()
    assert history.charter is not None
    compartments = (*history.charter.compartments, r.Compartment(name="new", nights=31, keep_days=1))
    charter_2(place, compartments=compartments)
    report = place.night(NIGHTS[2], rules=(Rule("new", ("*.csv",)), *RULES))
    assert report.verdict == r.Verdict(status="warn", codes=("stock-empty",))
    assert any("compartment new: the stock has no key for it yet" in warning for warning in report.warnings)
    assert {name: one.files for name, one in report.compartments.items()} == {"records": 0, "safeguarding": 3}
    assert place.restore_all() == NIGHTS[2]


def test_a_compartment_that_a_charter_dropped_stops_no_night(place: School) -> None:
    old = place.nights(2)
    history = place.history()
    assert history.charter is not None
    charter_2(place, compartments=history.charter.compartments[1:])
    report = place.night(NIGHTS[3])
    assert report.verdict == r.Verdict(status="warn", codes=("compartment-gone",))
    assert report.warnings == ("compartment records: the charter has it no more; its files go to safeguarding",)
    assert set(report.compartments) == {"safeguarding"}
    place.check_all_snapshots(old | {3: NIGHTS[3]})
    with pytest.raises(UsageError) as caught:
        place.night(NIGHTS[3], rules=(Rule("record", ("*.csv",)),))
    assert caught.value.code == "compartment-unknown"


def test_a_strictest_compartment_without_a_key_is_refused(place: School) -> None:
    history = place.history()
    assert history.charter is not None
    compartments = (*history.charter.compartments, r.Compartment(name="new", nights=31, keep_days=1))
    charter_2(place, compartments=compartments, strictest="new")
    with pytest.raises(RefusedError) as caught:
        place.night(NIGHTS[1])
    assert caught.value.code == "stock-empty"


def test_an_expired_charter_stops_no_night_and_is_told_60_days_ahead(place: School) -> None:
    charter_2(place, review=T0 + 61 * DAY)
    told = []
    for days in (0, 1, 1, 59, 1):
        place.clock.at += days * DAY
        report = place.night(NIGHTS[1])
        status = judge_status(place.history(), place.clock, DAY)
        assert report.verdict is not None
        codes = [(one.code, one.severity) for one in status.findings if one.code != "charter-no-custodian"]
        told.append((report.verdict.codes, len(report.warnings), codes))
        assert status.verdict_codes == report.verdict.codes
    assert told[0] == ((), 0, [])
    assert told[1] == ((), 1, [("charter-review", "warning")])
    assert told[3] == (("charter-expired",), 1, [("charter-expired", "error")])
    assert report.verdict.status == "warn"
    assert why(report) == {"planned"} or why(report) == {None}


@pytest.mark.parametrize("changes", [{"contacts": (r.Contact(role="DPO", text="x"),)}, {"review": T0 + 400 * DAY}])
def test_a_charter_that_changes_neither_keys_nor_compartments_leaves_series_alone(
    place: School, changes: dict[str, object]
) -> None:
    place.nights(1)
    charter_2(place, **changes)
    report = place.night(NIGHTS[2])
    assert (report.seq, why(report), report.warnings) == (2, {None}, ())
    place.check_healthy()


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


def test_agent_that_is_not_in_the_charter(place: School) -> None:
    place.nights(1)
    with pytest.raises(RefusedError) as caught:
        place.night(NIGHTS[2], key=STRANGER)
    assert caught.value.code == "agent-unknown"
    assert [one.seq for one in place.history().snapshots] == [1]


@pytest.mark.parametrize("last", [0, 1, 2])
def test_revoked_agent(place: School, last: int) -> None:
    """The last good notice may be one that is there, or one to come."""
    place.nights(1)
    history = place.history()
    assert history.charter is not None
    charter_2(place, agents=(replace(history.charter.agents[0], revoked_after=last),))
    if last == 2:
        assert place.night(NIGHTS[2]).seq == 2
    counting = CountingStore(place.store)
    with pytest.raises(RefusedError) as caught:
        place.night(NIGHTS[3], store=counting)
    assert caught.value.code == "agent-revoked"
    assert counting.count("put") == 0
    assert [one.seq for one in place.history().snapshots] == list(range(1, last + 1))


def test_a_new_machine_takes_over(place: School) -> None:
    old = place.nights(2)
    history = place.history()
    assert history.charter is not None
    fresh = SigningKey.from_seed(Secret(b"n" * 64))
    agents = (
        replace(history.charter.agents[0], revoked_after=2),
        r.Agent(key=fresh.public().encode(), name="new server"),
    )
    charter_2(place, agents=agents)
    with pytest.raises(RefusedError):
        place.night(NIGHTS[3])
    shutil.rmtree(place.state)
    report = place.night(NIGHTS[3], key=fresh)
    assert (report.seq, why(report)) == (3, {"agent-changed"})
    place.check_all_snapshots(old | {3: NIGHTS[3]})
    place.check_healthy()
    assert why(place.night(key=fresh)) == {None}


def test_a_new_key_on_the_old_state(place: School) -> None:
    place.nights(1)
    fresh = SigningKey.from_seed(Secret(b"n" * 64))
    history = place.history()
    assert history.charter is not None
    charter_2(place, agents=(*history.charter.agents, r.Agent(key=fresh.public().encode(), name="new key")))
    place.night(NIGHTS[2])
    report = place.night(NIGHTS[3], key=fresh)
    assert why(report) == {"agent-changed"}
    place.check_all_snapshots(NIGHTS)
    place.check_healthy()


def _withhold(place: School, number: int) -> dict[str, object]:
    """The store no longer shows the charter of this number."""
    assert isinstance(place.store, MemoryStore)
    names = [name for name in place.store._objects if name.startswith(f"charter/{number:08d}")]
    return {name: place.store._objects.pop(name) for name in names}


def test_a_store_that_withholds_a_charter_moves_no_night_back_to_an_older_one(place: School) -> None:
    place.nights(1)
    charter = charter_2(place, cap_days=800)
    assert why(place.night(NIGHTS[2])) == {"charter-changed"}
    assert _withhold(place, 2)
    assert place.history().charter != charter
    report = place.night(NIGHTS[3])
    assert (report.alarms, why(report)) == (("charter-rolled-back",), {None})
    assert place.history().main[-1].notice.charter == payload_sha256(charter)


def test_former_holders_and_the_store_together_do_not_replace_a_charter_that_was_seen(place: School) -> None:
    """Another charter 2, signed as the first demands: a fork for others, no doubt for the machine that saw one."""
    place.nights(1)
    mine = charter_2(place, cap_days=800)
    place.night(NIGHTS[2])
    hidden = _withhold(place, 2)
    charter_2(place, cap_days=700)
    report = place.night(NIGHTS[3])
    assert (report.alarms, why(report)) == (("charter-rolled-back",), {None})
    assert isinstance(place.store, MemoryStore)
    place.store._objects.update(hidden)  # type: ignore[arg-type]
    assert "charter-fork" in [one.code for one in place.history().findings]
    report = place.night(NIGHTS[1])
    assert (report.alarms, why(report)) == (("charter-rolled-back",), {None})
    assert place.history().main[-1].notice.charter == payload_sha256(mine)


def test_a_damaged_memory_of_charters_is_as_none(place: School) -> None:
    charter_2(place, cap_days=800)
    place.nights(1)
    for path in (place.state / "charter").iterdir():
        path.write_bytes(b"junk")
    assert place.night(NIGHTS[2]).alarms == ()
    assert _withhold(place, 2)
    assert place.night(NIGHTS[3]).alarms == ("charter-rolled-back",), "it was mended"


def test_store_without_its_charter(place: School) -> None:
    place.nights(1)
    assert isinstance(place.store, MemoryStore)
    for name in [name for name in place.store._objects if name.startswith("charter/")]:
        del place.store._objects[name]
    with pytest.raises(IntegrityError) as caught:
        place.night(NIGHTS[2])
    assert caught.value.code == "charter-missing"


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
