"""Who stands in tables: which columns name people, and each person's names, birth dates and identifiers. Pure but for
the tables that are read."""

import re
import tomllib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import PurePosixPath
from typing import Literal, get_args

from escrow.completeness.identifiers import is_uln, plain
from escrow.export.selecting import distinct
from escrow.export.table import Table

Kind = Literal["pupil", "staff", "contact"]
KINDS: tuple[Kind, ...] = get_args(Kind)
NO_NAME = "(no name)"
NAMES = ("forename", "preferred", "middle", "surname", "former", "full")
_ISO = re.compile(r"(\d{4})-(\d{2})-(\d{2})(?:[T ].*)?")
_SLASHED = re.compile(r"(\d{1,2})[/.](\d{1,2})[/.](\d{4})(?:[T ].*)?")
_UPN = re.compile(r"[A-Z][0-9]{11}[0-9A-Z]")
_OWN = "id"
_ANYTHINGS = frozenset({"id", "name"})


@dataclass(frozen=True, slots=True)
class Join:
    """A join that headings do not tell, by plain names."""

    of: str
    column: str
    table: str
    refers: str


@dataclass(frozen=True, slots=True)
class Words:
    """people.toml."""

    fields: dict[str, tuple[str, ...]]
    kinds: dict[Kind, tuple[tuple[str, ...], tuple[str, ...]]]
    ids: dict[Kind, tuple[str, ...]]
    same: dict[str, str]
    joins: tuple[Join, ...]

    def concept(self, heading: str) -> str:
        """Which identifier a heading speaks of, as people.toml names it; a heading that it does not know is its own."""
        for one in _readings(heading):
            if one in self.same:
                return self.same[one]
            if any(one in ids for ids in self.ids.values()):
                return one
        return plain(heading)


@cache
def words() -> Words:
    """What people.toml says."""
    raw = tomllib.loads((resources.files("escrow.subject") / "people.toml").read_text(encoding="utf-8"))
    kinds: dict[Kind, tuple[tuple[str, ...], tuple[str, ...]]] = {
        kind: (tuple(raw["kinds"][kind]["names"]), tuple(raw["kinds"][kind]["columns"]))
        for kind in ("contact", "staff", "pupil")
    }
    return Words(
        {field: tuple(headings) for field, headings in raw["fields"].items()},
        kinds,
        {kind: tuple(raw["ids"][kind]) for kind in KINDS},
        {other: first for first, others in raw["same"].items() for other in (first, *others)},
        tuple(Join(one["of"], one["column"], one["in"], one["refers"]) for one in raw["join"]),
    )


@dataclass(frozen=True, slots=True)
class Layout:
    """Where a table of people, named by its origin, has what: columns by field; own identifiers, and those of pupils
    to whom its people belong, by column."""

    table: str
    folder: str
    kind: Kind
    fields: tuple[tuple[str, str], ...]
    ids: tuple[tuple[str, str], ...]
    links: tuple[tuple[str, str], ...]

    @property
    def columns(self) -> tuple[str, ...]:
        """All of them, each once."""
        pairs = (*self.fields, *self.ids, *self.links)
        return tuple(dict.fromkeys(column for _, column in pairs))


@dataclass(frozen=True, slots=True)
class Record:
    """One person as one table, named by its origin, tells of them. `cells`: by column; `names`: (kind, name); `ids` and
    `links`: (concept, value); `reach`: email addresses and telephone numbers, plain."""

    table: str
    folder: str
    kind: Kind
    cells: tuple[tuple[str, str], ...]
    names: tuple[tuple[str, str], ...]
    born: str
    ids: frozenset[tuple[str, str]]
    links: frozenset[tuple[str, str]]
    reach: frozenset[str]


def layout_of(table: Table) -> Layout | None:
    """Where a table names people; None where it names none: no surname and no full name, nor UPN and birth date."""
    known = words()
    kind = _kind(table)
    if kind is None:
        return None
    fields: list[tuple[str, str]] = []
    ids: list[tuple[str, str]] = []
    links: list[tuple[str, str]] = []
    for column in table.columns:
        readings = list(_readings(column))
        field = next((name for name, headings in known.fields.items() for one in readings if one in headings), None)
        concept = known.concept(column)
        if field:
            fields.append((field, column))
        elif concept in known.ids[kind]:
            ids.append((own_id(kind) if concept == _OWN else concept, column))
        elif kind == "contact" and concept in known.ids["pupil"]:
            links.append((concept, column))
    has = {field for field, _ in fields}
    if not ("surname" in has or "full" in has or ("born" in has and any(name == "upn" for name, _ in ids))):
        return None
    return Layout(table.origin, folder_of(table), kind, tuple(fields), tuple(ids), tuple(links))


