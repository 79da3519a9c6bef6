"""The tables in a folder of restored originals, each as a stream of text cells: nothing is guessed into numbers.

What is no table stays an original. pyarrow reads delimited text, the standard library reads the rest.
"""

import codecs
import io
import json
import sqlite3
import zipfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, Literal, TextIO, cast

import adbc_driver_sqlite.dbapi as adbc
import duckdb
import pyarrow as pa
import pyarrow.csv as pacsv

from escrow.errors import FormatError
from escrow.export.naming import column_names, table_names
from escrow.export.text import Shape, shape_of, shape_of_head
from escrow.export.xmlrows import row_elements, xml_rows

_BLOCK = 4 << 20
_BATCH = 20_000
_SQLITE = b"SQLite format 3\0"
_TEXT = (".csv", ".tsv", ".tab", ".txt", ".psv")
_LINES = (".jsonl", ".ndjson")
_EMPTY = b""


@dataclass(slots=True)
class Misfits:
    """Rows of one table that do not fit its header: how many, and the first of their numbers (the header is 1)."""

    count: int = 0
    first: list[int] = field(default_factory=list)

    def add(self, number: int | None) -> None:
        self.count += 1
        if number is not None and len(self.first) < 10:
            self.first.append(number)


Opener = Callable[[Misfits, ExitStack], pa.RecordBatchReader]
"""Begins to read a table; what has to be closed is pushed on the stack."""


@dataclass(frozen=True, slots=True)
class Table:
    """One table. `origin`: the original's path with `/`, behind `#` what lies inside it; `header` as it stands there,
    `columns` unique; `shape` where it is a file of delimited text."""

    name: str
    origin: str
    header: tuple[str, ...]
    columns: tuple[str, ...]
    opener: Opener
    shape: Shape | None = None

    @contextmanager
    def read(self, misfits: Misfits | None = None) -> Iterator[pa.RecordBatchReader]:
        """Its rows as batches of text; `misfits` counts those that do not fit. FormatError `table-damaged`: also for
        what pyarrow, DuckDB and ADBC say inside of the `with`."""
        with ExitStack() as stack:
            try:
                yield self.opener(misfits or Misfits(), stack)
            except (pa.ArrowException, duckdb.Error, adbc.Error) as error:
                kind = type(error).__name__  # its words may hold cells
                raise FormatError("table-damaged", f"{self.origin}: cannot be read as a table ({kind})") from None


@dataclass(frozen=True, slots=True)
class Left:
    """An original that is no table, or that cannot be read as one. `code`: `opaque`, `empty`, or what is wrong."""

    origin: str
    code: str


@dataclass(frozen=True, slots=True)
class _Found:
    origin: str
    header: tuple[str, ...]
    opener: Opener
    shape: Shape | None = None


def find_tables(folder: Path) -> tuple[list[Table], list[Left]]:
    """All tables below `folder`, by path, and what is left as it is."""
    found: list[_Found] = []
    left: list[Left] = []
    for path in sorted(one for one in folder.rglob("*") if one.is_file() and not one.is_symlink()):
        origin = path.relative_to(folder).as_posix()
        before = len(found)
        try:
            found += _tables_of(path, origin)
        except (FormatError, sqlite3.Error, zipfile.BadZipFile, OSError, UnicodeError) as error:
            left.append(Left(origin, error.code if isinstance(error, FormatError) else "table-unreadable"))
            continue
        if len(found) == before:
            left.append(Left(origin, "opaque" if path.stat().st_size else "empty"))
    names = table_names([one.origin for one in found])
    tables = [
        Table(name, one.origin, one.header, tuple(column_names(one.header)), one.opener, one.shape)
        for name, one in zip(names, found, strict=True)
    ]
    return tables, left


def _tables_of(path: Path, origin: str) -> Iterator[_Found]:
    kind = path.suffix.lower()
    if kind in _TEXT:
        shape = shape_of(path)
        if shape:
            yield _Found(origin, shape.header, _text_opener(path, shape), shape)
    elif kind == ".xml":
        yield from _xml(path, origin)
    elif kind in _LINES:
        yield from _json_lines(path, origin)
    elif kind == ".zip":
        yield from _zipped(path, origin)
    elif _begins(path, _SQLITE):
        yield from _sqlite(path, origin)


def _begins(path: Path, mark: bytes) -> bool:
    with path.open("rb") as file:
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


def _text_opener(path: Path, shape: Shape) -> Opener:
    def opened(misfits: Misfits, stack: ExitStack) -> pa.RecordBatchReader:
        raw = stack.enter_context(path.open("rb"))
        return _delimited(stack.enter_context(_characters(raw, shape.encoding)), shape, misfits)

    return opened


def _characters(raw: BinaryIO, encoding: str) -> BinaryIO:
    if encoding == "utf-8":
        return raw
    if encoding == "utf-8-sig":
        raw.seek(len(codecs.BOM_UTF8))
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


