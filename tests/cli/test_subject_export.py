"""`escrow subject export`: the form, the workbook, the answer; and what is left behind of it."""

import csv
import io
import shutil
from collections.abc import Mapping
from pathlib import Path
from random import Random

import openpyxl
import pypdf
import pytest
from escrow_cli.demo_files import pdf as letter

from tests.cli.conftest import World, files_of

EXPORT = ("subject", "export")
REQUEST = """
right = "subject-access"
received = 2026-11-02
requester = "Jo O'Brien"
relation = "mother"
authority = "parental responsibility, certificate seen"
court_orders = "none known"
child_view = "content, asked by D. Tutor"
"""


@pytest.fixture
def school(world: World) -> World:
    (world.exports / "pupils.csv").write_text(
        "UPN,Admission No,Surname,Forename,DOB\nA1,0012,O'Brien,Siân,2012-02-03\nA2,0013,Khan,Zara,2013-04-05\n",
        encoding="utf-8",
    )
    (world.exports / "contacts.csv").write_text(
        "UPN,Surname,Forename,Relationship,Mobile\nA1,Bell,Al,FAT,07700900123\n"
    )
    (world.exports / "events.csv").write_text("UPN,Text\nA1,Hit Zara Khan\nA1,Sang\nA2,Sang\n")
    with (world.config).open("a") as file:
        file.write('[[rule]]\ncompartment = "records"\nglobs = ["photos/", "post/"]\n')
    (world.exports / "codes.csv").write_text("Code,Text\nA1,Good\n")
    (world.exports / "photos").mkdir()
    (world.exports / "photos" / "0012.jpg").write_bytes(b"\xff\xd8 a photo")
    (world.exports / "post").mkdir()
    page = letter(Random(1), "About two", ["Re: Sian and Zara Khan", "They met."])
    (world.exports / "post" / "2026-0012-note.pdf").write_bytes(page)
    (world.exports / "post" / "2026-0013-note.pdf").write_bytes(page)
    assert world.run("snapshot").code in (0, 4)
    Path("request.toml").write_text(REQUEST, encoding="utf-8")
    return world


def export(school: World, *more: str | Path, who: str = "A1", code: int = 0, request: str = "request.toml") -> str:
    made = school.run(*EXPORT, who, "--request", request, *more, "--key", school.key)
    assert made.code == code, (made.out, made.err)
    return made.out + made.err


def decide(path: Path, changes: Mapping[tuple[str, str], tuple[str, str, str]] = {}, by: str = "A. Head") -> None:
    """Sign a workbook; `changes`: (sheet, word in the line) to decision, words to black out, reason."""
    book = openpyxl.load_workbook(path)
    for row in book["Start"].iter_rows():
        if row[0].value == "Decided by, and when":
            row[1].value = by
    for (sheet, word), values in changes.items():
        heads = [one.value for one in book[sheet][1]]
        (line,) = [row for row in book[sheet].iter_rows(min_row=2) if any(word in str(one.value) for one in row)]
        for head, value in zip(("decision", "black out", "reason"), values, strict=True):
            if head in heads:
                line[heads.index(head)].value = value
    book.save(path)


def test_a_form_then_a_workbook_then_the_answer(school: World, tmp_path: Path) -> None:
    assert "a form was written" in export(school, "--to", "out", code=2, request="new.toml")
    assert "filled in" in export(school, "--to", "out", code=2, request="new.toml")
    told = export(school, "--to", "review")
    assert "due Wednesday 02 December 2026, 1 month" in told
    assert set(files_of(tmp_path / "review")) == {"review.xlsx"}
    book = tmp_path / "review" / "review.xlsx"
    assert "review-open" in export(school, "--to", "answer", "--reviewed", book, code=2)
    proposed = list(openpyxl.load_workbook(book)["Documents"].iter_rows(values_only=True))
    assert [row[5:8] for row in proposed if "0012-note" in str(row[1])] == [
        ("names somebody else; read it", "redact", "Zara Khan")
    ]
    decide(book)
    (school.exports / "events.csv").write_text("UPN,Text\nA1,Hit Zara Khan\nA1,Sang\nA1,Came later\n")
    assert school.run("snapshot").code in (0, 4)  # a night more changes nothing of what was reviewed
    export(school, "--to", "answer", "--reviewed", book)
    found = files_of(tmp_path / "answer")
    assert set(found) == {
        "summary.pdf",
        "codes/codes.csv",
        "tables/pupils.csv",
        "tables/contacts.csv",
        "tables/events.csv",
        "tables/marks.csv",
        "documents/mis/photos/0012.jpg",
        "documents/mis/post/2026-0012-note.pdf",
    }
    assert found["documents/mis/photos/0012.jpg"] == b"\xff\xd8 a photo"
    rows = list(csv.reader(io.StringIO(found["tables/events.csv"].decode("utf-8-sig"))))
    assert [row[:2] for row in rows] == [["UPN", "Text"], ["A1", "Hit [redacted]"], ["A1", "Sang"]]
    everything = b"".join(found.values())
    assert not [word for word in (b"Khan", b"Zara", b"07700900123") if word in everything]


