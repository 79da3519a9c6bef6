"""The school of `escrow demo`: a folder of exports as a small secondary school's MIS leaves every night.

Seeded: one seed gives the same bytes (with one version of SQLite and zlib). Night 0 is Friday 20 November 2026; each
later night is the next school day. Tables stand in order of pupil, then date, so a day's marks land all over them, as
real ones do.
"""

import csv
import os
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from random import Random

from . import demo_people
from .demo_files import pdf, png
from .demo_people import Row

NAME, LA, SCHOOL = "Fernhill School (demo)", 999, 4001
LAESTAB = f"{LA}{SCHOOL}"
URN = "999001"
GLOBS = {
    "safeguarding": ("safeguarding/",),
    "documents": ("documents/", "photos/"),
    "records": ("*.csv", "*.sqlite"),
}
"""Globs of each compartment, in order; `safeguarding` is the strictest."""

CORRECTIONS = 10
"""Earlier marks that change in each table of marks, every night."""

_PER_YEAR = 44
_LAST = date(2026, 11, 20)
_TERMS = tuple(
    (date.fromisoformat(first), date.fromisoformat(last))
    for first, last in (
        ("2025-09-05", "2025-10-24"),
        ("2025-11-03", "2025-12-19"),
        ("2026-01-05", "2026-02-13"),
        ("2026-02-23", "2026-03-27"),
        ("2026-04-13", "2026-05-22"),
        ("2026-06-01", "2026-07-21"),
        ("2026-09-02", "2026-10-23"),
        ("2026-11-02", "2026-12-18"),
        ("2027-01-04", "2027-02-12"),
    )
)
_YEAR_START = date(2026, 9, 2)
_SUBJECTS = ["Ma", "En", "Sc", "Gg", "Hi", "Fr", "Ar", "Mu", "Pe", "Re", "Dt", "Co"]
_MARKS = "/KBEILMNOPUV"
_SESSION_WEIGHTS = (920, 3, 4, 3, 22, 12, 9, 5, 7, 3, 5, 7)
_LESSON_WEIGHTS = (930, 0, 3, 2, 20, 22, 6, 5, 7, 0, 2, 3)
_CODES = {
    "attendance": "/:Present, morning|\\:Present, afternoon|K:Provision arranged by the local authority"
    "|B:Off-site education|E:Suspended|I:Illness|L:Late|M:Medical|N:No reason yet|O:Unauthorised|P:Sport"
    "|U:Late after registers closed|V:Visit",
    "relationship": "MOT:Mother|FAT:Father|GRP:Grandparent|CAR:Carer|SWR:Social worker",
    "sen": "N:No special educational need|K:SEN support|E:Education, health and care plan",
    "subject": "Ma:Mathematics|En:English|Sc:Science|Gg:Geography|Hi:History|Fr:French|Ar:Art|Mu:Music|Pe:PE|Re:RE"
    "|Dt:Design|Co:Computing",
}
_EVENTS = ("Homework not done", "Kind to a new pupil", "Talking in class", "Excellent work", "Late to lesson")
_CONCERNS = (
    "Tired and withdrawn in registration",
    "Came without lunch again",
    "Disclosure to form tutor",
    "Home visit",
)
_LETTERS = ("School report", "Trip consent", "Attendance letter", "Review meeting", "Medical plan")


