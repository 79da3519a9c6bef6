"""The vendor's last dump against the last good night: which table is which, and what is missing of each."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from escrow.completeness.identifiers import identifier_of, names_a_thing, plain
from escrow.errors import FormatError
from escrow.export.dictionary import engine
from escrow.export.table import Misfits, Table, quoted
from escrow.vendor.held import Held, Side

_ENDING = re.compile(r"\.(csv|tsv|tab|txt|psv|xml|jsonl?|ndjson|sql|sqlite3?|db|gz)$", re.IGNORECASE)
_ALIKE = 0.6
_FEWEST = 3
_AT_ONCE = 100
_BOTH = """
    CREATE TABLE sides AS
    SELECT value, coalesce(night.n, 0) AS a, coalesce(dump.n, 0) AS b FROM night FULL JOIN dump USING (value)
"""
_SUMS = """
    SELECT coalesce(sum(a), 0), coalesce(sum(b), 0), coalesce(sum(greatest(a - b, 0)), 0),
        coalesce(sum(greatest(b - a, 0)), 0), count(*) FILTER (b = 0) FROM sides
"""
_MISSING = "SELECT value FROM sides WHERE b = 0 ORDER BY value LIMIT 1000"


@dataclass(frozen=True, slots=True)
class Pair:
    """A table of the night and the one of the dump that is meant: `by` its name or its columns; None where none is."""

    night: Held
    dump: Held | None
    by: str = ""


@dataclass(frozen=True, slots=True)
class Compared:
    """One table of the night beside the dump's. Counts of rows are None where a side cannot be counted;
    `columns_emptied` hold something on the night and nothing in the dump.

    `key`: the column by whose values rows were counted; `values`: how many of them the dump lacks, `missing` the first
    of these; `rows_missing` and `rows_new` add up what each value has less and more. `problem`: why a side is not read.
    """

    night: str
    dump: str | None
    by: str
    rows_night: int | None
    rows_dump: int | None = None
    columns_missing: tuple[str, ...] = ()
    columns_new: tuple[str, ...] = ()
    columns_emptied: tuple[str, ...] = ()
    key: str = ""
    values: int = 0
    missing: tuple[str, ...] = ()
    rows_missing: int = 0
    rows_new: int = 0
    problem: str = ""

    @property
    def lacks(self) -> bool:
        """Whether something of the night is not in the dump."""
        gone = self.dump is None and self.rows_night != 0
        return gone or bool(self.columns_missing or self.columns_emptied or self.rows_missing or self.problem)


@dataclass(frozen=True, slots=True)
class Reconciled:
    """All tables of the night; `new`: tables of the dump that the night does not have; `files`: paths of other files of
    the night whose content the dump does not have; `same`: its tables are files of the night."""

    tables: tuple[Compared, ...]
    new: tuple[str, ...]
    files: tuple[str, ...]
    files_night: int
    troubles: tuple[tuple[str, str], ...]
    same: bool

    @property
    def lacks(self) -> bool:
        """Whether anything is missing or could not be looked into."""
        return any(one.lacks for one in self.tables) or bool(self.files or self.troubles)

    @property
    def counts(self) -> dict[str, int]:
        """In numbers: tables, columns and rows that are missing, other files, troubles."""
        there = [one for one in self.tables if one.dump is not None]
        return {
            "tables_missing": sum(one.lacks for one in self.tables if one.dump is None),
            "columns_missing": sum(len(one.columns_missing) + len(one.columns_emptied) for one in there),
            "rows_missing": sum(one.rows_missing for one in there),
            "files_missing": len(self.files),
            "troubles": len(self.troubles) + sum(bool(one.problem) for one in self.tables),
        }


def pair(night: Sequence[Held], dump: Sequence[Held]) -> tuple[list[Pair], list[Held]]:
    """Each table of the night with at most one of the dump, and what of the dump is left. Pure.

    The same name goes first, then the same name but for a plural; else at least three columns, of which three in five
    are the same.
    """
    scored = sorted(_scores(night, dump), reverse=True, key=lambda one: one[0])
    mine: dict[int, tuple[int, str]] = {}
    taken: set[int] = set()
    for _, at, to, by in scored:
        if at not in mine and to not in taken:
            mine[at] = (to, by)
            taken.add(to)
    pairs = [
        Pair(one, dump[mine[at][0]], mine[at][1]) if at in mine else Pair(one, None) for at, one in enumerate(night)
    ]
    return pairs, [one for to, one in enumerate(dump) if to not in taken]


def _scores(night: Sequence[Held], dump: Sequence[Held]) -> Iterator[tuple[float, int, int, str]]:
    theirs = [(_name(one.origin), frozenset(map(plain, one.columns))) for one in dump]
    for at, one in enumerate(night):
        name, columns = _name(one.origin), frozenset(map(plain, one.columns))
        for to, (other, others) in enumerate(theirs):
            alike = len(columns & others) / len(columns | others) if columns and others else 0.0
            if name == other:
                yield 3 + alike, at, to, "name"
            elif name.rstrip("s") == other.rstrip("s"):
                yield 2 + alike, at, to, "name"
            elif alike >= _ALIKE and len(columns & others) >= _FEWEST:
                yield alike, at, to, "columns"


def _name(origin: str) -> str:
    """A table's own name: without folders, ending and schema."""
    last = _ENDING.sub("", origin.rpartition("#")[2].rpartition("/")[2])
    return plain(last.rpartition(".")[2])


