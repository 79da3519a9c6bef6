"""SQL Server's catalogue: tables with columns, keys and foreign keys, and what is left out or may not be seen."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from escrow.source.sql_model import Column, ForeignKey, Table
from escrow.source.sqlserver_dialect import ENCRYPTED, form_of, type_of

Ask = Callable[[str], Sequence[Sequence[object]]]

ABOUT = """SELECT CONCAT(N'Microsoft SQL Server ', CONVERT(nvarchar(128), SERVERPROPERTY('ProductVersion')), N' ',
  CONVERT(nvarchar(128), SERVERPROPERTY('Edition'))),
  CONVERT(int, d.snapshot_isolation_state),
  CASE WHEN d.is_read_only = 1 OR d.source_database_id IS NOT NULL THEN 1 ELSE 0 END,
  COALESCE(HAS_PERMS_BY_NAME(QUOTENAME(DB_NAME()), 'DATABASE', 'VIEW DEFINITION'), 0),
  COALESCE(HAS_PERMS_BY_NAME(QUOTENAME(DB_NAME()), 'DATABASE', 'UNMASK'), 0)
FROM sys.databases d WHERE d.name = DB_NAME()"""
"""Server; 1 where a snapshot may be taken; whether nothing can change; whether all is seen; whether without masks."""

FEATURES = """SELECT o.name, c.name FROM sys.all_columns c JOIN sys.all_objects o ON o.object_id = c.object_id
WHERE o.schema_id = SCHEMA_ID('sys') AND o.name IN ('tables', 'columns', 'security_predicates')
  AND c.name IN ('is_external', 'is_memory_optimized', 'is_masked', 'encryption_type', 'graph_type',
  'predicate_type')"""
"""What this version's catalogue has and an older one's has not."""

_TABLES = """SELECT t.object_id, s.name, t.name, {tables.is_external}, {tables.is_memory_optimized}
FROM sys.tables t JOIN sys.schemas s ON s.schema_id = t.schema_id
WHERE t.is_ms_shipped = 0 ORDER BY s.name, t.name"""
_COLUMNS = """SELECT c.object_id, c.name, COALESCE(b.name, u.name, N'clr'), c.max_length, c.precision, c.scale,
  c.is_nullable, c.is_computed, {columns.is_masked}, {columns.encryption_type}, {columns.graph_type}
FROM sys.columns c JOIN sys.tables t ON t.object_id = c.object_id
LEFT JOIN sys.types u ON u.user_type_id = c.user_type_id LEFT JOIN sys.types b ON b.user_type_id = c.system_type_id
WHERE t.is_ms_shipped = 0 ORDER BY c.object_id, c.column_id"""
_PRIMARY = """SELECT i.object_id, c.name FROM sys.indexes i
JOIN sys.index_columns k ON k.object_id = i.object_id AND k.index_id = i.index_id
JOIN sys.columns c ON c.object_id = k.object_id AND c.column_id = k.column_id
WHERE i.is_primary_key = 1 AND k.key_ordinal > 0 ORDER BY i.object_id, k.key_ordinal"""
_FOREIGN = """SELECT f.parent_object_id, f.name, COL_NAME(k.parent_object_id, k.parent_column_id),
  OBJECT_SCHEMA_NAME(f.referenced_object_id), OBJECT_NAME(f.referenced_object_id),
  COL_NAME(k.referenced_object_id, k.referenced_column_id)
