"""What changed in a table between two nights, by rows: those that came, those that went, the cells that differ.

Rows are told apart by a key that a database declared, else by a column named like an identifier whose values differ,
else they are compared as wholes. Both nights are read twice: for hashes of all rows (64 bits), then for the rows that
differ. What does not fit in memory is spilt beside the result, which holds the same, and removed.
"""

import csv
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import duckdb
import pyarrow as pa

from escrow.completeness.identifiers import names_a_thing, plain
from escrow.export.dictionary import engine
from escrow.export.naming import unique
from escrow.export.table import Table, quoted
from escrow.export.writing import write_batches

Kind = Literal["added", "removed"]

_GUESSES = 4
_BATCH = 20_000
_SPILL = ".spill"
_COLUMNS_AT_ONCE = 50
_CHANGED = ("column", "before", "after")


@dataclass(frozen=True, slots=True)
class FileChange:
    """A file that came, went or differs; sizes in bytes, None where it is not."""

    path: str
    kind: Literal["added", "removed", "changed"]
    before: int | None
    after: int | None


@dataclass(frozen=True, slots=True)
class Difference:
    """How a table differs. `key`: the columns that name its rows, none where rows are compared as wholes; `guessed`: no
    database declared them; `doubled`: a declared key names some rows twice, so that it could not be used. `came` and
    `went` are columns that one night alone has; rows are compared by the others."""

    table: str
    origin: str
    added: int
    removed: int
    changed: int = 0
    key: tuple[str, ...] = ()
    guessed: bool = False
    doubled: bool = False
    came: tuple[str, ...] = ()
    went: tuple[str, ...] = ()


def file_changes(was: Mapping[str, tuple[int, str]], now: Mapping[str, tuple[int, str]]) -> Iterator[FileChange]:
    """Pure: by path, from each night's sizes and SHA-256 by path."""
    for path in sorted(was.keys() | now.keys()):
        before, after = was.get(path), now.get(path)
        if before != after:
            kind: Literal["added", "removed", "changed"] = (
                "added" if before is None else "removed" if after is None else "changed"
            )
            yield FileChange(path, kind, before and before[0], after and after[0])


def write_file_changes(changes: Iterable[FileChange], target: Path) -> None:
    """One line a file: CSV, UTF-8."""
    with target.open("w", encoding="utf-8", errors="surrogateescape", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("path", "change", "bytes before", "bytes after"))
        writer.writerows((one.path, one.kind, one.before, one.after) for one in changes)


def write_whole(table: Table, kind: Kind, name: str, folder: Path) -> Difference:
    """The rows of a table that one night alone has, as `<name>.added.csv` or such. FormatError `table-damaged`."""
    with table.read() as reader:
        rows = write_batches(reader, folder / f"{name}.{kind}.csv")
    return Difference(name, table.origin, rows if kind == "added" else 0, rows if kind == "removed" else 0)


def compare(was: Table, now: Table, declared: tuple[str, ...], folder: Path) -> Difference:
    """Writes `<table>.added.csv`, `.removed.csv` (whole rows) and `.changed.csv` (a line a cell) where there are any.

    FormatError `table-damaged`.
    """
    common = tuple(one for one in now.columns if one in was.columns)
    came = tuple(one for one in now.columns if one not in common)
    went = tuple(one for one in was.columns if one not in common)
    if not common:
        removed, added = write_whole(was, "removed", now.name, folder), write_whole(now, "added", now.name, folder)
        return replace(added, removed=removed.removed, came=came, went=went)
    with engine(str(folder / _SPILL)) as base:
        both = _Both(base, was, now, common)
        candidates = _candidates(common, declared)
        key = both.read_hashes(candidates)
        removed_rows = both.write_rows("removed", was, folder)
        added_rows = both.write_rows("added", now, folder)
        changed_rows = both.write_cells(folder) if key else 0
    guessed, doubled = bool(key) and not declared, bool(declared and candidates) and not key
    return Difference(now.name, now.origin, added_rows, removed_rows, changed_rows, key, guessed, doubled, came, went)


_APART_BY_KEY = """
CREATE TABLE apart AS SELECT {key} AS k, (now.r IS NULL)::INT AS removed, (was.r IS NULL)::INT AS added,
now.r <> was.r AS differs FROM was FULL JOIN now USING ({key}) WHERE was.r IS DISTINCT FROM now.r
"""
_APART_BY_ROWS = """
CREATE TABLE apart AS SELECT r AS k, greatest(-sum(one), 0) AS removed, greatest(sum(one), 0) AS added,
FALSE AS differs FROM (SELECT r, -1 AS one FROM was UNION ALL SELECT r, 1 FROM now) GROUP BY r HAVING sum(one) <> 0
"""


def _candidates(common: Sequence[str], declared: tuple[str, ...]) -> list[tuple[str, ...]]:
    found: list[tuple[str, ...]] = [(one,) for one in common if names_a_thing(plain(one))]
    if declared:
        return [declared] if set(declared) <= set(common) else []
    return found[:_GUESSES]


