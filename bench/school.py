"""A seeded school's MIS export, and the nights that follow it.

    python -m bench.school FOLDER --mb 500 --nights 3

makes FOLDER/0 (the first night's export) and FOLDER/1 .. FOLDER/3, each a whole copy of that night's state.
"""

import argparse
import os
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bench import database, documents, marks, tables
from bench.roster import LESSONS, YEARS_DAYS, Roster, roster, school_days

SEED = 20_260_901
DATABASE = "mis.sqlite"


def make_school(folder: Path, mb: int, seed: int = SEED) -> None:
    """Write the first night's export of about `mb` megabytes (two pupils a megabyte) into a new folder."""
    school = roster(seed, 2 * mb)
    folder.mkdir(parents=True)
    people = tables.contacts(seed, school)
    found = tables.results(seed, 0, school)
    tables.write_tables(folder, seed, school, people, found)
    marks.write_tables(folder, seed, school)
    database.create(folder / DATABASE, seed, school, people, found)
    documents.add_documents(folder, seed, 0, max(4, mb * 5 // 4))
    _date_files(folder, 0, list(folder.rglob("*")))


def make_night(folder: Path, night: int, seed: int = SEED) -> None:
    """Move the export from the state of `night` - 1 to `night` (from 1) in place.

    Each pupil's new lesson marks go behind his old ones, so that they scatter over the table; every table is
    written anew, the database is changed in place, documents are only added.
    """
    with (folder / "pupils.csv").open("rb") as table:
        school = roster(seed, sum(1 for _ in table) - 1)
    fixes = marks.corrections(seed, night, len(school.pupils))
    found = tables.results(seed, night, school)
    database.update(folder / DATABASE, seed, night, school, fixes, found)
    _rewrite_marks(folder, seed, night, school, fixes)
    for path in folder.glob("*.csv"):
        if path.name.endswith("_marks.csv"):
            continue
        with path.open("rb") as old:
            header, *rows = old
        if path.name == "assessment.csv":
            rows = sorted(rows + tables.result_rows(school, found))
        elif path.name == "behaviour.csv":
            rows += tables.behaviour_rows(seed, night, school)
        tables.write_lines(path, [header, *rows])
    old_documents = set(folder.glob("documents/*/*/*"))
    documents.add_documents(folder, seed, night, max(1, len(school.pupils) * 8 // 1000))
    _date_files(folder, night, [*folder.glob("*.*"), *(set(folder.glob("documents/*/*/*")) - old_documents)])


def _rewrite_marks(folder: Path, seed: int, night: int, school: Roster, fixes: list[marks.Correction]) -> None:
    days = school_days(YEARS_DAYS + night)
    today, before = days[-1:], len(days) - 1
    states = marks.lesson_states(seed, night, len(school.pupils), 1)
    saved = marks.recorded(seed, night, len(school.groups), 1)
    lessons = [
        marks.lesson_rows(school, pupil, today, own, saved) for pupil, own in zip(school.pupils, states, strict=True)
    ]
    sessions = [marks.session_rows(pupil, today, own) for pupil, own in zip(school.pupils, states, strict=True)]
    by_row = {fix.pupil * before * LESSONS + fix.lesson: fix for fix in fixes}
    for name, per_day, changed, new in (
        ("lesson_marks.csv", LESSONS, by_row, lessons),
        ("session_marks.csv", 2, dict[int, marks.Correction](), sessions),
    ):
        with (folder / name).open("rb") as old:
            tables.write_lines(folder / name, marks.grow_table(old, before * per_day, changed, new, today[0]))


def _date_files(folder: Path, night: int, paths: list[Path]) -> None:
    """Give written files, and all folders, the time of the night's export, so that runs repeat exactly."""
    when = (datetime(2025, 9, 1, 19, tzinfo=UTC) + timedelta(days=night)).timestamp()
    for path in paths:
        if path.is_file():
            os.utime(path, (when, when))
    for path in (folder, *folder.glob("documents/**/")):
        os.utime(path, (when, when))


def main() -> None:
    """Make a school and its nights as whole folders side by side, for trying things on."""
    parser = argparse.ArgumentParser(prog="python -m bench.school", description=main.__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--mb", type=int, default=500)
    parser.add_argument("--nights", type=int, default=3, help="later nights")
    parser.add_argument("--seed", type=int, default=SEED)
    args = parser.parse_args()
    make_school(args.folder / "0", args.mb, args.seed)
    for night in range(1, args.nights + 1):
        shutil.copytree(args.folder / str(night - 1), args.folder / str(night))
        make_night(args.folder / str(night), night, args.seed)


if __name__ == "__main__":
    main()
