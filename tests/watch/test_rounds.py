"""A round with a store in memory and a clock that only tests move."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from random import Random

import pytest

from escrow.engine.memory import remembered_head
from escrow.engine.ports import NoProgress
from escrow.engine.state import State
from escrow.errors import DeniedError, EscrowError, StateError, StoreError, UnreachableError, UsageError
from escrow.source import FolderSource
from escrow.store import MemoryStore, Store
from escrow.watch import AgentStatus, Duty, Machine, RoundResult, read_agent_status, run_round
from tests.engine.kit import AGENT, NIGHTS, RULES, T0, FixedClock, School, school, write_tree

HOUR = timedelta(hours=1)


class Noting(FixedClock):
    """Remembers when somebody looked at it."""

    def __init__(self, at: datetime) -> None:
        super().__init__(at)
        self.looks: list[datetime] = []

    def now(self) -> datetime:
        self.looks.append(self.at)
        return self.at


@pytest.fixture
def one(tmp_path: Path) -> School:
    made = school(tmp_path)
    write_tree(made.source, NIGHTS[1])
    return made


def machine(one: School, open_store: Callable[[], Store] | None = None) -> Machine:
    sources = [FolderSource("school", one.source)]
    return Machine(open_store or (lambda: one.store), one.state, AGENT, one.anchor, sources, RULES, one.clock)


def duty(one: School, share: float = 1.0, hours: float = 5) -> Duty:
    now = one.clock.at
    return Duty(now + hours * HOUR, now + 24 * HOUR, share, Random(7).random)


def outcome(result: RoundResult) -> str:
    if result.error:
        return result.error.code
    return "integrity" if any(one.severity == "error" for one in result.findings) else "ok"


def go(one: School, parts: Machine | None = None, tonight: Duty | None = None) -> RoundResult:
    return run_round(parts or machine(one), tonight or duty(one), NoProgress(), outcome)


def status(one: School) -> AgentStatus:
    found = read_agent_status(one.state)
    assert found
    return found


class Away:
    """Raises on the first `times` calls; afterwards the store is there. Notes the time of each call."""

    def __init__(self, one: School, times: int, error: EscrowError | None = None) -> None:
        self.one, self.times = one, times
        self.error = error or UnreachableError("store-unreachable", "the folder does not answer")
        self.calls: list[datetime] = []

    def __call__(self) -> Store:
        self.calls.append(self.one.clock.at)
        if len(self.calls) <= self.times:
            raise self.error
        return self.one.store


def test_a_night_goes_in_is_checked_and_told(one: School) -> None:
    result = go(one)
    assert (result.error, result.findings, result.attempts, result.left_out) == (None, [], 1, 0)
    assert result.listing and result.sampled
    assert result.listing.count == result.sampled.count > 4
    one.check_all_snapshots({1: NIGHTS[1]})
    head = one.history().head
    assert head
    assert remembered_head(one.state, one.vault.vault) == head
    assert status(one) == AgentStatus(
        vault=one.vault.vault,
        outcome="ok",
        last_attempt=T0,
        last_success=T0,
        next_due=T0 + 24 * HOUR,
        attempts=1,
        seq=1,
        head=head.sha256,
        findings={},
        listed=result.listing.count,
        sampled=result.sampled.count,
        sampled_bytes=result.sampled.size,
    )
    assert json.loads((one.state / "last-night.json").read_text())["seq"] == 1


def test_the_status_names_no_file_and_no_person(one: School) -> None:
    write_tree(one.source, {"Ann Smith.txt": b"secret", "notes/Bob.txt": b"more", "gone.csv": b"x"})
    (one.source / "Zoe.txt").symlink_to("Ann Smith.txt")
    go(one)
    for name in ("agent-status.json", "last-night.json"):
        text = (one.state / name).read_text()
        for word in ("Ann", "Bob", "Zoe", "gone", "secret", str(one.folder)):
            assert word not in text


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


def test_the_sample_ends_with_the_morning_and_tells_what_was_left(one: School, monkeypatch: pytest.MonkeyPatch) -> None:
    from escrow.watch import rounds

    monkeypatch.setattr(rounds, "_BATCH", 2)
    one.clock = Noting(T0)
    one.store = Slow(one)
    result = go(one)
    assert result.sampled
    assert 0 < result.sampled.count < result.sampled.count + result.left_out
    assert status(one).left_out == result.left_out


class Slow(MemoryStore):
    """Each pack and key read takes an hour."""

    def __init__(self, one: School) -> None:
        assert isinstance(one.store, MemoryStore)
        super().__init__(one.store.dump(), clock=lambda: one.clock.at)
        self.one = one

    def get(self, key: str, *, start: int = 0, length: int | None = None, version: str | None = None) -> bytes:
        if key.endswith(".age"):
            self.one.clock.at += HOUR
        return super().get(key, start=start, length=length, version=version)


def test_an_altered_object_is_found_in_the_bytes(one: School) -> None:
    go(one)
    assert isinstance(one.store, MemoryStore)
    key = next(info.key for info in one.store.list("series/") if "/packs/" in info.key)

    class Lying(MemoryStore):
        def get(self, name: str, *, start: int = 0, length: int | None = None, version: str | None = None) -> bytes:
            data = super().get(name, start=start, length=length, version=version)
            return bytes([data[0] ^ 1]) + data[1:] if name == key else data

    lying = Lying(one.store.dump(), clock=lambda: one.clock.at)
    one.clock.at += 24 * HOUR
    result = go(one, machine(one, lambda: lying))
    assert [finding.code for finding in result.findings] == ["object-hash"]
    told = status(one)
    assert (told.outcome, told.findings, told.last_success) == ("integrity", {"object-hash": 1}, one.clock.at)


def test_a_hidden_object_is_found_in_the_listing_without_reading(one: School) -> None:
    go(one)
    key = next(info.key for info in one.store.list("series/") if "/manifests/" in info.key)
    one.store.delete(key)
    one.clock.at += 24 * HOUR
    result = go(one, tonight=duty(one, share=0.0))
    assert [finding.code for finding in result.findings] == ["object-deleted"]
    assert result.sampled
    assert result.sampled.count == 0


def test_a_store_that_forgot_a_night_is_told_even_when_the_state_is_lost(one: School) -> None:
    go(one)
    assert isinstance(one.store, MemoryStore)
    early = one.store.dump()
    for n in (2, 3):
        one.clock.at += 24 * HOUR
        write_tree(one.source, NIGHTS[n])
        go(one)
    (one.state / "state.db").unlink()
    one.store = MemoryStore(early, clock=lambda: one.clock.at)
    result = go(one)
    assert result.night
    assert "rollback" in {finding.code for finding in result.findings}


def test_a_failed_round_keeps_what_is_known_of_earlier_ones(one: School) -> None:
    go(one)
    first = status(one)
    one.clock.at += 24 * HOUR
    go(one, machine(one, Away(one, 1, DeniedError("store-denied", "no"))))
    assert status(one) == replace(
        first,
        outcome="store-denied",
        error="store-denied",
        last_attempt=one.clock.at,
        next_due=one.clock.at + 24 * HOUR,
        listed=0,
        sampled=0,
        sampled_bytes=0,
    )


def test_a_round_that_is_killed_shows_as_running(one: School) -> None:
    def kill() -> Store:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        go(one, machine(one, kill))
    assert status(one).outcome == "running"


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"vault": 1', "null"])
def test_a_status_that_cannot_be_read_stops_no_night(one: School, text: str) -> None:
    one.state.mkdir(parents=True)
    (one.state / "agent-status.json").write_text(text)
    with pytest.raises(StateError, match="agent-status"):
        read_agent_status(one.state)
    result = go(one)
    assert result.error is None
    assert status(one).warnings[0].startswith("the status of earlier rounds is lost")


def test_a_round_wants_an_end_in_the_future(one: School) -> None:
    with pytest.raises(UsageError, match="expected an end in the future"):
        go(one, tonight=duty(one, hours=0))
