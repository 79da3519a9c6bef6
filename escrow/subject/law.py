"""When an answer is due, and from which age a child is asked: by data with sources and dates (law.toml). Pure."""

import tomllib
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from importlib import resources
from typing import Any

from escrow.completeness.terms import Terms

RIGHTS = ("subject-access", "educational-record")


@dataclass(frozen=True, slots=True)
class Rule:
    """One table of law.toml."""

    words: str
    source: str
    reviewed: date
    review: date
    months: int = 0
    extension: int = 0
    school_days: int = 0
    age: int = 0


@dataclass(frozen=True, slots=True)
class Due:
    """By when, and how it was counted."""

    day: date
    how: str


@cache
def _raw() -> dict[str, dict[str, Any]]:
    return tomllib.loads((resources.files("escrow.subject") / "law.toml").read_text(encoding="utf-8"))


def rule(name: str) -> Rule:
    """A rule by its name."""
    raw = _raw()[name]
    return Rule(
        words=str(raw.get("words", "")),
        source=str(raw["source"]),
        reviewed=raw["reviewed"],
        review=raw["review"],
        months=int(raw.get("months", 0)),
        extension=int(raw.get("extension", 0)),
        school_days=int(raw.get("school_days", 0)),
        age=int(raw.get("age", 0)),
    )


def holidays() -> frozenset[date]:
    """Bank holidays of England and Wales, as far as they are written down."""
    return frozenset(_raw()["holidays"]["days"])


def stale(on: date) -> list[str]:
    """Rules whose review date is past."""
    return [name for name, raw in _raw().items() if raw["review"] < on]


def due(right: str, clock_from: date, terms: Terms, *, extended: bool = False) -> Due:
    """By when a request is answered whose clock began on a day. Bank holidays are no school days."""
    wanted = rule(right)
    closed = holidays()
    if wanted.school_days:
        return Due(_school_days_on(clock_from, wanted.school_days, terms, closed), f"{wanted.school_days} school days")
    months = wanted.months + (wanted.extension if extended else 0)
    day = _months_on(clock_from, months)
    while day.weekday() >= 5 or day in closed:
        day += timedelta(days=1)
    return Due(day, f"{months} month{'s' if months > 1 else ''}{', extended' if extended else ''}")


def _months_on(day: date, months: int) -> date:
    years, month = divmod(day.month - 1 + months, 12)
    first = date(day.year + years, month + 1, 1)
    last = (first.replace(day=28) + timedelta(days=4)).replace(day=1) - timedelta(days=1)
    return first.replace(day=min(day.day, last.day))


def _school_days_on(day: date, count: int, terms: Terms, closed: Collection[date]) -> date:
    left = count
    for _ in range(366):
        day += timedelta(days=1)
        left -= terms.is_school_day(day) and day not in closed
        if not left:
            break
    return day


def age_on(born: date, day: date) -> int:
    """Whole years."""
    return day.year - born.year - ((day.month, day.day) < (born.month, born.day))
