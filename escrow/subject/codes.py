"""Lists of what codes mean (`K: SEN support`): they tell of nobody, and without them a record cannot be read."""

from dataclasses import dataclass

from escrow.completeness.identifiers import plain
from escrow.errors import FormatError
from escrow.export.selecting import Cells, matching
from escrow.export.table import Table
from escrow.subject.people import layout_of

_CODES = frozenset({"code", "value", "key", "mark", "lookupcode", "shortname"})
_MEANINGS = frozenset({"text", "description", "meaning", "label", "name", "longname"})
_COLUMNS, _ROWS = 4, 1000


@dataclass(frozen=True, slots=True)
class Codes:
    """A list of codes: its columns and rows."""

    columns: tuple[str, ...]
    rows: tuple[Cells, ...]


def codes_of(table: Table) -> Codes | None:
    """The list that a table is: of few columns and rows, one with codes, one with their meanings, of no people."""
    headings = {plain(column) for column in table.columns}
    if len(table.columns) > _COLUMNS or not (headings & _CODES and headings & _MEANINGS) or layout_of(table):
        return None
    rows: list[Cells] = []
    try:
        for row in matching(table, any):
            rows.append(row)
            if len(rows) > _ROWS:
                return None
    except FormatError:
        return None
    return Codes(table.columns, tuple(rows))
