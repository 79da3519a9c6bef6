"""All that some nights hold of one person: rows of tables and documents, each once, with where it came from."""

import hashlib
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from escrow.engine.opened import OpenedFile, opened_files, proven
from escrow.engine.reading import CompartmentView
from escrow.engine.restored import RestoreReport
from escrow.export.keys import declared_keys
from escrow.export.naming import unique
from escrow.export.selecting import Cells
from escrow.export.tables import find_tables
from escrow.subject.codes import Codes, codes_of
from escrow.subject.documents import documents_of
from escrow.subject.follow import Trail
from escrow.subject.people import Layout, layout_of
from escrow.subject.persons import Person
from escrow.subject.redact import text_of

_NO_TABLES = frozenset({"opaque", "empty"})
_DOCUMENTS = re.compile(r"\.(pdf|png|jpe?g|gif|tiff?|bmp|heic|webp|docx?|odt|rtf|txt|html?|eml|msg|mp4|json)")
_READ = 64 << 20
"""Bytes up to which a document is looked into."""


@dataclass(slots=True)
class Row:
    """A row of a table: how it was found, and in which nights."""

    id: str
    cells: Cells
    how: str
    nights: list[int] = field(default_factory=list)


@dataclass(slots=True)
class Part:
    """The rows of one table; `layout` where it is one of people."""

    name: str
    origin: str
    columns: tuple[str, ...]
    layout: Layout | None
    rows: dict[str, Row] = field(default_factory=dict)


@dataclass(slots=True)
class Document:
    """A file that is no table, as one night or several have it."""

    id: str
    path: str
    how: str
    file: OpenedFile
    nights: list[int] = field(default_factory=list)


@dataclass(slots=True)
class PersonRecord:
    """What was collected. `codes`: lists of what codes mean, by table, of the last night; `unread`: tables that could
    not be read, and why; `omitted`: files and rows that the erasure register left out of these nights, whosoever they
    were; `closed`: by ending, files of the last night that are neither tables nor documents, and stayed shut."""

    person: Person
    parts: dict[tuple[str, tuple[str, ...]], Part] = field(default_factory=dict)
    documents: dict[str, Document] = field(default_factory=dict)
    nights: list[int] = field(default_factory=list)
    compartments: list[str] = field(default_factory=list)
    codes: dict[str, Codes] = field(default_factory=dict)
    unread: dict[str, str] = field(default_factory=dict)
    omitted: int = 0
    closed: Counter[str] = field(default_factory=Counter)

    @property
    def tables(self) -> list[Part]:
        """Those that hold rows, by name."""
        return sorted(self.parts.values(), key=lambda part: (part.name.casefold(), part.name))

    @property
    def rows(self) -> int:
        return sum(len(part.rows) for part in self.parts.values())

    def collect(self, night: int, views: Sequence[CompartmentView]) -> None:
        """Add what one more night holds. IntegrityError `erasure-missing`, `erasure-damaged`; what a vault raises."""
        report = RestoreReport()
        files = [file for view in views for file in opened_files(view, report)]
        tables, left = find_tables(files)
        trail = Trail(tables, declared_keys(files, tables), self.person)
        trail.follow()
        self.nights.append(night)
        self.compartments = sorted({*self.compartments, *(view.name for view in views)})
        self.unread |= trail.unread
        self.codes |= {table.name: codes for table in tables if (codes := codes_of(table))}
        self.omitted += report.omitted_files + report.omitted_rows
        for found in trail.found.values():
            table = found.table
            key = (table.origin, table.columns)
            part = self.parts.setdefault(key, Part(table.name, table.origin, table.columns, layout_of(table)))
            for cells, how in found.rows.items():
                row = part.rows.setdefault(id := _id(table.origin, *cells), Row(id, cells, how))
                row.nights.append(night)
        for view in views:
            view.packs.forget()
        self.unread |= {one.origin: one.code for one in left if one.code not in _NO_TABLES}
        self.closed = Counter(ending for one in left if one.code == "opaque" and (ending := _closed(one.origin)))
        by_path = {file.path: file for file in files}
        for path, how in documents_of((one.origin for one in left), self.person, trail.found):
            file = by_path[path]
            id = _id(path, file.entry.sha256)
            document = self.documents.setdefault(id, Document(id, path, how, file))
            document.nights.append(night)

    def texts(self) -> Iterator[tuple[str, str]]:
        """The texts of the documents that have one, by id. What a vault raises."""
        for one in self.documents.values():
            if one.file.size <= _READ:
                data = b"".join(proven(one.file.view, one.file.entry))
                if (text := text_of(one.path, data)) is not None:
                    yield one.id, text

    def finish(self) -> None:
        """Names that differ for tables of one name whose columns changed between nights."""
        tables = self.tables
        for part, name in zip(tables, unique([part.name for part in tables]), strict=True):
            part.name = name

    def fingerprint(self) -> str:
        """The same for the same rows and documents: what a review was made of."""
        return _id(*sorted(self._ids()))

    def _ids(self) -> Iterator[str]:
        yield from (id for part in self.parts.values() for id in part.rows)
        yield from self.documents


def _closed(path: str) -> str:
    """The ending of a file that may hold data of people and is no document."""
    ending = PurePosixPath(path).suffix.lower() or "no ending"
    return "" if _DOCUMENTS.fullmatch(ending) else ending


def _id(*texts: str) -> str:
    return hashlib.sha256("\0".join(texts).encode("utf-8", "surrogateescape")).hexdigest()[:16]
