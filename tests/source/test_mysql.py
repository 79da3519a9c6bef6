"""A real MariaDB's values, names and order as CSV."""

import json

import pytest

from tests.servers.databases import Server

from .mysql_kit import base, scanned, schema


def one_table(server: Server, *statements: str) -> list[str]:
    """The lines of table t below its header."""
    with base(server, *statements) as one:
        files, unread = scanned(one.source())
    assert unread == {}
    return files["t"].decode().split("\n")[1:-1]


@pytest.mark.parametrize(
    ("kind", "value", "shown"),
    [
        ("varchar(9)", "NULL", ""),
        ("varchar(9)", "''", '""'),
        ("varchar(9)", "'NULL'", '"NULL"'),
        ("text", "'a\\nb\\r\\n\"c\",\\\\d\\t'", '"a\nb\r\n""c"",\\d\t"'),
        ("longtext", "'a\\nb\\r\\n\"c\",\\\\d\\t'", '"a\nb\r\n""c"",\\d\t"'),
        ("longtext", "NULL", ""),
        ("longtext", "''", '""'),
        ("varchar(9) CHARACTER SET latin1", "'Zoë€'", '"Zoë€"'),
        ("mediumtext CHARACTER SET latin1", "'Zoë€'", '"Zoë€"'),
        ("varchar(9) CHARACTER SET utf8mb4", "'Łucja🎓'", '"Łucja🎓"'),
        ("char(4)", "'ab'", '"ab"'),
        ("enum('a','','b\"')", "'b\"'", '"b"""'),
        ("set('a','b')", "'a,b'", '"a,b"'),
        ("blob", "x'00ff0a22'", "\\x00ff0a22"),
        ("blob", "''", "\\x"),
        ("blob", "NULL", ""),
        ("longblob", "x'00ff0a22'", "\\x00ff0a22"),
        ("longblob", "''", "\\x"),
        ("longblob", "NULL", ""),
        ("binary(3)", "'a'", "\\x610000"),
        ("bit(1)", "b'1'", "1"),
        ("bit(64)", "x'ffffffffffffffff'", "18446744073709551615"),
        ("bigint unsigned", "18446744073709551615", "18446744073709551615"),
        ("tinyint(1)", "0", "0"),
        ("int(5) zerofill", "42", "00042"),
        ("decimal(30,10)", "'-12345678901234567890.0123456789'", "-12345678901234567890.0123456789"),
        ("decimal(5,2)", "1.5", "1.50"),
        ("double", "0.1", "0.1"),
        ("double", "1.7976931348623157e308", "1.7976931348623157e308"),
        ("float", "16777216", "16777216"),
        ("date", "'2026-02-28'", "2026-02-28"),
        ("date", "'0000-00-00'", "0000-00-00"),
        ("date", "'2026-00-00'", "2026-00-00"),
        ("datetime(6)", "'2026-09-01 08:30:00.000001'", "2026-09-01 08:30:00.000001"),
        ("datetime", "'0000-00-00'", "0000-00-00 00:00:00"),
        ("time", "'-838:59:59'", "-838:59:59"),
        ("year", "2026", "2026"),
        ("uuid", "'123e4567-e89b-12d3-a456-426655440000'", '"123e4567-e89b-12d3-a456-426655440000"'),
        ("json", "'{\"a\": null}'", '"{""a"": null}"'),
        ("point", "POINT(1, 2)", "\\x000000000101000000000000000000f03f0000000000000040"),
    ],
)
def test_a_value(mariadb: Server, kind: str, value: str, shown: str) -> None:
    lines = one_table(
        mariadb,
        "SET sql_mode = ''",
        f"CREATE TABLE t (n int PRIMARY KEY, v {kind}, last int)",
        f"INSERT INTO t VALUES (1, {value}, 7)",
    )
    assert "\n".join(lines) == f"1,{shown},7"


def test_a_timestamp_is_in_utc(mariadb: Server) -> None:
    made = ["CREATE TABLE t (v timestamp)", "SET time_zone = '+05:30'", "INSERT INTO t VALUES ('2026-07-01 12:00:00')"]
    assert one_table(mariadb, *made) == ["2026-07-01 06:30:00"]


