"""A real PostgreSQL as a source: what its tables become, in one snapshot, by an account of the guide's GRANTs."""

import csv
import io
import json
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import pytest

from escrow.errors import SourceError
from escrow.source import postgresql
from tests.servers.databases import PASSWORD, postgres_admin

from .postgresql_kit import Base
from .sql_kit import Reading, read

TYPES = r"""
CREATE TABLE pupil (
  id integer PRIMARY KEY, name text NOT NULL, note text, photo bytea, seen timestamptz, born date, fee numeric(12,4),
  ratio double precision, real4 real, here boolean, tags text[], extra json, doc jsonb, uid uuid, spell interval,
  clock time, alike "char", price money, fixed char(4), stamp timestamp, big bigint, bits bit(3), spread int4range
);
SET TIME ZONE 'America/New_York';
INSERT INTO pupil VALUES
 (2, 'O''Shields, "Ann"', '', '\x', '2026-03-29 01:30:00+00', '0044-03-15 BC', 1.50, 0.1, 0.1, true,
  '{a,"b,c",NULL,""}', '{"a": 1,  "b":"x\ny"}', '{"b": [1, null]}', 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11',
  '1 year 2 days 03:04:05', '23:59:59.999999', 'x', 1234.5, 'ab', '2026-10-25 01:30:00', -9223372036854775808,
  B'101', '[1,5)'),
 (1, E'two\nlines\r\n\ttab \\ back', NULL, '\x00ff0a22', 'infinity', 'infinity', 'NaN', '-Infinity', 3.4e38,
  false, '{}', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, '-infinity', NULL, NULL, NULL),
 (10, '\.', '\N', NULL, '1900-01-01 00:00:00+00', NULL, 99999999.9999, 0.30000000000000004, NULL, NULL, NULL, NULL,
  NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL)
"""


def schema(found: Reading) -> dict[str, dict[str, object]]:
    tables = json.loads(found.files["schema.json"])["tables"]
    return {table["table"]: table for table in tables}


def rows(data: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(data.decode(), newline="")))


def test_every_type_as_it_is_stored(base: Base) -> None:
    base.run(*TYPES.split(";\n"))
    source = base.source()
    found = read(source)
    assert found.unread == {}
    data = found.files["public.pupil.csv"].decode()
    head, *lines = rows(data.encode())
    by_id = [dict(zip(head, line, strict=True)) for line in lines]
    assert [one["id"] for one in by_id] == ["1", "2", "10"]  # by the key, as numbers
    assert by_id[0]["name"] == "two\nlines\r\n\ttab \\ back"
    assert by_id[0] | {"seen": "infinity", "born": "infinity", "fee": "NaN", "ratio": "-Infinity"} == by_id[0]
    assert by_id[0] | {"photo": "\\x00ff0a22", "here": "f", "tags": "{}", "stamp": "-infinity"} == by_id[0]
    assert (
        by_id[1]
        | {
            "name": 'O\'Shields, "Ann"',
            "photo": "\\x",
            "seen": "2026-03-29 01:30:00+00",
            "born": "0044-03-15 BC",
            "fee": "1.5000",
            "ratio": "0.1",
            "real4": "0.1",
            "here": "t",
            "tags": '{a,"b,c",NULL,""}',
            "extra": '{"a": 1,  "b":"x\\ny"}',
            "doc": '{"b": [1, null]}',
            "uid": "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11",
            "spell": "1 year 2 days 03:04:05",
            "clock": "23:59:59.999999",
            "alike": "x",
            "price": "$1,234.50",
            "fixed": "ab  ",
            "stamp": "2026-10-25 01:30:00",
            "big": "-9223372036854775808",
            "bits": "101",
            "spread": "[1,5)",
        }
        == by_id[1]
    )
    assert by_id[2]["ratio"] == "0.30000000000000004"
    assert (by_id[2]["name"], by_id[2]["note"], by_id[2]["fee"]) == ("\\.", "\\N", "99999999.9999")
    assert '2,"O\'Shields, ""Ann""","",\\x,2026-03-29' in data  # empty is two quotes
    assert 'back",,\\x00ff0a22,' in data  # NULL is nothing
    assert source.notes.rows["mis/public.pupil.csv"] == 3
    columns = schema(found)["pupil"]["columns"]
    assert isinstance(columns, list)
    assert [one["type"] for one in columns][:5] == ["integer", "text", "text", "bytea", "timestamp with time zone"]
    assert columns[1] == {"name": "name", "type": "text", "nullable": False, "form": "text"}


