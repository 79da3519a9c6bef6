"""Two machines deposit at once, on real servers: whatever `If-None-Match` does there, the names keep both nights.

One of the two notices of the number is on the main branch. Whoever verifies is told at once (`notice-fork`), the other
machine at its next night, which goes on from the winner with a new series.
"""

import shutil
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import cache
from pathlib import Path
from threading import Barrier

import pytest

from escrow import record as r
from escrow.custody import NewVault, Plan, new_vault
from escrow.engine.night import NightReport
from escrow.engine.ports import NoProgress, SystemClock
from escrow.engine.status import judge_status
from escrow.engine.verify import expected_objects, verify_bytes
from escrow.seal import Secret, SigningKey
from escrow.store import MemoryStore, Store
from tests.engine.kit import AGENT, NIGHTS, T0, FixedClock, School, errors
from tests.servers.ceph import ceph
from tests.servers.seaweed import seaweed
from tests.store.conftest import bucket_on, connect
from tests.store.faulty import Crash, Fault, FaultyStore

__all__ = ["ceph", "seaweed"]

SECOND = SigningKey.from_seed(Secret(b"b" * 64))


@pytest.fixture(
    params=[
        "memory",
        pytest.param("seaweed", marks=pytest.mark.s3),
        pytest.param("ceph", marks=[pytest.mark.s3, pytest.mark.ceph]),
    ]
)
def store(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Store:
    if request.param == "memory":
        return MemoryStore()
    server = request.getfixturevalue(request.param)
    return connect(server, bucket_on(server, monkeypatch))


@cache
def keys_for_two() -> NewVault:
    """A vault whose charter has two nightly machines."""
    agents = tuple(r.Agent(key=key.public().encode(), name=name) for key, name in ((AGENT, "old"), (SECOND, "new")))
    plan = Plan(
        school=r.School(name="Ysgol Bro Tegid"),
        role="head",
        agents=agents,
        compartments=tuple(r.Compartment(name=name, nights=400, keep_days=30) for name in ("records", "safeguarding")),
        strictest="safeguarding",
        cap_days=900,
    )
    return new_vault(plan, T0)


def machine(folder: Path, store: Store) -> School:
    return School(folder, store, FixedClock(SystemClock().now()), keys_for_two())


def copy_of(first: School, folder: Path) -> School:
    """As when a virtual machine is cloned."""
    second = machine(folder, first.store)
    shutil.copytree(first.state, second.state)
    return second


def before_the_notice(_index: int, method: str, key: str) -> Fault | None:
    return Fault.BEFORE if method == "put" and key.startswith("notices/") else None


class Meeting:
    """Lets both machines come as far as their first notice, and then go on together."""

    def __init__(self) -> None:
        self._barrier = Barrier(2, timeout=60)

    def at(self, store: Store) -> Store:
        waited = False

        def wait(_index: int, method: str, key: str) -> None:
            nonlocal waited
            if method == "put" and key.startswith("notices/") and not waited:
                waited = True
                self._barrier.wait()

        return FaultyStore(store, wait)


def race(
    first: School, second: School, key: SigningKey, files: tuple[Mapping[str, bytes], Mapping[str, bytes]]
) -> tuple[NightReport, NightReport]:
    meeting = Meeting()
    with ThreadPoolExecutor(2) as pool:
        one = pool.submit(first.night, files[0], store=meeting.at(first.store))
        other = pool.submit(second.night, files[1], store=meeting.at(second.store), key=key)
        return one.result(), other.result()


def check(place: School, expected: dict[tuple[int, str], Mapping[str, bytes]], *codes: str) -> None:
    """Every snapshot of every branch, by number and the agent's series, and what verifying tells."""
    history = place.history()
    found = {(one.seq, one.parts[0].series): place.restore_all(one) for one in history.snapshots}
    assert found == expected
    assert {one.split()[0] for one in errors(history.findings)} == set(codes)
    assert errors(verify_bytes(place.store, expected_objects(history), NoProgress()).findings) == []
    status = judge_status(history, SystemClock(), timedelta(hours=36))
    assert {one.split()[0] for one in errors(status.findings)} == set(codes)


def series(report: NightReport) -> str:
    return report.compartments["records"].series


def why(report: NightReport) -> str | None:
    return report.compartments["records"].new_series


@pytest.mark.parametrize("key", [AGENT, SECOND], ids=["one-key", "two-keys"])
def test_both_nights_are_kept_and_the_later_machine_says_so(store: Store, key: SigningKey, tmp_path: Path) -> None:
    first = machine(tmp_path / "a", store)
    second = machine(tmp_path / "b", store)
    one, other = race(first, second, key, (NIGHTS[1], NIGHTS[2]))
    assert (one.seq, other.seq) == (1, 1)
    expected: dict[tuple[int, str], Mapping[str, bytes]] = {
        (1, series(one)): NIGHTS[1],
        (1, series(other)): NIGHTS[2],
    }
    check(first, expected, "notice-fork")
    for place, agent in ((first, AGENT), (second, key)):
        again = place.night(NIGHTS[3], key=agent)
        assert why(again) == "state-rolled-back"
        expected[again.seq or 0, series(again)] = NIGHTS[3]
    assert {seq for seq, _ in expected} == {1, 2, 3}, "the fork does not go on"
    check(first, expected, "notice-fork")


@pytest.mark.parametrize("pending", [False, True], ids=["whole", "before-the-notice"])
def test_a_cloned_machine_loses_nothing(store: Store, pending: bool, tmp_path: Path) -> None:
    """Both go on with the same series from the same state, also one that was cloned before its notice was put."""
    first = machine(tmp_path / "a", store)
    if pending:
        crash = FaultyStore(store, before_the_notice, error=Crash)
        with pytest.raises(Crash):
            first.night(NIGHTS[1], store=crash)
    else:
        first.night(NIGHTS[1])
    second = copy_of(first, tmp_path / "b")
    one, other = race(first, second, AGENT, (NIGHTS[2], NIGHTS[3]))
    assert (one.seq, other.seq) == (2, 2)
    history = first.history()
    assert [snapshot.seq for snapshot in history.snapshots] == [1, 2, 2]
    assert {one.split()[0] for one in errors(history.findings)} == {"notice-fork"}
    assert first.restore_all(history.snapshots[0]) == NIGHTS[1]
    held = [first.restore_all(snapshot) for snapshot in history.snapshots[1:]]
    assert held in ([NIGHTS[2], NIGHTS[3]], [NIGHTS[3], NIGHTS[2]])
    assert errors(verify_bytes(store, expected_objects(history), NoProgress()).findings) == []
    again = second.night(NIGHTS[1])
    assert (again.seq, why(again)) == (3, "state-rolled-back")
    assert second.restore_all() == NIGHTS[1]


def test_the_second_of_two_in_turn_says_so_at_once(store: Store, tmp_path: Path) -> None:
    first = machine(tmp_path / "a", store)
    first.night(NIGHTS[1])
    second = copy_of(first, tmp_path / "b")
    one, other = first.night(NIGHTS[2]), second.night(NIGHTS[3])
    assert (one.seq, why(one), other.seq, why(other)) == (2, None, 3, "state-rolled-back")
    first.check_all_snapshots({1: NIGHTS[1], 2: NIGHTS[2], 3: NIGHTS[3]})
    first.check_healthy()
