"""When a round tries, tries again and ends: with a store in memory and a clock that only tests move."""

from datetime import datetime, timedelta

import pytest

from escrow.engine.state import State
from escrow.errors import DeniedError, EscrowError, StateError, StoreError, UsageError
from escrow.store import MemoryStore, Store
from tests.engine.kit import NIGHTS, T0, FixedClock, School
from tests.watch.kit import HOUR, Away, duty, go, machine, status


def test_a_store_that_is_away_is_tried_until_it_is_back(one: School) -> None:
    away = Away(one, 4)
    result = go(one, machine(one, away))
    assert result.error is None
    assert result.attempts == 5
    waits = [later - sooner for sooner, later in zip(away.calls, away.calls[1:5], strict=False)]
    assert waits == sorted(waits)
    assert timedelta(seconds=30) <= waits[0] <= timedelta(minutes=1)
    assert status(one).outcome == "ok"


def test_nothing_is_tried_once_the_morning_has_come(one: School) -> None:
    away = Away(one, 10_000)
    tonight = duty(one)
    result = go(one, machine(one, away), tonight)
    assert result.error is away.error
    assert away.calls[-1] < tonight.until
    assert one.clock.at < tonight.until
    assert tonight.until - away.calls[-1] <= timedelta(minutes=30)
    told = status(one)
    assert (told.outcome, told.error, told.last_success, told.seq) == (
        "store-unreachable",
        "store-unreachable",
        None,
        None,
    )
    assert told.attempts == len(away.calls) > 10


def test_a_machine_that_slept_past_the_morning_does_not_begin(one: School) -> None:
    class Sleepy(FixedClock):
        def sleep(self, seconds: float) -> None:
            self.at += 9 * HOUR

    one.clock = Sleepy(T0)
    away = Away(one, 1)
    result = go(one, machine(one, away))
    assert result.error is away.error
    assert len(away.calls) == 1


@pytest.mark.parametrize(
    ("error", "again"),
    [
        (StoreError("store-io", "the folder failed"), True),
        (StoreError("store-refused", "the store refuses"), False),
        (DeniedError("store-denied", "no rights"), False),
        (StateError("clock-skew", "the clock is wrong"), False),
    ],
    ids=lambda value: value.code if isinstance(value, EscrowError) else "",
)
def test_only_what_may_pass_is_tried_again(one: School, error: EscrowError, again: bool) -> None:
    away = Away(one, 1, error)
    result = go(one, machine(one, away))
    assert (result.error is None) is again
    assert result.attempts == (2 if again else 1)


def test_a_share_that_is_away_is_waited_for(one: School) -> None:
    home = one.source.rename(one.folder / "elsewhere")

    class Mending(FixedClock):
        def sleep(self, seconds: float) -> None:
            super().sleep(seconds)
            if home.exists():
                home.rename(one.source)

    one.clock = Mending(T0)
    result = go(one)
    assert (result.error, result.attempts) == (None, 2)
    one.check_all_snapshots({1: NIGHTS[1]})


def test_a_second_run_waits_and_says_so_when_the_first_never_ends(one: School) -> None:
    other = State.open(one.state)
    result = go(one)
    other.close()
    assert result.error
    assert result.error.code == "agent-busy"
    assert status(one).error == "agent-busy"
    assert result.attempts > 10


def test_a_night_that_the_morning_ends_is_unfinished_and_no_success(one: School) -> None:
    class Running(FixedClock):
        """A minute passes between two looks."""

        def now(self) -> datetime:
            self.at += HOUR / 60
            return self.at

    one.clock = Running(T0)
    one.store = MemoryStore({}, clock=lambda: one.clock.at)
    for name, data in one.vault.public.items():
        one.store.put(name, data)
    result = go(one, tonight=duty(one, hours=2.5 / 60))
    assert result.night
    assert (result.night.finished, result.deposited, result.listing) == (False, None, None)
    assert status(one).last_success is None


def test_a_round_that_is_killed_shows_as_running(one: School) -> None:
    def kill() -> Store:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        go(one, machine(one, kill))
    assert status(one).outcome == "running"


def test_a_round_wants_an_end_in_the_future(one: School) -> None:
    with pytest.raises(UsageError, match="expected an end in the future"):
        go(one, tonight=duty(one, hours=0))
