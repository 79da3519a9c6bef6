"""The bench's school: the same from the same seed, sorted, of the promised size, changing as a school does."""

import csv
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from bench.roster import roster, school_days, upn
from bench.run import digests
from bench.school import make_night, make_school

MB = 4
PUPILS = 2 * MB


@pytest.fixture(scope="module")
def nights(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[dict[str, str]]]:
    """The export after two nights, and the digests of all three states."""
    folder = tmp_path_factory.mktemp("school") / "export"
    make_school(folder, MB, seed=7)
    states = [digests(folder)]
    for night in (1, 2):
        make_night(folder, night, seed=7)
        states.append(digests(folder))
    return folder, states


def _marks(folder: Path) -> list[list[str]]:
    with (folder / "lesson_marks.csv").open(newline="") as table:
        return list(csv.reader(table))[1:]


def test_same_seed_gives_the_same_nights(nights: tuple[Path, list[dict[str, str]]], tmp_path: Path) -> None:
    make_school(tmp_path / "again", MB, seed=7)
    assert digests(tmp_path / "again") == nights[1][0]
    make_night(tmp_path / "again", 1, seed=7)
    assert digests(tmp_path / "again") == nights[1][1]


def test_another_seed_gives_another_school(nights: tuple[Path, list[dict[str, str]]], tmp_path: Path) -> None:
    make_school(tmp_path / "other", MB, seed=8)
    other = digests(tmp_path / "other")
    assert [name for name in other if other[name] == nights[1][0].get(name)] == []


def test_marks_are_sorted_by_pupil_then_date(nights: tuple[Path, list[dict[str, str]]]) -> None:
    keys = [(row[0], row[5], row[6]) for row in _marks(nights[0])]
    assert keys == sorted(set(keys))
    assert len(keys) == PUPILS * (380 + 2) * 5


def test_database_holds_the_same_marks_as_the_table(nights: tuple[Path, list[dict[str, str]]]) -> None:
    with closing(sqlite3.connect(nights[0] / "mis.sqlite")) as base:
        assert base.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        found = base.execute(
            "SELECT upn, day, period, code, late, comment FROM mark JOIN pupil ON pupil.id = pupil_id ORDER BY 1, 2, 3"
        ).fetchall()
    days = {day.toordinal(): day.isoformat() for day in school_days(382)}
    entered = [
        [u, days[d], str(p), code, "" if late is None else str(late), note or ""] for u, d, p, code, late, note in found
    ]
    assert entered == [[r[0], r[5], r[6], r[10], r[11], r[12]] for r in _marks(nights[0])]


def test_a_night_changes_what_a_night_changes(nights: tuple[Path, list[dict[str, str]]]) -> None:
    _, (first, second, _) = nights
    changed = {name for name in first if second[name] != first[name]}
    assert changed == {"lesson_marks.csv", "session_marks.csv", "assessment.csv", "behaviour.csv", "mis.sqlite"}
    assert [name.split("/")[0] for name in second.keys() - first.keys()] == ["documents"]


def test_corrected_marks_stand_among_the_old(tmp_path: Path) -> None:
    make_school(tmp_path / "export", MB, seed=7)
    before = {tuple(row) for row in _marks(tmp_path / "export")}
    make_night(tmp_path / "export", 1, seed=7)
    after = {tuple(row) for row in _marks(tmp_path / "export")}
    today = school_days(381)[-1].isoformat()
    assert len(before - after) == PUPILS * 4 // 10
    assert {row[5] for row in after - before} > {today}
    assert len([row for row in after - before if row[5] == today]) == PUPILS * 5


def test_size_is_about_what_was_asked(tmp_path: Path) -> None:
    make_school(tmp_path / "export", 20, seed=7)
    size = sum(path.stat().st_size for path in (tmp_path / "export").rglob("*"))
    assert 17e6 < size < 24e6


def test_upns_are_valid_and_unique() -> None:
    assert upn(0, 0, 0, 1) == "P000000000001"
    pupils = roster(7, 3000).pupils
    assert len({p.upn for p in pupils}) == 3000
    assert [p.upn for p in pupils] == sorted(p.upn for p in pupils)
