"""PostgreSQL on bad days, and whole nights: deposited, opened again, compared row by row."""

import csv
import io
import signal
import time
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

from escrow.engine.night import NightReport
from escrow.errors import SourceError
from escrow.limits import MIB
from escrow.source import FileItem, FolderSource, Rule, postgresql
from escrow.source.postgresql import PostgresSnapshot
from escrow.source.sql import SqlSource
from escrow.source.sql_address import Address
from tests.engine.kit import School, school
from tests.servers.databases import postgres_admin, run_postgres

from .postgresql_kit import Base, new_base
from .sql_kit import read

RULES = (Rule("records", ("*",)),)
MARKS = """CREATE TABLE marks AS SELECT n AS id, n % 1500 AS pupil, date '2026-09-01' + (n / 9000)::int AS day,
 (ARRAY['present', 'late', '', NULL, 'absent, "ill"'])[n % 5 + 1] AS mark, (n * 7 % 100)::numeric / 3 AS score
 FROM generate_series(1, {count}) n; ALTER TABLE marks ADD PRIMARY KEY (id)"""


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"password": "wrong"}, "sql-password"),
        ({"user": "nobody"}, "sql-password"),
        ({"user": "shutout", "tls": "unverified"}, "sql-password"),
        ({"user": "shutout"}, "sql-tls"),
        ({"database": "none-such"}, "sql-database"),
        ({"port": 1}, "sql-away"),
        ({"host": "/nowhere"}, "sql-away"),
        ({"tls": "verify"}, "sql-tls"),
        ({"tls": "verify", "ca_file": "absent.pem"}, "sql-tls"),
    ],
)
def test_a_server_that_cannot_be_used_is_told(base: Base, change: dict[str, object], code: str) -> None:
    with pytest.raises(SourceError) as raised:
        PostgresSnapshot(base.address(**change))
    assert raised.value.code == code
    assert raised.value.__cause__ is None
    assert "wrong" not in str(raised.value)


def test_without_ca_file_the_systems_authorities_count(base: Base, monkeypatch: pytest.MonkeyPatch) -> None:
    authority = str(base.server.folder / "server.pem")
    monkeypatch.setattr(postgresql, "_BUNDLES", ("/nowhere.pem", authority))
    PostgresSnapshot(base.address(tls="verify")).close()
    monkeypatch.setattr(postgresql, "_BUNDLES", ())
    with pytest.raises(SourceError, match="no file of authorities"):
        PostgresSnapshot(base.address(tls="verify"))


def test_tls_is_verified_and_a_server_may_demand_it(base: Base) -> None:
    authority = base.server.folder / "server.pem"
    read_all = {"schema.json", "public.other.csv"}
    for options in ({"tls": "verify", "ca_file": authority}, {"tls": "unverified"}):
        assert set(read(base.source(**options)).files) == read_all
    with pytest.raises(SourceError, match="TLS"):
        PostgresSnapshot(base.address(tls="verify", ca_file=authority, host="localhost"))
    with postgres_admin(base.server) as admin:
        admin.execute("DROP ROLE IF EXISTS tlsonly")
        admin.execute("CREATE ROLE tlsonly LOGIN PASSWORD 'word' IN ROLE pg_read_all_data")
    try:
        with pytest.raises(SourceError) as raised:
            PostgresSnapshot(base.address(user="tlsonly", password="word"))
        assert raised.value.code == "sql-tls"
        PostgresSnapshot(base.address(user="tlsonly", password="word", tls="unverified")).close()
    finally:
        with postgres_admin(base.server) as admin:
            admin.execute("DROP ROLE tlsonly")


class Interrupted(SqlSource):
    """Calls `stop` once, when the first piece of `marks` was read."""

    def __init__(self, address: Address, stop: Callable[[], None]) -> None:
        super().__init__("mis", lambda: PostgresSnapshot(address))
        self._stop: Callable[[], None] | None = stop

    def open(self, item: FileItem) -> io.RawIOBase:
        reader = super().open(item)
        if item.path.endswith(b"marks.csv") and self._stop is not None:
            assert reader.read(4096)
            self._stop()
            self._stop = None
        return reader


