"""A database of SQLite as a source: every value as it is, one moment, and each reason why it cannot be read."""

import json
import sqlite3
from contextlib import closing
from itertools import chain
from pathlib import Path

import pytest

from escrow.errors import SourceError
from escrow.source import FileItem, Item, Rule
from escrow.source import sqlite as module
from escrow.source.sql import SqlSource
from escrow.source.sqlite import SqliteSnapshot, address, form_of
from tests.engine.kit import school

SCHOOL = """
CREATE TABLE houses (id INTEGER PRIMARY KEY, name TEXT NOT NULL);
CREATE TABLE pupils (
    upn TEXT PRIMARY KEY, house INTEGER REFERENCES houses, note TEXT, photo BLOB, mark NUMERIC,
    shout TEXT AS (upper(note)) STORED, short TEXT GENERATED ALWAYS AS (substr(note, 1, 1)) VIRTUAL
);
CREATE TABLE seats (room TEXT, seat INT, upn TEXT, PRIMARY KEY (seat, room),
    FOREIGN KEY (upn) REFERENCES pupils (upn)) WITHOUT ROWID;
CREATE TABLE log (rowid TEXT, line);
CREATE TABLE "a ""b""; DROP TABLE x--/\\" ("sel""ect" TEXT);
CREATE VIEW grown AS SELECT * FROM pupils;
INSERT INTO houses VALUES (2, 'Oak'), (1, 'Ash');
INSERT INTO pupils (upn, house, note, photo, mark) VALUES
    ('A2', 1, '', x'', 1.5), ('A1', 2, 'says "hi",' || char(10) || 'é', x'00ff', 9007199254740993),
    (NULL, NULL, NULL, NULL, NULL);
INSERT INTO seats VALUES ('B', 1, 'A1'), ('A', 2, 'A2'), ('A', 1, NULL);
INSERT INTO log VALUES ('z', 1), ('a', '1'), ('m', x'31'), ('n', CAST(x'ff' AS TEXT));
INSERT INTO "a ""b""; DROP TABLE x--/\\" VALUES ('1');
"""
EXPECTED = {
    "main.houses.csv": '"id","name"\n1,"Ash"\n2,"Oak"\n',
    "main.log.csv": '"rowid","line"\n"z",1\n"a","1"\n"m",\\x31\n"n","\udcff"\n',
    "main.pupils.csv": '"upn","house","note","photo","mark","shout","short"\n,,,,,,\n'
    '"A1",2,"says ""hi"",\né",\\x00ff,9007199254740993,"SAYS ""HI"",\né","s"\n"A2",1,"",\\x,1.5,"",""\n',
    "main.seats.csv": '"room","seat","upn"\n"A",1,\n"B",1,"A1"\n"A",2,"A2"\n',
    "main.a %22b%22; DROP TABLE x--%2F%5C.csv": '"sel""ect"\n"1"\n',
}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "a ?#%é" / "school.db"
    path.parent.mkdir()
    fill(path, SCHOOL)
    return path


def fill(path: Path, script: str) -> None:
    with closing(sqlite3.connect(path)) as database:
        database.executescript(script)


def source(path: Path) -> SqlSource:
    return SqlSource("db", lambda: SqliteSnapshot(path))


