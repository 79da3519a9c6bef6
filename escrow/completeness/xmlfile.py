"""Profiles XML with expat, streaming: what holds values and comes again is a record, a table by its element's name.

Entities are never expanded: a document that declares any is refused at once (bombs), external ones are never read.
"""

import re
from pyexpat import ExpatError, ParserCreate, XMLParserType

from escrow.completeness.profile import Profile
from escrow.completeness.tally import Tables
from escrow.completeness.textflow import Bytes, TextFlow

_DECLARED = re.compile(rb"""<\?xml[^>]{0,200}encoding\s*=\s*["']([A-Za-z0-9._-]{1,40})["']""")
_DEPTH = 200
_VALUE = 4096
_VALUES = 10_000
_TEXTS = 64
_LAG = 8 << 20
_PIECE = 1 << 16


class _EntitiesError(ValueError):
    pass


class XmlFile:
    """One document: `feed` its bytes, then `finish`."""

    def __init__(self, head: bytes) -> None:
        """`head`: the first bytes, which come again through `feed`."""
        self._flow = TextFlow(head, _let_be)
        plain = head.replace(b"\0", b"") if self._flow.wide else head
        found = _DECLARED.search(plain)
        self._declared = found[1].decode("ascii").lower() if found else ""
        self._records = _Records()
        self._notes: set[str] = set()
        self._parser: XMLParserType | None = self._create()
        self._fed = 0

    def _create(self) -> XMLParserType:
        name = self._flow.wide or ("utf-8" if self._declared.startswith("utf-16") else None)
        parser = ParserCreate(name)
        parser.buffer_text = True
        parser.StartElementHandler = self._records.start
        parser.EndElementHandler = self._records.end
        parser.CharacterDataHandler = self._records.text
        parser.EntityDeclHandler = _refuse
        parser.ExternalEntityRefHandler = lambda *_: 1
        return parser

    def feed(self, data: Bytes) -> None:
        """The next bytes."""
        self._flow.feed(data)
        for start in range(0, len(data), _PIECE):
            if self._parser is None:
                return
            piece = data[start : start + _PIECE].tobytes()
            self._fed += len(piece)
            self._parse(piece, final=False)
            if self._parser is not None and self._fed - self._parser.CurrentByteIndex > _LAG:
                self._stop("record-too-long")

    def _parse(self, data: bytes, *, final: bool) -> None:
        assert self._parser is not None
        try:
            self._parser.Parse(data, final)
        except _EntitiesError:
            self._stop("entities")
        except (ExpatError, LookupError, ValueError):
            self._stop("truncated" if final and self._records.depth else "malformed")

    def _stop(self, note: str) -> None:
        self._notes.add(note)
        self._parser = None

    def finish(self) -> Profile:
        """The document: its tables as members."""
        if self._parser is not None:
            self._parse(b"", final=True)
        members = self._records.tables.members()
        if self._records.tables.crowded:
            self._notes.add("too-many-tables")
        notes = self._notes
        encoding = self._flow.encoding
        if _differs(self._declared, encoding):
            notes.add("encoding-differs")
        rows = max((inner.rows or 0 for inner in members.values()), default=0)
        return Profile("xml", rows, (), encoding, self._declared, tuple(sorted(notes)), members)


def _let_be(_: Bytes) -> None:
    pass


def _refuse(*_: object) -> None:
    raise _EntitiesError


def _differs(declared: str, found: str) -> bool:
    """Whether the bytes are not what the declaration says. ASCII is part of all of them but UTF-16."""
    if declared.startswith(("utf-16", "utf16")):
        return not found.startswith("utf-16")
    if declared in {"", "utf-8", "utf8"}:
        return found not in {"ascii", "utf-8"} and not (found.startswith("utf-16") and not declared)
    return found.startswith("utf-16") or (found == "utf-8" and declared not in {"", "utf-8", "utf8"})


class _Open:
    """An element that has not ended."""

    __slots__ = ("name", "parent", "texts", "values")

    def __init__(self, name: str, values: list[tuple[str, str]]) -> None:
        self.name = name
        self.values = values
        self.texts: list[str] = []
        self.parent = False


class _Records:
    """Takes expat's events: an element with leaves or attributes is a row of the table of its name."""

    def __init__(self) -> None:
        self.tables = Tables()
        self._stack: list[_Open] = []

    @property
    def depth(self) -> int:
        return len(self._stack)

    def start(self, name: str, attributes: dict[str, str]) -> None:
        if len(self._stack) == _DEPTH:
            raise ValueError
        if self._stack:
            self._stack[-1].parent = True
        values = (
            [(key.rpartition(":")[2], value) for key, value in attributes.items() if not key.startswith("xmlns")]
            if attributes
            else []
        )
        self._stack.append(_Open(name.rpartition(":")[2] if ":" in name else name, values))

    def text(self, data: str) -> None:
        if self._stack and len(self._stack[-1].texts) < _TEXTS:
            self._stack[-1].texts.append(data)

    def end(self, _: str) -> None:
        done = self._stack.pop()
        parent = self._stack[-1] if self._stack else None
        text = done.texts[0] if len(done.texts) == 1 else "".join(done.texts)[:_VALUE]
        leaf = not done.parent and (not done.values or bool(text.strip()))
        if leaf and parent is not None:
            if len(parent.values) < _VALUES:
                parent.values.append((done.name, text))
                parent.values += [(f"{done.name}.{key}", value) for key, value in done.values]
        elif done.values:
            self.tables.of(done.name).row(done.values)
