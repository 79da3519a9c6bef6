"""SQL Server's source through a real driver manager: every value as it is, what cannot be read, and nothing shown."""

import json
import tracemalloc
from pathlib import Path

import pytest

pyodbc = pytest.importorskip("pyodbc")

from escrow.errors import SourceError  # noqa: E402
from escrow.source.sqlserver import SqlServerSnapshot, connection_string  # noqa: E402

from .sql_kit import read  # noqa: E402
from .sqlserver_kit import PASSWORD, SQLITE, Answer, StandIn, address, column, fill, needs_odbc, source, told  # noqa: E402

SCHOOL = """
CREATE TABLE pupil (id INTEGER PRIMARY KEY, upn TEXT, note TEXT, photo BLOB, mark REAL, fee TEXT, house INTEGER);
CREATE TABLE house (id INTEGER PRIMARY KEY, name TEXT);
CREATE TABLE "odd ]name" (b BLOB, "sel]""ect" TEXT);
INSERT INTO house VALUES (2, 'Oak'), (1, 'Ash');
INSERT INTO pupil VALUES (2, 'A2', '', x'', 1.5, '12.3400', 1),
  (1, 'A1', 'says "hi",' || char(10) || 'é 🎓', x'00ff', 0.1, NULL, 2), (3, NULL, NULL, NULL, NULL, NULL, NULL);
INSERT INTO "odd ]name" VALUES (x'02', 'b'), (x'01', 'c'), (NULL, 'a');
"""
CATALOGUE: dict[str, Answer] = {
    "tables": [(1, "main", "house", 0, 0), (2, "main", "pupil", 0, 0), (3, "main", "odd ]name", 0, 0)],
    "columns": [
        column(1, "id", "int", null=0),
        column(1, "name", "varchar", 40),
        column(2, "id", "int", null=0),
        column(2, "upn", "char", 13),
        column(2, "note", "nvarchar", -1),
        column(2, "photo", "varbinary", -1),
        column(2, "mark", "float"),
        column(2, "fee", "money"),
        column(2, "house", "int"),
        column(3, "b", "timestamp", 8),
        column(3, 'sel]"ect', "nvarchar", 40),
    ],
    "primary": [(1, "id"), (2, "id")],
    "foreign": [(2, "FK_house", "house", "main", "house", "id")],
}
EXPECTED = {
    "main.house.csv": '"id","name"\n1,"Ash"\n2,"Oak"\n',
    "main.pupil.csv": '"id","upn","note","photo","mark","fee","house"\n'
    '1,"A1","says ""hi"",\né 🎓",\\x00ff,0.1,,2\n2,"A2","",\\x,1.5,12.3400,1\n3,,,,,,\n',
    "main.odd ]name.csv": '"b","sel]""ect"\n,"a"\n\\x01,"c"\n\\x02,"b"\n',
}


@pytest.fixture
def school(tmp_path: Path) -> StandIn:
    needs_odbc()
    fill(tmp_path / "school.db", SCHOOL)
    return StandIn(tmp_path / "school.db", told(**CATALOGUE))


def test_every_value_stands_as_it_is(monkeypatch: pytest.MonkeyPatch, school: StandIn) -> None:
    one = source(monkeypatch, school)
    found = read(one)
    about = json.loads(found.files.pop("schema.json"))
    assert {name: data.decode() for name, data in found.files.items()} == EXPECTED
    assert (found.unread, one.notes.told, school.open) == ({}, [], 0)
    assert one.notes.rows["mis/main.pupil.csv"] == 3
    assert about["isolation"] == "snapshot"
    assert about["snapshot"] == "2026-11-24T02:00:00.123456+00:00"
    tables = {table["table"]: table for table in about["tables"]}
    assert tables["pupil"]["primary_key"] == ["id"]
    assert tables["pupil"]["foreign_keys"][0]["to"] == ["id"]
    assert [one["type"] for one in tables["pupil"]["columns"]][1:4] == ["char(13)", "nvarchar(max)", "varbinary(max)"]
    begun = school.asked.index("BEGIN TRANSACTION")
    assert school.asked[begun - 1] == "SET TRANSACTION ISOLATION LEVEL SNAPSHOT"
    assert not any("FROM [" in query for query in school.asked[:begun])
    assert read(source(monkeypatch, school)).files.keys() == {*EXPECTED, "schema.json"}