def end_session(base: Base) -> None:
    base.run(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '{base.user}'")
    time.sleep(0.2)


def test_a_session_that_ends_in_the_middle_leaves_a_night(base: Base, tmp_path: Path) -> None:
    base.run(MARKS.format(count=300_000), "CREATE TABLE after (n int)", "CREATE TABLE zeal (n int)")
    one = school(tmp_path)
    source = Interrupted(base.address(), lambda: end_session(base))
    report = one.night(sources=[source], rules=RULES)
    assert report.verdict is not None
    assert report.verdict.codes == ("unread",)
    assert set(one.restore_all()) == {"public.after.csv", "schema.json"}
    assert next(line for line in source.notes.told if "away" in line).startswith("3 tables: away;")
    one.check_healthy()


def test_a_server_that_dies_in_the_middle_leaves_a_night(tmp_path: Path) -> None:
    with run_postgres() as server, new_base(server) as base:
        base.run(MARKS.format(count=300_000))

        def die() -> None:
            server.process.send_signal(signal.SIGQUIT)
            server.process.wait(20)

        one = school(tmp_path)
        one.source.mkdir(parents=True)
        (one.source / "rooms.csv").write_text("room\n1\n")
        sources = [FolderSource("rooms", one.source), Interrupted(base.address(), die)]
        report = one.night(sources=sources, rules=RULES)
        assert report.verdict is not None
        assert "unread" in report.verdict.codes
        assert set(one.restore_all()) == {"schema.json", "rooms.csv"}
        again = one.night(sources=[FolderSource("rooms", one.source), base.source()], rules=RULES)
        assert again.verdict is not None
        assert "source-failed" in again.verdict.codes


def compare(files: dict[str, bytes], base: Base) -> int:
    """Hold every restored table, sorted by its `id`, against what the server answers; the number of rows."""
    count = 0
    with psycopg.connect(host=str(base.server.folder), port=base.server.port, user="postgres", dbname=base.name) as run:
        for name in sorted(set(files) - {"schema.json"}):
            table = name.removeprefix("public.").removesuffix(".csv")
            restored = csv.reader(io.TextIOWrapper(io.BytesIO(files[name]), "utf-8", newline=""))
            shown = ", ".join(f"coalesce({column}::text, '')" for column in next(restored))
            with run.cursor("rows") as cursor:
                cursor.itersize = 50_000
                cursor.execute(f"SELECT {shown} FROM {table} ORDER BY {table}.id".encode())
                for wanted, found in zip(cursor, restored, strict=True):
                    assert list(wanted) == found
                    count += 1
    return count


def first_night(base: Base, one: School, rows: int) -> NightReport:
    pupils = "CREATE TABLE pupil AS SELECT DISTINCT pupil AS id, 'Ann ' || pupil AS name FROM marks"
    base.run("DROP TABLE other", MARKS.format(count=rows), pupils, "ALTER TABLE pupil ADD PRIMARY KEY (id)")
    report = one.night(sources=[base.source()], rules=RULES)
    assert report.verdict is not None
    assert report.verdict.codes == ()
    files = one.restore_all()
    assert compare(files, base) >= rows + 1500
    marks = files["public.marks.csv"]
    assert (marks.count(b',"",'), marks.count(b",,")) == (rows // 5, rows // 5)  # the empty text is not NULL
    return report


def test_whole_nights_come_back_row_by_row(base: Base, tmp_path: Path) -> None:
    base.run("CREATE TABLE note AS SELECT n AS id, md5(n::text) AS said FROM generate_series(1, 120000) n")
    base.run("ALTER TABLE note ADD PRIMARY KEY (id)")
    one = school(tmp_path)
    first = first_night(base, one, 60_000)
    base.run("UPDATE note SET said = '' WHERE id = 77", "DELETE FROM marks WHERE id = 30000")
    second = one.night(sources=[base.source()], rules=RULES)
    assert compare(one.restore_all(), base) == 59_999 + 1500 + 120_000
    assert first.compartments["records"].bytes_put > 2 * MIB
    assert second.compartments["records"].bytes_put < 1.1 * MIB  # one pack, and none is smaller than a mebibyte
    one.check_healthy()


@pytest.mark.slow
@pytest.mark.ci
def test_three_million_marks_come_back_row_by_row(base: Base, tmp_path: Path) -> None:
    first_night(base, school(tmp_path), 3_000_000)
