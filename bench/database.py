"""The MIS's SQLite database: people, assessment and marks in order of entry, with an MIS's indexes."""

import sqlite3
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bench.marks import STATES, Correction, lesson_states, recorded
from bench.roster import LESSONS, YEARS_DAYS, Roster, school_days

_SCHEMA = """
PRAGMA page_size = 4096;
CREATE TABLE pupil (id INTEGER PRIMARY KEY, upn TEXT NOT NULL UNIQUE, surname TEXT, forename TEXT,
    year INTEGER, form TEXT, born TEXT);
CREATE TABLE contact (id INTEGER PRIMARY KEY, pupil_id INTEGER REFERENCES pupil, name TEXT, relation TEXT,
    phone TEXT, email TEXT, address TEXT);
CREATE TABLE class (id INTEGER PRIMARY KEY, name TEXT, subject TEXT, teacher TEXT);
CREATE TABLE assessment (id INTEGER PRIMARY KEY, pupil_id INTEGER REFERENCES pupil, taken TEXT, subject TEXT,
    paper TEXT, score INTEGER, grade TEXT);
CREATE TABLE mark (id INTEGER PRIMARY KEY, pupil_id INTEGER NOT NULL REFERENCES pupil, day INTEGER NOT NULL,
    period INTEGER NOT NULL, class_id INTEGER REFERENCES class, code TEXT NOT NULL, late INTEGER,
    comment TEXT, recorded INTEGER NOT NULL);
CREATE INDEX contact_pupil ON contact (pupil_id);
CREATE INDEX pupil_name ON pupil (surname, forename);
CREATE INDEX assessment_pupil ON assessment (pupil_id, subject);
CREATE INDEX mark_pupil ON mark (pupil_id, day);
CREATE INDEX mark_class ON mark (class_id, day);
"""
_MARK = """INSERT INTO mark (pupil_id, day, period, class_id, code, late, comment, recorded)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?)"""
_ASSESSMENT = "INSERT INTO assessment (pupil_id, taken, subject, paper, score, grade) VALUES (?, ?, ?, ?, ?, ?)"
MarkRow = tuple[int, int, int, int, str, int | None, str | None, int]
AssessmentRow = tuple[int, str, str, str, int, str]


def _mark_rows(
    school: Roster, days: list[date], states: NDArray[np.uint8], saved: NDArray[np.int32]
) -> Iterator[MarkRow]:
    """Marks in order of entry: by day, period, then pupil."""
    facts = [(s.code, s.late, s.comment) for s in STATES]
    for n, day in enumerate(days):
        number, midnight = day.toordinal(), (day.toordinal() - date(1970, 1, 1).toordinal()) * 86_400
        for period in range(LESSONS):
            slot = day.weekday() * LESSONS + period
            seconds = saved[n, period].tolist()
            for i, state in enumerate(states[:, n, period].tolist()):
                group = school.pupils[i].lessons[slot]
                yield (i, number, period + 1, group, *facts[state], midnight + seconds[group])


def create(
    path: Path,
    seed: int,
    school: Roster,
    contacts: list[tuple[int, str, str, str, str, str]],
    assessments: list[AssessmentRow],
) -> None:
    """Write the database as two years of daily use leave it: indexes filled row by row, pages part empty."""
    days = school_days(YEARS_DAYS)
    base = sqlite3.connect(path)
    try:
        base.executescript(
            "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA cache_size = -200000;" + _SCHEMA
        )
        base.executemany(
            "INSERT INTO pupil VALUES (?, ?, ?, ?, ?, ?, ?)",
            [
                (i, p.upn, p.surname, p.forename, p.year, p.form, p.born.isoformat())
                for i, p in enumerate(school.pupils)
            ],
        )
        base.executemany(
            "INSERT INTO class VALUES (?, ?, ?, ?)",
            [(i, g.name, g.subject, g.teacher) for i, g in enumerate(school.groups)],
        )
        base.executemany(
            "INSERT INTO contact (pupil_id, name, relation, phone, email, address) VALUES (?, ?, ?, ?, ?, ?)",
            contacts,
        )
        base.executemany(_ASSESSMENT, assessments)
        states = lesson_states(seed, 0, len(school.pupils), len(days))
        base.executemany(_MARK, _mark_rows(school, days, states, recorded(seed, 0, len(school.groups), len(days))))
        base.commit()
    finally:
        base.close()


def update(
    path: Path,
    seed: int,
    night: int,
    school: Roster,
    fixes: list[Correction],
    assessments: list[AssessmentRow],
) -> None:
    """Enter a day's marks, corrections and results in place, as the MIS would."""
    days = school_days(YEARS_DAYS + night)
    today = days[-1:]
    base = sqlite3.connect(path)
    try:
        base.execute("PRAGMA synchronous = OFF")
        states = lesson_states(seed, night, len(school.pupils), 1)
        base.executemany(_MARK, _mark_rows(school, today, states, recorded(seed, night, len(school.groups), 1)))
        base.executemany(
            "UPDATE mark SET code = ?, late = ?, comment = ? WHERE pupil_id = ? AND day = ? AND period = ?",
            [
                (
                    f.state.code,
                    f.state.late,
                    f.state.comment,
                    f.pupil,
                    days[f.lesson // LESSONS].toordinal(),
                    f.lesson % LESSONS + 1,
                )
                for f in fixes
            ],
        )
        base.executemany(_ASSESSMENT, assessments)
        base.commit()
    finally:
        base.close()
