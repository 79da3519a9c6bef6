"""A dump beside a night: which table is which, what is missing, what must not be opened."""

import gzip
import io
import sqlite3
import zipfile
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from escrow.errors import UsageError
from escrow.vendor.held import Held, Side, dump_files, read_dump
from escrow.vendor.page import missing_csv, reconciled_page, what_is_missing
from escrow.vendor.reconcile import Compared, Reconciled, pair, reconcile

PUPILS = "UPN,Surname,Forename\nA1,Bell,Ann\nA2,Cox,Bo\nA3,Day,Cy\n"
MARKS = "UPN,Date,Mark\nA1,1,/\nA1,2,/\nA2,1,/\nA3,1,L\n"


def side(folder: Path, files: dict[str, str | bytes]) -> Side:
    for name, data in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data if isinstance(data, bytes) else data.encode())
    return read_dump(dump_files([folder]), lambda _: None)


def compared(tmp_path: Path, night: dict[str, str | bytes], dump: dict[str, str | bytes]) -> Reconciled:
    return reconcile(side(tmp_path / "night", night), side(tmp_path / "dump", dump))


def one(done: Reconciled, name: str) -> Compared:
    return next(table for table in done.tables if table.night == name)


def test_a_missing_table_missing_rows_and_a_missing_column(tmp_path: Path) -> None:
    done = compared(
        tmp_path,
        {"mis/pupils.csv": PUPILS, "mis/marks.csv": MARKS, "mis/codes.csv": "Code,Text\n/,Present\n"},
        {"Pupil.csv": "UPN;Surname\nA1;Bell\nA2;Cox\n", "MARKS.CSV": MARKS.replace("A1,2,/\n", "")},
    )
    pupils = one(done, "mis/pupils.csv")
    assert (pupils.dump, pupils.by, pupils.rows_night, pupils.rows_dump) == ("Pupil.csv", "name", 3, 2)
    assert (pupils.columns_missing, pupils.key, pupils.missing) == (("Forename",), "UPN", ("A3",))
    marks = one(done, "mis/marks.csv")
    assert (marks.rows_missing, marks.values) == (1, 0)
    assert one(done, "mis/codes.csv").dump is None
    assert done.counts == {
        "tables_missing": 1,
        "columns_missing": 1,
        "rows_missing": 2,
        "files_missing": 0,
        "troubles": 0,
    }
    told = missing_csv(done).decode("utf-8-sig").splitlines()
    assert told[1:] == ["mis/codes.csv,table,", "mis/pupils.csv,column,Forename", "mis/pupils.csv,rows with UPN,A3"]


def test_rows_that_were_exchanged_are_missing_though_the_count_is_the_same(tmp_path: Path) -> None:
    done = compared(tmp_path, {"a/pupils.csv": PUPILS}, {"pupils.csv": PUPILS.replace("A3", "A4")})
    table = one(done, "a/pupils.csv")
    assert (table.rows_night, table.rows_dump, table.rows_missing, table.rows_new) == (3, 3, 1, 1)
    assert done.lacks


def test_a_column_that_came_back_empty_is_told(tmp_path: Path) -> None:
    emptied = "UPN,Surname,Forename\nA1,Bell,\nA2,Cox, \nA3,Day,\n"
    done = compared(tmp_path, {"pupils.csv": PUPILS}, {"pupils.csv": emptied})
    assert one(done, "pupils.csv").columns_emptied == ("Forename",)
    assert what_is_missing(one(done, "pupils.csv")) == "nothing left in: Forename"


def test_a_table_under_another_name_is_told_by_its_columns(tmp_path: Path) -> None:
    done = compared(tmp_path, {"pupils.csv": PUPILS}, {"tbl_stu.csv": PUPILS, "other.csv": "UPN\nA1\n"})
    assert (one(done, "pupils.csv").dump, one(done, "pupils.csv").by) == ("tbl_stu.csv", "columns")
    assert done.new == ("other.csv",)


def test_a_table_is_taken_once_and_by_its_name_first() -> None:
    night = [Held("mis/pupils.csv", ("a", "b", "c")), Held("mis/mis.sqlite#pupil", ("a", "b", "c", "d"))]
    dump = [Held("x/dbo.Pupil.csv", ("a", "b", "c", "d"))]
    pairs, left = pair(night, dump)
    assert [(one.night.origin, one.dump is not None) for one in pairs] == [
        ("mis/pupils.csv", False),
        ("mis/mis.sqlite#pupil", True),
    ]
    assert left == []


