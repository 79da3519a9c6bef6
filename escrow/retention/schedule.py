"""The schedule of retention: cited, dated, editable data (schedule.toml), and the day that a class is due."""

import re
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from importlib import resources

from escrow.errors import UsageError
from escrow.record import Charter

_COUNTS = ("birth", "entry", "end")
_TEXTS = frozenset({"id", "title", "source", "practice"})
_DATES = frozenset({"as_of", "review"})
_NEEDED = _TEXTS | _DATES | {"counts_from", "years"}
_MAY = frozenset({"youngest", "compartments"})
_ID = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}", re.ASCII)
_LONGEST = 200


@dataclass(frozen=True, slots=True)
class Kind:
    """A class of records, and how long it is kept. `youngest`: in years, what `birth` counts with."""

    id: str
    title: str
    counts_from: str
    years: int
    youngest: int
    source: str
    as_of: date
    review: date
    practice: str
    compartments: frozenset[str]

    @property
    def rule(self) -> str:
        """As people say it."""
        return {"birth": "DOB", "entry": "entry", "end": "end"}[self.counts_from] + f" + {self.years} years"

    def due(self, last: datetime) -> date:
        """From when on nothing of it in a night of `last` is owed any more, whoever is in it."""
        return years_after(last.date(), self.years - self.youngest)


@dataclass(frozen=True, slots=True)
class Schedule:
    """All classes; `reviewed`: when somebody last read all of it."""

    reviewed: date
    kinds: tuple[Kind, ...]

    def of(self, compartment: str, charter: Charter) -> tuple[Kind, ...]:
        """The classes of a compartment: by their own word, or because a clause of the charter names them."""
        texts = " ".join(one.schedule or "" for one in charter.retention or () if one.compartment == compartment)
        named = set(re.findall(_ID, texts.lower()))
        return tuple(one for one in self.kinds if compartment in one.compartments or one.id in named)


def shipped() -> bytes:
    """The schedule of this package."""
    return (resources.files("escrow.retention") / "schedule.toml").read_bytes()


def parse_schedule(text: bytes) -> Schedule:
    """The schedule in a TOML file. UsageError `schedule-file`."""
    try:
        value = tomllib.loads(text.decode())
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise _bad(f"TOML in UTF-8 ({error})") from None
    classes = value.get("class")
    if value.keys() != {"reviewed", "class"} or not isinstance(classes, list) or not classes:
        raise _bad("reviewed, and [[class]] tables")
    kinds = tuple(_kind(one) for one in classes)
    if len({one.id for one in kinds}) != len(kinds):
        raise _bad("each id once")
    return Schedule(_day(value["reviewed"], "reviewed"), kinds)


def years_after(day: date, years: int) -> date:
    """The same day so many years on; 28 February where the 29th is not there."""
    try:
        return day.replace(year=day.year + years)
    except ValueError:
        return day.replace(year=day.year + years, day=28)


def months_after(day: date, months: int) -> date:
    """The same day so many months on, or the last day of that month."""
    count = day.year * 12 + day.month - 1 + months
    for last in (day.day, 30, 29, 28):
        try:
            return date(count // 12, count % 12 + 1, last)
        except ValueError:
            continue
    raise AssertionError(day)


def _kind(given: object) -> Kind:
    if not isinstance(given, dict) or not _NEEDED <= given.keys() <= _NEEDED | _MAY:
        raise _bad(f"in each class {', '.join(sorted(_NEEDED))}; youngest and compartments may be there")
    where = str(given["id"])
    texts = {name: given[name] for name in _TEXTS}
    if not all(isinstance(one, str) and one for one in texts.values()) or not _ID.fullmatch(where):
        raise _bad(f"{where}: texts in {', '.join(sorted(_TEXTS))}, and a name as id")
    if given["counts_from"] not in _COUNTS:
        raise _bad(f"{where}: counts_from one of {', '.join(_COUNTS)}")
    years, youngest = _number(given["years"], where), _number(given.get("youngest", 0), where)
    if youngest and (given["counts_from"] != "birth" or youngest > years):
        raise _bad(f"{where}: youngest beside birth alone, and no more than years")
    compartments = given.get("compartments", [])
    if not isinstance(compartments, list) or not all(isinstance(one, str) for one in compartments):
        raise _bad(f"{where}: a list of names in compartments")
    return Kind(
        id=where,
        title=str(given["title"]),
        counts_from=str(given["counts_from"]),
        years=years,
        youngest=youngest,
        source=str(given["source"]),
        as_of=_day(given["as_of"], where),
        review=_day(given["review"], where),
        practice=str(given["practice"]),
        compartments=frozenset(_names(compartments)),
    )


def _names(listed: Iterable[object]) -> Iterable[str]:
    return map(str, listed)


def _number(given: object, where: str) -> int:
    if isinstance(given, bool) or not isinstance(given, int) or not 0 <= given <= _LONGEST:
        raise _bad(f"{where}: years as numbers from 0 to {_LONGEST}")
    return given


def _day(given: object, where: str) -> date:
    try:
        return date.fromisoformat(str(given))
    except ValueError:
        raise _bad(f"{where}: days such as 2026-11-24") from None


def _bad(expected: str) -> UsageError:
    hint = "escrow retention report --schedule FILE writes a schedule to begin with, where FILE is not there"
    return UsageError("schedule-file", f"expected {expected}", hint=hint)
