"""Counts the rows of SQL dumps by table: `INSERT` with one row or many, and the `COPY` of pg_dump. Streaming.

A row of an INSERT is told by the `),(` between two: text that holds just that counts as a row more.
"""

import re

from escrow.completeness.profile import Profile
from escrow.completeness.textflow import Bytes, TextFlow
from escrow.completeness.values import clean_name

_BEGIN = re.compile(
    rb"^[ \t]*INSERT[ \t]+(?:IGNORE[ \t]+)?INTO[ \t]+([^\s(]{1,200})|^COPY[ \t]+([^\s(]{1,200})[^\n]*FROM stdin;\r?$",
    re.IGNORECASE | re.MULTILINE,
)
_NEXT_ROW = re.compile(rb"\)\s*,\s*\(")
_OPEN = re.compile(rb"\)\s*,?\s*\Z")
_COPY_END = re.compile(rb"^\\\.\r?$", re.MULTILINE)
_COMPLETE = re.compile(rb"-- (?:Dump completed|PostgreSQL database dump complete)")
_MADE_BY = re.compile(rb"-- (?:MySQL|MariaDB) dump|-- PostgreSQL database dump|/\*M?!999999")
_PIECE = 1 << 20
_TABLES = 4000
_TAIL = 256
"""Bytes in which a row that may go on in the next piece is looked for."""


class SqlDump:
    """One dump: `feed` its bytes, then `finish`."""

    def __init__(self, head: bytes) -> None:
        """`head`: the first bytes, which come again through `feed`."""
        self._flow = TextFlow(head, self._take)
        self._rest = b""
        self._rows: dict[bytes, int] = {}
        self._table: bytes | None = None
        self._copy: bytes | None = None
        self._ends = bool(_MADE_BY.search(head))
        self._complete = False

    def feed(self, data: Bytes) -> None:
        """The next bytes."""
        self._flow.feed(data)

    def _take(self, data: Bytes) -> None:
        text = self._rest + data.tobytes()
        end = text.rfind(b"\n") + 1
        if not end and len(text) > _PIECE:
            end = len(text) - 8
        held = _OPEN.search(text, max(0, end - _TAIL), end)
        end = held.start() if held else end
        self._count(text[:end])
        self._rest = text[end:]

    def _count(self, text: bytes) -> None:
        at = 0
        while at < len(text):
            if self._copy is not None:
                done = _COPY_END.search(text, at)
                self._add(self._copy, text.count(b"\n", at, done.start() if done else len(text)))
                if done is None:
                    return
                self._copy, at = None, done.end()
            begin = _BEGIN.search(text, at)
            stop = begin.start() if begin else len(text)
            if self._table is not None:
                self._add(self._table, len(_NEXT_ROW.findall(text, at, stop)))
            self._complete = self._complete or bool(_COMPLETE.search(text, at, stop))
            if begin is None:
                return
            at = begin.end()
            if begin[1]:
                self._table = begin[1]
                self._add(self._table, 1)
            else:
                self._copy, self._table = begin[2], None
                at += 1

    def _add(self, table: bytes, rows: int) -> None:
        if table in self._rows or len(self._rows) < _TABLES:
            self._rows[table] = self._rows.get(table, 0) + rows

    def finish(self) -> Profile:
        """The dump: a member for each table with rows."""
        self._count(self._rest)
        members = {
            clean_name(name.decode("utf-8", "replace").replace("`", "").replace('"', "")): Profile("rows", rows)
            for name, rows in self._rows.items()
        }
        cut_off = self._copy is not None or (self._ends and not self._complete)
        return Profile(
            "sql",
            sum(self._rows.values()),
            encoding=self._flow.encoding,
            notes=("truncated",) if cut_off else (),
            members=members,
        )