class _Both:
    """A table of two nights in DuckDB: hashes of all rows, then those rows that differ, by the numbers of columns."""

    def __init__(self, base: duckdb.DuckDBPyConnection, was: Table, now: Table, common: tuple[str, ...]) -> None:
        self._base = base
        self._was = was
        self._now = now
        self._common = common
        self._key: tuple[str, ...] = ()

    def read_hashes(self, keys: list[tuple[str, ...]]) -> tuple[str, ...]:
        """Finds what is apart, by the first of the keys of which each value stands once in either night; that key."""
        for side, table in (("was", self._was), ("now", self._now)):
            hashes = [f"{_hash(key)} AS k{at}" for at, key in enumerate(keys)] + [f"{_hash(self._common)} AS r"]
            self._load(side, table, f"SELECT {', '.join(hashes)} FROM stream")  # noqa: S608 - names in quotes
        for at, key in enumerate(keys):
            if self._stands_once(f"k{at}"):
                self._base.execute(_APART_BY_KEY.format(key=f"k{at}"))
                self._key = key
                return key
        self._base.execute(_APART_BY_ROWS)
        return ()

    def _stands_once(self, key: str) -> bool:
        doubled = f"(SELECT count(*) - count(DISTINCT {key}) FROM"
        return self._number(f"SELECT {doubled} was) + {doubled} now)") == 0

    def _number(self, query: str) -> int:
        return int(self._base.execute(query).fetchall()[0][0])

    def _load(self, name: str, table: Table, query: str) -> None:
        with table.read() as reader:
            self._base.register("stream", reader)
            self._base.execute(f"CREATE TABLE {name} AS {query}").fetchall()
            self._base.unregister("stream")

    def write_rows(self, kind: Kind, table: Table, folder: Path) -> int:
        """The rows of one night that the other has not."""
        cells = ", ".join(f"{quoted(name)} AS c{number}" for number, name in enumerate(table.columns))
        rows = f"SELECT {_hash(self._key or self._common)} AS k, {cells} FROM stream"  # noqa: S608 - names in quotes
        self._load(f"some_{kind}", table, f"FROM ({rows}) JOIN apart USING (k) WHERE {kind} > 0 OR differs")
        cells = ", ".join(f"c{number}" for number in range(len(table.columns)))
        copies = f"QUALIFY row_number() OVER (PARTITION BY k) <= {kind}"
        query = f"SELECT {cells} FROM some_{kind} {copies} ORDER BY {cells}"  # noqa: S608 - names of our own
        return self._write(query, table.columns, folder / f"{self._now.name}.{kind}.csv")

    def write_cells(self, folder: Path) -> int:
        """A line a cell: the key, the column's name, the cell before and after. Gives how many rows differ."""
        if not (differing := self._number("SELECT count(*) FROM some_removed WHERE differs")):
            return 0
        old, new = self._was.columns, self._now.columns
        places = {one: (f"old.c{old.index(one)}", f"new.c{new.index(one)}") for one in self._common}
        names = [f"{places[one][1]} AS key{number}" for number, one in enumerate(self._key)]
        key = ", ".join(f"key{number}" for number in range(len(self._key)))
        cells = [
            f"{{'at': {at}, 'name': {_text(one)}, 'before': {before}, 'after': {after}}}"
            for at, (one, (before, after)) in enumerate(places.items())
            if one not in self._key
        ]
        for start in range(0, len(cells), _COLUMNS_AT_ONCE):
            some = ", ".join(cells[start : start + _COLUMNS_AT_ONCE])
            pairs = "some_removed old JOIN some_added new USING (k) WHERE old.differs"
            lines = f"SELECT {', '.join(names)}, unnest([{some}]) AS cell FROM {pairs}"  # noqa: S608 - names of our own
            query = f"FROM ({lines}) WHERE cell.before IS DISTINCT FROM cell.after"
            self._base.execute(f"{'INSERT INTO cells' if start else 'CREATE TABLE cells AS'} {query}")
        self._base.execute("DROP TABLE some_removed; DROP TABLE some_added")
        query = f"SELECT {key}, cell.name, cell.before, cell.after FROM cells ORDER BY {key}, cell.at"  # noqa: S608
        self._write(query, unique([*self._key, *_CHANGED]), folder / f"{self._now.name}.changed.csv")
        return differing

    def _write(self, query: str, columns: Sequence[str], target: Path) -> int:
        """As CSV; no file where there are no rows. Gives how many there are."""
        schema = pa.schema([(name, pa.string()) for name in columns])
        found = self._base.sql(query).to_arrow_reader(_BATCH)
        batches = (pa.RecordBatch.from_arrays(one.columns, schema=schema) for one in found)
        rows = write_batches(pa.RecordBatchReader.from_batches(schema, batches), target)
        if not rows:
            target.unlink()
        return rows


def _hash(columns: Sequence[str]) -> str:
    return f"hash({', '.join(map(quoted, columns))})"


def _text(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
