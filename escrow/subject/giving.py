"""What is given of a record after a person decided, and what is not, and why. Pure."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from escrow.export.selecting import Cells
from escrow.subject.record import Document, Part, PersonRecord
from escrow.subject.redact import BLACK, redact_text
from escrow.subject.review import Reviewed, Verdict

WHOLE_ROW, WHOLE_DOCUMENT = "rows", "documents"


@dataclass(frozen=True, slots=True)
class GivenTable:
    """A table as it is given; each row with the nights that hold it."""

    name: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cells, tuple[int, ...]], ...]


@dataclass(frozen=True, slots=True)
class NotGiven:
    """What was left out or made unreadable: `where` is a table, or documents; `what` a column, rows, words."""

    where: str
    what: str
    how: str
    reason: str
    count: int


@dataclass(slots=True)
class Given:
    """All of it. `documents`: each with its verdict, which is never to withhold it."""

    tables: list[GivenTable] = field(default_factory=list)
    documents: list[tuple[Document, Verdict]] = field(default_factory=list)
    counts: Counter[tuple[str, str, str, str]] = field(default_factory=Counter)

    @property
    def not_given(self) -> list[NotGiven]:
        """By table, the same reasons together."""
        return [NotGiven(*what, count) for what, count in sorted(self.counts.items())]

    def leave_out(self, where: str, what: str, how: str, reason: str) -> None:
        self.counts[where, what, how, reason] += 1


def give(record: PersonRecord, reviewed: Reviewed) -> Given:
    """Apply what was decided: a row that is withheld is gone, whatever its columns say."""
    given = Given()
    for part in record.tables:
        verdicts = {column: reviewed.columns[part.name, column] for column in part.columns}
        columns = tuple(column for column in part.columns if verdicts[column].decision != "withhold")
        rows = tuple(_rows(given, part, columns, verdicts, reviewed.others))
        if rows and columns:
            given.tables.append(GivenTable(part.name, columns, rows))
        for column, one in verdicts.items():
            if one.decision == "withhold":
                given.leave_out(part.name, f"column {column}", "left out", one.reason)
    for document in record.documents.values():
        verdict = reviewed.others[document.id]
        if verdict.decision == "withhold":
            given.leave_out("documents", WHOLE_DOCUMENT, "left out", verdict.reason)
        else:
            given.documents.append((document, verdict))
    return given


def _rows(
    given: Given,
    part: Part,
    columns: tuple[str, ...],
    verdicts: Mapping[str, Verdict],
    others: Mapping[str, Verdict],
) -> list[tuple[Cells, tuple[int, ...]]]:
    places = [(part.columns.index(column), verdicts[column], column) for column in columns]
    rows: list[tuple[Cells, tuple[int, ...]]] = []
    for row in part.rows.values():
        own = others[row.id]
        if own.decision == "withhold":
            given.leave_out(part.name, WHOLE_ROW, "left out", own.reason)
            continue
        cells = []
        for at, verdict, column in places:
            cell = row.cells[at]
            if verdict.decision == "redact" and cell.strip():
                given.leave_out(part.name, f"column {column}", "made unreadable", verdict.reason)
                cell = BLACK
            cells.append(cell)
        if own.decision == "redact":
            cells = [redact_text(cell, own.words) for cell in cells]
            given.leave_out(part.name, "words in rows", "made unreadable", own.reason)
        rows.append((tuple(cells), tuple(row.nights)))
    return rows