def test_the_summary_says_what_who_when_and_why_not(school: World, tmp_path: Path) -> None:
    export(school, "--to", "review")
    decide(tmp_path / "review" / "review.xlsx")
    export(school, "--to", "answer", "--reviewed", "review/review.xlsx")
    reader = pypdf.PdfReader(tmp_path / "answer" / "summary.pdf")
    text = " ".join(" ".join(page.extract_text() for page in reader.pages).split())
    for said in (
        "Record of Siân O'Brien",
        "Jo O'Brien (mother)",
        "2 December 2026 (1 month)",
        "another person's: a parent or contact",
        "Safeguarding records are kept apart",
        "Information Commissioner",
        "Decided by: A. Head",
    ):
        assert said in text.replace("\u2019", "'"), said
    assert "Khan" not in text
    assert "D. Tutor" not in text  # what the child says is for the school


def test_what_is_not_looked_into_is_told(school: World, tmp_path: Path) -> None:
    (school.exports / "photos" / "mis.bak").write_bytes(b"TAPE of a server")
    (school.exports / "photos" / "torn.xml").write_text('<a><b x="1"/><b x="2"/><b')
    assert school.run("snapshot").code in (0, 4)
    told = export(school, "--to", "review", code=3)
    assert "not looked into, as no tables and no documents: 1 .bak" in told
    assert "torn.xml could not be looked through: xml-damaged" in told
    start = start_of(tmp_path / "review" / "review.xlsx")
    assert (start["Not looked into"], start["Could not be read"]) == ("1 .bak", "mis/photos/torn.xml")


def test_what_cannot_be_redacted_is_left_out_and_told(school: World, tmp_path: Path) -> None:
    export(school, "--to", "review")
    decide(tmp_path / "review" / "review.xlsx", {("Documents", "0012.jpg"): ("redact", "Zara", "in the picture")})
    told = export(school, "--to", "answer", "--reviewed", "review/review.xlsx", code=3)
    assert "redact-kind" in told or "in a picture cannot be found" in told
    assert "documents/mis/photos/0012.jpg" not in files_of(tmp_path / "answer")
    assert not list(tmp_path.glob(".answer*"))


def test_the_request_is_sealed_in_the_event_of_each_run(school: World) -> None:
    export(school, "--to", "review")
    number = str([row["n"] for row in school.run("event", "list", "--json").lines if row.get("kind") == "key-use"][-1])
    public = b"".join(path.read_bytes() for path in (school.vault / "events").iterdir())
    assert b"Brien" not in public
    shown = school.run("event", "show", number, "--key", school.key, "--purpose", "check").out
    assert "parental responsibility, certificate seen" in shown
    assert "asked by D. Tutor" in shown


def test_a_request_that_lacks_the_childs_view_gives_nothing(school: World, tmp_path: Path) -> None:
    Path("request.toml").write_text(REQUEST.replace("child_view", "# child_view"), encoding="utf-8")
    assert "the view of somebody aged" in export(school, "--to", "review", code=2)
    assert not (tmp_path / "review").exists()


def test_several_that_fit_are_listed_to_choose_from(school: World) -> None:
    (school.exports / "pupils.csv").write_text("UPN,Surname,Forename\nA1,Bell,Sam\nA2,Bell,Sue\n")
    assert school.run("snapshot").code in (0, 4)
    told = export(school, "--to", "review", who="bell", code=2)
    assert "subject-several" in told
    assert "A1  pupil  Sam Bell" in told
    assert "A2  pupil  Sue Bell" in told


