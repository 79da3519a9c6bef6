"""A person's rows and documents, found by identifiers and along keys, and nobody else's."""

import json
from pathlib import Path

import pytest

from escrow.export.keys import declared_keys
from escrow.export.originals import folder_files
from escrow.export.tables import find_tables
from escrow.subject.documents import BY_NAME, documents_of
from escrow.subject.follow import Trail
from escrow.subject.people import aliases_of, people_of
from escrow.subject.persons import persons_of, search, the_one

SAMPLES = Path(__file__).parents[3] / "shared" / "samples"


def trail(folder: Path, who: str) -> Trail:
    files = folder_files(folder)
    tables, _ = find_tables(files)
    everybody = persons_of((one for table in tables for one in people_of(table)), aliases_of(tables))
    found = Trail(tables, declared_keys(files, tables), the_one(search(everybody, who)))
    found.follow()
    return found


def rows(folder: Path, who: str, **files: str) -> dict[str, list[tuple[str, ...]]]:
    for name, text in files.items():
        (folder / f"{name}.csv").write_text(text, encoding="utf-8")
    return {name: list(found.rows) for name, found in trail(folder, who).found.items()}


PUPILS = "UPN,Admission No,Surname,Forename,Tutor\nA1,0012,Bell,Sam,S07\nA2,0013,Khan,Zara,S07\n"


def test_rows_are_found_by_any_of_a_pupils_identifiers(tmp_path: Path) -> None:
    found = rows(
        tmp_path,
        "Sam Bell",
        pupils=PUPILS,
        marks="UPN,Mark\nA1,/\nA2,L\n a1 ,N\n",
        meals="Adno,Meal\n0012,Packed\n0013,School\n",
        staff="Staff Code,Surname,Forename\nS07,Bell,Sian\n",
    )
    assert found == {
        "pupils": [("A1", "0012", "Bell", "Sam", "S07")],
        "marks": [("A1", "/"), (" a1 ", "N")],
        "meals": [("0012", "Packed")],
    }


def test_keys_are_followed_down_as_far_as_they_go_and_up_one_step(tmp_path: Path) -> None:
    found = rows(
        tmp_path,
        "A1",
        pupils=PUPILS,
        exclusions="ExclusionID,UPN,PlanRef\n71,A1,P9\n72,A2,P8\n",
        reviews="ReviewID,ExclusionID,Outcome\n501,71,upheld\n502,72,quashed\n",
        minutes="ReviewID,Text\n501,The panel met\n502,Another panel met\n",
        plans="PlanRef,Plan\nP9,Mentor\nP8,None\n",
        others="PlanRef,UPN\nP9,A2\n",
    )
    assert found["reviews"] == [("501", "71", "upheld")]
    assert found["minutes"] == [("501", "The panel met")]
    assert found["plans"] == [("P9", "Mentor")]
    assert "others" not in found


def test_a_number_of_a_row_is_followed_under_its_tables_name(tmp_path: Path) -> None:
    found = rows(
        tmp_path,
        "Sam Bell",
        pupils="ID,Surname,Forename\n7,Bell,Sam\n8,Khan,Zara\n",
        incidents="ID,PupilID,Text\n1,7,late\n7,8,early\n",
        actions="IncidentID,Action\n1,call home\n7,praise\n",
    )
    assert found["incidents"] == [("1", "7", "late")]
    assert found["actions"] == [("1", "call home")]


def test_keys_that_a_database_declared_are_followed(tmp_path: Path) -> None:
    tables = [
        {"schema": "d", "table": "pupils", "file": "pupils.csv", "primary_key": ["pk"], "foreign_keys": []},
        {
            "schema": "d",
            "table": "x",
            "file": "x.csv",
            "primary_key": ["n"],
            "foreign_keys": [{"columns": ["who"], "schema": "d", "table": "pupils", "to": ["pk"]}],
        },
    ]
    (tmp_path / "schema.json").write_text(json.dumps({"tables": tables}))
    found = rows(
        tmp_path, "Sam Bell", pupils="id,pk,Surname,Forename\nr1,1,Bell,Sam\nr2,2,Khan,Z\n", x="n,who\n5,1\n6,2\n"
    )
    assert found["x"] == [("5", "1")]


