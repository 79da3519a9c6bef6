"""In which encoding and with which delimiter a table of text is written: looked at, never believed."""

import codecs
import csv
from dataclasses import dataclass, replace
from pathlib import Path

_BLOCK = 1 << 20
_BOMS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
_DELIMITERS = ",;\t|"


@dataclass(frozen=True, slots=True)
class Shape:
    """How a table is written. `encoding` is a codec of Python; `header` are the cells of its first record, `lines`
    the lines that they take."""

    encoding: str
    delimiter: str
    header: tuple[str, ...]
    lines: int
    odd_quotes: bool = False


def shape_of(path: Path) -> Shape | None:
    """The shape of a file of delimited text; None where it is none: no text, or a header without an end."""
    encoding, quotes = _look(path)
    if encoding is None:
        return None
    with path.open(encoding=encoding, errors="replace", newline="") as file:
        shape = _shape(encoding, file.read(_BLOCK))
    return replace(shape, odd_quotes=quotes % 2 == 1) if shape else None


def shape_of_head(head: bytes) -> Shape | None:
    """The same by the beginning of a file alone."""
    encoding = next((name for mark, name in _BOMS if head.startswith(mark)), None)
    if encoding is None:
        if b"\0" in head:
            return None
        encoding = "utf-8" if _is_utf8(head) else "cp1252"
    return _shape(encoding, head.decode(encoding, "replace"))


def _is_utf8(head: bytes) -> bool:
    try:
        codecs.getincrementaldecoder("utf-8")().decode(head)
    except UnicodeDecodeError:
        return False
    return True


def _shape(encoding: str, head: str) -> Shape | None:
    record, lines = first_record(head)
    if record is None:
        return None
    delimiter = delimiter_of(record)
    header = tuple(next(csv.reader([record], delimiter=delimiter), [""]))
    return Shape(encoding, delimiter, header, lines) if header != ("",) else None


def encoding_of(path: Path) -> str | None:
    """`utf-8`, `utf-8-sig`, `utf-16`, else `cp1252`; None where there are NUL bytes, so no text."""
    return _look(path)[0]


def _look(path: Path) -> tuple[str | None, int]:
    """The encoding, and how many quotation marks there are (not counted in UTF-16)."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    utf8, quotes = True, 0
    with path.open("rb") as file:
        block = file.read(_BLOCK)
        marked = next((name for mark, name in _BOMS if block.startswith(mark)), None)
        if marked == "utf-16":
            return marked, 0
        while True:
            if b"\0" in block:
                return None, 0
            quotes += block.count(b'"')
            if utf8:
                try:
                    decoder.decode(block, final=not block)
                except UnicodeDecodeError:
                    utf8 = False
            if not block:
                return marked or ("utf-8" if utf8 else "cp1252"), quotes
            block = file.read(_BLOCK)


def first_record(text: str) -> tuple[str | None, int]:
    """The first record (RFC 4180) without its line end, and how many lines it takes; None where it has no end."""
    quoted = False
    for at, char in enumerate(text):
        if char == '"':
            quoted = not quoted
        elif char in "\r\n" and not quoted:
            record = text[:at]
            return record, 1 + record.count("\n")
    return (None, 0) if quoted or not text else (text, 1 + text.count("\n"))


def delimiter_of(record: str) -> str:
    """The delimiter that is most frequent outside quotes; the comma on a tie."""
    outside = "".join(record.split('"')[::2])
    return max(_DELIMITERS, key=outside.count)
