"""PostgreSQL's catalogue: which tables there are, with columns, keys and foreign keys, and what is left out."""

from dataclasses import replace

import psycopg
from psycopg.rows import TupleRow

from escrow.source.sql_model import Column, ForeignKey, Table

_OURS = """n.nspname NOT IN ('pg_catalog', 'information_schema')
  AND n.nspname NOT LIKE 'pg\\_toast%' AND n.nspname NOT LIKE 'pg\\_temp%'"""
TABLES = f"""
SELECT c.oid::bigint, n.nspname, c.relname, c.relkind = 'p'
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND c.relpersistence <> 't' AND {_OURS}
ORDER BY n.nspname, c.relname"""  # noqa: S608 - our own words
"""oid, schema, name, whether it is a partitioned table: tables that hold rows, partitions within their parent."""
_COLUMNS = """
SELECT a.attrelid::bigint, a.attname, pg_catalog.format_type(a.atttypid, a.atttypmod), NOT a.attnotnull,
       CASE WHEN b.typname = 'bytea' THEN 'hex' WHEN b.typcategory IN ('N', 'B', 'D', 'T') THEN 'plain' ELSE 'text' END
FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
JOIN pg_catalog.pg_type b ON b.oid = CASE WHEN t.typtype = 'd' THEN t.typbasetype ELSE t.oid END
WHERE a.attrelid = ANY(%s) AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attrelid, a.attnum"""
_KEYS = """
SELECT k.conrelid::bigint, k.contype::text, k.conname,
  ARRAY(SELECT a.attname FROM unnest(k.conkey) WITH ORDINALITY u(n, i)
        JOIN pg_catalog.pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = u.n ORDER BY i)::text[],
  n.nspname, f.relname,
  ARRAY(SELECT a.attname FROM unnest(k.confkey) WITH ORDINALITY u(n, i)
        JOIN pg_catalog.pg_attribute a ON a.attrelid = k.confrelid AND a.attnum = u.n ORDER BY i)::text[]
FROM pg_catalog.pg_constraint k LEFT JOIN pg_catalog.pg_class f ON f.oid = k.confrelid
LEFT JOIN pg_catalog.pg_namespace n ON n.oid = f.relnamespace
WHERE k.contype IN ('p', 'f') AND k.conrelid = ANY(%s) ORDER BY k.conrelid, k.conname"""
_LEFT_OUT = f"""
SELECT CASE c.relkind WHEN 'v' THEN 'views' WHEN 'm' THEN 'materialised views' ELSE 'foreign tables' END, count(*)
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('v', 'm', 'f') AND {_OURS} GROUP BY 1
UNION ALL SELECT 'large objects', count(*) FROM pg_catalog.pg_largeobject_metadata
ORDER BY 1"""  # noqa: S608 - our own words


def read_tables(run: "psycopg.Connection[TupleRow]") -> dict[int, Table]:
    """Every table by its oid, as the running transaction sees them."""
    found: dict[int, Table] = {}
    for oid, schema, name, partitioned in run.execute(TABLES):
        found[oid] = Table(schema, name, (), partitioned=partitioned)
    columns: dict[int, list[Column]] = {oid: [] for oid in found}
    for oid, name, type_name, nullable, form in run.execute(_COLUMNS, (list(found),)):
        columns[oid].append(Column(name, type_name, nullable, form))
    for oid, table in found.items():
        found[oid] = replace(table, columns=tuple(columns[oid]))
    for oid, kind, name, own, schema, other, to in run.execute(_KEYS, (list(found),)):
        if kind == "p":
            found[oid] = replace(found[oid], key=tuple(own))
        else:
            keys = (*found[oid].foreign_keys, ForeignKey(name, tuple(own), schema, other, tuple(to)))
            found[oid] = replace(found[oid], foreign_keys=keys)
    return found


def left_out(run: "psycopg.Connection[TupleRow]") -> tuple[str, ...]:
    """What the database holds and no CSV shows, in sentences."""
    return tuple(f"{count} {kind} are left out" for kind, count in run.execute(_LEFT_OUT) if count)
