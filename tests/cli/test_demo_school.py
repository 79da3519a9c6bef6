"""The demo's school: the same bytes for one seed, valid identifiers and files, and nights that move as described."""

import csv
import hashlib
import re
import sqlite3
import struct
import zlib
from collections.abc import Iterator
from contextlib import closing
from itertools import groupby
from pathlib import Path

import pytest
from escrow_cli import demo_school
from escrow_cli.demo_people import uln, upn
from escrow_cli.demo_school import CORRECTIONS, GLOBS, create, next_night, school_day

from escrow.source.compartments import Compartments, Rule
from escrow.source.folder import FolderSource

NIGHTS = 5
State = dict[str, bytes]


def state_of(folder: Path) -> State:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def grow(folder: Path, seed: int, nights: int) -> Iterator[State]:
    create(folder, seed)
    yield state_of(folder)
    for night in range(1, nights + 1):
        next_night(folder, seed, night)
        yield state_of(folder)


@pytest.fixture(scope="module")
def states(tmp_path_factory: pytest.TempPathFactory) -> list[State]:
    return list(grow(tmp_path_factory.mktemp("demo"), 7, NIGHTS))


def rows(state: State, name: str) -> list[dict[str, str]]:
    return list(csv.DictReader(state[name].decode().splitlines()))


def lines(state: State, name: str) -> list[str]:
    return state[name].decode().splitlines()[1:]


@pytest.mark.parametrize("known", ["B801200005001", "N999199900001", "C999199900002"])
def test_upn_check_letters(known: str) -> None:
    assert upn(int(known[1:4]), int(known[4:8]), int(known[8:10]), int(known[10:])) == known


def test_uln_check_digits() -> None:
    assert uln(927_630_868) == "9276308686"
    for number in range(700_000_000, 700_000_050):
        assert sum(w * int(d) for w, d in zip(range(10, 0, -1), uln(number), strict=True)) % 11 == 10


def test_one_seed_gives_the_same_bytes_and_times(tmp_path: Path, states: list[State]) -> None:
    digests = [{name: hashlib.sha256(data).digest() for name, data in state.items()} for state in states]
    again = tmp_path / "again"
    for state, wanted in zip(grow(again, 7, NIGHTS), digests, strict=True):
        assert {name: hashlib.sha256(data).digest() for name, data in state.items()} == wanted
    assert (again / "pupils.csv").stat().st_mtime == 1_795_804_200  # 27 November 2026, 18:30 UTC
    assert (again / "photos" / "000001.png").stat().st_mtime == 1_795_199_400
    assert next(grow(tmp_path / "other", 8, 0)) != states[0]


def test_the_school_is_small_and_real_enough(states: list[State]) -> None:
    first = states[0]
    assert 8e6 < sum(map(len, first.values())) < 15e6
    pupils = rows(first, "pupils.csv")
    assert len(pupils) == 220
    assert demo_school.LAESTAB == "9994001"
    numbers = [pupil["UPN"] for pupil in pupils]
    assert len(set(numbers)) == len(numbers)
    for number in numbers:
        assert upn(int(number[1:4]), int(number[4:8]), int(number[8:10]), int(number[10:])) == number
    for name in ("contacts.csv", "session_marks.csv", "lesson_marks.csv", "behaviour.csv", "safeguarding/concerns.csv"):
        assert {row["UPN"] for row in rows(first, name)} <= set(numbers)
    codes = {row["Code"] for row in rows(first, "codes/attendance.csv")}
    assert {row["Mark"] for row in rows(first, "session_marks.csv")} <= codes


@pytest.mark.parametrize("name", ["session_marks.csv", "lesson_marks.csv"])
def test_marks_stand_by_pupil_then_date(states: list[State], name: str) -> None:
    for state in states:
        pupils = [pupil["UPN"] for pupil in rows(state, "pupils.csv")]
        keys = [tuple(line.split(",")[:2]) for line in lines(state, name)]
        runs = [upn for upn, _ in groupby(keys, key=lambda key: key[0])]
        assert runs == [upn for upn in pupils if upn in set(runs)]
        assert keys == sorted(keys, key=lambda key: (pupils.index(key[0]), key[1]))