def test_a_members_of_staff_rows_and_a_parents(tmp_path: Path) -> None:
    found = rows(
        tmp_path,
        "S07",
        pupils=PUPILS,
        staff="Staff Code,Surname,Forename,Email\nS07,Bell,Sian,s.bell@x.org\nS08,Khan,Ali,\n",
        absences="Staff,Days\nS07,3\nS08,1\n",
        accounts="Login,Mail\nsb,S.Bell@x.org\n",
        contacts="UPN,Surname,Forename,Relationship,Email\nA1,Bell,Jo,MOT,jo@x.org\nA2,Bell,Jo,AUN,jo@x.org\n",
    )
    assert found["absences"] == [("S07", "3")]
    assert found["accounts"] == [("sb", "S.Bell@x.org")]
    assert "pupils" not in found
    assert "contacts" not in found
    assert len(rows(tmp_path, "Jo Bell")["contacts"]) == 2
    family = "UPN,Surname,Forename,Relationship,Email\nA1,Bell,Jo,MOT,us@x.org\nA1,Bell,Al,FAT,us@x.org\n"
    assert rows(tmp_path, "Jo Bell", contacts=family)["contacts"] == [("A1", "Bell", "Jo", "MOT", "us@x.org")]


def test_a_former_upn_is_followed_too(tmp_path: Path) -> None:
    found = rows(
        tmp_path,
        "Sam Bell",
        pupils="UPN,Former UPN,Surname,Forename\nB2,A1,Bell,Sam\n",
        old_marks="UPN,Mark\nA1,/\nA2,L\n",
    )
    assert found["old_marks"] == [("A1", "/")]


def test_anothers_row_that_names_the_person_is_found_and_said_to_be_so(tmp_path: Path) -> None:
    files = {
        "pupils": "UPN,Surname,Forename\nA1,Żak,Siân\nA2,Khan,Zara\n",
        "events": "UPN,Text\nA2,Hit Siân Żak\nA2,Sang\n",
    }
    assert rows(tmp_path, "A1", **files)["events"] == [("A2", "Hit Siân Żak")]
    assert set(trail(tmp_path, "A1").found["events"].rows.values()) == {"names them in Text"}


def test_a_table_that_cannot_be_read_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from escrow.errors import FormatError
    from escrow.export.table import Table

    rows(tmp_path, "A1", pupils=PUPILS, marks="UPN,Mark\nA1,/\n")
    real = Table.read

    def read(table: Table, *arguments: object) -> object:
        if table.name == "marks":
            raise FormatError("table-damaged", "not now")
        return real(table)

    monkeypatch.setattr(Table, "read", read)
    files = folder_files(tmp_path)
    tables, _ = find_tables(files)
    everybody = persons_of(one for table in tables for one in people_of(table))
    found = Trail(tables, [], the_one(search(everybody, "A1")))
    found.follow()
    assert set(found.found) == {"pupils"}
    assert found.unread == {"marks": "not now"}


@pytest.mark.parametrize(
    ("path", "how"),
    [
        ("photos/0012.png", "by admissionno in its path"),
        ("letters/2026/07-0012-trip.pdf", "by admissionno in its path"),
        ("letters/00123.pdf", None),
        ("A1.docx", "by upn in its path"),
        ("notes/A1-old.docx", None),  # too short to be told from anything else, but as a whole name
        ("scans/88412.tif", "named by DocumentID of attachments"),
        ("store/plan final.pdf", "named by File of attachments"),
        ("letters/bell-sam-report.pdf", BY_NAME),
        ("letters/bell-zara-report.pdf", None),
    ],
)
def test_documents_by_identifier_by_row_and_by_name(tmp_path: Path, path: str, how: str | None) -> None:
    rows(
        tmp_path,
        "A1",
        pupils=PUPILS,
        attachments="UPN,DocumentID,File\nA1,88412,\nA1,,\\\\srv\\docs\\Plan Final.pdf\nA2,77777,other.pdf\n",
    )
    found = trail(tmp_path, "A1")
    assert dict(documents_of([path], found._person, found.found)).get(path) == how


@pytest.mark.skipif(not SAMPLES.exists(), reason="the samples lie beside the project")
def test_enrolments_of_school_data_sync_by_its_own_join() -> None:
    found = trail(SAMPLES, "Ora Klein").found
    assert len(found["microsoft_sds_uk_StudentEnrollment"].rows) == 7
    assert set(found) == {"microsoft_sds_uk_Student", "microsoft_sds_uk_StudentEnrollment"}
