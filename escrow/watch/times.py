"""Pure: when to try again, and whether a night is due. All instants are aware and come back in UTC."""

from collections.abc import Callable
from datetime import UTC, datetime, time, timedelta, tzinfo

FIRST_WAIT = timedelta(minutes=1)
"""Longest wait after the first failure; it doubles with each."""
LONGEST_WAIT = timedelta(minutes=30)

_DOUBLINGS = 10  # enough to reach LONGEST_WAIT; more would overflow


def next_attempt(attempt: int, now: datetime, until: datetime, random: Callable[[], float]) -> datetime | None:
    """When to try again after failure number `attempt` (from 1), or None when that would not be before `until`.

    Exponential backoff; `random`, in [0, 1), spreads it over the second half of the wait.
    """
    wait = min(FIRST_WAIT * 2 ** min(attempt - 1, _DOUBLINGS), LONGEST_WAIT)
    moment = now + wait * (0.5 + random() / 2)
    return moment if moment < until else None


def next_time(now: datetime, at: time, zone: tzinfo | None = None) -> datetime:
    """The first instant after `now` at which clocks in `zone` (None: this system's) show `at`."""
    return min(moment for moment in _around(now, at, zone) if moment > now)


def previous_time(now: datetime, at: time, zone: tzinfo | None = None) -> datetime:
    """The last instant, `now` included, at which clocks in `zone` (None: this system's) showed `at`."""
    return max(moment for moment in _around(now, at, zone) if moment <= now)


def _around(now: datetime, at: time, zone: tzinfo | None) -> list[datetime]:
    today = now.astimezone(zone).date()
    days = (today + timedelta(days=offset) for offset in (-2, -1, 0, 1, 2))
    return [datetime.combine(day, at, tzinfo=zone).astimezone(UTC) for day in days]


def is_due(last_success: datetime | None, scheduled: datetime) -> bool:
    """Whether the night that was to begin at `scheduled` has still to be made (up)."""
    return last_success is None or last_success < scheduled