def test_rows_stream_in_constant_memory(monkeypatch: pytest.MonkeyPatch, school: StandIn) -> None:
    many = "WITH RECURSIVE n(i) AS (SELECT 10 UNION ALL SELECT i + 1 FROM n WHERE i < 60000) "
    fill(school.file, many + "INSERT INTO pupil SELECT i, 'A' || i, hex(zeroblob(200)), NULL, i / 8.0, NULL, 1 FROM n")
    one = source(monkeypatch, school)
    items = iter(one.scan())
    item = next(found for found in items if found.path.endswith(b"pupil.csv"))
    tracemalloc.start()
    size = 0
    with one.open(item) as raw:  # type: ignore[arg-type]
        while piece := raw.read(65536):
            size += len(piece)
    assert size > 20_000_000
    assert tracemalloc.get_traced_memory()[1] < 4_000_000
    tracemalloc.stop()


def test_a_reading_that_is_left_half_way_lets_go(monkeypatch: pytest.MonkeyPatch, school: StandIn) -> None:
    one = source(monkeypatch, school)
    for item in one.scan():
        with one.open(item) as raw:  # type: ignore[arg-type]
            raw.read(1)
        break
    assert school.open == 0


def error(number: int, state: str = "42000") -> Exception:
    text = f"[{state}] [Microsoft][ODBC Driver 18 for SQL Server][SQL Server]Name: Khadija ({number}) (SQLExecDirectW)"
    return pyodbc.ProgrammingError(state, text)  # type: ignore[no-any-return]


@pytest.mark.parametrize(
    ("number", "state", "reason"),
    [
        (229, "42000", "permission"),
        (230, "42000", "permission"),
        (208, "42S02", "vanished"),
        (207, "42S22", "changing"),
        (3961, "42000", "changing"),
        (1222, "HYT00", "in-use"),
        (41332, "42000", "memory-optimized"),
        (10054, "08S01", "away"),
        (8115, "22003", "io-error"),
    ],
)
@pytest.mark.parametrize("where", ["SELECT TOP (0) [id], [upn]", "COUNT_BIG(*) FROM [main].[pupil]", "ORDER BY [id]"])
def test_why_a_table_cannot_be_read(
    monkeypatch: pytest.MonkeyPatch, school: StandIn, number: int, state: str, reason: str, where: str
) -> None:
    school.failing = {where: error(number, state)}
    one = source(monkeypatch, school)
    found = read(one)
    assert found.unread["main.pupil.csv"] == reason
    assert "Khadija" not in " ".join([*one.notes.told, *one.notes.warnings()])
    if where != "ORDER BY [id]":
        assert found.files["main.house.csv"].decode() == EXPECTED["main.house.csv"]


def test_a_real_fault_of_the_driver_is_one_tables_matter(monkeypatch: pytest.MonkeyPatch, school: StandIn) -> None:
    tables = [*CATALOGUE["tables"], (4, "main", "ghost", 0, 0)]
    school.answers = told(**{**CATALOGUE, "tables": tables, "columns": [*CATALOGUE["columns"], column(4, "x", "int")]})
    found = read(source(monkeypatch, school))
    assert found.unread == {"main.ghost.csv": "io-error"}
    assert len(found.files) == 4


def test_a_database_without_snapshots_is_refused_in_words(monkeypatch: pytest.MonkeyPatch, school: StandIn) -> None:
    school.answers = told(**CATALOGUE, about=[("Microsoft SQL Server 16.0", 0, 0, 1, 1)])
    with pytest.raises(SourceError) as raised:
        next(iter(source(monkeypatch, school).scan()))
    assert raised.value.code == "sql-snapshot"
    assert "ALTER DATABASE fernhill SET ALLOW_SNAPSHOT_ISOLATION ON" in raised.value.hint
    assert school.open == 0


