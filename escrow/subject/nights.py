"""Which nights are looked through for a person: the last, and the last of each school year. Pure."""

from collections.abc import Sequence
from datetime import timedelta

from escrow.trust import Snapshot

_YEAR_ENDS = (8, 31)


def usual_nights(snapshots: Sequence[Snapshot]) -> list[Snapshot]:
    """The last night, and of each school year (to 31 August) the last one; the newest first."""
    main = sorted((one for one in snapshots if one.on_main), key=lambda one: one.seq)
    last = {_school_year(one): one for one in main}
    return sorted(last.values(), key=lambda one: -one.seq)


def _school_year(snapshot: Snapshot) -> int:
    """By its last calendar year; a night tells of the day that began before noon."""
    day = (snapshot.agent_time - timedelta(hours=12)).date()
    return day.year + ((day.month, day.day) > _YEAR_ENDS)


def between(snapshots: Sequence[Snapshot], after: int, before: int) -> list[Snapshot]:
    """The nights between two, the oldest first: where somebody left who stands in one and not in the other."""
    return sorted((one for one in snapshots if one.on_main and after < one.seq < before), key=lambda one: one.seq)