def test_names_that_are_hostile(base: Base) -> None:
    base.run(
        'CREATE TABLE "a.b/c:d"";DROP TABLE other;--%s {}" ("x""y" int, "%s" int, "select" text, "ünï\n" int)',
        """INSERT INTO "a.b/c:d"";DROP TABLE other;--%s {}" VALUES (1, 2, 'x', 3)""",
        'CREATE TABLE "Pupils" (id int)',
        'CREATE TABLE "pupils" (id int)',
        'CREATE TABLE "con" ()',
    )
    found = read(base.source())
    assert found.unread == {}
    (hostile,) = (data for name, data in found.files.items() if "DROP" in name)
    assert rows(hostile) == [['x"y', "%s", "select", "ünï\n"], ["1", "2", "x", "3"]]
    files = [table["file"] for table in schema(found).values()]
    assert set(files) | {"schema.json"} == set(found.files)
    assert len({name.casefold() for name in found.files}) == len(found.files)
    assert all(not set(name) & set('/\\:*?"<>|') for name in found.files)


def test_the_order_is_the_same_every_night(base: Base) -> None:
    base.run(
        "CREATE TABLE pair (b int, a text, PRIMARY KEY (a, b))",
        "INSERT INTO pair VALUES (2, 'x'), (1, 'y'), (1, 'x'), (10, 'x')",
        "CREATE TABLE loose (doc json, a text, n int)",
        """INSERT INTO loose VALUES ('{}', 'b', 2), ('[]', 'a', 10), (NULL, 'a', 1), ('{}', 'B', 2), ('{}', 'b', 10)""",
    )
    first = read(base.source())
    assert rows(first.files["public.pair.csv"]) == [["b", "a"], ["1", "x"], ["2", "x"], ["10", "x"], ["1", "y"]]
    assert schema(first)["pair"]["order"] == "primary key"
    assert schema(first)["loose"]["order"] == "all columns"
    base.run("UPDATE loose SET n = n", "CREATE TABLE copied AS SELECT * FROM loose ORDER BY n DESC")
    base.run("TRUNCATE loose", "INSERT INTO loose SELECT * FROM copied", "UPDATE pair SET b = b WHERE b = 1")
    again = read(base.source())
    for name in ("public.pair.csv", "public.loose.csv"):
        assert first.files[name] == again.files[name]
    assert again.files["public.copied.csv"] == again.files["public.loose.csv"]


def test_keys_and_foreign_keys_are_in_the_schema(base: Base) -> None:
    base.run(
        "CREATE TABLE class (year int, code text, PRIMARY KEY (code, year))",
        "CREATE TABLE member (id serial PRIMARY KEY, y int, c text, boss int REFERENCES member,"
        " CONSTRAINT in_class FOREIGN KEY (c, y) REFERENCES class (code, year))",
    )
    tables = schema(read(base.source()))
    assert tables["class"]["primary_key"] == ["code", "year"]
    assert tables["member"]["foreign_keys"] == [
        {"name": "in_class", "columns": ["c", "y"], "schema": "public", "table": "class", "to": ["code", "year"]},
        {"name": "member_boss_fkey", "columns": ["boss"], "schema": "public", "table": "member", "to": ["id"]},
    ]
    about = json.loads(read(base.source()).files["schema.json"])
    assert about["isolation"] == "repeatable read, read only"
    assert about["server"].startswith("PostgreSQL ")


def test_what_comes_after_the_snapshot_does_not_appear(base: Base) -> None:
    base.run("CREATE TABLE a (n int)", "CREATE TABLE z (n int)", "INSERT INTO z VALUES (1)")

    def meanwhile(name: str) -> None:
        if name == "public.a.csv":
            base.run("INSERT INTO a VALUES (2)", "INSERT INTO z VALUES (2)", "CREATE TABLE late (n int)")
            base.run("DELETE FROM z WHERE n = 1")
            with pytest.raises(psycopg.errors.LockNotAvailable):
                base.run("SET lock_timeout = '50ms'", "DROP TABLE z")

    found = read(base.source(), meanwhile)
    assert found.unread == {}
    assert found.files["public.z.csv"] == b'"n"\n1\n'
    assert found.files["public.a.csv"] == b'"n"\n'
    assert "public.late.csv" not in found.files
    assert {"public.late.csv"} <= set(read(base.source()).files)


def test_partitions_children_views_and_what_is_ignored(base: Base) -> None:
    base.run(
        "CREATE TABLE mark (year int, n int) PARTITION BY LIST (year)",
        "CREATE TABLE mark_25 PARTITION OF mark FOR VALUES IN (2025)",
        "CREATE TABLE mark_26 PARTITION OF mark FOR VALUES IN (2026)",
        "INSERT INTO mark VALUES (2026, 2), (2025, 1)",
        "CREATE TABLE parent (n int)",
        "CREATE TABLE child (m int) INHERITS (parent)",
        "INSERT INTO parent VALUES (1)",
        "INSERT INTO child VALUES (2, 3)",
        "CREATE VIEW shown AS SELECT * FROM parent",
        "CREATE TABLE session_old (n int)",
    )
    source = base.source("*.session_*")
    found = read(source)
    assert set(found.files) == {
        "schema.json",
        *(f"public.{name}.csv" for name in ("mark", "parent", "child", "other")),
    }
    assert found.files["public.mark.csv"] == b'"year","n"\n2025,1\n2026,2\n'
    assert found.files["public.parent.csv"] == b'"n"\n1\n'
    assert found.files["public.child.csv"] == b'"n","m"\n2,3\n'
    assert source.notes.counts["ignored"] == 1
    assert source.notes.told == ["1 views are left out"]


