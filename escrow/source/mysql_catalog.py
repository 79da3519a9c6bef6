"""MySQL's and MariaDB's catalogue: tables with columns, keys and foreign keys, and what is left out."""

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field

from escrow.source.mysql_dialect import form_of
from escrow.source.sql_model import Column, ForeignKey, Table

Ask = Callable[[str], list[tuple[str | None, ...]]]

_TABLES = """SELECT TABLE_NAME, TABLE_TYPE, COALESCE(ENGINE, '') FROM information_schema.TABLES
WHERE TABLE_SCHEMA = DATABASE() ORDER BY TABLE_NAME"""
_COLUMNS = """SELECT TABLE_NAME, COLUMN_NAME, COLUMN_TYPE, IS_NULLABLE, DATA_TYPE FROM information_schema.COLUMNS
WHERE TABLE_SCHEMA = DATABASE() ORDER BY TABLE_NAME, ORDINAL_POSITION"""
_PRIMARY = """SELECT TABLE_NAME, COLUMN_NAME FROM information_schema.STATISTICS
WHERE TABLE_SCHEMA = DATABASE() AND INDEX_NAME = 'PRIMARY' ORDER BY TABLE_NAME, SEQ_IN_INDEX"""
_FOREIGN = """SELECT TABLE_NAME, CONSTRAINT_NAME, COLUMN_NAME, REFERENCED_TABLE_SCHEMA, REFERENCED_TABLE_NAME,
REFERENCED_COLUMN_NAME FROM information_schema.KEY_COLUMN_USAGE
WHERE TABLE_SCHEMA = DATABASE() AND REFERENCED_TABLE_NAME IS NOT NULL
ORDER BY TABLE_NAME, CONSTRAINT_NAME, ORDINAL_POSITION"""
_WHOLE = """SELECT 1 FROM information_schema.USER_PRIVILEGES WHERE PRIVILEGE_TYPE = 'SELECT'
UNION ALL SELECT 1 FROM information_schema.SCHEMA_PRIVILEGES
WHERE PRIVILEGE_TYPE = 'SELECT' AND DATABASE() LIKE TABLE_SCHEMA"""
"""A row where the account itself has SELECT on the whole database, and so sees every table."""
_HOLDS_ROWS = frozenset({"BASE TABLE", "SYSTEM VERSIONED"})
_TRANSACTIONAL = frozenset({"InnoDB", "ROCKSDB", "TokuDB", "ndbcluster"})


@dataclass
class _Found:
    columns: list[Column] = field(default_factory=list)
    key: list[str] = field(default_factory=list)
    foreign: dict[str, ForeignKey] = field(default_factory=dict)


def read_tables(ask: Ask, database: str) -> tuple[tuple[Table, ...], tuple[str, ...]]:
    """Every table that the account may see, and sentences about what is left out or read another way."""
    found: defaultdict[str, _Found] = defaultdict(_Found)
    for name, column, shown, nullable, kind in _texts(ask(_COLUMNS)):
        found[name].columns.append(Column(column, shown, nullable == "YES", form_of(kind)))
    for name, column in _texts(ask(_PRIMARY)):
        found[name].key.append(column)
    for name, key, column, schema, table, to in _texts(ask(_FOREIGN)):
        before = found[name].foreign.get(key, ForeignKey(key, (), schema, table, ()))
        found[name].foreign[key] = ForeignKey(key, (*before.columns, column), schema, table, (*before.to, to))
    listed = _texts(ask(_TABLES))
    tables = tuple(
        Table(
            database,
            name,
            tuple(found[name].columns),
            tuple(found[name].key),
            tuple(found[name].foreign.values()),
            outside=engine not in _TRANSACTIONAL,
            unread="" if found[name].columns else "permission",
        )
        for name, kind, engine in listed
        if kind in _HOLDS_ROWS
    )
    names = {name for name, *_ in listed}
    hidden = {key.table for table in tables for key in table.foreign_keys if key.schema == database} - names
    outside = sum(table.outside for table in tables)
    return tables, _told(len(listed) - len(tables), outside, len(hidden), whole=bool(ask(_WHOLE)))


def _told(left_out: int, outside: int, hidden: int, *, whole: bool) -> tuple[str, ...]:
    told = [f"{left_out} views and sequences are left out"] if left_out else []
    if outside:
        told.append(f"{outside} tables are of an engine without transactions (such as MyISAM): read one after another")
    if hidden:
        told.append(f"{hidden} tables that foreign keys point to cannot be seen; grant SELECT on the database")
    if not whole:
        told.append("tables that this account has no right to cannot be seen; grant SELECT on the whole database")
    return tuple(told)


def _texts(rows: list[tuple[str | None, ...]]) -> list[tuple[str, ...]]:
    return [tuple(value or "" for value in row) for row in rows]
