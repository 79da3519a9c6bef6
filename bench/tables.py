"""The smaller tables of the export: people, contacts, timetable, staff, assessment, behaviour."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from bench.roster import FORENAMES, LESSONS, SURNAMES, YEARS_DAYS, Roster, rng, school_days

_STREET_NAMES = "Mill Lane|Station Road|Church Street|Park Avenue|Victoria Road|The Crescent|Windmill Hill|Canal Side"
_STREETS = _STREET_NAMES.split("|")
_TOWNS = ["Barnwick", "Elmsford", "Haverley", "Northcote", "Saltmarsh"]
_RELATIONS = ["Mother", "Father", "Carer", "Grandparent", "Step-parent"]
_TEXT = """repeatedly talked over the teacher during the starter activity helped another pupil to finish practical
work refused instructions when asked to move seat homework not handed in for third time excellent contribution to
debate phone confiscated returned at end of day parents informed by email late back from break without reason
shared equipment fairly calm after discussion with head of year detention set lunchtime apologised afterwards"""
_WORDS = _TEXT.split()
_TITLES = ("Mr", "Ms", "Mrs", "Dr")
_PAPERS = ["Autumn 1", "Autumn 2", "Spring 1", "Spring 2", "Summer 1", "Summer 2"]
_EXAM_SUBJECTS = "English Mathematics Science Geography History French Art Music Computing RE"
_EXAMINED = _EXAM_SUBJECTS.split()
ASSESSMENT_HEADER = b"UPN,Date,Subject,Paper,Score,Grade,Target,Teacher\r\n"
BEHAVIOUR_HEADER = b"Date,UPN,Type,Points,Class,Reported By,Details\r\n"
Contact = tuple[int, str, str, str, str, str]
Result = tuple[int, str, str, str, int, str]


def contacts(seed: int, school: Roster) -> list[Contact]:
    """Two or three contacts a pupil: pupil's index, name, relation, telephone, e-mail, address."""
    draw = rng(seed, 5)
    rows: list[Contact] = []
    for i, pupil in enumerate(school.pupils):
        postcode = f"ZZ{draw.integers(1, 20)} {draw.integers(1, 9)}AB"
        home = f"{draw.integers(1, 200)} {draw.choice(_STREETS)} {draw.choice(_TOWNS)} {postcode}"
        for _ in range(int(draw.integers(2, 4))):
            first, last = (
                str(draw.choice(FORENAMES)),
                pupil.surname if draw.random() < 0.7 else str(draw.choice(SURNAMES)),
            )
            phone = f"07700 9{draw.integers(100_000):05}"
            mail = f"{first}.{last}{draw.integers(1000)}@example.org".lower()
            rows.append((i, f"{first} {last}", str(draw.choice(_RELATIONS)), phone, mail, home))
    return rows


def results(seed: int, night: int, school: Roster) -> list[Result]:
    """Assessment results: six papers a year in ten subjects before the first night, then two classes a night."""
    draw = rng(seed, 6, night)
    days = school_days(YEARS_DAYS + night)
    if night:
        who = draw.choice(len(school.pupils), size=max(1, len(school.pupils) * 6 // 100), replace=False)
        sat = [(int(i), days[-1], str(draw.choice(_EXAMINED)), "Unit test") for i in np.sort(who)]
    else:
        sat = [
            (i, days[round(k * 31.5) + (i * 7 + n) % 20], subject, _PAPERS[k % 6])
            for i in range(len(school.pupils))
            for k in range(12)
            for n, subject in enumerate(_EXAMINED)
        ]
    scores = np.clip(draw.normal(58, 16, len(sat)), 0, 100).astype(int).tolist()
    return [
        (i, day.isoformat(), subject, paper, s, str(1 + s * 9 // 101))
        for (i, day, subject, paper), s in zip(sat, scores, strict=True)
    ]


def result_rows(school: Roster, found: list[Result]) -> list[bytes]:
    """The lines of assessment.csv, not sorted."""
    return [
        f"{school.pupils[i].upn},{taken},{subject},{paper},{score},{grade},{school.pupils[i].year - 3},"
        f"{school.staff[(i + len(subject)) % len(school.staff)]}\r\n".encode()
        for i, taken, subject, paper, score, grade in found
    ]


def behaviour_rows(seed: int, night: int, school: Roster) -> list[bytes]:
    """Incidents and achievements of one night's day (of two years for night 0), by date, with free text."""
    draw = rng(seed, 7, night)
    days = school_days(YEARS_DAYS + night)
    a_day = max(2, len(school.pupils) // 15)
    rows = []
    for day in days[-1:] if night else days:
        who = draw.integers(len(school.pupils), size=a_day).tolist()
        points = draw.integers(-3, 4, a_day).tolist()
        lengths = draw.integers(5, 26, a_day).tolist()
        for i, score, length in zip(who, points, lengths, strict=True):
            pupil = school.pupils[i]
            text = " ".join(_WORDS[k] for k in draw.integers(len(_WORDS), size=length).tolist())
            group = school.groups[pupil.lessons[day.weekday() * LESSONS + length % LESSONS]]
            kind = "Achievement" if score > 0 else "Behaviour"
            rows.append(
                f'{day.isoformat()},{pupil.upn},{kind},{score},{group.name},{group.teacher},"{text}."\r\n'.encode()
            )
    return rows


def write_lines(path: Path, lines: Iterable[bytes]) -> None:
    """Write a table anew beside the old one and put it in its place, as an export job does."""
    fresh = path.with_suffix(".part")
    with fresh.open("wb") as out:
        out.writelines(lines)
    fresh.replace(path)


def write_tables(folder: Path, seed: int, school: Roster, people: list[Contact], found: list[Result]) -> None:
    """Write every table except the marks."""

    def table(name: str, header: str, rows: Iterable[tuple[object, ...]]) -> None:
        lines = (",".join(map(str, row)) + "\r\n" for row in rows)
        write_lines(folder / name, (line.encode() for line in (header + "\r\n", *lines)))

    table(
        "pupils.csv",
        "UPN,Surname,Forename,Born,Year,Reg,Admitted",
        ((p.upn, p.surname, p.forename, p.born, p.year, p.form, f"{2030 - p.year}-09-03") for p in school.pupils),
    )
    table(
        "contacts.csv",
        "UPN,Name,Relation,Phone,Email,Address",
        ((school.pupils[row[0]].upn, *row[1:]) for row in people),
    )
    table(
        "staff.csv",
        "Code,Title,Surname",
        ((code, _TITLES[n % 4], SURNAMES[n * 7 % len(SURNAMES)]) for n, code in enumerate(school.staff)),
    )
    table(
        "timetable.csv",
        "UPN,Day,Period,Subject,Class,Teacher",
        (
            (p.upn, slot // LESSONS + 1, slot % LESSONS + 1, group.subject, group.name, group.teacher)
            for p in school.pupils
            for slot, group in enumerate(school.groups[i] for i in p.lessons)
        ),
    )
    write_lines(folder / "assessment.csv", [ASSESSMENT_HEADER, *sorted(result_rows(school, found))])
    write_lines(folder / "behaviour.csv", [BEHAVIOUR_HEADER, *behaviour_rows(seed, 0, school)])
