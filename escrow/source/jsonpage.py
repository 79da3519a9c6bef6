"""A page of JSON (`{"data": [...], "meta": ...}`, or by another name), cut into rows without changing a byte. Pure."""

import json
from dataclasses import dataclass

from escrow.errors import FormatError

_DECODER = json.JSONDecoder(strict=True)
_BLANKS = frozenset(" \t\r\n")


@dataclass(frozen=True, slots=True)
class Row:
    """One element of the list: its bytes as received (line ends between tokens are blanks), and what they say."""

    raw: bytes
    value: object


@dataclass(frozen=True, slots=True)
class Page:
    """`rows` is None where the list is null; a single object is one row. `rest` holds the other members."""

    rows: tuple[Row, ...] | None
    rest: dict[str, object]


def read_page(body: bytes, member: str = "data") -> Page:
    """The rows of `member`. FormatError `json-page`: not UTF-8, not JSON, no object, or no such member in it."""
    try:
        return _Reader(body.decode("utf-8-sig")).page(member)
    except (ValueError, RecursionError) as error:
        raise _wrong(f"it is not JSON ({type(error).__name__})") from None


class _Reader:
    """Walks the outermost object; json's own scanner reads each value and says where it ends."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0

    def page(self, member: str) -> Page:
        rows: tuple[Row, ...] | None = ()
        rest: dict[str, object] = {}
        seen = False
        self._expect("{")
        while self._next() != "}":
            name, _ = self._value()
            self._expect(":")
            if name == member:
                seen, rows = True, self._rows()
            else:
                rest[str(name)] = self._value()[0]
            if self._next() != "}":
                self._expect(",")
        self._expect("}")
        if self._next():
            raise _wrong("something stands behind its end")
        if not seen:
            raise _wrong(f"it has no {member}")
        return Page(rows, rest)

    def _rows(self) -> tuple[Row, ...] | None:
        if self._next() != "[":
            value, raw = self._value()
            return None if value is None else (Row(raw, value),)
        rows = []
        self._expect("[")
        while self._next() != "]":
            value, raw = self._value()
            rows.append(Row(raw, value))
            if self._next() != "]":
                self._expect(",")
        self._expect("]")
        return tuple(rows)

    def _value(self) -> tuple[object, bytes]:
        self._next()
        begun = self._at
        value, self._at = _DECODER.raw_decode(self._text, begun)
        raw = self._text[begun : self._at].replace("\r", " ").replace("\n", " ")
        return value, raw.encode()

    def _next(self) -> str:
        """The next character that is no white space; "" at the end."""
        while self._text[self._at : self._at + 1] in _BLANKS:
            self._at += 1
        return self._text[self._at : self._at + 1]

    def _expect(self, character: str) -> None:
        if self._next() != character:
            raise _wrong(f"at character {self._at} it is broken off or malformed")
        self._at += 1


def _wrong(what: str) -> FormatError:
    return FormatError("json-page", f"expected a JSON object with data, found otherwise: {what}")
