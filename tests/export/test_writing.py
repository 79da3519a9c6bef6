"""CSV, SQLite and Excel from tables, and what they do with hostile ones."""

import csv
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from openpyxl import load_workbook

from escrow.errors import FormatError
from escrow.export import excel
from escrow.export.examining import examine
from escrow.export.excel import write_excel
from escrow.export.exporting import DATABASE, ORIGINALS, export
from escrow.export.originals import folder_files
from escrow.export.table import Table
from escrow.export.tables import find_tables
from escrow.export.writing import write_csv, write_sqlite
from tests.export.test_tables import write

CELLS = b'id;when;what\n007;;"=cmd|\' /C calc\'!A0"\n008;"";+44 7700 900123\n'


@pytest.fixture
def table(tmp_path: Path) -> Table:
    write(tmp_path, f"{ORIGINALS}/mis/a.csv", CELLS)
    return find_tables(folder_files(tmp_path / ORIGINALS))[0][0]


def test_csv_is_utf8_with_commas_and_null_apart_from_empty(tmp_path: Path, table: Table) -> None:
    write_csv(table, tmp_path / ORIGINALS, tmp_path)
    text = (tmp_path / "a.csv").read_text(encoding="utf-8")
    assert list(csv.reader(text.splitlines()))[1:] == [
        ["007", "", "=cmd|' /C calc'!A0"],
        ["008", "", "+44 7700 900123"],
    ]
    assert ",," in text
    assert ',"",' in text


def test_a_plain_original_is_taken_byte_for_byte_and_stays_its_own_file(tmp_path: Path) -> None:
    data = b"id,name\r\n007, x \r\n8\r\n"
    write(tmp_path, f"{ORIGINALS}/mis/a.csv", data)
    table = find_tables(folder_files(tmp_path / ORIGINALS))[0][0]
    write_csv(table, tmp_path / ORIGINALS, tmp_path)
    assert (tmp_path / "a.csv").read_bytes() == data
    (tmp_path / "a.csv").write_bytes(b"edited")
    assert (tmp_path / ORIGINALS / "mis" / "a.csv").read_bytes() == data


def test_sqlite_keeps_text_and_is_sound(tmp_path: Path) -> None:
    write(tmp_path, f"{ORIGINALS}/mis/select.csv", b'group,order\n007,x\n1e5,""\n,\n')
    write(tmp_path, f"{ORIGINALS}/mis/b.csv", CELLS)
    tables = find_tables(folder_files(tmp_path / ORIGINALS))[0]
    for _ in range(2):
        assert list(write_sqlite(tables, tmp_path / DATABASE)) == []
    with closing(sqlite3.connect(tmp_path / DATABASE)) as base:
        assert base.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        found = base.execute('SELECT "group", "order", typeof("group") FROM "select"').fetchall()
    assert found == [("007", "x", "text"), ("1e5", "", "text"), (None, None, "null")]


def test_excel_runs_no_formula_and_keeps_zeros(tmp_path: Path, table: Table) -> None:
    write_excel(table, tmp_path)
    sheet = load_workbook(tmp_path / "a.xlsx").worksheets[0]
    cells = [[(cell.value, cell.data_type) for cell in row] for row in sheet.iter_rows()]
    assert cells[1] == [("007", "s"), (None, "n"), ("=cmd|' /C calc'!A0", "s")]
    assert cells[2][2] == ("+44 7700 900123", "s")


def test_excel_is_split_by_rows_and_cuts_long_cells(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(excel, "_SHEET_ROWS", 3)
    long = "x" * 40_000
    write(tmp_path, f"{ORIGINALS}/mis/a.csv", f"id,name\n1,{long}\n".encode() + b"2,y\n" * 6)
    assert write_excel(find_tables(folder_files(tmp_path / ORIGINALS))[0][0], tmp_path) == 1
    counts = [load_workbook(tmp_path / f"a{part}.xlsx").worksheets[0].max_row for part in ("", "-2", "-3")]
    assert counts == [4, 4, 2]


def test_one_damaged_table_stops_no_other(tmp_path: Path) -> None:
    write(tmp_path, f"{ORIGINALS}/mis/a.csv", b"id,name\n1,x\n")
    write(tmp_path, f"{ORIGINALS}/mis/b.csv", b'id,name\n1,"' + b"x" * 9_000_000)
    write(tmp_path, f"{ORIGINALS}/mis/c.csv", b'id,name\n1,"never closes\n2,x\n')
    report = export(tmp_path, ["csv", "sqlite", "excel"])
    examine(tmp_path, report)
    assert [one.table.name for one in report.described] == ["a", "c"]
    assert {(one.table, one.code) for one in report.troubles} == {("b", "table-damaged"), ("c", "quotes-odd")}
    with closing(sqlite3.connect(tmp_path / DATABASE)) as base:
        assert base.execute("SELECT name FROM sqlite_schema").fetchall() == [("a",), ("c",)]
    assert (tmp_path / ORIGINALS / "mis" / "b.csv").exists()


def test_a_table_wider_than_excel_is_told(tmp_path: Path) -> None:
    header = ",".join(f"c{n}" for n in range(16_385))
    write(tmp_path, f"{ORIGINALS}/mis/a.csv", f"{header}\n".encode())
    with pytest.raises(FormatError) as told:
        write_excel(find_tables(folder_files(tmp_path / ORIGINALS))[0][0], tmp_path)
    assert told.value.code == "excel-columns"