def test_a_folder_that_holds_something_is_left_alone(school: World, tmp_path: Path) -> None:
    export(school, "--to", "review")
    assert "subject-not-empty" in export(school, "--to", "review", code=2)


def test_a_failure_half_way_leaves_nothing_half(school: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    export(school, "--to", "review")
    decide(tmp_path / "review" / "review.xlsx")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("openpyxl.Workbook.save", full)
        assert "subject-unwritable" in export(school, "--to", "other", code=12)
        assert not list((tmp_path / "other").iterdir())
    monkeypatch.setattr("escrow.subject.bundle.pdf", full)
    assert "subject-unwritable" in export(school, "--to", "answer", "--reviewed", "review/review.xlsx", code=12)
    assert [path.name for path in tmp_path.iterdir() if "answer" in path.name] == []


def start_of(book: Path) -> dict[str, str]:
    return {str(row[0].value): str(row[1].value) for row in openpyxl.load_workbook(book)["Start"].iter_rows()}


def test_who_left_is_taken_from_the_last_night_that_holds_them(
    school: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (school.exports / "contacts.csv").write_text("UPN,Surname,Forename,Relationship,Mobile\nA2,Bell,Al,FAT,1\n")
    for text in ("A1,0012,O'Brien,Shan,2012-02-03\n", "A1,0012,O'Brien,Last,2012-02-03\n", "", "", ""):
        (school.exports / "pupils.csv").write_text(f"UPN,Admission No,Surname,Forename,DOB\n{text}A2,13,Khan,Zara,\n")
        assert school.run("snapshot").code in (0, 4)
    assert "subject-nobody" in export(school, "--to", "no", code=2)
    monkeypatch.setattr("escrow.subject.nights.usual_nights", lambda nights: [nights[-1], nights[2]])
    before = len(school.run("event", "list", "--json").lines)
    export(school, "--to", "review")
    assert start_of(tmp_path / "review" / "review.xlsx")["Nights"] == "3, 5"
    assert len(school.run("event", "list", "--json").lines) == before + 2  # the usual nights, and those between


def test_safeguarding_needs_a_release_in_the_request(school: World, tmp_path: Path) -> None:
    (school.exports / "letters" / "concerns.txt").write_text("UPN,Note\nA1,Came without lunch\n")
    assert school.run("snapshot").code in (0, 4)
    named = ("--to", "review", "--compartment", "safeguarding", "--compartment", "records")
    assert "subject-safeguarding" in export(school, *named, code=13)
    with Path("request.toml").open("a") as file:
        file.write('safeguarding_released_by = "D. Lead, 24.11.2026"\n')
    export(school, *named)
    assert "letters_concerns" in openpyxl.load_workbook(tmp_path / "review" / "review.xlsx").sheetnames
    shutil.rmtree(tmp_path / "review")
    export(school, "--to", "review")
    assert "letters_concerns" not in openpyxl.load_workbook(tmp_path / "review" / "review.xlsx").sheetnames


def test_an_erasure_is_obeyed_and_makes_an_earlier_review_void(school: World, tmp_path: Path) -> None:
    export(school, "--to", "review")
    decide(tmp_path / "review" / "review.xlsx")
    wish = tmp_path / "wish.toml"
    wish.write_text('[[entry]]\nkind = "rows"\npath = "mis/events.csv"\ncolumn = "Text"\nvalue = "Sang"\n')
    assert school.run("retention", "erase", wish, "--yes", "--key", school.key).code == 0
    assert "review-other" in export(school, "--to", "answer", "--reviewed", "review/review.xlsx", code=2)
    export(school, "--to", "again")
    decide(tmp_path / "again" / "review.xlsx")
    export(school, "--to", "answer", "--reviewed", "again/review.xlsx")
    assert b"Sang" not in (tmp_path / "answer" / "tables" / "events.csv").read_bytes()
    pages = pypdf.PdfReader(tmp_path / "answer" / "summary.pdf").pages
    assert "has struck entries" in " ".join(" ".join(page.extract_text() for page in pages).split())