def batches(columns: tuple[str, ...], rows: Iterator[list[str | None]]) -> pa.RecordBatchReader:
    """Rows of cells as a stream of batches of text."""
    schema = pa.schema([(column, pa.string()) for column in columns])

    def made() -> Iterator[pa.RecordBatch]:
        waiting: list[list[str | None]] = []
        for row in rows:
            waiting.append(row)
            if len(waiting) == _BATCH:
                yield _batch(waiting, schema)
                waiting = []
        if waiting:
            yield _batch(waiting, schema)

    return pa.RecordBatchReader.from_batches(schema, made())


def _batch(rows: list[list[str | None]], schema: pa.Schema) -> pa.RecordBatch:
    return pa.RecordBatch.from_arrays(
        [pa.array(cells, pa.string()) for cells in zip(*rows, strict=True)], schema=schema
    )


def _xml(path: Path, origin: str) -> Iterator[_Found]:
    elements = row_elements(path)
    for element in elements:
        header: dict[str, None] = {}
        for row in xml_rows(path, element):
            header.update(dict.fromkeys(row))
        inner = f"{origin}#{element.rpartition('/')[2]}" if len(elements) > 1 else origin
        yield _Found(inner, tuple(header), _xml_opener(path, element, tuple(header)))


def _xml_opener(path: Path, element: str, header: tuple[str, ...]) -> Opener:
    def opened(_misfits: Misfits, _stack: ExitStack) -> pa.RecordBatchReader:
        rows = ([row.get(name) for name in header] for row in xml_rows(path, element))
        return batches(tuple(column_names(header)), rows)

    return opened


def _json_lines(path: Path, origin: str) -> Iterator[_Found]:
    header: dict[str, None] = {}
    for row in _objects(path, Misfits()):
        header.update(dict.fromkeys(row))
    if not header:
        return
    names = tuple(header)

    def opened(misfits: Misfits, _stack: ExitStack) -> pa.RecordBatchReader:
        rows = ([row.get(name) for name in names] for row in _objects(path, misfits))
        return batches(tuple(column_names(names)), rows)

    yield _Found(origin, names, opened)


def _objects(path: Path, misfits: Misfits) -> Iterator[dict[str, str | None]]:
    with path.open(encoding="utf-8-sig") as lines:
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


def _zipped(path: Path, origin: str) -> Iterator[_Found]:
    """Tables of delimited text in a zip (OneRoster), read where they lie."""
    with zipfile.ZipFile(path) as archive:
        members = [one for one in archive.infolist() if Path(one.filename).suffix.lower() in _TEXT]
        for member in members:
            with archive.open(member) as file:
                shape = shape_of_head(file.read(_BLOCK))
            if shape:
                opener = _zip_opener(path, member.filename, shape)
                yield _Found(f"{origin}#{member.filename}", shape.header, opener, None)


def _zip_opener(path: Path, member: str, shape: Shape) -> Opener:
    def opened(misfits: Misfits, stack: ExitStack) -> pa.RecordBatchReader:
        archive = stack.enter_context(zipfile.ZipFile(path))
        raw = cast("BinaryIO", stack.enter_context(archive.open(member)))
        return _delimited(stack.enter_context(_characters(raw, shape.encoding)), shape, misfits)

    return opened


def _sqlite(path: Path, origin: str) -> Iterator[_Found]:
    with closing(sqlite3.connect(_address(path), uri=True)) as base:
        found = base.execute("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name").fetchall()
        for name in (str(row[0]) for row in found):
            if not name.startswith("sqlite_"):
                header = tuple(str(row[1]) for row in base.execute(f"PRAGMA table_info({quoted(name)})"))
                yield _Found(f"{origin}#{name}", header, _sqlite_opener(path, name, header))


def _sqlite_opener(path: Path, name: str, header: tuple[str, ...]) -> Opener:
    """Cells as SQLite's own text, bytes in hexadecimal."""
    columns = column_names(header)
    cells = ", ".join(
        f"CASE typeof({cell}) WHEN 'blob' THEN lower(hex({cell})) ELSE CAST({cell} AS TEXT) END AS {quoted(column)}"
        for cell, column in zip(map(quoted, header), columns, strict=True)
    )

    def opened(_misfits: Misfits, stack: ExitStack) -> pa.RecordBatchReader:
        base = stack.enter_context(adbc.connect(_address(path), autocommit=True))
        cursor = stack.enter_context(base.cursor(adbc_stmt_kwargs={"adbc.sqlite.query.batch_rows": str(_BATCH)}))
        cursor.execute(f"SELECT {cells} FROM {quoted(name)}")  # noqa: S608 - names in quotes
        return _checked(cursor.fetch_record_batch(), columns)

    return opened


def _checked(reader: pa.RecordBatchReader, columns: list[str]) -> pa.RecordBatchReader:
    """The same, all columns text, its bytes proven to be UTF-8."""
    schema = pa.schema([(column, pa.string()) for column in columns])

    def proven() -> Iterator[pa.RecordBatch]:
        for batch in reader:
            text = batch.cast(schema)
            text.validate(full=True)
            yield text

    return pa.RecordBatchReader.from_batches(schema, proven())


def _address(path: Path) -> str:
    return f"{path.absolute().as_uri()}?mode=ro&immutable=1"


def quoted(name: str) -> str:
    """A name as SQL writes it."""
    return '"' + name.replace('"', '""') + '"'
