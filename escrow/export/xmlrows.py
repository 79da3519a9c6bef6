"""Rows in XML: the element that repeats, its attributes and leaves as cells.

Entities are refused, nothing is fetched.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO, NoReturn
from xml.parsers import expat

from escrow.errors import FormatError

_BLOCK = 1 << 20
_LOOK = 8 << 20
_ESCAPED = re.compile(r"_x([0-9A-Fa-f]{4})_")
_DEPTH = 64


def row_element(path: Path) -> str | None:
    """The path of the element that holds a row (`SuperStarReport/Record`): of those that repeat and have children or
    attributes, the outermost; by the first 8 MiB. None where none repeats.

    FormatError `xml-damaged`, `xml-entity`.
    """
    seen: Counter[str] = Counter()
    full: set[str] = set()
    stack: list[str] = []

    def begin(name: str, attributes: dict[str, str]) -> None:
        _check_depth(stack)
        if stack:
            full.add("/".join(stack))
        stack.append(name)
        seen["/".join(stack)] += 1
        if attributes:
            full.add("/".join(stack))

    def end(_name: str) -> None:
        stack.pop()

    parser = _parser(begin, end)
    with path.open("rb") as file:
        _feed(parser, file, _LOOK)
    rows = [one for one in seen if seen[one] > 1 and one in full and "/" in one]
    return min(rows, key=lambda one: (one.count("/"), -seen[one])) if rows else None


def xml_rows(path: Path, element: str) -> Iterator[dict[str, str | None]]:
    """Each row's cells by name: `Legal Surname` for `Legal_x0020_Surname`, `Address/Town` for what lies deeper.

    Constant memory. FormatError as above.
    """
    rows: list[dict[str, str | None]] = []
    stack: list[str] = []
    row: dict[str, str | None] = {}
    text: list[str] = []
    leaf = False
    depth = element.count("/") + 1

    def inside() -> bool:
        return "/".join(stack[:depth]) == element

    def begin(name: str, attributes: dict[str, str]) -> None:
        nonlocal row, leaf
        _check_depth(stack)
        stack.append(name)
        text.clear()
        leaf = True
        if len(stack) == depth:
            row = {}
        if inside():
            for attribute, value in attributes.items():
                _put(row, [*stack[depth:], attribute], value)

    def end(_name: str) -> None:
        nonlocal leaf
        if inside():
            if leaf:
                _put(row, stack[depth:] or ["text"], "".join(text).strip() or None)
            if len(stack) == depth:
                rows.append(row)
        text.clear()
        leaf = False
        stack.pop()

    parser = _parser(begin, end)
    parser.CharacterDataHandler = text.append
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            _parse(parser, block, final=False)
            yield from rows
            rows.clear()
        _parse(parser, b"", final=True)
    yield from rows


def _put(row: dict[str, str | None], path: list[str], value: str | None) -> None:
    """A name that a row holds twice has its values one below the other."""
    name = _plain("/".join(path))
    before = row.get(name)
    row[name] = value if before is None else before if value is None else f"{before}\n{value}"


def _plain(name: str) -> str:
    return _ESCAPED.sub(lambda found: chr(int(found[1], 16)), name)


def _check_depth(stack: list[str]) -> None:
    if len(stack) > _DEPTH:
        raise FormatError("xml-depth", f"expected XML of at most {_DEPTH} levels, found more")


def _parser(begin: Callable[[str, dict[str, str]], None], end: Callable[[str], None]) -> expat.XMLParserType:
    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartElementHandler = begin
    parser.EndElementHandler = end

    def refuse(*_declared: object) -> NoReturn:
        raise FormatError("xml-entity", "expected XML without entities of its own, found a declaration of one")

    parser.EntityDeclHandler = refuse
    parser.ExternalEntityRefHandler = refuse
    return parser


def _feed(parser: expat.XMLParserType, file: BinaryIO, most: int) -> None:
    read = 0
    while read < most and (block := file.read(_BLOCK)):
        read += len(block)
        _parse(parser, block, final=False)


def _parse(parser: expat.XMLParserType, block: bytes, *, final: bool) -> None:
    try:
        parser.Parse(block, final)
    except expat.ExpatError as error:
        raise FormatError("xml-damaged", f"expected whole XML, found {error}") from None
