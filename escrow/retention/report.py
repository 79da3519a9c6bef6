"""Pure: where each series stands between its first night and its end, and why it may not end yet."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal, TypeAlias

from escrow.record import Charter
from escrow.retention.schedule import Kind, Schedule, months_after
from escrow.retention.scope import sealed_objects
from escrow.trust import History, Kept, SeriesState

State: TypeAlias = Literal["due", "kept", "held", "last", "handover", "no-rule", "expired"]

STOPS: Mapping[State, str] = {
    "kept": "expire-schedule",
    "held": "hold-covers",
    "last": "series-last",
    "handover": "handover-phase",
    "no-rule": "expire-no-rule",
}
"""The code with which an expiry is refused; `expired-early` where it is the lock that is not over."""


@dataclass(frozen=True, slots=True)
class SeriesEnd:
    """One series. `due` is the day from which on it may go, by its lock and by every rule; None where no rule says one.

    `why`: the rule that decides. `locked_until`: the end of its locks, None where no record says it. `nights`: those
    that need it, by number. `objects`, `size` (bytes): what an expiry deletes in one place. `is_last`: no later night
    of its compartment is in another series. `event` says that it expired, `destroyed` that its key was destroyed.
    """

    series: str
    compartment: str
    key: str
    state: State
    due: date | None
    why: str
    kinds: tuple[str, ...]
    locked_until: datetime | None
    nights: tuple[int, ...]
    first: datetime | None
    last: datetime | None
    holds: tuple[str, ...]
    objects: int
    size: int
    is_last: bool
    event: int | None = None
    destroyed: int | None = None

    def stop(self, now: datetime) -> str:
        """The code with which its expiry is refused; "" when it is due or has expired."""
        if self.state == "kept" and (self.locked_until is None or self.locked_until > now):
            return "expired-early"
        return STOPS.get(self.state, "")


@dataclass(frozen=True, slots=True)
class Report:
    """Every series of a vault, by compartment and age, at `now` by the store's clock; holds and classes beside them."""

    school: str
    vault: str
    now: datetime
    ends: tuple[SeriesEnd, ...]
    schedule: Schedule
    kinds: Mapping[str, tuple[Kind, ...]]

    @property
    def stale(self) -> tuple[Kind, ...]:
        """Classes that somebody should have read again by now."""
        return tuple(one for one in self.schedule.kinds if one.review < self.now.date())


def make_report(history: History, schedule: Schedule, now: datetime) -> Report:
    """Where every series stands. `now`: the store's clock."""
    charter = history.charter
    assert charter is not None
    kept = history.kept
    kinds = {one.name: schedule.of(one.name, charter) for one in charter.compartments}
    ends = [
        _end(history, one, kept=kept[name], kinds=kinds.get(one.compartment, ()), now=now)
        for name, one in history.series.items()
    ]
    ordered = sorted(ends, key=lambda one: (one.compartment, one.nights[:1], one.series))
    return Report(charter.school.name, history.vault, now, tuple(ordered), schedule, kinds)


def _end(history: History, state: SeriesState, *, kept: Kept, kinds: tuple[Kind, ...], now: datetime) -> SeriesEnd:
    assert history.charter is not None
    times = [notice.store_time for notice in state.notices]
    last = max(times, default=state.record.started if state.record else now)
    due, why = _due(state, history.charter, kinds, last)
    holds = tuple(sorted(hold.name for hold in history.ending.holds if hold.covers(state.series)))
    objects = sealed_objects(history, {state.series})
    event = history.ending.expired.get(state.series)
    return SeriesEnd(
        series=state.series,
        compartment=state.compartment,
        key=state.key,
        state=_state(history, kept, due, event=event, held=bool(holds), now=now),
        due=due,
        why=why,
        kinds=tuple(one.id for one in kinds),
        locked_until=kept.retain_until,
        nights=tuple(notice.seq for notice in state.notices if notice.kind == "snapshot"),
        first=min(times, default=None),
        last=max(times, default=None),
        holds=holds,
        objects=len(objects),
        size=sum(objects.values()),
        is_last=kept.last,
        event=event,
        destroyed=history.ending.shredded.get(state.key),
    )


def _due(state: SeriesState, charter: Charter, kinds: tuple[Kind, ...], last: datetime) -> tuple[date | None, str]:
    """The latest of the charter's months and the schedule's classes, and not before the lock's end."""
    found = [(one.due(last), f"{one.id}: {one.rule}") for one in kinds]
    found += [
        (months_after(last.date(), one.months), f"charter, {one.id}: {one.months} months")
        for one in charter.retention or ()
        if one.compartment == state.compartment and one.months
    ]
    if not found:
        return None, "no clause of the charter and no class of the schedule is about this compartment"
    if state.record:
        found.append((state.record.retain_until.date(), "the lock in the store"))
    return max(found)


def _state(history: History, kept: Kept, due: date | None, *, event: int | None, held: bool, now: datetime) -> State:
    """The first thing that stands in the way; a lock's end is told by `due`."""
    phase = history.handover.phase
    if event is not None:
        return "expired"
    if held:
        return "held"
    if due is None:
        return "no-rule"
    if due > now.date() or kept.retain_until is None or kept.retain_until > now:
        return "kept"
    if kept.last and phase != "transferred":
        return "last"
    return "handover" if phase in ("notice-given", "released") else "due"
