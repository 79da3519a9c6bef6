"""The summary of a person's record, for who asked for it. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from escrow.export.selecting import Cells
from escrow.paper.page import Block, Facts, Grid, Page, Points, Section, Words
from escrow.subject.bundle import CODES, DOCUMENTS, TABLES, Written, held
from escrow.subject.giving import Given, GivenTable
from escrow.subject.law import Due, rule
from escrow.subject.persons import Person
from escrow.subject.request import Request

_SHOWN_ROWS = 30
_SHOWN_COLUMNS = 7
_FEW = 6
_CELL = 120
_KINDS = {"pupil": "pupil", "staff": "member of staff", "contact": "parent or contact"}


@dataclass(frozen=True, slots=True)
class About:
    """What the summary tells beside the record. `days`: each night's date; `omitted`: what erasures left out; `unread`:
    tables and files that could not be looked through; `shut`: safeguarding has a compartment that was not opened."""

    school: str
    person: Person
    request: Request
    due: Due
    today: date
    days: Mapping[int, str]
    reviewed_by: str
    omitted: int
    unread: int
    shut: bool


def summary(about: About, given: Given, written: Written) -> Page:
    """What is given, what is not and why, where it comes from, and what can be done."""
    name = about.person.name
    rows = sum(len(table.rows) for table in given.tables)
    lead = (
        f"This is what {about.school} holds of {name} in its archive, as far as it is given: rows: {rows:,}; tables: "
        f"{len(given.tables)}; documents: {len(written.documents):,}.",
        f"The tables are in the folder {TABLES}, which Excel opens, the documents in the folder {DOCUMENTS}. "
        f"What codes in the tables mean is in the folder {CODES}, where the archive has such lists.",
    )
    sections = (
        Section("The request", (_request(about),)),
        Section("The tables", tuple(_tables(given, about.days))),
        *(Section(table.name, shown) for table in given.tables if (shown := _shown(table, about.days))),
        Section("The documents", _documents(written)),
        Section("What is not given, and why", tuple(_not_given(about, given))),
        Section("Where this comes from", tuple(_source(about))),
        Section("What you can do", (Points(_RIGHTS),)),
    )
    return Page(f"Record of {name}", lead, sections)


_RIGHTS = (
    "Ask the school about anything here that is not clear, or that you think is missing.",
    "Ask the school to correct what is wrong, or to add what is incomplete.",
    "Complain to the school's data protection officer, and then to the Information Commissioner's Office: "
    "ico.org.uk/make-a-complaint, telephone 0303 123 1113.",
)


def _request(about: About) -> Facts:
    request = about.request
    facts = [
        ("Person", f"{about.person.name}, {_KINDS[about.person.kind]}"),
        ("Born", " or ".join(_day(date.fromisoformat(one)) for one in about.person.born) or "not held"),
        ("Asked by", request.requester if request.by_self else f"{request.requester} ({request.relation})"),
        ("Right", rule(request.right).words),
        ("Received", _day(request.received)),
        ("Answer due", f"{_day(about.due.day)} ({about.due.how})"),
        ("Prepared", _day(about.today)),
    ]
    if request.extended_because:
        facts.append(("Extended because", request.extended_because))
    return Facts(tuple(facts))


def _day(day: date) -> str:
    return f"{day.day} {day:%B %Y}"


def _tables(given: Given, days: Mapping[int, str]) -> list[Block]:
    if not given.tables:
        return [Words("No table is given.")]
    rows = tuple(
        (
            table.name,
            f"{len(table.rows):,}",
            held([night for _, nights in table.rows for night in nights], days),
            f"{table.name}.csv",
        )
        for table in given.tables
    )
    return [Grid("What is in which table", ("Table", "Rows", "Held on", "File"), rows)]


def _shown(table: GivenTable, days: Mapping[int, str]) -> tuple[Block, ...]:
    """A small table as it is: a few rows as facts, more as a grid; a large one is read in its file."""
    if len(table.rows) == 1 or (len(table.rows) <= _FEW and len(table.columns) > _SHOWN_COLUMNS):
        return tuple(_facts(table, cells, held(nights, days)) for cells, nights in table.rows)
    if len(table.rows) > _SHOWN_ROWS or len(table.columns) > _SHOWN_COLUMNS:
        return ()
    rows = tuple(tuple(map(_short, cells)) for cells, _ in table.rows)
    return (Grid(f"All {len(rows)} rows", table.columns, rows),)


def _facts(table: GivenTable, cells: Cells, when: str) -> Facts:
    pairs = zip(table.columns, map(_short, cells), strict=True)
    return Facts((*((column, cell) for column, cell in pairs if cell), ("Held on", when)))


def _short(cell: str) -> str:
    text = " ".join(cell.split())
    return text if len(text) <= _CELL else f"{text[:_CELL]} … (whole in the file)"


def _documents(written: Written) -> tuple[Block, ...]:
    if not written.documents:
        return (Words("No document is given."),)
    return (Points(tuple(written.documents)),)


def _not_given(about: About, given: Given) -> list[Block]:
    blocks: list[Block] = []
    if given.counts:
        rows = tuple((one.where, one.what, f"{one.count:,}", one.how, one.reason) for one in given.not_given)
        blocks.append(Grid("Left out, or made unreadable", ("Where", "What", "How many", "How", "Why"), rows))
        blocks.append(Words(f"Others' data is held back by: {rule('third-party').source}."))
    else:
        blocks.append(Words("Nothing that was found is held back."))
    if about.person.kind != "staff":
        blocks.append(Words(f"Staff who acted as such may be named in it: {rule('professional').source}."))
    if about.unread:
        text = (
            f"Not looked through: {about.unread} files or tables that cannot be searched, such as backups of databases."
        )
        blocks.append(Words(text))
    if about.omitted:
        text = "The school has struck entries, of whomever, from its archive before; they are given to nobody."
        blocks.append(Words(text))
    if about.shut:
        text = (
            "Safeguarding records are kept apart under keys of their own and were not opened for this answer; whether "
        )
        blocks.append(Words(f"{text}there are any is not said here."))
    return blocks


def _source(about: About) -> list[Block]:
    days = tuple(f"the night of {day}" for _, day in sorted(about.days.items()))
    words = (
        "The archive keeps what the school's systems held, as it was on each night. This was taken from the last night "
        "that holds the person, and from the last night of each school year that does:"
    )
    checked = f"Decided by: {about.reviewed_by}. The opening of the archive is recorded in it."
    return [Words(words), Points(days), Words(checked)]
