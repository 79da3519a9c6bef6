"""The people, classes and calendar of a seeded school: everything that stays the same from night to night."""

from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache

import numpy as np

_FORENAMES = """Aaliyah Adam Aisha Alfie Amelia Amir Archie Ava Ayesha Benjamin Callum Charlotte Chloe Daniel
Dylan Ella Emily Ethan Evie Farhan Fatima Finley Florence Freya George Grace Hannah Harrison Hassan Imogen Isla
Ivy Jacob Jasmine Jayden Jessica Joshua Kai Layla Leo Lily Logan Lucas Maisie Maryam Matilda Mohammed Nadia Noah
Oliver Olivia Oscar Poppy Rayan Rosie Ruby Samuel Scarlett Sophie Thomas Tyler William Yusuf Zara"""
_SURNAMES = """Adeyemi Ahmed Ali Allen Bailey Baker Begum Bell Bennett Brown Campbell Carter Clarke Collins Cooper
Cox Davies Davis Edwards Evans Foster Green Griffiths Hall Harris Harrison Hill Hughes Hussain Jackson James Jones
Kaur Kelly Khan King Kowalski Lee Lewis Martin Mitchell Moore Morgan Morris Murphy Nowak Okafor Parker Patel Price
Phillips Richardson Roberts Robinson Scott Shah Shaw Singh Smith Taylor Thomas Thompson Turner Walker Ward Watson
White Williams Wilson Wood Wright Young"""
_SUBJECTS = """English Mathematics Science English Mathematics Science Geography History French Spanish English
Mathematics Science Art Music Drama Computing PE English Mathematics Science RE Technology PE PSHE"""
FORENAMES = _FORENAMES.split()
SURNAMES = _SURNAMES.split()
SUBJECTS = _SUBJECTS.split()
LESSONS = 5
"""Lessons of one school day."""

YEARS_DAYS = 380
"""School days before the first night: two years of 190."""

_CHECK = "ABCDEFGHJKLMNPQRTUVWXYZ"
_HOLIDAYS = (
    "0101-0103",
    "0212-0216",
    "0329-0412",
    "0505-0506",
    "0526-0530",
    "0723-0903",
    "1023-1027",
    "1221-1231",
)


@lru_cache
def school_days(count: int) -> list[date]:
    """The first `count` school days from 4 September 2023: weekdays outside an English school's holidays."""
    days: list[date] = []
    day = date(2023, 9, 4)
    while len(days) < count:
        stamp = day.strftime("%m%d")
        if day.weekday() < 5 and not any(h[:4] <= stamp <= h[5:] for h in _HOLIDAYS):
            days.append(day)
        day += timedelta(days=1)
    return days


def upn(authority: int, school: int, year: int, serial: int) -> str:
    """A unique pupil number with a valid check letter (DfE, Unique pupil numbers, annex A)."""
    digits = f"{authority:03}{school:04}{year:02}{serial:03}"
    return _CHECK[sum(int(d) * w for w, d in enumerate(digits, 2)) % 23] + digits


@dataclass(frozen=True)
class Pupil:
    """One pupil; `lessons` holds for each of the week's 25 slots the index of the class."""

    upn: str
    surname: str
    forename: str
    year: int
    form: str
    born: date
    lessons: tuple[int, ...]


@dataclass(frozen=True)
class Group:
    """A teaching class: its name, subject and teacher's code."""

    name: str
    subject: str
    teacher: str


@dataclass(frozen=True)
class Roster:
    """Pupils in order of UPN, and all classes."""

    pupils: list[Pupil]
    groups: list[Group]
    staff: list[str]


def rng(seed: int, *words: int) -> np.random.Generator:
    """An independent stream of random numbers for each purpose and night."""
    return np.random.default_rng([seed, *words])


@lru_cache(maxsize=2)
def roster(seed: int, count: int) -> Roster:
    """The school of `count` pupils that `seed` names: years 7 to 11, classes of about 30, staff to match."""
    draw = rng(seed, 1)
    staff = sorted({"".join(draw.choice(list("ABCDEFGHJKLMNPRSTW"), 3)) for _ in range(max(8, count // 15))})
    groups: list[Group] = []
    index: dict[str, int] = {}

    def group(year: int, band: int, subject: str) -> int:
        name = f"{year}{'xyzwvu'[band % 6]}{band // 6 or ''}/{subject[:2]}{band % 4 + 1}"
        if name not in index:
            index[name] = len(groups)
            groups.append(Group(name, subject, staff[int(draw.integers(len(staff)))]))
        return index[name]

    pupils = []
    for i in range(count):
        year, serial = 7 + i % 5, i // 5
        band = serial // 30
        slots = [SUBJECTS[(slot * 7 + band) % 25] for slot in range(25)]
        pupils.append(
            Pupil(
                upn=upn(823, 4519 + serial // 1000, 23 - (year - 6), serial * 7 % 1000),
                surname=SURNAMES[int(draw.integers(len(SURNAMES)))],
                forename=FORENAMES[int(draw.integers(len(FORENAMES)))],
                year=year,
                form=f"{year}{'ABCDEFGHJK'[band % 10]}",
                born=date(2025 - year - 5, 1, 1) + timedelta(days=int(draw.integers(365))),
                lessons=tuple(group(year, band, subject) for subject in slots),
            )
        )
    return Roster(sorted(pupils, key=lambda p: p.upn), groups, staff)
