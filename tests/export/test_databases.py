"""Databases whose cells are not what their columns say: each comes out as the text that SQLite makes of it."""

import sqlite3
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path

import pytest

from escrow.errors import FormatError
from escrow.export.originals import folder_files
from escrow.export.table import Table
from escrow.export.tables import find_tables
from escrow.export.writing import write_sqlite
from tests.export.test_tables import rows

BATCH = 20_000
ODD = [("007", 5, 1e20), ("x", None, 4.5), ("é", 4.5, 5), (b"\xff", b"A", "zz"), ("", "later", 1), (None, -3, None)]
AS_TEXT = [
    ("007", "5", "1.0e+20"),
    ("x", None, "4.5"),
    ("é", "4.5", "5.0"),
    ("ff", "41", "zz"),
    ("", "later", "1.0"),
    (None, "-3", None),
]


def table_of(folder: Path, cells: Iterable[tuple[object, ...]], name: str = "pupil") -> Table:
    with closing(sqlite3.connect(folder / "mis.sqlite")) as base, base:
        base.execute(f'CREATE TABLE "{name}" (a TEXT, "b""x" INTEGER, c REAL)')
        base.executemany(f'INSERT INTO "{name}" VALUES (?, ?, ?)', cells)
    return find_tables(folder_files(folder))[0][0]


@pytest.mark.parametrize("before", [0, 3, BATCH - 2, BATCH, 3 * BATCH + 7])
@pytest.mark.parametrize("cell", [None, 8])
def test_cells_of_any_kind_come_out_as_text(tmp_path: Path, before: int, cell: object) -> None:
    table = table_of(tmp_path, [*[(None, cell, None)] * before, *ODD])
    found = rows(table)
    assert found[before:] == AS_TEXT
    assert found[:before] == [(None, None if cell is None else "8", None)] * before


def test_a_copy_within_sqlite_has_the_same_text(tmp_path: Path) -> None:
    table = table_of(tmp_path, ODD, "it's one")
    target = tmp_path / "a'b.sqlite"
    assert list(write_sqlite([table], target)) == []
    with closing(sqlite3.connect(target)) as base:
        assert base.execute(f'SELECT * FROM "{table.name}"').fetchall() == AS_TEXT
        kinds = base.execute(f'SELECT DISTINCT typeof(a), typeof("b""x"), typeof(c) FROM "{table.name}"').fetchall()
        assert {kind for row in kinds for kind in row} == {"text", "null"}
        assert base.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


def test_a_page_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    table_of(tmp_path, [(f"{n:040}", n, None) for n in range(3 * BATCH)])
    path = tmp_path / "mis.sqlite"
    data = bytearray(path.read_bytes())
    data[len(data) // 2 :] = bytes(len(data) - len(data) // 2)
    path.write_bytes(data)
    (table,) = find_tables(folder_files(tmp_path))[0]
    with pytest.raises(FormatError) as told:
        rows(table)
    assert told.value.code == "table-damaged"
    target = tmp_path / "out.sqlite"
    assert [(one.name, error.code) for one, error in write_sqlite([table], target)] == [(table.name, "table-damaged")]
    with closing(sqlite3.connect(target)) as base:
        assert base.execute("SELECT name FROM sqlite_schema").fetchall() == []


def test_the_largest_numbers_are_whole(tmp_path: Path) -> None:
    assert rows(table_of(tmp_path, [("a", 2**63 - 1, None), ("b", -(2**63), 0.1)])) == [
        ("a", "9223372036854775807", None),
        ("b", "-9223372036854775808", "0.1"),
    ]
