"""Which files that are no tables are a person's: by identifiers and names in their path, or named by a row. Pure."""

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import PurePosixPath

from escrow.completeness.identifiers import plain
from escrow.subject.follow import TableRows
from escrow.subject.names import tokens
from escrow.subject.persons import Person

_TOKEN = re.compile(r"[^0-9A-Za-z]+")
_YEAR = re.compile(r"(?:19|20)\d\d")
_HOLDS = re.compile(r"doc|attach|file|photo|image|picture|letter|report|scan|blob")
_SHORT = 4
BY_NAME = "by name in its path"


def documents_of(paths: Iterable[str], person: Person, found: Mapping[str, TableRows]) -> Iterator[tuple[str, str]]:
    """Paths that are this person's, each with why. An identifier of under four signs, or one like a year, only where
    it is a file's whole name."""
    ids = {value.lower(): concept for concept, value in person.ids if value not in person.shared}
    named = dict(_named(found))
    forenames = {part for kind, name in person.names if kind in {"forename", "preferred name"} for part in tokens(name)}
    surnames = {part for kind, name in person.names if kind in {"surname", "former surname"} for part in tokens(name)}
    for path in paths:
        whole = PurePosixPath(path)
        stem = whole.stem.lower()
        parts = {part.lower() for part in _TOKEN.split(path) if part}
        by_id = next((one for one in parts if one in ids and len(one) >= _SHORT and not _YEAR.fullmatch(one)), None)
        if stem in ids or by_id:
            yield path, f"by {ids[by_id or stem]} in its path"
        elif whole.name.lower() in named or stem in named:
            yield path, f"named by {named.get(whole.name.lower()) or named[stem]}"
        elif forenames & (written := set(tokens(path))) and surnames & written:
            yield path, BY_NAME


def _named(found: Mapping[str, TableRows]) -> Iterator[tuple[str, str]]:
    """What rows call documents by: the last part of a path, or a number below a heading that speaks of such."""
    for name, rows in found.items():
        for at, column in enumerate(rows.table.columns):
            holds = bool(_HOLDS.search(plain(column)))
            for row in rows.own:
                cell = row[at].strip().replace("\\", "/").rpartition("/")[2].lower()
                if len(cell) > _SHORT and ("." in cell[-6:-1] or (holds and " " not in cell)):
                    yield cell, f"{column} of {name}"
