"""What is marked and proposed, what a person decides of it, and what is then given."""

from collections.abc import Callable
from pathlib import Path

import openpyxl
import pytest

from escrow.errors import UsageError
from escrow.export.originals import folder_files
from escrow.export.tables import find_tables
from escrow.subject.follow import Trail
from escrow.subject.giving import give
from escrow.subject.marks import marks_of
from escrow.subject.people import layout_of, people_of
from escrow.subject.persons import Person, persons_of, search, the_one
from escrow.subject.record import Part, PersonRecord, Row
from escrow.subject.review import made_of, read_review, sheet_names, write_review

FILES = {
    "pupils": "UPN,Surname,Forename,Password\nA1,Bell,Sam,secret\nZ999400118002,Khan,Zara,secret\n",
    "contacts": "UPN,Surname,Forename,Relationship,Mobile\nA1,Bell,Jo,MOT,0770\n",
    "behaviour": 'UPN,Staff,Text\nA1,S07,Talking\nA1,S07,"Hit Zara Khan, said Mrs O\'Dea to Sam Bell"\nA1,S08,=1+1\n'
    "A1,S07,He was late for the third time\nA1,S07,with Z999400118002\nZ999400118002,S07,Sam Bell hit me\n",
}
Edit = Callable[[openpyxl.Workbook], None]


def collected(folder: Path, who: str = "A1") -> tuple[PersonRecord, list[Person]]:
    for name, text in FILES.items():
        (folder / f"{name}.csv").write_text(text)
    tables, _ = find_tables(folder_files(folder))
    everybody = persons_of(one for table in tables for one in people_of(table))
    record = PersonRecord(the_one(search(everybody, who)), nights=[3], compartments=["records"])
    trail = Trail(tables, [], record.person)
    trail.follow()
    for name, found in trail.found.items():
        rows = {
            f"{name}-{at}": Row(f"{name}-{at}", cells, how, [3]) for at, (cells, how) in enumerate(found.rows.items())
        }
        table = found.table
        record.parts[name, table.columns] = Part(name, table.origin, table.columns, layout_of(table), rows)
    return record, everybody


def workbook(folder: Path, edit: Edit | None = None, by: str = "A. Head, 24 November") -> tuple[PersonRecord, Path]:
    record, everybody = collected(folder)
    path = folder / "review.xlsx"
    write_review(path, record, marks_of(record, everybody, {}), [("Person", "Sam Bell")])
    book = openpyxl.load_workbook(path)
    cell(book, "Start", "Decided by, and when", 2, by)
    if edit:
        edit(book)
    book.save(path)
    return record, path


def cell(book: openpyxl.Workbook, sheet: str, id: str, column: int | str, value: str | None) -> None:
    """Write into the line of an id, below a heading."""
    heads = [one.value for one in book[sheet][1]]
    at = heads.index(column) + 1 if isinstance(column, str) else column
    line = next(row[0].row for row in book[sheet].iter_rows() if row[0].value == id)
    book[sheet].cell(line, at).value = value


def test_what_tells_of_others_is_marked_and_the_persons_own_is_not(tmp_path: Path) -> None:
    record, everybody = collected(tmp_path)
    columns, rows = marks_of(record, everybody, {})
    said = {f"{table}.{column}": (mark.decision, mark.why) for (table, column), mark in columns.items()}
    assert said == {
        "pupils.Password": ("withhold", "a password"),
        "contacts.Surname": ("redact", "another person's: a parent or contact"),
        "contacts.Forename": ("redact", "another person's: a parent or contact"),
        "contacts.Mobile": ("redact", "another person's: a parent or contact"),
        "behaviour.Staff": ("keep", "a member of staff, as such"),
    }
    of = [rows[f"behaviour-{at}"] for at in range(6)]
    assert [mark.decision for mark in of] == ["keep", "redact", "keep", "keep", "redact", "withhold"]
    assert of[1].words == ("Zara Khan", "Mrs O'Dea")
    assert of[3].why == "free text: read it"
    assert of[4].words == ("Z999400118002",)
    assert "another's row" in of[5].why


