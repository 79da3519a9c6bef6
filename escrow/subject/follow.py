"""A person's rows in the tables of a night: by what identifies them, then along keys from row to row.

Downwards (rows that refer to one that was found) as far as it goes; upwards (the row that one refers to) one step, and
never to another person's row.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field
from itertools import product

from escrow.completeness.identifiers import names_a_thing, plain
from escrow.errors import FormatError
from escrow.export.integrity import Key
from escrow.export.selecting import Cells, is_key, matching, select
from escrow.export.table import Table
from escrow.subject.people import Record, folder_of, is_strong, layout_of, own_id, short_name, words
from escrow.subject.persons import Person

_MOST_UP = 200
"""Distinct values of a column that are followed upwards: more point at a list, not at what belongs to somebody."""

_EVERYWHERE = frozenset({"upn", "formerupn", "uln", "admissionno", "staffcode"})
"""Identifiers that mean the same in all folders; another, such as a row's number, in its own folder alone."""

NAMES_THEM = "names them"
"""How a row was found that is another's, and has this person's full name in a text."""

Refers = tuple[str, str, str]
"""A column of a table, another table, and the column there."""


@dataclass(slots=True)
class TableRows:
    """The rows of one table, each with how it was found."""

    table: Table
    rows: dict[Cells, str] = field(default_factory=dict)

    def values(self, column: str) -> set[str]:
        """What the person's own rows hold below a column."""
        at = self.table.columns.index(column)
        return {row[at].strip() for row in self.own} - {""}

    @property
    def own(self) -> list[Cells]:
        """Without those of others that name the person: what they refer to is not the person's."""
        return [row for row, how in self.rows.items() if not how.startswith(NAMES_THEM)]