def text(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape")


def read(one: SqlSource, item: Item) -> bytes:
    assert isinstance(item, FileItem)
    with one.open(item) as raw:
        return raw.readall()


def read_all(one: SqlSource) -> dict[str, bytes]:
    return {item.path.decode().removeprefix("db/"): read(one, item) for item in one.scan()}


def test_every_value_stands_as_it_is(file: Path) -> None:
    one = source(file)
    found = read_all(one)
    schema = json.loads(found.pop("schema.json"))
    assert {name: text(data) for name, data in found.items()} == EXPECTED
    assert one.notes.rows["db/main.pupils.csv"] == 3
    tables = {table["table"]: table for table in schema["tables"]}
    assert tables["seats"]["primary_key"] == ["seat", "room"]
    assert [tables[name]["order"] for name in ("seats", "log")] == ["primary key", "_rowid_"]
    (to_house,) = tables["pupils"]["foreign_keys"]
    assert (to_house["columns"], to_house["table"], to_house["to"]) == (["house"], "houses", ["id"])
    assert read_all(source(file)).keys() == {*EXPECTED, "schema.json"}


def test_virtual_tables_are_left_out_and_said_and_what_they_keep_is_in(file: Path) -> None:
    fill(file, "CREATE VIRTUAL TABLE found USING fts5(words); INSERT INTO found VALUES ('needle')")
    one = source(file)
    found = read_all(one)
    assert "main.found.csv" not in found
    assert b"needle" in found["main.found_content.csv"]
    assert [text for text in one.notes.warnings() if "1 virtual tables" in text]


@pytest.mark.parametrize("mode", ["wal", "delete"])
def test_one_moment_while_another_program_writes(file: Path, mode: str) -> None:
    with closing(sqlite3.connect(file, timeout=0, isolation_level=None)) as other:
        other.execute(f"PRAGMA journal_mode = {mode}")
        other.execute("INSERT INTO houses VALUES (3, 'Elm')")
        one = source(file)
        items = one.scan()
        first = next(items)
        if mode == "wal":
            other.execute("DELETE FROM houses")
        else:
            with pytest.raises(sqlite3.OperationalError, match="locked"):
                other.execute("DELETE FROM houses")
        found = {item.path: read(one, item) for item in chain([first], items)}
        assert found[b"db/main.houses.csv"].count(b"\n") == 4
        other.execute("DELETE FROM houses")


def test_a_database_that_is_locked_says_so(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LOCK_SECONDS", 0.1)
    with closing(sqlite3.connect(file, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        assert code_of(file) == "sqlite-locked"
    assert read_all(source(file))


def code_of(path: Path) -> str:
    with pytest.raises(SourceError) as caught:
        SqliteSnapshot(path)
    assert caught.value.hint
    return caught.value.code


def test_what_is_no_database_says_so(tmp_path: Path, file: Path) -> None:
    other = tmp_path / "other.db"
    assert code_of(other) == "sqlite-missing"
    other.write_bytes(b"no database" * 1000)
    assert code_of(other) == "sqlite-not-one"


def test_a_change_that_is_half_written_is_not_undone_here(tmp_path: Path, file: Path) -> None:
    crashed = tmp_path / "crashed.db"
    with closing(sqlite3.connect(file, isolation_level=None)) as other:
        other.execute("PRAGMA cache_size = 2")
        other.execute("CREATE TABLE big (x)")
        other.execute("BEGIN")
        other.executemany("INSERT INTO big VALUES (?)", [("x" * 3000,)] * 200)
        crashed.write_bytes(file.read_bytes())
        crashed.with_name("crashed.db-journal").write_bytes(file.with_name("school.db-journal").read_bytes())
    before = crashed.read_bytes()
    assert code_of(crashed) == "sqlite-crashed"
    assert crashed.read_bytes() == before


def test_a_damaged_table_is_unread_and_the_others_are_in(tmp_path: Path) -> None:
    path = tmp_path / "school.db"
    fill(path, "CREATE TABLE a (x); CREATE TABLE b (x); INSERT INTO b VALUES ('kept')")
    with closing(sqlite3.connect(path)) as database, database:
        database.executemany("INSERT INTO a VALUES (?)", [("y" * 3000,)] * 100)
        (page,) = database.execute("SELECT rootpage FROM sqlite_master WHERE name = 'a'").fetchone()
    data = bytearray(path.read_bytes())
    data[(page - 1) * 4096 : page * 4096] = bytes(4096)
    path.write_bytes(data)
    one = school(tmp_path)
    report = one.night(sources=[source(path)], rules=(Rule("records", ("*",)),))
    assert report.verdict is not None
    assert report.verdict.codes == ("unread",)
    assert one.restore_all()["main.b.csv"] == b'"x"\n"kept"\n'


def test_a_night_comes_back_row_by_row(tmp_path: Path, file: Path) -> None:
    one = school(tmp_path)
    report = one.night(sources=[source(file)], rules=(Rule("records", ("*",)),))
    assert report.verdict is not None
    assert report.verdict.codes == ()
    found = one.restore_all()
    assert {name: text(found[name]) for name in EXPECTED} == EXPECTED


@pytest.mark.parametrize(("declared", "most"), [("BLOB", 8), ("TEXT", 16)])
def test_large_rows_come_a_few_at_a_time(tmp_path: Path, declared: str, most: int) -> None:
    path = tmp_path / "photos.db"
    with closing(sqlite3.connect(path)) as database, database:
        database.execute(f"CREATE TABLE photos (image {declared})")
        database.executemany("INSERT INTO photos VALUES (?)", [("x" * size,) for size in [1] * 20 + [300_000] * 60])
    with closing(SqliteSnapshot(path)) as snapshot:
        (table,) = snapshot.view.tables
        counts = [count for count, _ in snapshot.rows(table)]
    assert sum(counts) == 80
    assert (max(counts), counts[-1]) == (most, 1)


def test_numbers_come_back_and_wide_tables_fit(tmp_path: Path) -> None:
    path = tmp_path / "wide.db"
    reals = [0.1, 1e300, 1 / 3, 5e-324, float("inf"), -0.0, 123456789.123456789]
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("CREATE TABLE reals (x)")
        database.executemany("INSERT INTO reals VALUES (?)", [(one,) for one in reals])
        database.execute(f"CREATE TABLE wide ({', '.join(f'c{n}' for n in range(1500))})")
        database.execute(f"INSERT INTO wide VALUES ({', '.join('1' for _ in range(1500))})")
    found = read_all(source(path))
    assert [float(line) for line in found["main.reals.csv"].splitlines()[1:]] == reals
    assert found["main.wide.csv"].splitlines()[1] == b",".join([b"1"] * 1500)


def test_addresses_and_forms() -> None:
    assert address(Path("/srv/a b?.db")).endswith("/srv/a%20b%3F.db?mode=ro")
    forms = {"INT": "plain", "VARCHAR(9)": "text", "blob": "hex", "": "plain", "DATE": "plain", "CHARINT": "plain"}
    assert {declared: form_of(declared) for declared in forms} == forms
