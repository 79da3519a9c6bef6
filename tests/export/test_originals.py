"""Originals of an opened night are read where they lie, as those in a folder are, and without what was erased."""

import io
import random
import sqlite3
import zipfile
from contextlib import closing
from pathlib import Path

import pytest

from escrow import record as r
from escrow.engine.opened import OpenedFile, opened_files
from escrow.engine.ports import NoProgress
from escrow.engine.restore import RestoreOptions, everything, restore
from escrow.engine.restored import RestoreReport
from escrow.export import databases
from escrow.export.originals import Original, folder_files
from escrow.export.table import Table
from escrow.export.tables import find_tables
from tests.engine.erasing import erase
from tests.engine.kit import School, school
from tests.export.test_tables import rows


def database(journal: bytes = b"\x01\x01") -> bytes:
    with closing(sqlite3.connect(":memory:")) as base:
        base.execute("CREATE TABLE pupil (upn TEXT, photo BLOB)")
        base.executemany("INSERT INTO pupil VALUES (?, ?)", [(f"A{n:05}", b"\xff\x00") for n in range(5000)])
        base.commit()
        data = base.serialize()
    return data[:18] + journal + data[20:]


def zipped() -> bytes:
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("users.csv", "sourcedId,name\r\n007,Zoë\r\n")
    return whole.getvalue()


FILES = {
    "a.csv": b"upn,name\r\nA1,Ann\r\nA2,Bob\r\n",
    "b.csv": b"\xef\xbb\xbfid;name\n007;x,y\n",
    "c.xml": b"<all><pupil><upn>A1</upn></pupil><pupil><upn>A2</upn></pupil></all>",
    "d.jsonl": b'{"upn": "A1"}\n',
    "e.zip": zipped(),
    "f.sqlite": database(),
    "g.sqlite": database(b"\x02\x02"),  # as one with a write-ahead log says it
    "h.pdf": b"%PDF-1.7",
    "i.csv": b"",
}


@pytest.fixture
def place(tmp_path: Path) -> School:
    one = school(tmp_path)
    one.night(FILES)
    return one


def opened(place: School) -> tuple[list[OpenedFile], RestoreReport]:
    report = RestoreReport()
    return [one for view in place.views() for one in opened_files(view, report)], report


def contents(originals: list[Original]) -> tuple[dict[str, tuple[object, ...]], dict[str, str]]:
    tables, left = find_tables(originals)
    found: dict[str, tuple[object, ...]] = {one.origin: (one.name, one.columns, rows(one)) for one in tables}
    return found, {one.origin: one.code for one in left}


def test_tables_are_those_of_the_restored_folder(place: School, tmp_path: Path) -> None:
    restore(place.views(), tmp_path / "out", RestoreOptions(everything), NoProgress())
    files, _ = opened(place)
    found = contents([*files])
    assert found == contents([*folder_files(tmp_path / "out")])
    assert len(found[0]["school/f.sqlite#pupil"][2]) == 5000  # type: ignore[arg-type]
    assert found[1] == {"school/h.pdf": "opaque", "school/i.csv": "empty"}


def test_a_file_of_many_extents_is_read_from_anywhere(tmp_path: Path) -> None:
    chance = random.Random(7)
    one = school(tmp_path)
    lines = [f"{number},{chance.getrandbits(200):050x}\n".encode() for number in range(20_000)]
    for night in range(3):
        for _ in range(20):
            lines[chance.randrange(len(lines))] = f"{night},changed\n".encode()
        one.night({"a.csv": b"".join(lines)})
    whole = b"".join(lines)
    (file,) = opened(one)[0]
    assert len(file.entry.extents) > 20
    assert file.size == len(whole)
    with file.open() as stream:
        assert stream.read() == whole
        assert stream.read() == b""
        for _ in range(200):
            at, size = chance.randrange(len(whole) + 10), chance.randrange(100_000)
            stream.seek(at)
            assert stream.read(size) == whole[at : at + size]
        assert stream.seek(-5, io.SEEK_END) == len(whole) - 5
        assert stream.read() == whole[-5:]


def test_what_was_erased_is_left_out_and_counted(place: School) -> None:
    rows_of_a = r.ErasedRows(b"school/a.csv", "upn", "A2")
    erase(place, rows_of_a, r.ErasedRows(b"school/b.csv", "none", "1"), r.ErasedPath(b"school/f.sqlite"))
    files, report = opened(place)
    by_path = {one.path: one for one in files}
    assert not {"school/b.csv", "school/f.sqlite"} & by_path.keys()
    kept = b"upn,name\r\nA1,Ann\r\n"
    assert by_path["school/a.csv"].open().read() == kept
    assert by_path["school/a.csv"].size == len(kept)
    assert contents([*files])[0]["school/a.csv"][2] == [("A1", "Ann")]
    assert [(one.path, one.rows) for one in report.omitted] == [
        (b"school/a.csv", 1),
        (b"school/b.csv", None),
        (b"school/f.sqlite", None),
    ]


def test_a_database_too_large_for_memory_is_left_with_its_reason(
    place: School, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(databases, "_IN_MEMORY", 1000)
    assert contents([*opened(place)[0]])[1]["school/f.sqlite"] == "database-large"


def test_a_table_is_read_twice_from_the_vault(place: School) -> None:
    (table,) = (one for one in find_tables(opened(place)[0])[0] if one.origin == "school/f.sqlite#pupil")
    assert isinstance(table, Table)
    assert rows(table)[0] == ("A00000", "ff00") == rows(table)[0]