@pytest.mark.parametrize("night", range(1, NIGHTS + 1))
def test_a_night_moves_as_a_school_does(states: list[State], night: int) -> None:
    before, after = states[night - 1], states[night]
    day = school_day(night).isoformat()
    old, new = rows(before, "pupils.csv"), rows(after, "pupils.csv")
    joined, left = len(new) - len(old), sum(p["Leaving Date"] == day for p in new)
    assert (joined, left) == ((1, 0) if night % 2 else (0, 1))
    on_roll = sum(pupil["Status"] == "C" for pupil in new)
    for name, a_day in (("session_marks.csv", 2), ("lesson_marks.csv", 5)):
        was, now = lines(before, name), lines(after, name)
        today = [line for line in now if line.split(",")[1] == day]
        assert len(today) == len(now) - len(was) == a_day * on_roll
        kept = [line for line in now if line.split(",")[1] != day]
        assert sum(a != b for a, b in zip(was, kept, strict=True)) == CORRECTIONS
    added = set(after) - set(before)
    assert set(before) <= set(after)
    assert sum(name.startswith("documents/") for name in added) == 2
    assert sum(name.startswith("photos/") for name in added) == joined
    assert sum(before[n] != after[n] for n in before if n.startswith("photos/")) == 1
    assert not any(before[n] != after[n] for n in before if n.startswith(("documents/", "codes/", "staff")))
    assert len(lines(after, "safeguarding/concerns.csv")) == len(lines(before, "safeguarding/concerns.csv")) + 1
    assert 5 <= len(lines(after, "behaviour.csv")) - len(lines(before, "behaviour.csv")) < 12
    assert len(lines(after, "assessment.csv")) > len(lines(before, "assessment.csv")) + 30


def test_the_database_is_sound_and_agrees_with_the_table(states: list[State], tmp_path: Path) -> None:
    for state in (states[0], states[-1]):
        path = tmp_path / "mis.sqlite"
        path.write_bytes(state["mis.sqlite"])
        with closing(sqlite3.connect(path)) as base:
            assert base.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
            (marks,) = base.execute("SELECT count(*) FROM lesson_mark").fetchone()
            leavers = base.execute("SELECT upn FROM pupil WHERE status = 'L' ORDER BY upn").fetchall()
        assert marks == len(lines(state, "lesson_marks.csv"))
        assert [upn for (upn,) in leavers] == sorted(p["UPN"] for p in rows(state, "pupils.csv") if p["Status"] == "L")


def test_letters_are_pdfs_whose_cross_references_hold(states: list[State]) -> None:
    letters = [data for name, data in states[-1].items() if name.endswith(".pdf")]
    assert len(letters) == 90 + 2 * NIGHTS
    for data in letters:
        assert data.startswith(b"%PDF-1.4\n")
        assert data.endswith(b"%%EOF\n")
        found = re.search(rb"startxref\n(\d+)\n", data)
        assert found
        table = data[int(found[1]) :]
        assert table.startswith(b"xref\n0 7\n")
        for number, place in enumerate(re.findall(rb"(\d{10}) 00000 n ", table), 1):
            assert data[int(place) :].startswith(b"%d 0 obj\n" % number)
        for length, start in ((int(m[1]), m.end()) for m in re.finditer(rb"/Length (\d+) >>\nstream\n", data)):
            assert data[start + length :].startswith(b"\nendstream")
            assert zlib.decompress(data[start : start + length])


def test_photos_are_pngs_with_whole_chunks(states: list[State]) -> None:
    photos = [data for name, data in states[-1].items() if name.startswith("photos/")]
    assert len(photos) == 220 + 3
    for data in photos:
        assert data.startswith(b"\x89PNG\r\n\x1a\n")
        at, kinds, pixels = 8, [], b""
        while at < len(data):
            (length,) = struct.unpack_from(">I", data, at)
            body = data[at + 4 : at + 8 + length]
            assert struct.unpack_from(">I", data, at + 8 + length) == (zlib.crc32(body),)
            kinds.append(body[:4])
            pixels += body[4:] if body[:4] == b"IDAT" else b""
            at += 12 + length
        assert kinds == [b"IHDR", b"PLTE", b"IDAT", b"IEND"]
        assert len(zlib.decompress(pixels)) == 96 * 73


def test_the_globs_send_every_file_to_its_compartment(tmp_path: Path, states: list[State]) -> None:
    create(tmp_path, 7)
    rules = Compartments([Rule(name, globs) for name, globs in GLOBS.items()], strictest="safeguarding")
    places: dict[str, set[str]] = {}
    for item in FolderSource("mis", tmp_path).scan():
        places.setdefault(rules.assign(item.path), set()).add(item.path.decode().split("/")[1])
    assert places == {
        "safeguarding": {"safeguarding"},
        "documents": {"documents", "photos"},
        "records": {"codes", "mis.sqlite"} | {name for name in states[0] if name.endswith(".csv") and "/" not in name},
    }
