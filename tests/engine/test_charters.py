"""Nights under a charter that changes, expires or is withheld; and which machine may write at all."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from escrow import record as r
from escrow.engine.status import judge_status
from escrow.errors import IntegrityError, RefusedError, UsageError
from escrow.seal import HybridIdentity, Secret, SigningKey
from escrow.source import Rule
from escrow.store import MemoryStore
from tests.engine.charters import DAY, charter_2, why
from tests.engine.kit import NIGHTS, RULES, STRANGER, T0, School, school
from tests.store.faulty import CountingStore
from tests.trust.world import payload_sha256


@pytest.fixture
def place(tmp_path: Path) -> School:
    return school(tmp_path / "school")


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
    assert why(report) == {None}


@pytest.mark.parametrize("changes", [{"contacts": (r.Contact(role="DPO", text="x"),)}, {"review": T0 + 400 * DAY}])
def test_a_charter_that_changes_neither_keys_nor_compartments_leaves_series_alone(
    place: School, changes: dict[str, object]
) -> None:
    place.nights(1)
    charter_2(place, **changes)
    report = place.night(NIGHTS[2])
    assert (report.seq, why(report), report.warnings) == (2, {None}, ())
    place.check_healthy()


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
