"""Which originals are tables, and that every cell comes out as the text that it was."""

import sqlite3
import zipfile
from contextlib import closing
from pathlib import Path

import pytest

from escrow.errors import FormatError
from escrow.export.naming import column_names, table_names
from escrow.export.originals import folder_files
from escrow.export.table import Misfits, Table
from escrow.export.tables import find_tables
from escrow.export.xmlrows import row_elements, xml_rows

SAMPLES = Path(__file__).parents[3] / "shared" / "samples"


def write(folder: Path, name: str, data: bytes) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


def rows(table: Table, misfits: Misfits | None = None) -> list[tuple[str | None, ...]]:
    with table.read(misfits) as reader:
        read = reader.read_all()
    return list(zip(*(column.to_pylist() for column in read.columns), strict=True))


def only(folder: Path) -> Table:
    tables, left = find_tables(folder_files(folder))
    assert (len(tables), left) == (1, [])
    return tables[0]


@pytest.mark.parametrize(
    ("data", "wanted"),
    [
        (b"id,name\r\n007,Zo\xc3\xab\r\n", [("007", "Zoë")]),
        (b"\xef\xbb\xbfid;name\n007;x,y\n", [("007", "x,y")]),
        (b"id\tname\n007\tZo\xeb\n", [("007", "Zoë")]),
        ("id|name\r\n007|Zoë\r\n".encode("utf-16"), [("007", "Zoë")]),
        ("id,name\r\n007,Zoë\r\n".encode("utf-16-le"), [("007", "Zoë")]),
        (b'id,name\n1,\n2,""\n3,"a\r\nb"\n', [("1", None), ("2", ""), ("3", "a\r\nb")]),
        (b'id,"long\nname"\n1,x\n', [("1", "x")]),
        (b"id,name\n1,\x81\n", [("1", "\ufffd")]),
        (b"id,name\n", []),
        (b"id,name\n1,x", [("1", "x")]),
    ],
)
def test_text_comes_out_as_it_was(tmp_path: Path, data: bytes, wanted: list[tuple[str | None, ...]]) -> None:
    write(tmp_path, "a.csv", data)
    assert rows(only(tmp_path)) == wanted


def test_rows_that_do_not_fit_are_counted_and_left_in_the_original(tmp_path: Path) -> None:
    write(tmp_path, "a.csv", b"id,name\n1,x\n2\n3,y,z\n4,w\n")
    misfits = Misfits()
    assert rows(only(tmp_path), misfits) == [("1", "x"), ("4", "w")]
    assert (misfits.count, misfits.first) == (2, [3, 4])


def test_headers_that_repeat_are_told_apart(tmp_path: Path) -> None:
    write(tmp_path, "a.csv", b"id,Name,name,,name\n1,a,b,c,d\n")
    assert only(tmp_path).columns == ("id", "Name", "name_2", "column_4", "name_3")


def test_a_wide_table(tmp_path: Path) -> None:
    header = ",".join(f"c{n}" for n in range(2000))
    write(tmp_path, "a.csv", f"{header}\n{','.join('0' * 3 for _ in range(2000))}\n".encode())
    assert rows(only(tmp_path)) == [("000",) * 2000]


def test_what_is_no_table_is_left_with_its_reason(tmp_path: Path) -> None:
    for name, data in {
        "a.pdf": b"%PDF-1.7",
        "b.csv": b"\0\1\2",
        "c.csv": b"",
        "d.zip": b"no zip",
        "e.xml": b"<a><b>",
        "f.csv": b'"never closes,\n1,2\n',
    }.items():
        write(tmp_path, name, data)
    write(tmp_path, "g.xml", b'<!DOCTYPE a [<!ENTITY x "y">]><a><b>&x;</b><b/></a>')
    tables, left = find_tables(folder_files(tmp_path))
    assert tables == []
    assert {one.origin: one.code for one in left} == {
        "a.pdf": "opaque",
        "b.csv": "opaque",
        "c.csv": "empty",
        "d.zip": "table-unreadable",
        "e.xml": "opaque",
        "f.csv": "opaque",
        "g.xml": "xml-entity",
    }


