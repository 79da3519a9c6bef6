"""The textual header of an age file: parsing and writing, with no cryptography (C2SP age.md, "Header")."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from escrow.errors import FormatError, LimitError
from escrow.limits import MAX_AGE_HEADER
from escrow.seal import base64x

VERSION_LINE = b"age-encryption.org/v1\n"
NONCE = 16
"""Bytes of the payload nonce that follows the header."""

COLUMNS = 64
_ARGUMENTS = re.compile(r"[!-~]+(?: [!-~]+)*")


@dataclass(frozen=True, slots=True)
class Stanza:
    """One recipient stanza: its type, further arguments, and the decoded body."""

    kind: str
    arguments: tuple[str, ...]
    body: bytes

    def encode(self) -> bytes:
        """The stanza's lines; the last is shorter than 64 columns and may be empty."""
        text = base64x.encode_raw(self.body)
        lines = [text[i : i + COLUMNS] for i in range(0, len(text) + 1, COLUMNS)]
        return "\n".join((" ".join(("->", self.kind, *self.arguments)), *lines, "")).encode()


@dataclass(frozen=True, slots=True)
class Header:
    """A parsed header. `encode()` gives back the bytes that were parsed."""

    stanzas: tuple[Stanza, ...]
    mac: bytes

    def encode(self) -> bytes:
        """The whole header, its last line feed included."""
        return b"%s %s\n" % (authenticated_part(self.stanzas), base64x.encode_raw(self.mac).encode())


def authenticated_part(stanzas: Sequence[Stanza]) -> bytes:
    """What the header MAC covers: everything up to and including the `---` mark."""
    return b"".join((VERSION_LINE, *(stanza.encode() for stanza in stanzas), b"---"))


class _Lines:
    """Reads lines from a prefix of a file; `None` once the prefix ends inside a line."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.position = 0

    def next(self) -> str | None:
        end = self.data.find(b"\n", self.position, MAX_AGE_HEADER)
        if end < 0:
            return None
        line = self.data[self.position : end]
        self.position = end + 1
        return line.decode("latin-1")


def _parse_stanza(line: str, lines: _Lines) -> Stanza | None:
    if not line.startswith("-> ") or not _ARGUMENTS.fullmatch(line, 3):
        raise FormatError("header-stanza-line", "expected '-> ' and visible arguments parted by single spaces")
    kind, *arguments = line[3:].split(" ")
    body: list[str] = []
    while not body or len(body[-1]) == COLUMNS:
        part = lines.next()
        if part is None:
            return None
        if len(part) > COLUMNS:
            raise FormatError("header-body-line", f"expected at most {COLUMNS} columns, found {len(part)}")
        body.append(part)
    return Stanza(kind, tuple(arguments), base64x.decode_raw("".join(body), "header-body-base64"))


def parse_header(data: bytes) -> tuple[Header, int] | None:
    """The header at the start of `data` and its length in bytes; None when `data` ends before the header does.

    Raises FormatError (code `header-...`) when no continuation of `data` could be an age file, LimitError past
    MAX_AGE_HEADER.
    """
    if not data.startswith(VERSION_LINE[: len(data)]):
        raise FormatError("header-version", "expected 'age-encryption.org/v1', found another first line")
    lines = _Lines(data)
    lines.next()
    stanzas: list[Stanza] = []
    while (line := lines.next()) is not None:
        if line.startswith("---"):
            if not stanzas:
                raise FormatError("header-no-stanza", "expected at least one recipient stanza, found none")
            mac = base64x.decode_raw(line[4:], "header-mac-base64")
            if line[3:4] != " " or len(mac) != 32:
                raise FormatError("header-mac-line", "expected '--- ' and the base64 of 32 bytes")
            return Header(tuple(stanzas), mac), lines.position
        stanza = _parse_stanza(line, lines)
        if stanza is None:
            break
        stanzas.append(stanza)
    if len(data) >= MAX_AGE_HEADER:
        raise LimitError("header-too-long", f"expected a header of at most {MAX_AGE_HEADER} bytes")
    return None


def head_of(prefix: bytes) -> bytes | None:
    """Header and 16-byte payload nonce when `prefix` holds them whole, None when more bytes are needed.

    Raises FormatError when no continuation of `prefix` could be an age file.
    """
    parsed = parse_header(prefix)
    if parsed is None or len(prefix) < parsed[1] + NONCE:
        return None
    return prefix[: parsed[1] + NONCE]
