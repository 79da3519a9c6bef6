"""A school's exports night by night, as profiles, from a seed: terms, closures, the roll-over in September."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from hashlib import sha256
from random import Random

from escrow.completeness import Column, Night, Profile, Seen, Terms, datasets_of
from escrow.completeness.terms import school_days_of, usual_year

DAY = timedelta(days=1)
UPN = "UPN"


def school_terms(random: Random, first: int, years: int) -> Terms:
    """Terms of some school years: the usual ones, moved by up to a few days, with five INSET days each."""
    terms, holidays, inset = [], [], set()
    for year in range(first, first + years):
        usual, breaks = usual_year(year)
        terms += [(start + random.randint(0, 2) * DAY, end - random.randint(0, 1) * DAY) for start, end in usual]
        holidays += breaks
        plain = Terms(tuple(terms), tuple(holidays))
        inset |= {terms[-3][0], terms[-2][0]}
        inset |= set(random.sample([*school_days_of(plain, terms[-3][0] + 5 * DAY, terms[-1][1])], 3))
    return Terms(tuple(terms), tuple(holidays), frozenset(inset))


@dataclass
class School:
    """The state of one school; `night` moves it to a day. `closed`: school days on which snow kept everybody away."""

    random: Random
    terms: Terms
    closed: frozenset[date]
    pupils: int = 0
    staff: int = 92
    marks: int = 0
    sessions: int = 0
    behaviour: int = 0
    results: int = 41_000
    leaving: int = 0
    last: str = ""
    versions: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.pupils = self.random.randint(700, 1500)
        self.leaving = self.pupils // 5

    def night(self, day: date) -> Night:
        """What is exported after this day."""
        self._roll_over(day)
        if self.random.random() < 0.1:
            self.pupils += self.random.choice((-1, 1))
            self._touch("pupils", "contacts")
        if self.random.random() < 0.03:
            self.staff += self.random.choice((-1, 1))
            self._touch("staff")
        if self.random.random() < 0.02:
            self._touch("timetable")
        if self.terms.is_school_day(day) and day not in self.closed:
            self._teach(day)
        elif self.random.random() < 0.2:
            self._touch("lesson_marks")  # a correction from home
        return self._export(day)

    def _roll_over(self, day: date) -> None:
        """A fifth leave on 31 August, a fifth join on the days after; tables of the year begin anew."""
        if (day.month, day.day) == (8, 31):
            self.pupils -= self.leaving
            self._touch("pupils", "contacts")
        if (day.month, day.day) == (9, 1):
            self.marks = self.sessions = self.behaviour = 0
            self.staff = round(self.staff * self.random.uniform(0.95, 1.05))
            self._touch("session_marks", "lesson_marks", "behaviour", "timetable", "staff")
        if (9, 1) <= (day.month, day.day) <= (9, 4):
            self.pupils += round(self.leaving / 4 * self.random.uniform(0.9, 1.1))
            self._touch("pupils", "contacts")

    def _teach(self, day: date) -> None:
        self.sessions += 2 * self.pupils
        self.marks += 5 * self.pupils - self.random.randint(0, 40)
        self.behaviour += self.pupils // 15 + self.random.randint(-8, 8)
        if self.random.random() < 0.15:
            self.results += self.random.randint(20, 900)
            self._touch("assessment")
        self.last = day.isoformat()
        self._touch("session_marks", "lesson_marks", "behaviour", "attendance")

    def _touch(self, *names: str) -> None:
        for name in names:
            self.versions[name] = self.versions.get(name, 0) + 1

    def _export(self, day: date) -> Night:
        n = self.pupils
        seen = self.last

        def ids(rows: int, distinct: int) -> Column:
            return Column(UPN, 0, min(rows, distinct), identifier="upn", invalid=min(rows, 3))

        def dates(rows: int, name: str = "Date") -> Column:
            return Column(name, 0, min(rows, 190), kind="date", most=seen if rows else "")

        def text(name: str, rows: int, distinct: int, blank: float = 0.0) -> Column:
            return Column(name, round(rows * blank), min(rows, distinct))

        contacts = round(2.3 * n)
        tables: Mapping[str, tuple[int, tuple[Column, ...]]] = {
            "pupils": (n, (ids(n, n), text("Surname", n, 500), text("Form", n, 40), text("ULN", n, n // 2, 0.5))),
            "contacts": (contacts, (ids(contacts, n), text("Name", contacts, 900), text("Mobile", contacts, 900, 0.1))),
            "staff": (self.staff, (text("Staff Code", self.staff, self.staff), text("Title", self.staff, 5))),
            "session_marks": (
                self.sessions,
                (ids(self.sessions, n), dates(self.sessions), text("Mark", self.sessions, 12)),
            ),
            "lesson_marks": (
                self.marks,
                (
                    ids(self.marks, n),
                    dates(self.marks),
                    text("Mark", self.marks, 12),
                    text("Minutes Late", self.marks, 40, 0.985),
                ),
            ),
            "behaviour": (
                self.behaviour,
                (
                    ids(self.behaviour, n // 2),
                    dates(self.behaviour),
                    text("Staff Code", self.behaviour, 80),
                    text("Comment", self.behaviour, 5000, 0.4),
                ),
            ),
            "assessment": (self.results, (ids(self.results, n), text("Grade", self.results, 10))),
            "timetable": (n * 25, (ids(n * 25, n), text("Class", n * 25, 300), text("Room", n * 25, 60, 0.02))),
            "codes": (13, (text("Code", 13, 13), text("Meaning", 13, 13))),
            "attendance-*": (n, (ids(n, n), dates(n), text("Mark", n, 12))),
        }
        datasets: dict[str, Seen] = {}
        for name, (rows, columns) in tables.items():
            version = self.versions.get(name.removesuffix("-*"), 0)
            datasets |= datasets_of(
                f"mis/{name}.csv", self._seen(name, version, Profile("csv", rows, columns, "utf-8"))
            )
        users = Profile("csv", n, (text("sourcedId", n, n), text("email", n, n)), "utf-8")
        orgs = Profile("csv", 1, (text("sourcedId", 1, 1),), "ascii")
        pack = Profile("zip", members={"orgs.csv": orgs, "users.csv": users})
        datasets |= datasets_of("mis/oneroster.zip", self._seen("oneroster", day.toordinal(), pack))
        return Night(day, datasets, counts={"mis/pupils.csv": n})

    def _seen(self, name: str, version: int, profile: Profile) -> Seen:
        return Seen(sha256(f"{name} {version} {self.pupils}".encode()).hexdigest(), 100 * (profile.rows or 50), profile)


def nights(seed: int, first: date, count: int) -> tuple[Terms, Iterator[Night]]:
    """The terms, and so many nights from a day on. One school day a year is lost to snow."""
    random = Random(seed)
    terms = school_terms(random, first.year if first.month >= 8 else first.year - 1, 3)
    winter = [*school_days_of(terms, date(first.year + 1, 1, 10), date(first.year + 1, 3, 1))]
    school = School(random, terms, frozenset({random.choice(winter)}))
    before = first - 30 * DAY
    for day in range(30):
        school.night(before + day * DAY)
    return terms, (school.night(first + day * DAY) for day in range(count))