def folder_of(table: Table) -> str:
    """What a table lies in: its folder, or its database or zip."""
    return table.origin.partition("#")[0] if "#" in table.origin else table.origin.rpartition("/")[0]


def short_name(origin: str) -> str:
    """What a table is called in its folder or database, without an ending."""
    return PurePosixPath(origin.rpartition("#")[2]).stem


def own_id(kind: Kind) -> str:
    """The concept of the column `id` in a table of such people: other tables call it so."""
    return f"{kind}id"


def _kind(table: Table) -> Kind | None:
    name = plain(short_name(table.origin))
    known = words().kinds
    by_name = next((kind for kind, (hints, _) in known.items() if any(hint in name for hint in hints)), None)
    if by_name:
        return by_name
    headings = {one for column in table.columns for one in _readings(column)}
    return next((kind for kind, (_, columns) in known.items() if headings & set(columns)), None)


def _readings(heading: str) -> Iterator[str]:
    """A heading as it is compared: whole, and the last part of a path unless that may be anything's."""
    yield plain(heading)
    last = plain(heading.rpartition("/")[2])
    if "/" in heading and last not in _ANYTHINGS:
        yield last


def people_of(table: Table) -> list[Record]:
    """Each person that a table names, once for each of their spellings. FormatError `table-damaged`."""
    layout = layout_of(table)
    if layout is None:
        return []
    found = (
        _record(layout, dict(zip(layout.columns, cells, strict=True))) for cells in distinct(table, layout.columns)
    )
    return [one for one in found if one.names or one.ids]


def _record(layout: Layout, row: dict[str, str]) -> Record:
    names: dict[tuple[str, str], None] = {}
    born, reach = "", set[str]()
    for field, column in layout.fields:
        cell = row[column]
        if field in NAMES:
            label = {"preferred": "preferred name", "former": "former surname", "full": "name"}.get(field, field)
            names.update({(label, " ".join(one.split())): None for one in cell.splitlines() if one.strip()})
        elif field == "born":
            born = born or as_date(cell)
        elif cell and field != "address":
            reach.add(plain_reach(cell))
    ids = {(concept, one) for concept, column in layout.ids for one in row[column].split("\n") if one.strip()}
    links = {(concept, row[column]) for concept, column in layout.links if row[column]}
    upns = {("upn", value) for concept, value in ids if concept == "formerupn"}
    own = frozenset(ids | upns)
    return Record(
        layout.table,
        layout.folder,
        layout.kind,
        tuple(row.items()),
        tuple(names),
        born,
        own,
        frozenset(links),
        frozenset(reach - {""}),
    )


def plain_reach(cell: str) -> str:
    """An email address or a telephone number, in one form."""
    return cell.lower() if "@" in cell else re.sub(r"\D", "", cell)


def as_date(cell: str) -> str:
    """A date in ISO form, day first where it has slashes, month first where only that is a date; else empty."""
    if iso := _ISO.fullmatch(cell.strip()):
        return "-".join(iso.groups())
    if slashed := _SLASHED.fullmatch(cell.strip()):
        first, second, year = (int(one) for one in slashed.groups())
        day, month = (second, first) if second > 12 else (first, second)
        return f"{year}-{month:02}-{day:02}" if 1 <= month <= 12 and 1 <= day <= 31 else ""
    return ""


def is_strong(value: str) -> bool:
    """Whether an identifier is nobody else's by its form alone, in whatever column: UPN, ULN, GUID."""
    return bool(_UPN.fullmatch(value.upper())) or is_uln(value) or len(value) >= 16


def aliases_of(tables: Iterable[Table]) -> list[frozenset[str]]:
    """UPNs that were one pupil's, from tables that have both the present and a former one. FormatError."""
    found: set[frozenset[str]] = set()
    for table in tables:
        concepts = {words().concept(column): column for column in reversed(table.columns)}
        if "upn" in concepts and "formerupn" in concepts:
            pairs = distinct(table, (concepts["upn"], concepts["formerupn"]))
            found |= {frozenset((now, old)) for now, old in pairs if now and old and now != old}
    return sorted(found, key=sorted)


def shown_name(names: Sequence[tuple[str, str]]) -> str:
    """A person's name for a list."""
    by = dict(reversed(names))
    first = by.get("forename") or by.get("preferred name")
    return by.get("name") or " ".join(filter(None, (first, by.get("surname")))) or NO_NAME
