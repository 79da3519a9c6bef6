"""School days: terms, half terms, INSET days and the roll-over in September. Pure.

A night describes the school day that began before it: until noon that is yesterday.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta

_DAY = timedelta(days=1)
Span = tuple[date, date]
"""First and last day."""


@dataclass(frozen=True, slots=True)
class Terms:
    """When school is open. Outside of the years that are written down, England's usual dates hold."""

    terms: tuple[Span, ...] = ()
    holidays: tuple[Span, ...] = ()
    inset: frozenset[date] = frozenset()
    rollover: tuple[tuple[int, int], tuple[int, int]] = ((7, 10), (9, 20))

    def is_school_day(self, day: date) -> bool:
        """Whether pupils are in."""
        if day.weekday() >= 5 or day in self.inset:
            return False
        known = any(_year_of(first) == _year_of(day) for first, _ in self.terms)
        terms, holidays = (self.terms, self.holidays) if known else usual_year(_year_of(day))
        return _within(day, terms) and not _within(day, holidays)

    def school_days(self, after: date, until: date) -> int:
        """How many school days there are after one day, up to another, counted to 400."""
        days = min((until - after).days, 400)
        return sum(self.is_school_day(after + timedelta(days=n)) for n in range(1, days + 1))

    def in_rollover(self, day: date) -> bool:
        """Whether pupils of a year may leave and join."""
        first, last = self.rollover
        return first <= (day.month, day.day) <= last

    def may_restart(self, day: date) -> bool:
        """Whether tables of one school year may begin anew: from 25 August to the roll-over's end."""
        return (8, 25) <= (day.month, day.day) <= self.rollover[1]


def as_day(text: str) -> date | None:
    """A date of ISO form that is in the calendar."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def data_day(at: datetime) -> date:
    """The day that a night's data tells of; `at` in local time."""
    return (at - timedelta(hours=12)).date()


def usual_year(year: int) -> tuple[tuple[Span, ...], tuple[Span, ...]]:
    """Terms and holidays within them, as most of England's schools have them in the school year from September."""
    easter = _easter(year + 1)
    christmas = _back_to(date(year, 12, 20), 4)
    terms = (
        (_weekday_from(date(year, 9, 2)), christmas),
        (_weekday_from(date(year + 1, 1, 5)), easter - 9 * _DAY),
        (easter + 8 * _DAY, _back_to(date(year + 1, 7, 23), 2)),
    )
    autumn, spring = _on_to(date(year, 10, 22), 0), _on_to(date(year + 1, 2, 12), 0)
    summer, may_day = _back_to(date(year + 1, 5, 31), 0), _on_to(date(year + 1, 5, 1), 0)
    return terms, (*((day, day + 4 * _DAY) for day in (autumn, spring, summer)), (may_day, may_day))


def written_terms(year: int) -> Terms:
    """England's usual dates for one school year, to be corrected by a person. INSET: the first day."""
    terms, holidays = usual_year(year)
    return Terms(terms, holidays, frozenset({terms[0][0]}))


def _year_of(day: date) -> int:
    """The school year (from August, when nobody is in) by its first calendar year."""
    return day.year if day.month >= 8 else day.year - 1


def _within(day: date, spans: tuple[Span, ...]) -> bool:
    return any(first <= day <= last for first, last in spans)


def _weekday_from(day: date) -> date:
    return day if day.weekday() < 5 else _on_to(day, 0)


def _on_to(day: date, weekday: int) -> date:
    return day + (weekday - day.weekday()) % 7 * _DAY


def _back_to(day: date, weekday: int) -> date:
    return day - (day.weekday() - weekday) % 7 * _DAY


def _easter(year: int) -> date:
    """Easter Sunday (Gregorian; Meeus, *Astronomical Algorithms*, chapter 8)."""
    a, (b, c) = year % 19, divmod(year, 100)
    (d, e), f = divmod(b, 4), (b + 8) // 25
    h = (19 * a + b - d - (b - f + 1) // 3 + 15) % 30
    i, k = divmod(c, 4)
    m = (32 + 2 * e + 2 * i - h - k) % 7
    n = h + m - 7 * ((a + 11 * h + 22 * m) // 451) + 114
    return date(year, n // 31, n % 31 + 1)


def school_days_of(terms: Terms, first: date, last: date) -> Iterator[date]:
    """The school days from one day to another, both counted."""
    day = first
    while day <= last:
        if terms.is_school_day(day):
            yield day
        day += _DAY