class Trail:
    """Follows a person through tables. `found`: by table; `unread`: tables that could not be read, and why."""

    def __init__(self, tables: Sequence[Table], keys: Sequence[Key], person: Person) -> None:
        self._tables = {table.name: table for table in tables}
        self._names = {table.origin: table.name for table in tables}
        self._keys = keys
        self._person = person
        self._layouts = {table.name: layout for table in tables if (layout := layout_of(table))}
        self._concepts = {table.name: {one: self._concept(table, one) for one in table.columns} for table in tables}
        self._people = {one for ids in words().ids.values() for one in ids} | {own_id(kind) for kind in words().ids}
        self._spellings = "|".join(sorted(_spellings(person)))
        self._unique: dict[tuple[str, str], bool] = {}
        self.found: dict[str, TableRows] = {}
        self.unread: dict[str, str] = {}

    def follow(self) -> None:
        """Fill `found` and `unread`."""
        for table in self._tables.values():
            self._begin(table)
        waiting = [name for name, found in self.found.items() if found.own]
        done: set[tuple[Refers, str, str]] = set()
        while waiting:
            name = waiting.pop(0)
            for refers in self._down(name):
                column, to, other = refers
                fresh = {one for one in self.found[name].values(column) if (refers, name, one) not in done}
                done |= {(refers, name, one) for one in fresh}
                if fresh and self._take(to, {other: fresh}, f"refers to {name} by {other}"):
                    waiting.append(to)
        for name in list(self.found):
            for column, to, key in self._up(name):
                values = self.found[name].values(column)
                if len(values) <= _MOST_UP:
                    self._take(to, {key: values}, f"{name} refers to it by {column}")

    def _begin(self, table: Table) -> None:
        """Its rows by identifiers, and those of others in which a text has this person's full name."""
        layout = self._layouts.get(table.name)
        named = {column for _, column in layout.fields} if layout else set()
        wanted, strong = self._identifiers(table), self._strong(table)
        try:
            if layout and (own := self._own(table)):
                places = [table.columns.index(column) for column in layout.columns]
                mine = matching(table, lambda row: tuple(row[at].strip() for at in places) in own)
                self._add(table, ((row, "by name and address") for row in mine))
            for one in select(table, wanted, strong, self._spellings, set(table.columns) - named):
                how = f"by {', '.join(one.by)}" if one.by else f"{NAMES_THEM} in {', '.join(one.said_in)}"
                self._add(table, [(one.cells, how)])
        except FormatError as error:
            self.unread[table.name] = str(error)

    def _concept(self, table: Table, column: str) -> str:
        concept = words().concept(column)
        if concept != "id":
            return concept
        layout = self._layouts.get(table.name)
        return own_id(layout.kind) if layout else f"{plain(short_name(table.origin)).removesuffix('s')}id"

    def _strong(self, table: Table) -> set[str]:
        """What is this person's in whatever column it stands. An email address may be a family's: pupils are reached by
        their parents', and in a table of their own kind people are told by more than that."""
        strong = {value for _, value in self._person.ids if is_strong(value)}
        layout = self._layouts.get(table.name)
        if self._person.kind != "pupil" and (layout is None or layout.kind != self._person.kind):
            strong |= {one for record in self._person.records for one in record.reach if "@" in one}
        return strong

    def _own(self, table: Table) -> set[Cells]:
        """What this person's rows in a table of people hold below its columns, where no identifier finds them."""
        mine = (one for one in self._person.records if one.table == table.origin and not one.ids)
        return {tuple(cell for _, cell in one.cells) for one in mine}

    def _identifiers(self, table: Table) -> dict[str, set[str]]:
        """By column of a table, the identifiers of this person that would stand there."""
        wanted: dict[str, set[str]] = {}
        for record in self._person.records:
            pairs = [
                (column, value)
                for concept, value in record.ids
                for column in self._columns(table, concept)
                if concept in _EVERYWHERE or record.folder == folder_of(table)
            ]
            for column, value in (*pairs, *self._joined(table, record)):
                wanted.setdefault(column, set()).add(value)
        return wanted

    def _columns(self, table: Table, concept: str) -> Iterator[str]:
        layout = self._layouts.get(table.name)
        links = {column for _, column in layout.links} if layout else set()
        for column, other in self._concepts[table.name].items():
            same = other == concept or (concept == "upn" and other == "formerupn")
            if same and (layout is None or layout.kind == self._person.kind or column in links):
                yield column

    def _joined(self, table: Table, record: Record) -> Iterator[tuple[str, str]]:
        """Columns that refer to a record by a declared key, or by a join of people.toml."""
        cells = dict(record.cells)
        for key in self._keys:
            if key.table == self._names.get(record.table) and cells.get(key.column):
                yield from ((column, cells[key.column]) for to, column in key.refers if to == table.name)
        for join in words().joins:
            if plain(short_name(record.table)) == join.of and plain(short_name(table.origin)) == join.table:
                value = next((cell for name, cell in cells.items() if plain(name) == join.column and cell), "")
                yield from ((column, value) for column in table.columns if value and plain(column) == join.refers)

    def _down(self, name: str) -> Iterator[Refers]:
        for key in self._keys:
            if key.table == name and self._concepts[name].get(key.column) not in self._people:
                yield from ((key.column, to, column) for to, column in key.refers)
        for column, to, other in self._like_named(name):
            if self._is_unique(name, column):
                yield column, to, other

    def _up(self, name: str) -> Iterator[Refers]:
        for key in self._keys:
            if key.table not in self._layouts:
                yield from ((column, key.table, key.column) for to, column in key.refers if to == name)
        for column, to, other in self._like_named(name):
            if to not in self._layouts and not self._is_unique(name, column) and self._is_unique(to, other):
                yield column, to, other

    def _like_named(self, name: str) -> Iterator[Refers]:
        """Columns of tables in one folder that speak of the same thing, which is no person."""
        folder = folder_of(self._tables[name])
        for column, concept in self._concepts[name].items():
            if concept in self._people or not _names(concept):
                continue
            for to, concepts in self._concepts.items():
                if to != name and folder_of(self._tables[to]) == folder:
                    yield from ((column, to, other) for other, its in concepts.items() if its == concept)

    def _is_unique(self, name: str, column: str) -> bool:
        if (name, column) not in self._unique:
            try:
                self._unique[name, column] = is_key(self._tables[name], column)
            except FormatError as error:
                self.unread[name] = str(error)
                self._unique[name, column] = False
        return self._unique[name, column]

    def _take(self, name: str, wanted: Mapping[str, Set[str]], how: str) -> bool:
        """Add the rows of a table that keys lead to; whether there were new ones."""
        table, before = self._tables[name], len(self.found[name].rows) if name in self.found else 0
        try:
            rows = (one.cells for one in select(table, wanted))
            self._add(table, ((row, how) for row in rows if not self._anothers(table, row)))
        except FormatError as error:
            self.unread[name] = str(error)
        return name in self.found and len(self.found[name].rows) > before

    def _anothers(self, table: Table, row: Cells) -> bool:
        """Whether a row that keys led to says itself that it belongs to another person of this kind."""
        mine = {value.lower() for _, value in self._person.ids}
        known = {one for one, _ in self._person.ids} & _EVERYWHERE
        concepts = self._concepts[table.name].values()
        cells = (cell.strip().lower() for cell, concept in zip(row, concepts, strict=True) if concept in known)
        return any(cell and cell not in mine for cell in cells)

    def _add(self, table: Table, rows: Iterable[tuple[Cells, str]]) -> None:
        for row, how in rows:
            self.found.setdefault(table.name, TableRows(table)).rows.setdefault(row, how)


def _spellings(person: Person) -> Iterator[str]:
    """Patterns of a full name in a text, either part first."""
    firsts = {one for kind, one in person.names if kind in {"forename", "preferred name"}}
    lasts = {one for kind, one in person.names if kind in {"surname", "former surname"}}
    for first, last in product(firsts, lasts):
        for one, other in ((first, last), (last, first)):
            yield rf"(?:^|[^\pL]){re.escape(one)}[^\pL]+{re.escape(other)}(?:$|[^\pL])"


def _names(concept: str) -> bool:
    """Whether a heading names a thing: `exclusionid`, `documentno`, an identifier."""
    return names_a_thing(concept) or (len(concept) > 4 and concept.endswith(("id", "ref", "guid")))
