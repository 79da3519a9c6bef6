"""What goes wrong with MariaDB: refused, hidden, altered, locked, gone. Each is said, and the rest goes on."""

import contextlib
import os
import signal
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from escrow.errors import SourceError
from escrow.source import UnreadableError
from escrow.source.mysql import MySqlSnapshot
from escrow.source.sql import SqlSource
from escrow.source.sql_address import Address
from tests.engine.kit import school
from tests.servers.databases import PASSWORD, Server, mariadb_admin, run_mariadb

from .mysql_kit import base, scanned, schema

TWO = ["CREATE TABLE a (n int PRIMARY KEY, v text)", "CREATE TABLE b (n int PRIMARY KEY, secret text)"]
TWO += ["INSERT INTO a VALUES (1, 'x')", "INSERT INTO b VALUES (1, 'y')"]


def code_of(address: Address) -> str:
    with pytest.raises(SourceError) as caught:
        MySqlSnapshot(address).close()
    assert PASSWORD not in str(caught.value) + repr(caught.value)
    assert caught.value.hint
    return caught.value.code


def test_who_may_not_come_in_is_told_why(mariadb: Server) -> None:
    with base(mariadb) as one:
        assert code_of(one.address(password="wrong")) == "sql-password"
        assert code_of(one.address(database="nowhere")) == "sql-database"
        assert code_of(one.address(database="mysql")) == "sql-database"
        assert code_of(one.address(port=1)) == "sql-away"


def test_a_server_without_tls_is_refused_unless_tls_is_off(mariadb: Server) -> None:
    with base(mariadb) as one, mariadb_admin(mariadb) as admin, admin.cursor() as cursor:
        cursor.execute("SELECT @@have_ssl")
        assert cursor.fetchone() == ("DISABLED",)
        for tls in ("verify", "unverified"):
            here = one.address()
            assert code_of(Address(here.host, here.port, here.database, here.user, here.password, tls)) == "sql-tls"


def test_tls_is_checked_and_every_row_comes_through_it() -> None:
    made = ["CREATE TABLE t (n int PRIMARY KEY, v text)", "INSERT INTO t SELECT seq, MD5(seq) FROM seq_1_to_50000"]
    with run_mariadb(tls=True) as server, base(server, *made) as one:
        one.run(f"ALTER USER {one.reader}@'127.0.0.1' REQUIRE SSL")
        known = server.folder / "server.pem"
        here = one.address()
        assert code_of(here) == "sql-password"
        assert code_of(replace(here, tls="verify")) == "sql-tls"
        for address in (replace(here, tls="verify", ca_file=known), replace(here, tls="unverified")):
            files, unread = scanned(SqlSource("mis", partial(MySqlSnapshot, address)))
            assert unread == {}
            assert files["t"].count(b"\n") == 50_001
        with contextlib.closing(MySqlSnapshot(replace(here, tls="unverified"))) as left:
            assert next(left.rows(left.view.tables[0]))[0] > 0
        named = replace(here, host="localhost", tls="verify", ca_file=known)
        assert code_of(named) == "sql-tls"


def test_what_the_account_may_not_read_is_unread(mariadb: Server) -> None:
    made = [*TWO, "CREATE TABLE c (n int)", "CREATE TABLE d (n int, b int, FOREIGN KEY (b) REFERENCES b (n))"]
    with base(mariadb, *made, grant=False) as one:
        reader = f"{one.reader}@'127.0.0.1'"
        one.run(f"GRANT SELECT ON a TO {reader}", f"GRANT SELECT (n) ON b TO {reader}")
        one.run(f"GRANT INSERT ON c TO {reader}", f"GRANT SELECT ON d TO {reader}")
        source = one.source()
        files, unread = scanned(source)
    assert unread == {"b": "permission", "c": "permission"}
    assert files["a"] == b'"n","v"\n1,"x"\n'
    assert schema(files)["b"]["unread"] == "permission"
    assert any("2 tables: permission; grant SELECT" in line for line in source.notes.told)


