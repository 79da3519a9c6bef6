"""The tables among originals, each as a stream of text cells: nothing is guessed into numbers.

What is no table stays an original. pyarrow reads delimited text, the standard library reads the rest.
"""

import codecs
import io
import json
import sqlite3
import zipfile
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import BinaryIO, Literal, TextIO, cast

import pyarrow as pa
import pyarrow.csv as pacsv

from escrow.errors import FormatError
from escrow.export.databases import SQLITE, sqlite_tables
from escrow.export.naming import column_names, table_names
from escrow.export.originals import Opens, Original
from escrow.export.table import Found, Misfits, Opener, Table, batches
from escrow.export.text import Shape, shape_of, shape_of_head
from escrow.export.xmlrows import row_elements, xml_rows

_BLOCK = 4 << 20
_TEXT = (".csv", ".tsv", ".tab", ".txt", ".psv")
_LINES = (".jsonl", ".ndjson")
_EMPTY = b""


@dataclass(frozen=True, slots=True)
class Left:
    """An original that is no table, or that cannot be read as one. `code`: `opaque`, `empty`, or what is wrong."""

    origin: str
    code: str


def find_tables(originals: Iterable[Original]) -> tuple[list[Table], list[Left]]:
    """All tables, by path, and what is left as it is; each original is looked at whole. What a vault raises goes on."""
    found: list[Found] = []
    left: list[Left] = []
    for original in sorted(originals, key=lambda one: one.path):
        before = len(found)
        try:
            found += _tables_of(original)
        except (FormatError, sqlite3.Error, zipfile.BadZipFile, OSError, UnicodeError) as error:
            left.append(Left(original.path, error.code if isinstance(error, FormatError) else "table-unreadable"))
            continue
        if len(found) == before:
            left.append(Left(original.path, "opaque" if original.size else "empty"))
    names = table_names([one.origin for one in found])
    tables = [
        Table(name, one.origin, one.header, tuple(column_names(one.header)), one.opener, one.shape, one.stored)
        for name, one in zip(names, found, strict=True)
    ]
    return tables, left


def _tables_of(original: Original) -> Iterator[Found]:
    kind = PurePosixPath(original.path).suffix.lower()
    if kind in _TEXT:
        shape = shape_of(original.open)
        if shape:
            yield Found(original.path, shape.header, _text_opener(original.open, shape), shape)
    elif kind == ".xml":
        yield from _xml(original.open, original.path)
    elif kind in _LINES:
        yield from _json_lines(original.open, original.path)
    elif kind == ".zip":
        yield from _zipped(original.open, original.path)
    elif _begins(original.open, SQLITE):
        yield from sqlite_tables(original)


def _begins(opens: Opens, mark: bytes) -> bool:
    with opens() as file:
        return file.read(len(mark)) == mark


class _AsUtf8(io.RawIOBase):
    """A text file's characters as UTF-8; what cannot be decoded is U+FFFD."""

    def __init__(self, text: TextIO) -> None:
        self._text = text
        self._ready = _EMPTY

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]  # whatever takes slices
        if not self._ready:
            self._ready = self._text.read(_BLOCK).encode()
        given = self._ready[: len(buffer)]
        buffer[: len(given)] = given
        self._ready = self._ready[len(given) :]
        return len(given)

    def close(self) -> None:
        self._text.close()
        super().close()


def _text_opener(opens: Opens, shape: Shape) -> Opener:
    def opened(misfits: Misfits, stack: ExitStack) -> pa.RecordBatchReader:
        raw = stack.enter_context(opens())
        return _delimited(stack.enter_context(_characters(raw, shape.encoding)), shape, misfits)

    return opened


def _characters(raw: BinaryIO, encoding: str) -> BinaryIO:
    if encoding == "utf-8":
        return raw
    if encoding == "utf-8-sig":
        raw.read(len(codecs.BOM_UTF8))
        return raw
    return io.BufferedReader(_AsUtf8(io.TextIOWrapper(raw, encoding, errors="replace", newline="")))


def _delimited(file: BinaryIO, shape: Shape, misfits: Misfits) -> pa.RecordBatchReader:
    columns = column_names(shape.header)

    def misfit(row: pacsv.InvalidRow) -> Literal["skip"]:
        misfits.add(row.number)
        return "skip"

    return pacsv.open_csv(
        file,
        read_options=pacsv.ReadOptions(
            use_threads=False, block_size=_BLOCK, column_names=columns, skip_rows=shape.lines
        ),
        parse_options=pacsv.ParseOptions(
            delimiter=shape.delimiter, newlines_in_values=True, invalid_row_handler=misfit
        ),
        convert_options=pacsv.ConvertOptions(
            column_types=dict.fromkeys(columns, pa.string()),
            strings_can_be_null=True,
            quoted_strings_can_be_null=False,
            null_values=[""],
        ),
    )


def _xml(opens: Opens, origin: str) -> Iterator[Found]:
    elements = row_elements(opens)
    for element in elements:
        header: dict[str, None] = {}
        for row in xml_rows(opens, element):
            header.update(dict.fromkeys(row))
        inner = f"{origin}#{element.rpartition('/')[2]}" if len(elements) > 1 else origin
        yield Found(inner, tuple(header), _xml_opener(opens, element, tuple(header)))


def _xml_opener(opens: Opens, element: str, header: tuple[str, ...]) -> Opener:
    def opened(_misfits: Misfits, _stack: ExitStack) -> pa.RecordBatchReader:
        rows = ([row.get(name) for name in header] for row in xml_rows(opens, element))
        return batches(tuple(column_names(header)), rows)

    return opened


def _json_lines(opens: Opens, origin: str) -> Iterator[Found]:
    header: dict[str, None] = {}
    for row in _objects(opens, Misfits()):
        header.update(dict.fromkeys(row))
    if not header:
        return
    names = tuple(header)

    def opened(misfits: Misfits, _stack: ExitStack) -> pa.RecordBatchReader:
        rows = ([row.get(name) for name in names] for row in _objects(opens, misfits))
        return batches(tuple(column_names(names)), rows)

    yield Found(origin, names, opened)


def _objects(opens: Opens, misfits: Misfits) -> Iterator[dict[str, str | None]]:
    with io.TextIOWrapper(opens(), "utf-8-sig") as lines:
        for number, line in enumerate(lines, 1):
            try:
                value = json.loads(line, parse_int=str, parse_float=str)
            except (ValueError, RecursionError):
                value = None
            if isinstance(value, dict):
                yield {str(key): _cell(one) for key, one in value.items()}
            else:
                misfits.add(number)


def _cell(value: object) -> str | None:
    if value is None or isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False)


def _zipped(opens: Opens, origin: str) -> Iterator[Found]:
    """Tables of delimited text in a zip (OneRoster), read where they lie."""
    with opens() as whole, zipfile.ZipFile(whole) as archive:
        members = [one for one in archive.infolist() if PurePosixPath(one.filename).suffix.lower() in _TEXT]
        for member in members:
            with archive.open(member) as file:
                shape = shape_of_head(file.read(_BLOCK))
            if shape:
                opener = _zip_opener(opens, member.filename, shape)
                yield Found(f"{origin}#{member.filename}", shape.header, opener, None)


def _zip_opener(opens: Opens, member: str, shape: Shape) -> Opener:
    def opened(misfits: Misfits, stack: ExitStack) -> pa.RecordBatchReader:
        archive = stack.enter_context(zipfile.ZipFile(stack.enter_context(opens())))
        raw = cast("BinaryIO", stack.enter_context(archive.open(member)))
        return _delimited(stack.enter_context(_characters(raw, shape.encoding)), shape, misfits)

    return opened
