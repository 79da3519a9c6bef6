"""Whether tables agree with each other: keys that stand twice, references that point nowhere.

Keys are those of a `schema.json` (a source of SQL tables), else guessed by names and content, and said to be so.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import duckdb

from escrow.completeness.identifiers import CHECKS, identifier_of, names_a_thing, plain
from escrow.export.dictionary import Described, engine
from escrow.export.table import Table, quoted

_EVERYBODYS = "id"
"""A column of this name names rows of its own table alone."""


@dataclass(frozen=True, slots=True)
class Key:
    """A column that names a table's rows; `refers` are columns of other tables that should name them."""

    table: str
    column: str
    refers: tuple[tuple[str, str], ...]
    guessed: bool = True


@dataclass(frozen=True, slots=True)
class Doubt:
    """A fault in or between tables. `code`: `key-twice`, `reference-nowhere`, `identifier-invalid`; `values` distinct
    ones in `rows` rows."""

    code: str
    table: str
    column: str
    of: str
    values: int
    rows: int
    guessed: bool


def guess_keys(described: Iterable[Described]) -> list[Key]:
    """Pure. A key: no nulls, as many distinct values as rows (the estimate allows a twentieth), a name like an
    identifier's; of several the one of most rows. Columns of that name in other tables refer to it."""
    tables = sorted((one for one in described if one.rows), key=lambda one: (-one.rows, one.table.name))
    keys: dict[str, tuple[str, str]] = {}
    for one in tables:
        for column in one.columns:
            name = plain(column.name)
            full = one.rows - column.nulls - column.blanks
            if (
                name not in keys
                and names_a_thing(name)
                and name != _EVERYBODYS
                and full == one.rows
                and column.distinct >= one.rows * 0.95
                and any(plain(other.name) == name for two in tables if two is not one for other in two.columns)
            ):
                keys[name] = (one.table.name, column.name)
    return [
        Key(
            table,
            column,
            tuple(
                (one.table.name, other.name)
                for one in tables
                for other in one.columns
                if one.table.name != table and plain(other.name) == name and one.rows - other.nulls > other.blanks
            ),
        )
        for name, (table, column) in keys.items()
    ]


def check_keys(keys: Iterable[Key], described: Iterable[Described]) -> list[Doubt]:
    """Read each key's column and those that refer to it; memory grows with the distinct values of one key."""
    tables = {one.table.name: one.table for one in described}
    doubts: list[Doubt] = []
    for key in keys:
        with engine() as base:
            doubts += _check_key(key, tables, base)
    return doubts


def _check_key(key: Key, tables: Mapping[str, Table], base: duckdb.DuckDBPyConnection) -> Iterator[Doubt]:
    with tables[key.table].read() as reader:
        base.register("stream", reader)
        base.execute(f"CREATE TABLE named AS {_values(key.column)}").fetchall()
        base.unregister("stream")
    values, rows = _two(base, "FROM named WHERE rows > 1")
    if values:
        yield Doubt("key-twice", key.table, key.column, key.table, values, rows, key.guessed)
    for table, column in key.refers:
        with tables[table].read() as reader:
            base.register("stream", reader)
            values, rows = _two(base, f"FROM ({_values(column)}) AS used ANTI JOIN named USING (value)")
            base.unregister("stream")
        if values:
            yield Doubt("reference-nowhere", table, column, key.table, values, rows, key.guessed)


def check_identifiers(described: Iterable[Described]) -> list[Doubt]:
    """Values of UPN, ULN, LAESTAB and URN that fail their check; real data has them."""
    doubts: list[Doubt] = []
    for one in described:
        for column in one.columns:
            kind = identifier_of(column.name)
            if not kind or column.type == "empty":
                continue
            with engine() as base, one.table.read() as reader:
                base.register("stream", reader)
                found = base.execute(_values(column.name)).fetchall()
            wrong = [int(rows) for value, rows in found if not CHECKS[kind](value)]
            if wrong:
                doubts.append(
                    Doubt("identifier-invalid", one.table.name, column.name, kind.upper(), len(wrong), sum(wrong), True)
                )
    return doubts


def _values(column: str) -> str:
    cell = f"trim({quoted(column)})"
    return f"SELECT {cell} AS value, count(*) AS rows FROM stream WHERE {cell} <> '' GROUP BY value"  # noqa: S608


def _two(base: duckdb.DuckDBPyConnection, where: str) -> tuple[int, int]:
    row = base.execute(f"SELECT count(*), coalesce(sum(rows), 0) {where}").fetchall()[0]
    return int(row[0]), int(row[1])
