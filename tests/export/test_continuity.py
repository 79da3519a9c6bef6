"""The mapping is proposed and confirmed, never guessed; the pages hold who is on roll, and say what they lack."""

from collections.abc import Iterator, Mapping
from datetime import date
from pathlib import Path

import pytest

from escrow.errors import UsageError
from escrow.export import mapping
from escrow.export.continuity import Row, continuity
from escrow.export.papers import ruled_pdf, write_workbook
from escrow.paper.page import Grid, Page, Words

MONDAY = date(2026, 11, 23)
TABLES: dict[str, list[Row]] = {
    "pupils": [
        {"UPN": "A1", "Surname": "Żak", "Forename": "Zoë", "Reg": "10A", "Leaving Date": ""},
        {"UPN": "A2", "Surname": "Bell", "Forename": "Sam", "Reg": "7B", "Leaving Date": "2026-11-30"},
        {"UPN": "A3", "Surname": "Gone", "Forename": "Ann", "Reg": "7B", "Leaving Date": "2026-11-20"},
        {"UPN": "A4", "Surname": "Gone", "Forename": "Too", "Reg": "7B", "Leaving Date": "31 Jul"},
    ],
    "contacts": [
        {"UPN": "A2", "Surname": "Bell", "Forename": "Max", "Priority": "2", "Mobile": "07700 900001"},
        {"UPN": "A2", "Surname": "Bell", "Forename": "Eva", "Priority": "1", "Mobile": "07700 900002"},
        {"UPN": "A3", "Surname": "Gone", "Forename": "Eva", "Priority": "1", "Mobile": "07700 900003"},
    ],
    "timetable": [
        {"Class": "7B/Ma", "Day": "Mon", "Period": "P1", "Room": "M1"},
        {"Class": "7B/En", "Day": "Tuesday", "Period": "P1", "Room": "E1"},
        {"Class": "7B/Fr", "Day": "1", "Period": "P2", "Room": "F1"},
    ],
}
COLUMNS = {name: list(rows[0]) for name, rows in TABLES.items()}


def read(name: str, columns: Mapping[str, str]) -> Iterator[Row]:
    for row in TABLES[name]:
        yield {field: row[column] for field, column in columns.items()}


@pytest.fixture
def page() -> Page:
    return continuity(mapping.propose(COLUMNS), read, school="Fernhill", night="20 November 2026", today=MONDAY)


def grid(page: Page, heading: str, number: int = 0) -> Grid:
    section = next(one for one in page.sections if one.heading.startswith(heading))
    found = section.blocks[number]
    assert isinstance(found, Grid)
    return found


def test_registers_hold_who_is_on_roll(page: Page) -> None:
    assert [row[0] for row in grid(page, "Blank registers").rows] == ["Bell, Sam"]
    assert grid(page, "Blank registers", 1).caption == "Register of 10A: 1 pupils"


def test_contacts_stand_in_order_and_a_pupil_without_any_is_told(page: Page) -> None:
    assert [row[2] for row in grid(page, "Contacts").rows] == ["Eva Bell", "Max Bell"]
    assert grid(page, "Contacts", 1).rows[0][:3] == ("Żak, Zoë", "", "no contact in the archive")


def test_the_timetable_is_that_of_the_day(page: Page) -> None:
    assert [row[1] for row in grid(page, "Timetable of Monday").rows] == ["7B/Ma", "7B/Fr"]


def test_what_is_not_mapped_is_said(page: Page) -> None:
    said = {one.heading: one.blocks[0] for one in page.sections if isinstance(one.blocks[0], Words)}
    assert set(said) == {"Medical conditions and allergies", "Class lists", "Staff"}


def test_a_mapping_is_written_and_read_again() -> None:
    plan = mapping.propose(COLUMNS)
    assert plan.confirmed is None
    assert mapping.parse(mapping.write(plan, COLUMNS), COLUMNS) == plan
    said = mapping.Plan(plan.parts, 'A. "Head"\t')
    assert mapping.parse(mapping.write(said, COLUMNS), COLUMNS) == said


def test_a_table_that_only_looks_alike_is_not_proposed() -> None:
    assert mapping.propose({"links": ["URN", "Surname", "UPN"]}).parts == {}


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("[pupils", "mapping-syntax"),
        ('[pupil]\ntable = "pupils"', "mapping-wrong"),
        ('[pupils]\ntable = "no"', "mapping-wrong"),
        ('[pupils]\ntable = "pupils"\nid = "UPN"', "mapping-wrong"),
        ('[pupils]\ntable = "pupils"\nid = "Nope"\nsurname = "Surname"\nforename = "Forename"', "mapping-wrong"),
        ('[pupils]\ntable = "pupils"\nhat = "UPN"', "mapping-wrong"),
        ("confirmed = true", "mapping-wrong"),
        ("pupils = 3", "mapping-wrong"),
    ],
)
def test_a_wrong_mapping_is_refused(text: str, code: str) -> None:
    with pytest.raises(UsageError) as told:
        mapping.parse(text, COLUMNS)
    assert told.value.code == code


def test_pages_become_a_pdf_and_a_workbook(page: Page, tmp_path: Path) -> None:
    import pypdfium2
    from openpyxl import load_workbook

    (tmp_path / "c.pdf").write_bytes(ruled_pdf(page))
    write_workbook(page, tmp_path / "c.xlsx")
    document = pypdfium2.PdfDocument(tmp_path / "c.pdf")
    text = "".join(document[n].get_textpage().get_text_range() for n in range(len(document)))
    document.close()
    assert "Żak, Zoë" in text
    assert "Gone" not in text
    book = load_workbook(tmp_path / "c.xlsx")
    assert book.sheetnames[2] == "Contacts by pupil"
    assert [cell.value for cell in book["Contacts by pupil"]["C"][2:4]] == ["Eva Bell", "Max Bell"]
