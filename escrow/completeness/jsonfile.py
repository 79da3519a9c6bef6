"""Profiles JSON: lines of objects, an array of objects, or an object that holds arrays of objects, as Wonde's pages.

Lines and a top-level array stream. An object is read as a whole, up to eight MiB; a larger one is opaque.
"""

import json
from typing import TypeAlias

from escrow.completeness.profile import Profile
from escrow.completeness.tally import Tables, Tally
from escrow.completeness.textflow import Bytes, TextFlow

_AT_MOST = 8 << 20
_BLANK = " \t\r\n"
Json: TypeAlias = "dict[str, Json] | list[Json] | str | int | float | bool | None"


class JsonFile:
    """One file: `feed` its bytes, then `finish`."""

    def __init__(self, head: bytes) -> None:
        """`head`: the first bytes, which come again through `feed`."""
        self._flow = TextFlow(head, self._take)
        self._rest = bytearray()
        self._tally = Tally()
        self._tables = Tables()
        self._notes: set[str] = set()
        self._form = ""
        self._closed = False
        self._stopped = False
        self._decode = json.JSONDecoder(parse_constant=_refuse).raw_decode

    def feed(self, data: Bytes) -> None:
        """The next bytes."""
        self._flow.feed(data)

    def _take(self, data: Bytes) -> None:
        if self._stopped:
            return
        self._rest += data.tobytes()
        self._form = self._form or _form_of(self._rest)
        if self._form != "object":
            end = max(self._rest.rfind(b"\n"), self._rest.rfind(b"}")) + 1
            self._read(bytes(self._rest[:end]), end)
        if len(self._rest) > _AT_MOST:
            self._stop("record-too-long" if self._form != "object" else "large")

    def _stop(self, note: str) -> None:
        self._notes.add(note)
        self._stopped = True
        self._rest.clear()

    def _read(self, data: bytes, end: int) -> None:
        """Take whole values out of the text; what is not whole stays for the next block."""
        text = data.decode("utf-8", "replace")
        at = 0
        while True:
            while at < len(text) and text[at] in _BLANK + ("[,]" if self._form == "array" else ""):
                self._closed = text[at] == "]" or (self._closed and text[at] in _BLANK)
                at += 1
            if at == len(text):
                break
            try:
                value, at = self._decode(text, at)
            except (ValueError, RecursionError):
                if self._form == "lines" and "\n" in text[at:]:
                    self._stop("malformed")
                    return
                break
            if isinstance(value, dict):
                self._tally.row(_cells(value))
            else:
                self._tally.rows += 1
        self._rest[:end] = text[at:].encode("utf-8", "replace")

    def finish(self) -> Profile:
        """The file: its one table, or the arrays of its object as members."""
        if not self._stopped and self._rest.strip(b" \t\r\n,]"):
            self._end()
        elif self._form == "array" and not self._closed:
            self._stop("truncated")
        notes = self._notes | self._tally.notes
        members = self._tables.members()
        table = self._tally.profile("json")
        rows = max((inner.rows or 0 for inner in members.values()), default=0) if members else table.rows
        encoding = self._flow.encoding
        if encoding == "windows-1252":
            notes.add("encoding-differs")
        notes |= set(table.notes)
        return Profile(
            "json", None if "large" in notes else rows, table.columns, encoding, "", tuple(sorted(notes)), members
        )

    def _end(self) -> None:
        text = self._rest.decode("utf-8", "replace").strip()
        try:
            value: Json = json.loads(text, parse_constant=_refuse)
        except (ValueError, RecursionError):
            self._stop("truncated")
            return
        if not isinstance(value, dict):
            return
        for name, inner in value.items():
            if isinstance(inner, list):
                for one in inner:
                    if isinstance(one, dict):
                        self._tables.of(name).row(_cells(one))
        if not self._tables.members():
            self._tally.row(_cells(value))


def _form_of(start: bytearray) -> str:
    text = bytes(start[:4096]).lstrip()
    if text[:1] == b"[":
        return "array"
    first, line_end, rest = text.partition(b"\n")
    if line_end and first.rstrip().endswith(b"}") and rest.lstrip()[:1] in {b"{", b""}:
        return "lines"
    return "object" if text else ""


def _cells(value: dict[str, Json]) -> list[tuple[str, str]]:
    return [
        (name, "" if one is None else one if isinstance(one, str) else json.dumps(one)) for name, one in value.items()
    ]


def _refuse(name: str) -> None:
    raise ValueError(name)