def test_sqlite_zips_and_json_lines_are_tables(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "mis.sqlite")) as base, base:
        base.execute('CREATE TABLE "order" (id TEXT, n INTEGER, photo BLOB)')
        base.execute("""INSERT INTO "order" VALUES ('007', 3, x'ff00'), (NULL, NULL, NULL)""")
    with zipfile.ZipFile(tmp_path / "roster.zip", "w") as archive:
        archive.writestr("users.csv", "sourcedId,name\r\n007,Zoë\r\n")
        archive.writestr("readme.md", "no table")
    write(tmp_path, "pupils.jsonl", b'{"id":"007","n":1.50,"more":{"a":[1]}}\n{"id":null,"late":true}\n[1]\n')
    found = {table.origin: table for table in find_tables(folder_files(tmp_path))[0]}
    assert set(found) == {"mis.sqlite#order", "roster.zip#users.csv", "pupils.jsonl"}
    assert rows(found["mis.sqlite#order"]) == [("007", "3", "ff00"), (None, None, None)]
    assert rows(found["roster.zip#users.csv"]) == [("007", "Zoë")]
    misfits = Misfits()
    assert rows(found["pupils.jsonl"], misfits) == [("007", "1.50", '{"a": ["1"]}', None), (None, None, None, "true")]
    assert (misfits.count, misfits.first) == (1, [3])


def test_xml_rows_have_plain_names(tmp_path: Path) -> None:
    text = (
        "<SuperStarReport><Record><Legal_x0020_Surname>O'Brien</Legal_x0020_Surname><Home><Town>Bath</Town></Home>"
        '<UPN/></Record><Record sent="1"><UPN>B1</UPN><UPN>B2</UPN></Record></SuperStarReport>'
    )
    path = write(tmp_path, "report.xml", text.encode())
    assert row_elements(lambda: path.open("rb")) == ["SuperStarReport/Record"]
    assert list(xml_rows(lambda: path.open("rb"), "SuperStarReport/Record")) == [
        {"Legal Surname": "O'Brien", "Home/Town": "Bath", "UPN": None},
        {"sent": "1", "UPN": "B1\nB2"},
    ]


def test_tables_of_one_xml_file_are_those_that_recipes_name(tmp_path: Path) -> None:
    text = (
        "<iSAMS><Version/><Version/><Version at='1'/><PupilManager><CurrentPupils><Pupil Id='1'>"
        "<Forename>Zoë</Forename></Pupil></CurrentPupils></PupilManager>"
        "<HRManager><CurrentStaff><StaffMember Id='2'/><StaffMember Id='3'/></CurrentStaff></HRManager></iSAMS>"
    )
    write(tmp_path, "batch.xml", text.encode())
    found = {table.origin: rows(table) for table in find_tables(folder_files(tmp_path))[0]}
    assert found == {"batch.xml#Pupil": [("1", "Zoë")], "batch.xml#StaffMember": [("2",), ("3",)]}


def test_deep_xml_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path, "deep.xml", b"<a>" * 100_000)
    with pytest.raises(FormatError) as told:
        row_elements(lambda: path.open("rb"))
    assert told.value.code == "xml-depth"


def test_names_are_short_unique_and_of_every_systems_grammar() -> None:
    names = table_names(["mis/a/pupils.csv", "mis/a-pupils.csv", "mis/A pupils.CSV", "mis/CON.csv", "mis/2026.csv"])
    assert names == ["a_pupils", "a_pupils_2", "A_pupils_3", "t_CON", "t_2026"]
    assert table_names(["mis/x.csv", "hr/x.csv"]) == ["mis_x", "hr_x"]
    assert column_names(["a", "A", "", "a "]) == ["a", "A_2", "column_3", "a_3"]


@pytest.mark.skipif(not SAMPLES.is_dir(), reason="no samples beside the project")
def test_real_exports_are_read_whole() -> None:
    counted = {}
    for table in find_tables(folder_files(SAMPLES))[0]:
        misfits = Misfits()
        counted[table.origin] = (len(table.columns), len(rows(table, misfits)), misfits.count)
    assert counted["gias/links_edubasealldata20250422.csv"] == (5, 33801, 0)
    assert counted["microsoft-sds-uk/Student.csv"] == (14, 86, 0)
    assert counted["dfe-mtc/Pupil-Census-Data.csv"][1:] == (5, 0)
    assert counted["dfe-collect/cin-2022.xml"] == (33, 1, 0)
    assert counted["isams-batch/GetCurrentPupils.xml"] == (36, 1, 0)
    assert counted["sif-au/StudentPersonal_0.xml"] == (90, 1, 0)