def test_a_table_that_others_point_to_and_the_account_cannot_see_is_told(mariadb: Server) -> None:
    made = [*TWO, "CREATE TABLE d (n int, b int, FOREIGN KEY (b) REFERENCES b (n))"]
    with base(mariadb, *made, grant=False) as one:
        one.run(f"GRANT SELECT ON d TO {one.reader}@'127.0.0.1'")
        source = one.source()
        files, unread = scanned(source)
    assert set(files) == {"d", "schema.json"}
    assert unread == {}
    assert source.notes.told == [
        "1 tables that foreign keys point to cannot be seen; grant SELECT on the database",
        "tables that this account has no right to cannot be seen; grant SELECT on the whole database",
    ]


def test_what_comes_later_is_not_in_the_snapshot(mariadb: Server) -> None:
    with base(mariadb, *TWO) as one:
        snapshot = MySqlSnapshot(one.address())
        with contextlib.closing(snapshot):
            one.run("INSERT INTO a VALUES (2, 'late')", "UPDATE b SET secret = 'late'", "DELETE FROM b")
            found = {table.name: b"".join(data for _, data in snapshot.rows(table)) for table in snapshot.view.tables}
    assert found == {"a": b'1,"x"\n', "b": b'1,"y"\n'}


def test_myisam_is_read_and_said_to_be_outside_the_snapshot(mariadb: Server) -> None:
    made = [*TWO, "CREATE TABLE old (n int) ENGINE=MyISAM", "INSERT INTO old VALUES (5)"]
    with base(mariadb, *made) as one:
        source = one.source()
        files, unread = scanned(source)
    assert unread == {}
    assert files["old"] == b'"n"\n5\n'
    assert {name: table["in_snapshot"] for name, table in schema(files).items()} == {"a": True, "b": True, "old": False}
    assert any("1 tables are of an engine without transactions" in line for line in source.notes.told)


def meanwhile(server: Server, *statements: str) -> tuple[dict[str, bytes], dict[str, str]]:
    """A scan of TWO where these statements run before table b is read."""
    with base(server, *TWO) as one:
        snapshot = MySqlSnapshot(one.address())
        one.run(*statements)
        return scanned(SqlSource("mis", lambda: snapshot))


@pytest.mark.parametrize(
    ("statement", "code"),
    [
        ("TRUNCATE b", "changing"),
        ("ALTER TABLE b DROP COLUMN secret", "changing"),
        ("ALTER TABLE b ADD COLUMN more int FIRST, ALGORITHM=COPY", "changing"),
        ("DROP TABLE b", "vanished"),
    ],
)
def test_a_table_altered_meanwhile_is_unread(mariadb: Server, statement: str, code: str) -> None:
    files, unread = meanwhile(mariadb, statement)
    assert unread == {"b": code}
    assert files["a"] == b'"n","v"\n1,"x"\n'


def test_a_column_added_at_once_meanwhile_is_not_in_the_snapshot(mariadb: Server) -> None:
    files, unread = meanwhile(mariadb, "ALTER TABLE b ADD COLUMN more int DEFAULT 3 FIRST, ALGORITHM=INSTANT")
    assert unread == {}
    assert files["b"] == b'"n","secret"\n1,"y"\n'


