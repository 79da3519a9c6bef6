"""The self-test finds what a night would stumble over, and leaves nothing behind."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from escrow.engine.state import State
from escrow.engine.sync import Anchor
from escrow.errors import UnreachableError
from escrow.source import FolderSource
from escrow.store import MemoryStore, Store
from escrow.watch import Machine
from escrow.watch.selftest import try_machine
from tests.engine.kit import STRANGER, School
from tests.watch.kit import machine


@pytest.fixture
def one(one: School) -> School:
    one.state.mkdir()
    return one


def failed(parts: Machine) -> dict[str, str]:
    return {one.check: one.result for one in try_machine(parts) if one.error}


def away() -> Store:
    raise UnreachableError("store-unreachable", "nobody there")


@pytest.mark.parametrize("nights", [0, 1])
def test_a_machine_that_is_ready_passes_and_is_left_as_it_was(one: School, nights: int) -> None:
    for _ in range(nights):
        one.night()
    before = (sorted(one.folder.rglob("*")), sorted(info.key for info in one.store.list()))
    checks = try_machine(machine(one))
    assert [(check.check, check.result) for check in checks] == [
        ("state", "ok"),
        ("source school", "ok"),
        ("store", "ok"),
        ("charter", "ok"),
    ]
    assert ("last notice 1" if nights else "no night yet") in checks[-1].detail
    assert (sorted(one.folder.rglob("*")), sorted(info.key for info in one.store.list())) == before


@pytest.mark.parametrize(
    ("spoil", "expected"),
    [
        (lambda m: replace(m, key=STRANGER), {"charter": "agent-unknown"}),
        (lambda m: replace(m, open_store=away), {"store": "store-unreachable", "charter": "store-unreachable"}),
        (lambda m: replace(m, open_store=lambda: MemoryStore({}, clock=m.clock.now)), {"charter": "charter-missing"}),
        (lambda m: replace(m, anchor=Anchor("0" * 32, "0" * 64)), {"charter": "charter-missing"}),
        (
            lambda m: replace(m, sources=[FolderSource("mis", m.state_folder / "none"), *m.sources]),
            {"source mis": "source-missing"},
        ),
        (
            lambda m: replace(m, state_folder=m.state_folder / "none"),
            {"state": "state-unusable", "charter": "state-unusable"},
        ),
    ],
    ids=["stranger", "store-away", "empty-store", "other-vault", "source-away", "no-state-folder"],
)
def test_each_fault_is_told_and_the_others_are_tried(
    one: School, spoil: Callable[[Machine], Machine], expected: dict[str, str]
) -> None:
    assert failed(spoil(machine(one))) == expected


def test_a_clock_that_is_wrong_is_told(one: School) -> None:
    assert isinstance(one.store, MemoryStore)
    there = one.clock.at + timedelta(hours=1)
    ahead = MemoryStore(one.store.dump(), clock=lambda: there)
    assert failed(replace(machine(one), open_store=lambda: ahead)) == {"charter": "clock-skew"}


def test_a_run_under_way_is_no_fault(one: School) -> None:
    other = State.open(one.state)
    checks = try_machine(machine(one))
    other.close()
    assert [check.detail for check in checks if check.check == "state"] == ["can be written; another run is at work"]
    assert [check for check in checks if check.error] == []


def test_a_damaged_state_is_told(one: School) -> None:
    (one.state / "state.db").write_bytes(b"this is no database, and long enough to be looked at" * 20)
    assert failed(machine(one)) == {"state": "state-unusable"}
