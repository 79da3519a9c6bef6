"""Lesson and session marks: seeded arrays, and the two big CSV tables made from them, by pupil and date."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bench.roster import LESSONS, YEARS_DAYS, Pupil, Roster, rng, school_days

LESSON_HEADER = (
    b"UPN,Surname,Forename,Year,Reg,Date,Period,Subject,Class,Teacher,Mark,Minutes Late,Comment,Recorded\r\n"
)
SESSION_HEADER = b"UPN,Date,Session,Mark,Minutes Late,Recorded\r\n"
CODES = "/LIMEOBCUVN"
_ODDS = [0.30, 0.22, 0.26, 0.05, 0.02, 0.05, 0.03, 0.02, 0.02, 0.02, 0.01]
_REMARK_TEXT = (
    "left early for dentist|arrived with note|music lesson|sent to reflection room|forgot kit|school nurse|"
    "bus was late|phoned home|helping in library|year 9 trip|exam access room|returned after lunch"
)
_REMARKS = _REMARK_TEXT.split("|")
_STARTS = (31_500, 35_400, 40_200, 46_800, 50_700)
_CLOCK = [f"T{s // 3600:02}:{s // 60 % 60:02}:{s % 60:02}" for s in range(86_400)]


@dataclass(frozen=True)
class State:
    """What a register can say about one pupil in one lesson."""

    code: str
    late: int | None
    comment: str | None

    def csv(self) -> str:
        """The three columns of the export."""
        return f"{self.code},{'' if self.late is None else self.late},{self.comment or ''}"


STATES = (
    [State(code, None, None) for code in CODES]
    + [State("L", minutes, None) for minutes in range(1, 41)]
    + [State(code, None, remark) for code in "/IM" for remark in _REMARKS]
)
_FIRST_LATE, _FIRST_REMARK = len(CODES), len(CODES) + 40


def lesson_states(seed: int, night: int, pupils: int, days: int) -> NDArray[np.uint8]:
    """Indices into STATES, shape (pupils, days, LESSONS): mostly present, absent by the day, remarks rare."""
    draw = rng(seed, 2, night)
    shape = (pupils, days, LESSONS)
    kind = draw.choice(len(CODES), size=shape, p=_ODDS).astype(np.uint8)
    away = draw.random((pupils, days, 1)) < 0.05
    alone = draw.random(shape) < 0.045
    reason = np.broadcast_to(draw.choice([2, 2, 3, 7], size=(pupils, days, 1)), shape)
    state = np.where(away, reason, np.where(alone, kind, 0)).astype(np.uint8)
    late = _FIRST_LATE + np.minimum(draw.exponential(6.0, shape), 39).astype(np.uint8)
    state = np.where(state == 1, late, state)
    remark = draw.integers(_FIRST_REMARK, len(STATES), shape, dtype=np.uint8)
    return np.where(draw.random(shape) < 0.006, remark, state).astype(np.uint8)


def recorded(seed: int, night: int, groups: int, days: int) -> NDArray[np.int32]:
    """Second of the day at which each class's register was saved, shape (days, LESSONS, groups)."""
    start = np.array(_STARTS, dtype=np.int32)[None, :, None]
    delay = rng(seed, 3, night).gamma(2.0, 240.0, (days, LESSONS, groups)).astype(np.int32)
    return (start + np.minimum(delay, 3_600)).astype(np.int32)


def lesson_rows(
    school: Roster, pupil: Pupil, days: list[date], states: NDArray[np.uint8], saved: NDArray[np.int32]
) -> list[bytes]:
    """One pupil's CSV lines for `days`, in order of date and period; `states` has shape (days, LESSONS)."""
    who = f"{pupil.upn},{pupil.surname},{pupil.forename},{pupil.year},{pupil.form},"
    classes = [f"{g.subject},{g.name},{g.teacher}," for g in (school.groups[i] for i in pupil.lessons)]
    texts = [s.csv() for s in STATES]
    rows = []
    for n, day in enumerate(days):
        stamp, slot = day.isoformat(), day.weekday() * LESSONS
        for period, state in enumerate(states[n].tolist()):
            second = int(saved[n, period, pupil.lessons[slot + period]])
            lesson = f"{stamp},{period + 1},{classes[slot + period]}{texts[state]}"
            rows.append(f"{who}{lesson},{stamp}{_CLOCK[second]}\r\n".encode())
    return rows


def session_rows(pupil: Pupil, days: list[date], states: NDArray[np.uint8]) -> list[bytes]:
    """One pupil's morning and afternoon marks for `days`, taken from the first and the fourth lesson."""
    rows = []
    for n, day in enumerate(days):
        stamp = day.isoformat()
        for session, period in (("AM", 0), ("PM", 3)):
            s = STATES[int(states[n, period])]
            code = "\\" if s.code == "/" and session == "PM" else s.code
            rows.append(f"{pupil.upn},{stamp},{session},{code},{s.late or ''},{stamp}\r\n".encode())
    return rows


@dataclass(frozen=True)
class Correction:
    """A mark changed later: `lesson` counts one pupil's lessons from 0."""

    pupil: int
    lesson: int
    state: State

    def apply(self, row: bytes, when: date) -> bytes:
        """The corrected line, saved again on the evening of `when`."""
        head = row.decode().split(",")[:10]
        return f"{','.join(head)},{self.state.csv()},{when.isoformat()}T16:30:00\r\n".encode()


def corrections(seed: int, night: int, pupils: int) -> list[Correction]:
    """Four in ten pupils' worth of corrected marks, spread evenly over all that was recorded."""
    draw = rng(seed, 4, night)
    lessons = (YEARS_DAYS + night - 1) * LESSONS
    places = draw.choice(pupils * lessons, size=max(1, pupils * 4 // 10), replace=False)
    states = draw.integers(1, len(CODES), len(places))
    return [
        Correction(int(p) // lessons, int(p) % lessons, STATES[int(s)])
        for p, s in zip(np.sort(places), states, strict=True)
    ]


def write_tables(folder: Path, seed: int, school: Roster) -> None:
    """Write lesson_marks.csv and session_marks.csv for the two years before the first night."""
    days = school_days(YEARS_DAYS)
    states = lesson_states(seed, 0, len(school.pupils), len(days))
    saved = recorded(seed, 0, len(school.groups), len(days))
    with (
        (folder / "lesson_marks.csv").open("wb") as lessons,
        (folder / "session_marks.csv").open("wb") as sessions,
    ):
        lessons.write(LESSON_HEADER)
        sessions.write(SESSION_HEADER)
        for pupil, own in zip(school.pupils, states, strict=True):
            lessons.writelines(lesson_rows(school, pupil, days, own, saved))
            sessions.writelines(session_rows(pupil, days, own))


def grow_table(
    old: Iterable[bytes], per_pupil: int, fixes: dict[int, Correction], new: list[list[bytes]], when: date
) -> Iterator[bytes]:
    """A table's lines (header first), corrected by row number, each pupil's new rows behind the old."""
    lines = iter(old)
    yield next(lines)
    number = 0
    for rows in new:
        for line in islice(lines, per_pupil):
            yield fixes[number].apply(line, when) if number in fixes else line
            number += 1
        yield from rows