FROM sys.foreign_keys f JOIN sys.foreign_key_columns k ON k.constraint_object_id = f.object_id
WHERE f.is_ms_shipped = 0 ORDER BY f.parent_object_id, f.name, k.constraint_column_id"""
_LEFT_OUT = """SELECT N'views', COUNT(*) FROM sys.views WHERE is_ms_shipped = 0
UNION ALL SELECT N'synonyms', COUNT(*) FROM sys.synonyms WHERE is_ms_shipped = 0"""
_POLICIES = """SELECT COUNT(DISTINCT p.target_object_id) FROM sys.security_predicates p
JOIN sys.security_policies s ON s.object_id = p.object_id WHERE s.is_enabled = 1 AND p.predicate_type = 0"""
_INNER_GRAPH = frozenset({1, 3, 4, 6, 7})
"""Columns of nodes and edges that no query may name; those of 2, 5 and 8 say the same in JSON."""


@dataclass
class _Found:
    columns: list[Column] = field(default_factory=list)
    key: list[str] = field(default_factory=list)
    foreign: dict[str, ForeignKey] = field(default_factory=dict)
    masked: bool = False


def read_tables(ask: Ask, *, sees_all: bool, unmasks: bool) -> tuple[tuple[Table, ...], tuple[str, ...]]:
    """Every table that the account may see, and sentences about what is left out or hidden."""
    known = {f"{where}.{name}" for where, name in ask(FEATURES)}
    found: defaultdict[object, _Found] = defaultdict(_Found)
    encrypted = 0
    for row in ask(_with(_COLUMNS, known)):
        owner, name, kind, length, precision, scale, nullable, computed, masked, cipher, graph = row
        if graph in _INNER_GRAPH:
            continue
        shown = type_of(str(kind), _number(length), _number(precision), _number(scale))
        shown += " computed" * bool(computed) + ENCRYPTED * bool(cipher)
        encrypted += bool(cipher)
        found[owner].masked |= bool(masked)
        form = "hex" if cipher else form_of(str(kind))
        found[owner].columns.append(Column(str(name), shown, bool(nullable), form))
    for owner, name in ask(_PRIMARY):
        found[owner].key.append(str(name))
    hidden = set()
    for owner, key, column, schema, table, to in ask(_FOREIGN):
        if table is None:
            hidden.add((owner, key))
        before = found[owner].foreign.get(str(key), ForeignKey(str(key), (), _text(schema), _text(table), ()))
        found[owner].foreign[str(key)] = ForeignKey(
            before.name, (*before.columns, _text(column)), before.schema, before.table, (*before.to, _text(to))
        )
    listed = ask(_with(_TABLES, known))
    tables = tuple(
        _table(found[owner], str(schema), str(name), in_memory=bool(in_memory), unmasks=unmasks)
        for owner, schema, name, external, in_memory in listed
        if not external
    )
    told = [f"{count} {kind} are left out" for kind, count in ask(_LEFT_OUT) if count]
    outside = len(listed) - len(tables)
    told += [f"{outside} external tables are left out"] * bool(outside)
    told += [f"{encrypted} columns are of Always Encrypted: only their bytes are stored"] * bool(encrypted)
    if "security_predicates.predicate_type" in known:
        ((policies,),) = ask(_POLICIES)
        told += [f"{policies} tables have a security policy, which may hide rows from this account"] * bool(policies)
    told += [f"{len(hidden)} foreign keys point to tables that cannot be seen"] * bool(hidden)
    if not sees_all:
        told.append("tables that this account has no right to cannot be seen; GRANT VIEW DEFINITION shows them")
    return tables, tuple(told)


def _table(one: _Found, schema: str, name: str, *, in_memory: bool, unmasks: bool) -> Table:
    unread = "masked" if one.masked and not unmasks else "memory-optimized" if in_memory else ""
    return Table(schema, name, tuple(one.columns), tuple(one.key), tuple(one.foreign.values()), unread=unread)


def _with(query: str, known: set[str]) -> str:
    """The query for this version: a column that its catalogue lacks is 0."""
    for place in ("tables.is_external", "tables.is_memory_optimized"):
        query = query.replace(f"{{{place}}}", place.replace("tables", "t") if place in known else "0")
    for place in ("columns.is_masked", "columns.encryption_type", "columns.graph_type"):
        query = query.replace(f"{{{place}}}", place.replace("columns", "c") if place in known else "0")
    return query


def _number(value: object) -> int:
    return value if isinstance(value, int) else 0


def _text(value: object) -> str:
    return "" if value is None else str(value)
