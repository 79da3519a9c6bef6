"""Rows in XML: the elements that recipes name, else the one that repeats; attributes and leaves are cells.

Entities are refused, nothing is fetched.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterator
from fnmatch import fnmatchcase
from typing import NoReturn
from xml.parsers import expat

from escrow.errors import FormatError
from escrow.export.originals import Opens
from escrow.source.recipes import recipes

_BLOCK = 1 << 20
_LOOK = 8 << 20
_ESCAPED = re.compile(r"_x([0-9A-Fa-f]{4})_")
_DEPTH = 64
_ANY = "*"

Row = dict[str, str | None]


def row_elements(opens: Opens) -> list[str]:
    """Paths of the elements that hold rows, such as `SuperStarReport/Record`, by the first 8 MiB: those of the first
    recipe's rule that has some; else, of those that repeat and have children or attributes, the outermost.

    FormatError `xml-damaged`, `xml-entity`, `xml-depth`.
    """
    seen: Counter[str] = Counter()
    full: set[str] = set()
    stack: list[str] = []

    def begin(name: str, attributes: dict[str, str]) -> None:
        if stack:
            full.add("/".join(stack))
        _push(stack, name)
        here = "/".join(stack)
        seen[here] += 1
        if attributes:
            full.add(here)

    def end(_name: str) -> None:
        stack.pop()

    parser = _parser(begin, end)
    with opens() as file:
        for _ in range(_LOOK // _BLOCK):
            block = file.read(_BLOCK)
            if not block:
                break
            _parse(parser, block, final=False)
    for patterns in _known():
        if found := [one for one in seen if one in full and any(_is(one, pattern) for pattern in patterns)]:
            return found
    again = [one for one in seen if seen[one] > 1 and one in full]
    return [min(again, key=lambda one: (one.count("/"), -seen[one]))] if again else []


def _known() -> Iterator[list[str]]:
    for recipe in recipes().values():
        for rule in recipe.rules:
            yield [one for one in rule.rows if one != _ANY]


def _is(path: str, pattern: str) -> bool:
    parts, wanted = path.split("/"), pattern.split("/")
    return len(parts) == len(wanted) and all(map(fnmatchcase, parts, wanted))


def xml_rows(opens: Opens, element: str) -> Iterator[Row]:
    """Each row's cells by name: `Legal Surname` for `Legal_x0020_Surname`, `Address/Town` for what lies deeper.

    Constant memory. FormatError as above.
    """
    rows: list[Row] = []
    stack: list[str] = []
    row: Row = {}
    text: list[str] = []
    leaf = False
    depth = element.count("/") + 1

    def inside() -> bool:
        return "/".join(stack[:depth]) == element

    def begin(name: str, attributes: dict[str, str]) -> None:
        nonlocal row, leaf
        _push(stack, name)
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
            cell = "".join(text).strip() or None
            if leaf and (cell or len(stack) > depth):
                _put(row, stack[depth:] or ["text"], cell)
            if len(stack) == depth:
                rows.append(row)
        text.clear()
        leaf = False
        stack.pop()

    parser = _parser(begin, end)
    parser.CharacterDataHandler = text.append
    with opens() as file:
        while block := file.read(_BLOCK):
            _parse(parser, block, final=False)
            yield from rows
            rows.clear()
        _parse(parser, b"", final=True)
    yield from rows


def _put(row: Row, path: list[str], value: str | None) -> None:
    """A name that a row holds twice has its values one below the other."""
    name = _ESCAPED.sub(lambda found: chr(int(found[1], 16)), "/".join(path))
    before = row.get(name)
    row[name] = value if before is None else before if value is None else f"{before}\n{value}"


def _push(stack: list[str], name: str) -> None:
    if len(stack) >= _DEPTH:
        raise FormatError("xml-depth", f"expected XML of at most {_DEPTH} levels, found more")
    stack.append(name)


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


def _parse(parser: expat.XMLParserType, block: bytes, *, final: bool) -> None:
    try:
        parser.Parse(block, final)
    except expat.ExpatError as error:
        raise FormatError("xml-damaged", f"expected whole XML, found {error}") from None