def test_a_locked_table_is_unread_in_a_while(mariadb: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("escrow.source.mysql._SETTINGS", ("SET NAMES utf8mb4", "SET SESSION lock_wait_timeout = 1"))
    with base(mariadb, *TWO) as one, mariadb_admin(mariadb, one.name) as other, other.cursor() as cursor:
        cursor.execute("LOCK TABLES b WRITE")
        files, unread = scanned(one.source())
    assert unread == {"b": "in-use"}
    assert "a" in files


def test_many_large_texts_in_a_row(mariadb: Server) -> None:
    columns = [f"c{n} text" for n in range(140)]
    made = [f"CREATE TABLE w ({', '.join(columns)})"]
    made += [f"INSERT INTO w VALUES ({', '.join(['REPEAT(0x22, 65000)'] * len(columns))})"]
    with base(mariadb, *made) as one:
        files, unread = scanned(one.source())
    assert unread == {}
    assert files["w"].partition(b"\n")[2] == b",".join([b'"' + b'""' * 65_000 + b'"'] * 140) + b"\n"


def test_a_row_that_the_server_cannot_write_is_unread_and_never_short(mariadb: Server) -> None:
    made = ["CREATE TABLE a (n int)", "CREATE TABLE w (n int, v varchar(12000), w varchar(12000) CHARACTER SET latin1)"]
    made += ["INSERT INTO w VALUES (1, REPEAT('x', 12000), REPEAT('y', 12000)), (2, '', '')"]
    made += ["CREATE TABLE x (n int, v varchar(16000))", "INSERT INTO x VALUES (1, REPEAT(x'22', 9000))"]
    with base(mariadb, *made) as one, mariadb_admin(mariadb) as admin, admin.cursor() as cursor:
        cursor.execute("SET GLOBAL max_allowed_packet = 16384")
        try:
            files, unread = scanned(one.source())
        finally:
            cursor.execute("SET GLOBAL max_allowed_packet = DEFAULT")
    assert unread == {"w": "row-too-large", "x": "row-too-large"}
    assert "a" in files


def test_a_table_that_the_server_gives_up_lets_the_next_go_on(mariadb: Server) -> None:
    made = ["CREATE TABLE m (n int PRIMARY KEY, v text)", "CREATE TABLE z (n int)", "INSERT INTO z VALUES (1)"]
    made += ["INSERT INTO m SELECT seq, REPEAT('x', 200) FROM seq_1_to_200000"]
    with base(mariadb, *made) as one, contextlib.closing(MySqlSnapshot(one.address())) as snapshot:
        tables = {table.name: table for table in snapshot.view.tables}
        rows = snapshot.rows(tables["m"])
        next(rows)
        with mariadb_admin(mariadb) as admin, admin.cursor() as cursor:
            cursor.execute("SELECT id FROM information_schema.PROCESSLIST WHERE user = %s", (one.reader,))
            (number,) = cursor.fetchone() or ()
            cursor.execute(f"KILL QUERY {number}")
        with pytest.raises(UnreadableError) as caught:
            list(rows)
        assert list(snapshot.rows(tables["z"])) == [(1, b"1\n")]
    assert caught.value.code == "io-error"


def test_killed_in_the_middle_of_a_table(tmp_path: Path) -> None:
    made = ["CREATE TABLE a (n int)", "INSERT INTO a VALUES (1)", "CREATE TABLE m (n int PRIMARY KEY, v text)"]
    made += ["INSERT INTO m SELECT seq, REPEAT('x', 200) FROM seq_1_to_200000", "CREATE TABLE z (n int)"]
    with run_mariadb() as server, base(server, *made) as one:
        snapshot = MySqlSnapshot(one.address())
        tables = {table.name: table for table in snapshot.view.tables}
        rows = snapshot.rows(tables["m"])
        assert next(rows)[0] > 0
        os.kill(server.process.pid, signal.SIGKILL)
        server.process.wait()
        with pytest.raises(UnreadableError) as caught:
            list(rows)
        with pytest.raises(UnreadableError) as then:
            list(snapshot.rows(tables["z"]))
        snapshot.close()
    assert (caught.value.code, then.value.code) == ("away", "away")


def test_killed_the_night_still_stores_what_it_has(tmp_path: Path) -> None:
    vault = school(tmp_path)
    with run_mariadb() as server, base(server, *TWO) as one:
        snapshot = MySqlSnapshot(one.address())
        os.kill(server.process.pid, signal.SIGKILL)
        server.process.wait()
        report = vault.night(sources=[SqlSource("mis", lambda: snapshot)])
    assert report.verdict is not None
    assert "unread" in report.verdict.codes
    assert any("away" in line for line in report.warnings)
    assert set(vault.restore_all()) == {"schema.json"}
