"""`escrow subject export`: all that a vault holds of one person; reviewed by a person; then the bundle."""

import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from escrow.errors import UsageError

from .completeness import load_expectation
from .config import load_config
from .exits import Exit
from .key_use import Use, with_keys
from .options import ConfigOption, JsonOption
from .output import Output
from .subject_found import Found, show
from .subject_opening import GUARDED, PURPOSE, Night, Opening

if TYPE_CHECKING:
    from escrow.completeness.terms import Terms
    from escrow.subject.law import Due
    from escrow.subject.persons import Person
    from escrow.subject.record import PersonRecord
    from escrow.subject.request import Request

SnapshotOption = Annotated[
    list[str] | None, typer.Option("--snapshot", metavar="N", help="This night, or latest. May be repeated.")
]
CompartmentOption = Annotated[
    list[str] | None, typer.Option(help="Only this compartment. May be repeated. Default: all but safeguarding.")
]
_REVIEW = "review.xlsx"


@with_keys(PURPOSE)
def export(
    who: Annotated[str, typer.Argument(metavar="ID", help="As `escrow subject find` shows it; a UPN or name of one.")],
    to: Annotated[Path, typer.Option(help="A new folder: first for the workbook, then for what is given.")],
    request: Annotated[
        Path, typer.Option(metavar="FILE", help="Who asks, by what right. Where it is absent a form is written.")
    ],
    reviewed: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The workbook, decided: makes what is given.")
    ] = None,
    snapshot: SnapshotOption = None,
    compartment: CompartmentOption = None,
    *,
    use: Use,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Collect all that is held of one person: rows by identifiers and keys through all tables, documents, photos.

    Three steps. Without a request file, a form is written: fill it in. Then a workbook is written, in which what tells
    of others is marked; a person decides on every column, row and document. With --reviewed the answer is made: a
    summary as PDF, tables as CSV, documents, what is not given and why; of the nights that the workbook was made of.

    It takes the last night that holds the person, and the last of each school year (to 31 August) that does.
    Safeguarding stays shut unless its compartment is named and the request says who released it. Each run leaves an
    event in the vault, with the request sealed in it.

    \b
    Example: escrow subject export A999400118001 --to review --request request.toml --sheets
    Example: escrow subject export A999400118001 --to answer --request request.toml --reviewed decided.xlsx --sheets
    """
    from escrow.subject.bundle import check_empty
    from escrow.subject.persons import the_one
    from escrow.subject.request import check_request
    from escrow.subject.review import made_of

    output = Output(as_json)
    loaded = load_config(config)
    asked = _request(request)
    check_empty(to)
    if reviewed is not None:
        nights, parts = made_of(reviewed)
        snapshot, compartment = snapshot or nights, compartment or parts
    expectation = load_expectation(loaded)
    due = _due(output, asked, expectation.terms if expectation else None)
    opening = Opening(output, loaded, use, compartment or [], asked.safeguarding_released_by or None)
    details = json.dumps({"subject export": who, "request": json.loads(asked.text())}, ensure_ascii=False)
    found = Found(opening, opening.open(opening.nights(snapshot or []), details))
    found.tell_unread(output)
    hits = found.search(who, "")
    if len(hits) > 1:
        for hit in hits:
            show(output, found, hit)
    person = the_one(hits)
    born = date.fromisoformat(person.born[0]) if person.born else None
    for note in check_request(asked, person.kind, born, str(request), _today()):
        output.note(note)
    if not snapshot:
        found, person = _until_last(opening, found, person, details)
    record = _collect(output, found, person)
    if reviewed is None:
        _review(output, to, record, found, asked, due)
    else:
        _answer(output, to, reviewed, record, opening, asked, due, found)


def _today() -> date:
    return datetime.now().date()


def _request(file: Path) -> "Request":
    """The request; a form where there is none. UsageError `subject-request`."""
    from escrow.subject.request import parse_request, template

    from .public_folder import write_whole

    if not file.exists():
        write_whole(file, template().encode())
        raise UsageError("subject-request", f"{file}: a form was written", hint="fill it in, and run this again")
    try:
        text = file.read_bytes().decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError("subject-request", f"{file}: cannot be read ({type(error).__name__})") from error
    return parse_request(text, str(file))


def _due(output: Output, request: "Request", terms: "Terms | None") -> "Due":
    from escrow.completeness.terms import Terms
    from escrow.subject.law import due, rule, stale

    found = due(
        request.right, request.clock_from or request.received, terms or Terms(), extended=bool(request.extended_because)
    )
    left = (found.day - _today()).days
    late = f"{-left} days ago: LATE" if left < 0 else f"in {left} days"
    output.row(f"due {found.day:%A %d %B %Y}, {found.how}, {late}", due=found.day.isoformat(), days=left)
    output.note(f"counted by: {rule(request.right).source}")
    if terms is None and request.right == "educational-record":
        output.note("there is no expectations.toml here: school days are counted by England's usual terms")
    for name in stale(_today()):
        output.note(f"law.toml: [{name}] is due for review")
    return found


def _until_last(opening: Opening, found: Found, person: "Person", details: str) -> "tuple[Found, Person]":
    """With the last night that holds a person who left, found by halving: who is gone stays away."""
    from escrow.subject.nights import between

    looked = sorted(found.by_night)
    last = max(found.nights_of(person))
    after = next((number for number in looked if number > last), None)
    candidates = between(opening.vault.history.snapshots, last, after) if after else []
    if not candidates:
        return found, person
    opening.tell(candidates, details)
    low, high, best = 0, len(candidates), None
    while low < high:
        middle = (low + high) // 2
        night = opening.night(candidates[middle])
        if any(person.is_in(index.records) for index in opening.indexes(night)):
            low, best = middle + 1, night
        else:
            high = middle
    if best is None:
        return found, person
    more = Found(opening, [best, *found.nights])
    same = next((one for one in more.persons if set(one.records) & set(person.records)), person)
    return more, same


def _collect(output: Output, found: Found, person: "Person") -> "PersonRecord":
    from escrow.subject.record import PersonRecord

    record = PersonRecord(person)
    numbers = found.nights_of(person)
    with output.progress() as progress:
        progress.stage("collect", len(numbers))
        for night in sorted(found.nights, key=lambda one: one.snapshot.seq):
            if night.snapshot.seq in numbers:
                record.collect(night.snapshot.seq, night.views)
                progress.advance(1)
    record.finish()
    for origin, why in record.unread.items():
        output.note(f"{origin} could not be looked through: {why}")
    if record.closed:
        output.note(f"not looked into, as no tables and no documents: {_closed(record)}")
    return record


def _closed(record: "PersonRecord") -> str:
    return ", ".join(f"{count} {ending}" for ending, count in sorted(record.closed.items()))


def _day(night: Night) -> date:
    """The day that a night tells of."""
    return (night.snapshot.agent_time.astimezone(UTC) - timedelta(hours=12)).date()


def _review(output: Output, to: Path, record: "PersonRecord", found: Found, request: "Request", due: "Due") -> None:
    from escrow.subject.marks import marks_of
    from escrow.subject.review import write_review

    marks = marks_of(record, found.persons, dict(record.texts()))
    person = record.person
    facts = (
        ("Person", f"{person.name}, {person.kind}, {person.handle}"),
        ("Born", " or ".join(person.born)),
        ("LOOK", person.doubt),
        ("Asked by", f"{request.requester} ({request.relation})"),
        ("Authority", request.authority),
        ("The child's own view", request.child_view),
        ("Court orders", request.court_orders),
        ("Not looked into", _closed(record)),
        ("Could not be read", ", ".join(record.unread)),
        ("Answer due", f"{due.day.isoformat()} ({due.how})"),
    )
    write_review(to / _REVIEW, record, marks, [fact for fact in facts if fact[1]])
    marked = sum(bool(mark.why) for each in marks for mark in each.values())
    output.finish(
        Exit.PARTIAL if record.unread else Exit.OK,
        f"{record.rows} rows of {len(record.parts)} tables and {len(record.documents)} documents; {marked} marks. "
        f"Decide in {to / _REVIEW}, then run this again with --reviewed and another --to",
        rows=record.rows,
        tables=len(record.parts),
        documents=len(record.documents),
        marks=marked,
        nights=[*record.nights],
    )


def _answer(
    output: Output,
    to: Path,
    reviewed: Path,
    record: "PersonRecord",
    opening: Opening,
    request: "Request",
    due: "Due",
    found: Found,
) -> None:
    from escrow.subject.bundle import write_bundle
    from escrow.subject.giving import give
    from escrow.subject.page import About, summary
    from escrow.subject.review import read_review

    decided = read_review(reviewed, record)
    given = give(record, decided)
    days = {one.snapshot.seq: _day(one).isoformat() for one in found.nights if one.snapshot.seq in record.nights}
    charter = opening.vault.history.charter
    assert charter is not None
    about = About(
        charter.school.name,
        record.person,
        request,
        due,
        _today(),
        days,
        decided.by,
        record.omitted,
        len(record.unread) + record.closed.total(),
        GUARDED not in record.compartments
        and any(part.compartment == GUARDED for one in found.nights for part in one.snapshot.parts),
    )
    written = write_bundle(to, given, record.codes, days, lambda given, written: summary(about, given, written))
    for id, error in written.failed:
        output.row(f"document {id} is left out: {error}", document=id, code=error.code)
    rows = sum(len(table.rows) for table in given.tables)
    held_back = sum(given.counts.values())
    output.finish(
        Exit.PARTIAL if written.failed or record.unread else Exit.OK,
        f"{rows} rows of {len(given.tables)} tables and {len(written.documents)} documents in {to}; {held_back} things "
        f"are held back, as its summary says. Look through it before it leaves the school",
        rows=rows,
        tables=len(given.tables),
        documents=len(written.documents),
        held_back=held_back,
        failed=len(written.failed),
    )