def test_a_float_is_shown_as_it_is_stored(mariadb: Server) -> None:
    (line,) = one_table(mariadb, "CREATE TABLE t (v float)", "INSERT INTO t VALUES (1234567.9)")
    assert float(line) == 1234567.875


def test_the_order_is_the_key_else_all_columns_as_bytes(mariadb: Server) -> None:
    rows = "INSERT INTO t VALUES ('b', 1), ('B', 2), ('a', 10), ('a', 9)"
    made = "CREATE TABLE t (v varchar(9) COLLATE utf8mb4_general_ci, n int"
    assert one_table(mariadb, f"{made}, PRIMARY KEY (n))", rows) == ['"b",1', '"B",2', '"a",9', '"a",10']
    assert one_table(mariadb, f"{made})", rows) == ['"B",2', '"a",9', '"a",10', '"b",1']


def test_hostile_names(mariadb: Server) -> None:
    made = [
        'CREATE TABLE `a``b ; DROP"\'é` (`x``",\\n` int, `select` int)',
        "INSERT INTO `a``b ; DROP\"'é` VALUES (1, 2)",
        "CREATE TABLE `CON` (v int)",
        "CREATE TABLE `per%s%%cent` (`%s` int)",
    ]
    with base(mariadb, *made) as one:
        files, unread = scanned(one.source())
        paths = [item.path for item in one.source().scan()]
    assert unread == {}
    assert files["a`b ; DROP%22'é"] == b'"x`"",\\n","select"\n1,2\n'
    assert sorted(schema(files)) == ["CON", "a`b ; DROP\"'é", "per%s%%cent"]
    assert paths == sorted(paths)


def test_keys_and_columns_stand_in_the_schema(mariadb: Server) -> None:
    made = [
        "CREATE TABLE pupil (year int, id int, name varchar(40) NOT NULL, PRIMARY KEY (year, id))",
        "CREATE TABLE mark (id bigint unsigned PRIMARY KEY, y int, p int, CONSTRAINT whose FOREIGN KEY (y, p) "
        "REFERENCES pupil (year, id))",
        "CREATE TABLE empty (v text)",
        "CREATE VIEW seen AS SELECT * FROM pupil",
    ]
    with base(mariadb, *made) as one:
        source = one.source()
        files, _ = scanned(source)
    tables = schema(files)
    assert tables["pupil"]["primary_key"] == ["year", "id"]
    assert tables["mark"]["columns"][0] == {  # type: ignore[index]
        "name": "id",
        "type": "bigint(20) unsigned",
        "nullable": False,
        "form": "plain",
    }
    assert tables["mark"]["foreign_keys"] == [
        {"name": "whose", "columns": ["y", "p"], "schema": one.name, "table": "pupil", "to": ["year", "id"]}
    ]
    assert tables["empty"]["order"] == "all columns"
    assert tables["empty"]["rows"] == 0
    assert files["empty"] == b'"v"\n'
    assert "MariaDB" in json.loads(files["schema.json"])["server"]
    assert source.notes.told == ["1 views and sequences are left out"]


def test_a_row_with_a_large_value_beside_small_ones(mariadb: Server) -> None:
    made = ["CREATE TABLE t (n int PRIMARY KEY, v longtext, b longblob, w text)"]
    made += ["INSERT INTO t VALUES (1, REPEAT('\"', 5000000), REPEAT(x'0a', 3000000), 'z'), (2, NULL, NULL, '')"]
    first, second = one_table(mariadb, *made)
    assert first == '1,"' + '""' * 5_000_000 + '",\\x' + "0a" * 3_000_000 + ',"z"'
    assert second == '2,,,""'


def test_the_same_database_gives_the_same_bytes(mariadb: Server) -> None:
    with base(mariadb, "CREATE TABLE t (v text)", "INSERT INTO t VALUES ('b'), ('a'), (NULL), ('')") as one:
        (first, _), (second, _) = scanned(one.source()), scanned(one.source())
    assert first["t"] == second["t"] == b'"v"\n\n""\n"a"\n"b"\n'