def test_tables_without_rights_are_unread_and_others_go_on(base: Base) -> None:
    base.run(
        "CREATE TABLE a_secret (n int)",
        "CREATE TABLE marks (n int)",
        "INSERT INTO marks VALUES (1)",
        "CREATE TABLE veiled (n int)",
        "INSERT INTO veiled VALUES (1)",
        "ALTER TABLE veiled ENABLE ROW LEVEL SECURITY",
        f"REVOKE pg_read_all_data FROM {base.user}",
        f"GRANT SELECT ON marks, veiled TO {base.user}",
        f"GRANT SELECT (id) ON other TO {base.user}",
        "CREATE SCHEMA closed",
        "CREATE TABLE closed.t (n int)",
    )
    source = base.source()
    found = read(source)
    assert found.files["public.marks.csv"] == b'"n"\n1\n'
    names = ("closed.t", "public.a_secret", "public.other", "public.veiled")
    assert found.unread == {f"{name}.csv": "permission" for name in names}
    assert schema(found)["veiled"]["unread"] == "permission"
    assert any(line.startswith("4 tables: permission; grant SELECT") for line in source.notes.told)


def test_a_table_that_is_locked_or_dropped_meanwhile(base: Base, monkeypatch: pytest.MonkeyPatch) -> None:
    base.run("CREATE TABLE busy (n int)", "CREATE TABLE gone (n int)", "INSERT INTO busy VALUES (1)")
    monkeypatch.setitem(postgresql._SETTINGS, "lock_timeout", "100ms")
    connect = postgresql._connect

    class Connection:
        """Drops a table between the list of tables and their locks."""

        def __init__(self, real: "psycopg.Connection[tuple[object, ...]]") -> None:
            self._real = real

        def __getattr__(self, name: str) -> object:
            return getattr(self._real, name)

        def execute(self, query: object, *words: object) -> object:
            if str(query).startswith("BEGIN"):
                base.run("DROP TABLE gone")
            return self._real.execute(query, *words)  # type: ignore[call-overload]

    monkeypatch.setattr(postgresql, "_connect", lambda address: Connection(connect(address)))
    with postgres_admin(base.server, base.name) as admin, admin.transaction():
        admin.execute("LOCK TABLE busy IN ACCESS EXCLUSIVE MODE")
        found = read(base.source())
    assert found.unread == {"public.busy.csv": "in-use"}
    assert {"public.other.csv", "schema.json"} == set(found.files)


def test_the_guides_account_may_write_nothing_and_reads_what_comes_later(base: Base) -> None:
    base.run("CREATE SCHEMA late", "CREATE TABLE late.t (n int)", "INSERT INTO late.t VALUES (1)")
    assert read(base.source()).files["late.t.csv"] == b'"n"\n1\n'
    with psycopg.connect(
        host="127.0.0.1", port=base.server.port, user=base.user, password=PASSWORD, dbname=base.name, autocommit=True
    ) as run:
        run.execute("SET default_transaction_read_only = off")
        for statement in ("DELETE FROM late.t", "INSERT INTO late.t VALUES (2)", "DROP TABLE late.t"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                run.execute(statement.encode())


@contextmanager
def encoded(base: Base, encoding: str) -> Iterator[str]:
    """A database of another encoding with the tables t, good."""
    name = f"{base.name}_{encoding.lower()}"
    base.run(f"CREATE DATABASE {name} ENCODING {encoding} LOCALE 'C' TEMPLATE template0")
    try:
        with postgres_admin(base.server, name) as admin:
            admin.execute(f"SET client_encoding = {encoding}".encode())
            admin.execute(b"CREATE TABLE t AS SELECT 'Andr\xe9' AS said; CREATE TABLE good AS SELECT 1 AS n")
        yield name
    finally:
        base.run(f"DROP DATABASE {name} WITH (FORCE)")


def test_another_encoding_is_stored_as_utf8(base: Base) -> None:
    with encoded(base, "LATIN1") as name:
        assert read(base.source(database=name)).files["public.t.csv"] == '"said"\n"André"\n'.encode()


def test_a_database_without_an_encoding_is_told(base: Base) -> None:
    with encoded(base, "SQL_ASCII") as name:
        found = read(base.source(database=name))
        assert found.unread == {"public.t.csv": "encoding"}
        assert found.files["public.good.csv"] == b'"n"\n1\n'
        with postgres_admin(base.server, name) as admin:
            admin.execute("SET client_encoding = SQL_ASCII")
            admin.execute(b"ALTER TABLE t RENAME TO ann\xe9e")
        with pytest.raises(SourceError) as raised:
            read(base.source(database=name))
        assert raised.value.code == "sql-name"