def reconcile(night: Side, dump: Side) -> Reconciled:
    """Read every table that both have, a column of it at least; memory grows with the distinct values of one key."""
    pairs, left = pair(night.tables, dump.tables)
    hashes = {sha256 for sha256, _ in dump.files.values()}
    return Reconciled(
        tables=tuple(_compared(one) for one in pairs),
        new=tuple(one.origin for one in left),
        files=tuple(path for path in sorted(night.others) if night.files[path][0] not in hashes),
        files_night=len(night.others),
        troubles=tuple(dump.troubles),
        same=_is_same(pairs, night, dump),
    )


def _is_same(pairs: Sequence[Pair], night: Side, dump: Side) -> bool:
    """Whether all tables that both have stand in files that are the same byte for byte."""
    known = {sha256 for sha256, _ in night.files.values()}
    files = [one.dump.origin.partition("#")[0] for one in pairs if one.dump is not None]
    return bool(files) and all(dump.files[path][0] in known for path in files)


def _compared(one: Pair) -> Compared:
    night, dump = one.night, one.dump
    try:
        if dump is None:
            return Compared(night.origin, None, "", rows_of(night))
        if night.table and dump.table:
            return _read(one, night.table, dump.table)
        rows, theirs = rows_of(night), rows_of(dump)
    except FormatError as error:
        return Compared(night.origin, dump.origin if dump else None, one.by, None, problem=error.code)
    return Compared(
        night.origin,
        dump.origin,
        one.by,
        rows,
        theirs,
        rows_missing=max(0, rows - theirs),
        rows_new=max(0, theirs - rows),
    )


def rows_of(held: Held) -> int:
    """How many rows fit the header. FormatError `table-damaged`."""
    if held.table is None:
        return held.rows or 0
    with held.table.read() as reader:
        return sum(batch.num_rows for batch in reader)


def _read(one: Pair, night: Table, dump: Table) -> Compared:
    theirs = {plain(column): column for column in reversed(dump.columns)}
    own = {plain(column) for column in night.columns}
    shared = [(column, theirs[plain(column)]) for column in night.columns if plain(column) in theirs]
    told = Compared(
        night.origin,
        dump.origin,
        one.by,
        None,
        columns_missing=tuple(column for column in night.columns if plain(column) not in theirs),
        columns_new=tuple(column for column in dump.columns if plain(column) not in own),
    )
    if not shared:
        rows = rows_of(one.night)
        return replace(told, rows_night=rows, rows_dump=rows_of(Held(dump.origin, (), dump)), rows_missing=rows)
    key = next((both for both in shared if identifier_of(both[0])), None) or next(
        (both for both in shared if names_a_thing(both[0])), shared[0]
    )
    counted = _count(told, (night, key[0]), (dump, key[1]))
    before, after = _filled(night, [mine for mine, _ in shared]), _filled(dump, [other for _, other in shared])
    emptied = [mine for (mine, _), had, has in zip(shared, before, after, strict=True) if had and not has]
    return replace(counted, columns_emptied=tuple(emptied) if counted.rows_dump else ())


def _count(told: Compared, night: tuple[Table, str], dump: tuple[Table, str]) -> Compared:
    """Rows by the values of a column, of both. FormatError `table-damaged`."""
    misfits = Misfits()
    with engine() as base:
        for name, (table, column) in (("night", night), ("dump", dump)):
            with table.read(misfits if name == "dump" else None) as reader:
                base.register("stream", reader)
                cell = f"coalesce(trim({quoted(column)}), '')"
                base.execute(f"CREATE TABLE {name} AS SELECT {cell} AS value, count(*) AS n FROM stream GROUP BY value")  # noqa: S608
                base.unregister("stream")
        base.execute(_BOTH)
        a, b, less, more, values = base.execute(_SUMS).fetchall()[0]
        missing = base.execute(_MISSING).fetchall()
    return replace(
        told,
        rows_night=int(a),
        rows_dump=int(b),
        key=night[1],
        values=int(values),
        missing=tuple(str(row[0]) for row in missing),
        rows_missing=int(less),
        rows_new=int(more),
        problem="rows-misfit" if misfits.count else "",
    )


def _filled(table: Table, columns: Sequence[str]) -> list[int]:
    """How many cells of each column hold something."""
    found: list[int] = []
    for start in range(0, len(columns), _AT_ONCE):
        cells = ", ".join(f"count(nullif(trim({quoted(one)}), ''))" for one in columns[start : start + _AT_ONCE])
        with engine() as base, table.read() as reader:
            base.register("stream", reader)
            found += map(int, base.execute(f"SELECT {cells} FROM stream").fetchall()[0])  # noqa: S608
    return found
