"""When to try again, and when a night is due."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from escrow.watch.times import FIRST_WAIT, LONGEST_WAIT, is_due, next_attempt, next_time, previous_time

LONDON = ZoneInfo("Europe/London")
NOW = datetime(2026, 9, 1, 2, 0, tzinfo=UTC)
instants = st.datetimes(datetime(2020, 1, 1), datetime(2050, 1, 1), timezones=st.just(UTC))
randoms = st.floats(0, 1, exclude_max=True)


@given(st.integers(1, 10_000), instants, st.integers(-100_000, 100_000), randoms)
def test_the_next_attempt_is_later_and_never_past_the_end(
    attempt: int, now: datetime, seconds: int, random: float
) -> None:
    until = now + timedelta(seconds=seconds)
    moment = next_attempt(attempt, now, until, lambda: random)
    if moment is not None:
        assert now < moment < until
        assert moment - now <= LONGEST_WAIT
    else:
        assert until <= now + LONGEST_WAIT


@given(st.integers(1, 50), randoms)
def test_waits_grow_with_each_failure_up_to_the_longest(attempt: int, random: float) -> None:
    far = NOW + timedelta(days=9)
    first, second = (next_attempt(n, NOW, far, lambda: random) for n in (attempt, attempt + 1))
    assert first is not None
    assert second is not None
    assert first <= second


def test_waits_double_from_a_minute_to_half_an_hour() -> None:
    far = NOW + timedelta(days=9)
    longest = [next_attempt(n, NOW, far, lambda: 0.9999999) for n in range(1, 9)]
    minutes = [round((moment - NOW) / timedelta(minutes=1)) for moment in longest if moment]
    assert minutes == [1, 2, 4, 8, 16, 30, 30, 30]
    shortest = next_attempt(1, NOW, far, lambda: 0.0)
    assert shortest == NOW + FIRST_WAIT / 2


@given(instants, st.times(), st.sampled_from([UTC, LONDON, ZoneInfo("America/St_Johns")]))
def test_a_time_of_day_lies_around_now(now: datetime, at: time, zone: ZoneInfo) -> None:
    before, after = previous_time(now, at, zone), next_time(now, at, zone)
    assert before <= now < after
    assert timedelta(hours=22) <= after - before <= timedelta(hours=26)


@pytest.mark.parametrize(
    ("now", "at", "expected"),
    [
        ("2026-07-01T00:30:00+00:00", "07:00", "2026-07-01T06:00:00+00:00"),
        ("2026-12-01T00:30:00+00:00", "07:00", "2026-12-01T07:00:00+00:00"),
        ("2026-12-01T07:00:00+00:00", "07:00", "2026-12-02T07:00:00+00:00"),
        ("2026-10-24T22:30:00+00:00", "07:00", "2026-10-25T07:00:00+00:00"),
        ("2027-03-27T23:30:00+00:00", "07:00", "2027-03-28T06:00:00+00:00"),
    ],
    ids=["summer", "winter", "just-now", "clocks-go-back", "clocks-go-forward"],
)
def test_morning_is_by_the_clock_on_the_wall(now: str, at: str, expected: str) -> None:
    found = next_time(datetime.fromisoformat(now), time.fromisoformat(at), LONDON)
    assert found == datetime.fromisoformat(expected)


@pytest.mark.parametrize(
    ("last", "due"),
    [
        (None, True),
        ("2026-08-31T02:20:00+00:00", True),
        ("2026-08-31T16:00:00+00:00", True),
        ("2026-09-01T02:00:00+00:00", False),
        ("2026-09-01T02:20:00+00:00", False),
    ],
    ids=["never", "a-night-missed", "an-afternoon-made-up", "on-the-dot", "tonight-is-in"],
)
def test_a_night_is_due_until_one_has_succeeded_since_its_time(last: str | None, due: bool) -> None:
    assert is_due(datetime.fromisoformat(last) if last else None, NOW) is due
