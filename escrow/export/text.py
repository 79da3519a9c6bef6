"""In which encoding and with which delimiter a table of text is written: looked at, never believed."""

import csv
import io
from dataclasses import dataclass

from escrow.completeness.csvtable import delimiter_of
from escrow.completeness.textflow import Bytes, TextFlow, as_array
from escrow.export.originals import Opens

_BLOCK = 1 << 20
_CODECS = {"ascii": "utf-8", "windows-1252": "cp1252"}


@dataclass(frozen=True, slots=True)
class Shape:
    """How a table is written. `encoding` is a codec of Python; `header` are the cells of its first record, `lines`
    the lines that they take. `odd_quotes`: its quotes do not pair, so that a cell may have swallowed rows."""

    encoding: str
    delimiter: str
    header: tuple[str, ...]
    lines: int
    odd_quotes: bool = False


def shape_of(opens: Opens) -> Shape | None:
    """The shape of a file of delimited text; None where it is none: no text, or a header without an end."""
    found = _look(opens)
    if found is None:
        return None
    encoding, quotes = found
    with io.TextIOWrapper(opens(), encoding, errors="replace", newline="") as file:
        return _shape(encoding, file.read(_BLOCK), odd_quotes=quotes % 2 == 1)


def shape_of_head(head: bytes) -> Shape | None:
    """The same by the beginning of a file alone."""
    flow = TextFlow(head, _let_be)
    flow.feed(as_array(head[: head.rfind(b"\n") + 1] or head))
    if b"\0" in head and not flow.wide:
        return None
    encoding = _codec(flow)
    return _shape(encoding, head.decode(encoding, "replace"), odd_quotes=False)


def _look(opens: Opens) -> tuple[str, int] | None:
    """A file's encoding, and its quotation marks (not counted in UTF-16). None: it has NUL bytes, so is no text."""
    quotes = 0
    with opens() as file:
        block = file.read(_BLOCK)
        flow = TextFlow(block, _let_be)
        if flow.wide:
            return _codec(flow), 0
        while block:
            if b"\0" in block:
                return None
            quotes += block.count(b'"')
            flow.feed(as_array(block))
            block = file.read(_BLOCK)
    return _codec(flow), quotes


def _codec(flow: TextFlow) -> str:
    if flow.bom:
        return "utf-16" if flow.wide else "utf-8-sig"
    return _CODECS.get(flow.encoding, flow.encoding)


def _let_be(_: Bytes) -> None:
    pass


def _shape(encoding: str, head: str, *, odd_quotes: bool) -> Shape | None:
    record, lines = first_record(head)
    if record is None:
        return None
    delimiter = delimiter_of(record)
    header = tuple(next(csv.reader([record], delimiter=delimiter), [""]))
    return Shape(encoding, delimiter, header, lines, odd_quotes) if header != ("",) else None


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