def test_what_nothing_can_change_needs_no_snapshot(monkeypatch: pytest.MonkeyPatch, school: StandIn) -> None:
    school.answers = told(**CATALOGUE, about=[("Microsoft SQL Server 16.0", 0, 1, 1, 1)])
    found = read(source(monkeypatch, school))
    assert json.loads(found.files["schema.json"])["isolation"] == "a read-only database"
    assert "SET TRANSACTION ISOLATION LEVEL READ COMMITTED" in school.asked


@pytest.mark.parametrize(
    ("args", "code"),
    [
        (("28000", "[28000] Login failed for user 'reader'. (18456) (SQLDriverConnect)"), "sql-password"),
        (("28000", "[28000] Anmeldung fehlgeschlagen (18456) (SQLDriverConnect)"), "sql-password"),
        (("42000", "[42000] x (4060) (SQLDriverConnect); [28000] y (18456)"), "sql-database"),
        (("08001", "[08001] SSL Provider: [error:0A000086:SSL routines::certificate verify] (-1) (SQLD)"), "sql-tls"),
        (("08001", "[08001] TCP Provider: Error code 0x2749 (10057) (SQLDriverConnect)"), "sql-away"),
        (("HYT00", "[HYT00] Login timeout expired (0) (SQLDriverConnect)"), "sql-away"),
        (("IM002", "[IM002] [unixODBC] Data source name not found (0) (SQLDriverConnect)"), "sql-driver"),
        (("01000", "[01000] [unixODBC][Driver Manager]Can't open lib 'x' : file not found (0)"), "sql-driver"),
    ],
)
def test_a_refusal_has_a_code_and_shows_nothing(
    monkeypatch: pytest.MonkeyPatch, args: tuple[str, str], code: str
) -> None:
    def connect(text: str, **options: object) -> None:
        raise pyodbc.Error(*args)

    monkeypatch.setattr(pyodbc, "connect", connect)
    with pytest.raises(SourceError) as raised:
        SqlServerSnapshot(address(), SQLITE)
    assert raised.value.code == code
    assert raised.value.__cause__ is None
    assert PASSWORD not in f"{raised.value} {raised.value.hint}"


def test_a_driver_that_is_not_there_is_told_by_the_real_manager() -> None:
    needs_odbc()
    with pytest.raises(SourceError) as raised:
        SqlServerSnapshot(address(), "No Such Driver")
    assert raised.value.code == "sql-driver"


def test_the_newest_driver_of_microsoft_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[str] = []

    def connect(text: str, **options: object) -> None:
        given.append(text)
        raise pyodbc.Error("28000", "")

    monkeypatch.setattr(pyodbc, "connect", connect)
    for drivers, code in (
        (["SQLite3", "ODBC Driver 9 for SQL Server", "ODBC Driver 18 for SQL Server"], "sql-password"),
        (["SQLite3", "SQL Server"], "sql-driver"),
    ):
        monkeypatch.setattr(pyodbc, "drivers", lambda found=drivers: found)
        with pytest.raises(SourceError) as raised:
            SqlServerSnapshot(address())
        assert raised.value.code == code
    assert len(given) == 1
    assert given[0].startswith("Driver={ODBC Driver 18 for SQL Server};")


@pytest.mark.parametrize(
    ("change", "shown"),
    [
        ({}, "Server={sql.example,1433};Database={fernhill};UID={reader};PWD={hunter2;}}x};Encrypt=yes;TrustServer"),
        ({"port": None, "database": "a}b"}, "Server={sql.example};Database={a}}b};UID="),
        ({"user": ""}, "Database={fernhill};Trusted_Connection=yes;Encrypt=yes;TrustServerCertificate=no;APP=escrow"),
        ({"tls": "unverified"}, "Encrypt=yes;TrustServerCertificate=yes"),
        ({"tls": "off"}, "Encrypt=no;"),
    ],
)
def test_what_the_driver_manager_is_given(change: dict[str, object], shown: str) -> None:
    text = connection_string(address(**change), "ODBC Driver 18 for SQL Server")
    assert shown in text
    assert ("PWD" in text) == ("UID" in text)