def create(folder: Path, seed: int) -> None:
    """Write night 0, about 11 MB, into a folder that does not exist yet or is empty."""
    rng = Random(f"{seed}/0")  # noqa: S311 - invented data
    for below in ("codes", "safeguarding", "documents", "photos"):
        (folder / below).mkdir(parents=True, exist_ok=True)
    pupils = [
        demo_people.pupil(rng, 1 + index, 11 - index // _PER_YEAR, _admitted(11 - index // _PER_YEAR), (LA, SCHOOL))
        for index in range(5 * _PER_YEAR)
    ]
    _write(folder / "pupils.csv", pupils)
    _write(folder / "contacts.csv", [row for child in pupils for row in demo_people.contacts(rng, child)])
    _write(folder / "staff.csv", demo_people.staff(rng, 26, _SUBJECTS))
    _write(folder / "medical.csv", demo_people.medical(Random(f"{seed}/medical"), pupils))  # noqa: S311
    _write(folder / "timetable.csv", list(_timetable()))
    for name, codes in _CODES.items():
        pairs = [code.split(":") for code in codes.split("|")]
        _write(folder / "codes" / f"{name}.csv", [{"Code": code, "Text": text} for code, text in pairs])
    days = [day for day in _school_days(_TERMS[0][0]) if day <= _LAST]
    sessions = [row for child in pupils for row in _sessions(rng, child, [d for d in days if d >= _admitted_on(child)])]
    _write_lines(folder / "session_marks.csv", "UPN,Date,Session,Mark,Minutes Late", sessions)
    lessons = [row for child in pupils for row in _lessons(rng, child, [d for d in days if d >= _YEAR_START])]
    _write_lines(folder / "lesson_marks.csv", "UPN,Date,Period,Subject,Class,Mark", lessons)
    _write(folder / "assessment.csv", [r for child in pupils for term in (1, 2) for r in _results(rng, child, term)])
    older = pupils[: 4 * _PER_YEAR]  # on roll all the time
    _write(folder / "behaviour.csv", [_event(rng, rng.choice(older), d) for d in sorted(rng.choices(days, k=1500))])
    concerns = [_concern(rng, rng.choice(older), day) for day in sorted(rng.choices(days, k=60))]
    _write(folder / "safeguarding" / "concerns.csv", concerns)
    for child in pupils:
        (folder / "photos" / f"{child['Admission No']}.png").write_bytes(png(rng))
    for number in range(90):
        _letter(folder, rng, rng.choice(older), rng.choice(days), number)
    _create_database(folder / "mis.sqlite", pupils, lessons)
    _date_files(folder.rglob("*"), _LAST)


def next_night(folder: Path, seed: int, night: int) -> None:
    """Move the folder from night - 1 to `night` (from 1), as a school's day does.

    New marks of every pupil on roll and a few corrected ones, a joiner (odd nights) or a leaver (even ones), some
    behaviour, one year's results in some subject, one concern, two letters, one new photo.
    """
    rng = Random(f"{seed}/{night}")  # noqa: S311 - invented data
    day = school_day(night)
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    pupils, contacts = _read(folder / "pupils.csv"), _read(folder / "contacts.csv")
    if night % 2:
        joiner = demo_people.pupil(rng, len(pupils) + 1, rng.randrange(7, 12), day, (LA, SCHOOL + 1))
        pupils.append(joiner)
        contacts += demo_people.contacts(rng, joiner)
        (folder / "photos" / f"{joiner['Admission No']}.png").write_bytes(png(rng))
    else:
        leaver = rng.choice([child for child in pupils if child["Status"] == "C"])
        leaver.update({"Status": "L", "Leaving Date": day.isoformat()})
    _write(folder / "pupils.csv", pupils)
    _write(folder / "contacts.csv", contacts)
    on_roll = [child for child in pupils if child["Status"] == "C"]
    _add_marks(folder / "session_marks.csv", rng, 3, {c["UPN"]: list(_sessions(rng, c, [day])) for c in on_roll})
    lessons = {c["UPN"]: list(_lessons(rng, c, [day])) for c in on_roll}
    _add_marks(folder / "lesson_marks.csv", rng, 5, lessons)
    behaviour = [_event(rng, rng.choice(on_roll), day) for _ in range(rng.randrange(5, 12))]
    _write(folder / "behaviour.csv", _read(folder / "behaviour.csv") + behaviour)
    tested = str(7 + night % 5)
    results = [_result(rng, c, 3, _SUBJECTS[night % len(_SUBJECTS)]) for c in on_roll if c["Year Group"] == tested]
    order = {child["UPN"]: place for place, child in enumerate(pupils)}
    _write(folder / "assessment.csv", sorted(_read(folder / "assessment.csv") + results, key=lambda r: order[r["UPN"]]))
    concerns = folder / "safeguarding" / "concerns.csv"
    _write(concerns, [*_read(concerns), _concern(rng, rng.choice(on_roll), day)])
    for number in range(2):
        _letter(folder, rng, rng.choice(on_roll), day, number)
    (folder / "photos" / f"{rng.choice(on_roll[:-1])['Admission No']}.png").write_bytes(png(rng))
    _update_database(folder / "mis.sqlite", pupils, lessons.values())
    _date_files((p for p in folder.rglob("*") if before.get(p) != p.stat().st_mtime_ns), day)


def school_day(night: int) -> date:
    """The school day whose evening is `night`: 0 is 20 November 2026."""
    return list(_school_days(_LAST))[night]


def _school_days(first: date) -> Iterator[date]:
    for start, end in _TERMS:
        for offset in range((end - start).days + 1):
            day = start + timedelta(days=offset)
            if day >= first and day.weekday() < 5:
                yield day


def _admitted(year_group: int) -> date:
    return _YEAR_START if year_group == 7 else date(2026 - year_group + 7, 9, 5)


def _admitted_on(child: Row) -> date:
    return date.fromisoformat(child["Admission Date"])


def _sessions(rng: Random, child: Row, days: list[date]) -> Iterator[str]:
    marks = iter(rng.choices(_MARKS, _SESSION_WEIGHTS, k=2 * len(days)))
    for day in days:
        for session in ("AM", "PM"):
            mark = next(marks)
            if mark == "/" and session == "PM":
                mark = "\\"
            yield f"{child['UPN']},{day},{session},{mark},{rng.randrange(1, 30) if mark == 'L' else 0}"


def _subject(year: int, weekday: int, period: int) -> str:
    return _SUBJECTS[(7 * year + 5 * weekday + 3 * period) % len(_SUBJECTS)]


def _timetable() -> Iterator[Row]:
    for group in (f"{year}{half}" for year in range(7, 12) for half in "AB"):
        for weekday, day in enumerate(("Monday", "Tuesday", "Wednesday", "Thursday", "Friday")):
            for period in range(1, 6):
                subject = _subject(int(group[:-1]), weekday, period)
                place = _SUBJECTS.index(subject)
                yield {
                    "Class": f"{group}/{subject}",
                    "Day": day,
                    "Period": f"P{period}",
                    "Subject": subject,
                    "Room": f"{subject}{1 + 'AB'.index(group[-1])}",
                    "Staff Code": f"S{5 + (place - 5) % len(_SUBJECTS):02}",
                }


def _lessons(rng: Random, child: Row, days: list[date]) -> Iterator[str]:
    marks = iter(rng.choices(_MARKS, _LESSON_WEIGHTS, k=5 * len(days)))
    year = int(child["Year Group"])
    for day in days:
        for period in range(1, 6):
            subject = _subject(year, day.weekday(), period)
            yield f"{child['UPN']},{day},P{period},{subject},{child['Reg Group']}/{subject},{next(marks)}"


def _results(rng: Random, child: Row, term: int) -> list[Row]:
    return [_result(rng, child, term, subject) for subject in _SUBJECTS]


def _result(rng: Random, child: Row, term: int, subject: str) -> Row:
    grade = str(max(1, min(9, round(rng.gauss(5, 1.7)))))
    return {"UPN": child["UPN"], "Year": "2026", "Term": str(term), "Subject": subject, "Grade": grade}


def _event(rng: Random, child: Row, day: date) -> Row:
    text = rng.choice(_EVENTS)
    points = "2" if text in (_EVENTS[1], _EVENTS[3]) else "-1"
    return {
        "UPN": child["UPN"],
        "Date": day.isoformat(),
        "Staff": f"S{rng.randrange(5, 27):02}",
        "Points": points,
        "Text": text,
    }


def _concern(rng: Random, child: Row, day: date) -> Row:
    level = rng.choice(("Early help", "Child in need", "Child protection"))
    return {"UPN": child["UPN"], "Date": day.isoformat(), "Level": level, "Note": rng.choice(_CONCERNS)}


def _letter(folder: Path, rng: Random, child: Row, day: date, number: int) -> None:
    title = rng.choice(_LETTERS)
    path = (
        folder
        / "documents"
        / f"{day:%Y-%m}"
        / f"{day:%d}-{number:02}-{child['Admission No']}-{title.lower().replace(' ', '-')}.pdf"
    )
    path.parent.mkdir(exist_ok=True)
    who = f"{child['Preferred Forename']} {child['Legal Surname']}, {child['Reg Group']}"
    path.write_bytes(
        pdf(
            rng,
            title,
            [NAME, f"{day:%d %B %Y}", "", f"Re: {who}", "", "Dear parent or carer,", "", *rng.choices(_EVENTS, k=6)],
        )
    )


def _add_marks(path: Path, rng: Random, mark: int, new: dict[str, list[str]]) -> None:
    """Put each pupil's `new` rows behind the old ones, and correct some marks (column `mark`)."""
    header, *rows = path.read_text(encoding="utf-8").splitlines()
    for index in rng.sample(range(len(rows)), CORRECTIONS):
        cells = rows[index].split(",")
        cells[mark] = "I" if cells[mark] != "I" else "M"
        rows[index] = ",".join(cells)
    merged: list[str] = []
    left = dict(new)
    for row, following in zip(rows, [*rows[1:], ""], strict=True):
        merged.append(row)
        pupil = row.partition(",")[0]
        if not following.startswith(pupil):
            merged += left.pop(pupil, ())
    _write_lines(path, header, [*merged, *(row for rows in left.values() for row in rows)])


def _create_database(path: Path, pupils: list[Row], lessons: list[str]) -> None:
    with closing(sqlite3.connect(path)) as base, base:
        base.execute("PRAGMA journal_mode = OFF")
        base.execute(
            "CREATE TABLE pupil (upn TEXT PRIMARY KEY, surname TEXT, forename TEXT, year INTEGER, status TEXT)"
        )
        base.execute(
            "CREATE TABLE lesson_mark (upn TEXT, date TEXT, period TEXT, subject TEXT, class TEXT, mark TEXT, "
            "PRIMARY KEY (upn, date, period)) WITHOUT ROWID"
        )
    _update_database(path, pupils, [lessons])


def _update_database(path: Path, pupils: list[Row], lessons: Iterable[list[str]]) -> None:
    with closing(sqlite3.connect(path)) as base, base:
        base.execute("PRAGMA synchronous = OFF")
        people = (
            (c["UPN"], c["Legal Surname"], c["Legal Forename"], int(c["Year Group"]), c["Status"]) for c in pupils
        )
        base.executemany(
            "INSERT INTO pupil VALUES (?, ?, ?, ?, ?) ON CONFLICT (upn) DO UPDATE SET status = excluded.status", people
        )
        marks = (row.split(",") for rows in lessons for row in rows)
        base.executemany("INSERT INTO lesson_mark VALUES (?, ?, ?, ?, ?, ?)", marks)


def _read(path: Path) -> list[Row]:
    with path.open(encoding="utf-8", newline="") as table:
        return list(csv.DictReader(table))


def _write(path: Path, rows: list[Row]) -> None:
    with path.open("w", encoding="utf-8", newline="") as table:
        writer = csv.DictWriter(table, rows[0])
        writer.writeheader()
        writer.writerows(rows)


def _write_lines(path: Path, header: str, rows: list[str]) -> None:
    path.write_text("\r\n".join([header, *rows, ""]), encoding="utf-8", newline="")


def _date_files(paths: Iterable[Path], day: date) -> None:
    """Give files the time of that day's export."""
    seconds = int(datetime.combine(day, time(18, 30), UTC).timestamp())
    for path in paths:
        if path.is_file():
            os.utime(path, (seconds, seconds))