def test_a_row_by_an_identifier_of_two_is_withheld(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    two = "UPN,Surname,Forename,DOB\nA1,Bell,Sam,2012-02-03\nA1,Khan,Zara,2013-04-05\n"
    monkeypatch.setitem(FILES, "pupils", two)
    record, everybody = collected(tmp_path, "Sam Bell")
    assert marks_of(record, everybody, {})[1]["behaviour-0"].decision == "withhold"


def test_proposals_count_only_when_somebody_has_signed(tmp_path: Path) -> None:
    record, path = workbook(tmp_path, by="")
    with pytest.raises(UsageError) as caught:
        read_review(path, record)
    assert caught.value.code == "review-open"


def test_what_was_decided_is_given_and_nothing_else(tmp_path: Path) -> None:
    def decide(book: openpyxl.Workbook) -> None:
        cell(book, "behaviour", "behaviour-0", "decision", "Withhold ")
        cell(book, "behaviour", "behaviour-0", "reason", "of another school")
        cell(book, "Columns", "contacts.Forename", "decision", "keep")

    record, path = workbook(tmp_path, decide)
    assert made_of(path) == (["3"], ["records"])
    reviewed = read_review(path, record)
    given = give(record, reviewed)
    tables = {one.name: one for one in given.tables}
    assert tables["pupils"].columns == ("UPN", "Surname", "Forename")
    assert tables["contacts"].rows == ((("A1", "[redacted]", "Jo", "MOT", "[redacted]"), (3,)),)
    texts = [cells[2] for cells, _ in tables["behaviour"].rows]
    assert texts == [
        "Hit [redacted], said [redacted] to Sam Bell",
        "=1+1",
        "He was late for the third time",
        "with [redacted]",
    ]
    told = {(one.where, one.what, one.how): (one.count, one.reason) for one in given.not_given if one.what != "rows"}
    assert told["pupils", "column Password", "left out"] == (1, "a password")
    assert sum(one.count for one in given.not_given if one.what == "rows") == 2
    assert reviewed.by == "A. Head, 24 November"


def test_no_cell_runs_as_a_formula(tmp_path: Path) -> None:
    _, path = workbook(tmp_path)
    book = openpyxl.load_workbook(path)
    cells = [one for sheet in book.worksheets for row in sheet.iter_rows() for one in row]
    assert "=1+1" in [one.value for one in cells]
    assert "f" not in {one.data_type for one in cells}


@pytest.mark.parametrize(
    ("edit", "said"),
    [
        (lambda book: cell(book, "Columns", "pupils.UPN", "decision", "maybe"), "sheet Columns, line .*none of keep"),
        (lambda book: cell(book, "Columns", "pupils.UPN", "decision", None), "none of keep"),
        (lambda book: cell(book, "Columns", "pupils.UPN", "decision", "redact"), "redact needs a reason"),
        (lambda book: cell(book, "behaviour", "behaviour-1", "black out", " "), "redact needs words"),
        (lambda book: book["behaviour"].delete_rows(2), "1 lines are missing"),
        (lambda book: book["behaviour"].delete_cols(1), "no longer has id"),
        (lambda book: book.remove(book["contacts"]), "1 lines are missing, such as contacts-0"),
        (lambda book: cell(book, "behaviour", "behaviour-0", "id", "behaviour-9"), "1 lines were not written"),
        (lambda book: book["behaviour"].append(["more", "keep"]), "1 lines were not written"),
    ],
)
def test_a_workbook_that_was_edited_badly_is_told_by_cell(tmp_path: Path, edit: Edit, said: str) -> None:
    record, path = workbook(tmp_path, edit)
    with pytest.raises(UsageError, match=said) as caught:
        read_review(path, record)
    assert caught.value.code == "review-wrong"
    assert "Khan" not in str(caught.value)


def test_sorting_lines_and_sheets_changes_nothing(tmp_path: Path) -> None:
    def sort(book: openpyxl.Workbook) -> None:
        book.move_sheet("behaviour", -3)
        sheet = book["behaviour"]
        first = [one.value for one in sheet[2]]
        sheet.delete_rows(2)
        sheet.append(first)

    record, path = workbook(tmp_path, sort)
    assert read_review(path, record).others["behaviour-1"].decision == "redact"


def test_another_persons_workbook_is_refused(tmp_path: Path) -> None:
    _, path = workbook(tmp_path)
    record, _ = collected(tmp_path, "Zara Khan")
    with pytest.raises(UsageError) as caught:
        read_review(path, record)
    assert caught.value.code == "review-other"


@pytest.mark.parametrize("data", [b"no workbook", b"PK\x03\x04 half a zip", b""])
def test_what_is_no_workbook_is_refused(tmp_path: Path, data: bytes) -> None:
    record, path = workbook(tmp_path)
    path.write_bytes(data)
    with pytest.raises(UsageError) as caught:
        read_review(path, record)
    assert caught.value.code == "review-unreadable"


def test_tables_called_as_sheets_are_have_sheets_of_their_own() -> None:
    record = PersonRecord(Person("A1", "pupil", ()))
    for name in ("Start", "columns", "a" * 40, "a" * 40 + "b"):
        record.parts[name, ()] = Part(name, name, (), None)
    assert len({name.casefold() for name in sheet_names(record).values()} | {"start", "columns", "documents"}) == 7
