"""What in a record tells of others: marked and proposed, for a person to decide. Nothing here decides. Pure."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from escrow.completeness.identifiers import names_a_password
from escrow.subject.documents import BY_NAME
from escrow.subject.follow import NAMES_THEM
from escrow.subject.names import tokens
from escrow.subject.people import Kind, words
from escrow.subject.persons import Person
from escrow.subject.record import Document, Part, PersonRecord, Row

Decision = Literal["keep", "redact", "withhold"]
_TITLES = frozenset({"mr", "mrs", "ms", "miss", "mx", "dr", "sir", "revd"})
_SENTENCE = 4
"""Words from which on a cell is read as free text."""


@dataclass(frozen=True, slots=True)
class Mark:
    """A proposal: why, what to do, and which words to black out."""

    why: str = ""
    decision: Decision = "keep"
    words: tuple[str, ...] = ()


class Others:
    """Everybody else in the nights, by what texts call them."""

    def __init__(self, person: Person, everybody: Iterable[Person]) -> None:
        self._own = {part for _, name in person.names for part in tokens(name)}
        self._pairs: set[tuple[str, str]] = set()
        self._ids: set[str] = set()
        mine = {value.lower() for _, value in person.ids}
        for one in everybody:
            if one.handle == person.handle:
                continue
            self._ids |= {value.lower() for _, value in one.ids if len(value) >= 6} - mine
            self._pairs |= set(_pairs(one))
        self._pairs -= set(_pairs(person))

    def named_in(self, text: str) -> tuple[str, ...]:
        """Words of a text that name or number somebody else: full names of these nights, a title with a name."""
        said = text.split()
        parts = ["".join(tokens(word)) for word in said]
        found: dict[str, None] = {}
        for at, part in enumerate(parts):
            if part in self._ids:
                found[_bare(said[at])] = None
            if at + 1 == len(parts):
                break
            following = parts[at + 1]
            title = part in _TITLES and said[at + 1][:1].isupper() and following not in self._own
            if title or (part, following) in self._pairs or (following, part) in self._pairs:
                found[_bare(f"{said[at]} {said[at + 1]}")] = None
        return tuple(found)


def _pairs(person: Person) -> Iterator[tuple[str, str]]:
    firsts = [one for kind, one in person.names if kind in {"forename", "preferred name"}]
    lasts = [one for kind, one in person.names if kind in {"surname", "former surname"}]
    for first in firsts:
        for last in lasts:
            yield "".join(tokens(first)), "".join(tokens(last))


def _bare(text: str) -> str:
    return text.strip(".,;:!?()[]\"'").removesuffix("'s").removesuffix("\u2019s")


def mark_columns(part: Part, person: Person) -> dict[str, Mark]:
    """By column. A table of other people than this person's kind: what names or reaches them. A column with another
    kind's identifiers: staff stay, pupils go. A password goes."""
    marks: dict[str, Mark] = {}
    known = words()
    others = part.layout if part.layout and part.layout.kind != person.kind else None
    theirs = {column for _, column in (*others.fields, *others.ids)} if others else set()
    for column in part.columns:
        concept = known.concept(column)
        if names_a_password(column):
            marks[column] = Mark("a password", "withhold")
        elif column in theirs and others:
            marks[column] = Mark(f"another person's: {_SAID[others.kind]}", "redact")
        elif person.kind != "staff" and concept in _ONLY["staff"]:
            marks[column] = Mark("a member of staff, as such", "keep")
        elif person.kind != "pupil" and concept in _ONLY["pupil"]:
            marks[column] = Mark("another person's: a pupil", "redact")
    return marks


_SAID: dict[Kind, str] = {"contact": "a parent or contact", "staff": "a member of staff", "pupil": "a pupil"}
_ONLY: dict[Kind, frozenset[str]] = {
    "staff": frozenset({"staffcode", "staffid", "employeeid", "teachernumber", "payrollno"}),
    "pupil": frozenset({"upn", "formerupn", "uln", "admissionno", "pupilid", "studentnumber"}),
}


def mark_row(part: Part, row: Row, person: Person, others: Others, columns: Collection[str]) -> Mark:
    """`columns`: those that are not left to a decision on the whole column, and are looked into."""
    if person.shared and any(cell.strip() in person.shared for cell in row.cells):
        return Mark("found by an identifier that is another person's too: is it theirs?", "withhold")
    texts = [cell for column, cell in zip(part.columns, row.cells, strict=True) if column in columns]
    named = tuple(dict.fromkeys(name for text in texts for name in others.named_in(text)))
    if row.how.startswith(NAMES_THEM):
        return Mark("another's row that names the person: what of it is about them?", "withhold", named)
    if named:
        return Mark("names somebody else", "redact", named)
    if any(len(text.split()) >= _SENTENCE for text in texts):
        return Mark("free text: read it")
    return Mark()


def mark_document(document: Document, text: str | None, others: Others) -> Mark:
    """A document is read by a person; one found by a name alone is kept back until somebody has looked. `text`: None
    where it has none, empty for a scan."""
    named = others.named_in(text) if text else ()
    if document.how == BY_NAME:
        return Mark("found by a name alone: is it theirs?", "withhold", named)
    if named:
        return Mark("names somebody else; read it", "redact", named)
    return Mark("a scan, or pictures: look at it" if text == "" else "a document: read it")


def marks_of(
    record: PersonRecord, everybody: Iterable[Person], texts: Mapping[str, str]
) -> tuple[Mapping[tuple[str, str], Mark], Mapping[str, Mark]]:
    """All proposals: by table and column, and by the id of a row or document. `texts`: of documents, by id."""
    others = Others(record.person, everybody)
    by_column: dict[tuple[str, str], Mark] = {}
    by_id: dict[str, Mark] = {
        one.id: mark_document(one, texts.get(one.id), others) for one in record.documents.values()
    }
    for part in record.tables:
        columns = mark_columns(part, record.person)
        by_column |= {(part.name, column): mark for column, mark in columns.items()}
        open_columns = [column for column in part.columns if columns.get(column, Mark()).decision == "keep"]
        by_id |= {row.id: mark_row(part, row, record.person, others, open_columns) for row in part.rows.values()}
    return by_column, by_id