def test_a_database_a_zip_and_a_sql_dump_are_looked_into(tmp_path: Path) -> None:
    (tmp_path / "dump").mkdir()
    with closing(sqlite3.connect(tmp_path / "dump" / "all.sqlite")) as base, base:
        base.execute("CREATE TABLE pupils (upn, surname, forename)")
        base.executemany("INSERT INTO pupils VALUES (?, 'x', 'y')", [("A1",), ("A2",)])
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("marks.csv", MARKS)
    sql = "-- MySQL dump\nINSERT INTO `codes` VALUES (1,'a'),(2,'b');\n-- Dump completed\n"
    done = compared(
        tmp_path,
        {"pupils.csv": PUPILS, "marks.csv": MARKS, "codes.csv": "Code,Text\n1,a\n2,b\n3,c\n"},
        {"part.zip": packed.getvalue(), "rest.sql": sql},
    )
    assert one(done, "pupils.csv").missing == ("A3",)
    assert not one(done, "marks.csv").lacks
    assert (one(done, "codes.csv").rows_night, one(done, "codes.csv").rows_dump) == (3, 2)
    assert one(done, "codes.csv").rows_missing == 1


def test_documents_are_known_by_their_content(tmp_path: Path) -> None:
    night = side(tmp_path / "night", {"mis/a.pdf": b"%PDF a", "mis/b.pdf": b"%PDF b", "mis/p.csv": PUPILS})
    dump = side(tmp_path / "dump", {"renamed.pdf": b"%PDF a", "p.csv": PUPILS.replace(",", ";")})
    done = reconcile(night, dump)
    assert (done.files, done.files_night) == (("mis/b.pdf",), 2)
    assert not done.same


def test_the_nights_own_export_is_no_dump(tmp_path: Path) -> None:
    done = compared(tmp_path, {"mis/p.csv": PUPILS, "mis/q.csv": MARKS}, {"p.csv": PUPILS})
    assert done.same
    page = reconciled_page(done, school="F", processor="A", night="night 2", digest="ab" * 32)
    assert page.sections[0].heading == "The dump is the night's own"


def test_a_bomb_is_not_unfolded(tmp_path: Path) -> None:
    packed = gzip.compress(bytes(300 << 20), 1)
    done = compared(tmp_path, {"p.csv": PUPILS}, {"q.bin.gz": packed, "p.csv": PUPILS})
    assert ("q.bin.gz", "bomb") in done.troubles
    assert done.lacks
    assert not one(done, "p.csv").lacks


def test_broken_and_empty_files_are_told(tmp_path: Path) -> None:
    sql = "-- MySQL dump\nINSERT INTO p VALUES (1);\n"
    done = compared(
        tmp_path, {"p.csv": PUPILS}, {"p.csv": PUPILS, "cut.sql": sql, "nothing.csv": "", "bad.zip": b"PK\x03\x04 no"}
    )
    assert {path for path, _ in done.troubles} == {"cut.sql", "nothing.csv", "bad.zip"}


def test_rows_that_fit_no_header_are_a_problem(tmp_path: Path) -> None:
    done = compared(tmp_path, {"p.csv": PUPILS}, {"p.csv": PUPILS.replace("\nA1,Bell,Ann", "\nA1,Bell") + "A5,E,F\n"})
    assert one(done, "p.csv").problem == "rows-misfit"
    assert one(done, "p.csv").lacks


def test_tables_without_a_column_in_common_are_counted(tmp_path: Path) -> None:
    done = compared(tmp_path, {"p.csv": "a,b\n1,2\n3,4\n"}, {"p.csv": "x,y\n1,2\n"})
    table = one(done, "p.csv")
    assert (table.rows_night, table.rows_dump, table.rows_missing) == (2, 1, 2)
    assert table.columns_missing == ("a", "b")


@pytest.mark.parametrize("files", [[], ["a.csv"]])
def test_an_empty_dump_is_refused(tmp_path: Path, files: list[str]) -> None:
    for name in files:
        (tmp_path / name).touch()
    with pytest.raises(UsageError) as caught:
        dump_files([tmp_path])
    assert caught.value.code == "dump-empty"
    with pytest.raises(UsageError) as caught:
        dump_files([tmp_path / "absent"])
    assert caught.value.code == "dump-missing"


def test_the_digest_is_of_names_and_contents(tmp_path: Path) -> None:
    first = side(tmp_path / "a", {"p.csv": PUPILS})
    assert side(tmp_path / "b", {"p.csv": PUPILS}).digest == first.digest
    assert side(tmp_path / "c", {"q.csv": PUPILS}).digest != first.digest
    assert replace(first).digest == first.digest
