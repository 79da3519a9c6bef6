"""Whole nights from MariaDB: deposited, opened again, and compared row by row with what another client reads."""

import json
import re
import subprocess
import tracemalloc
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pymysql
import pytest
from pymysql.converters import encoders

from escrow.completeness.reader import FileReader
from escrow.engine.night import Agent, NightReport, Work, run_night
from escrow.engine.ports import NoProgress
from escrow.engine.profiling import Watch
from escrow.engine.state import State
from escrow.limits import MIB
from escrow.source import FileItem, Rule
from tests.engine.kit import AGENT, School, school
from tests.servers.databases import Server, mariadb_admin

from .mysql_kit import Base, base

RULES = (Rule("records", ("*.csv", "*.json")),)
MARKS = """CREATE TABLE mark (id int PRIMARY KEY AUTO_INCREMENT, pupil int NOT NULL, subject varchar(30), given date,
mark decimal(5,2), note text, KEY (pupil))"""
FILL = """INSERT INTO mark SELECT seq, seq * 7919 % 1200, ELT(1 + seq % 4, 'Maths', 'Français', 'Gälic "A"', NULL),
DATE '2025-09-01' + INTERVAL seq % 200 DAY, seq % 10000 / 100,
ELT(1 + seq % 5, '', NULL, 'a, b', 'line\\nline', MD5(seq)) FROM seq_1_to_{}"""
_FIELD = re.compile(r'("(?:[^"]|"")*"|[^",\n]*)([,\n])')


def watched(one: School, base: Base) -> NightReport:
    """A night that looks into what it reads."""
    with closing(State.open(one.state)) as state:
        work = Work([base.source()], RULES, lambda: True, Watch(FileReader))
        return run_night(Agent(one.store, state, AGENT, one.clock, one.anchor), work, NoProgress())


def read_csv(data: bytes) -> list[tuple[str | None, ...]]:
    """Rows with NULL as None; another reader than escrow's."""
    rows: list[tuple[str | None, ...]] = []
    row: list[str | None] = []
    end = 0
    for match in _FIELD.finditer(data.decode()):
        assert match.start() == end
        end = match.end()
        text = match[1]
        row.append(text[1:-1].replace('""', '"') if text.startswith('"') else text or None)
        if match[2] == "\n":
            rows.append(tuple(row))
            row = []
    assert end == len(data.decode())
    return rows


def compare(one: Base, files: dict[str, bytes]) -> int:
    """Every restored row with what PyMySQL reads as text, in the same order; gives how many."""
    compared = 0
    socket = str(one.server.folder / "socket")
    raw = pymysql.connect(unix_socket=socket, user="root", database=one.name, charset="utf8mb4", conv=encoders)
    with raw, raw.cursor() as cursor:
        for table in json.loads(files["schema.json"])["tables"]:
            header, *rows = read_csv(files[table["file"]])
            assert header == tuple(column["name"] for column in table["columns"])
            order = ", ".join(f"`{name}`" for name in table["primary_key"])
            cursor.execute(f"SELECT * FROM `{table['table']}`" + (f" ORDER BY {order}" if order else ""))
            wanted = list(cursor.fetchall())
            assert len(rows) == len(wanted) == table["rows"]
            assert rows == wanted if order else sorted(map(repr, rows)) == sorted(map(repr, wanted)), table["table"]
            compared += len(rows)
    return compared


def marks(tmp_path: Path, server: Server, count: int) -> None:
    vault = school(tmp_path)
    with base(server, MARKS, FILL.format(count)) as one:
        tracemalloc.start()
        try:
            first = watched(vault, one)
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
        assert compare(one, vault.restore_all()) == count
        one.run("INSERT INTO mark VALUES (0, 1, 'Maths', '2026-03-01', 1, 'new')", "DELETE FROM mark WHERE id = 500")
        second = vault.night(sources=[one.source()], rules=RULES)
        assert compare(one, vault.restore_all()) == count
    assert first.verdict is not None
    assert first.verdict.codes == ()
    stored = first.compartments["records"].bytes_put  # this store is in memory
    assert stored > 2 * MIB * count / 300_000
    assert peak - stored < 24 * MIB
    assert second.compartments["records"].bytes_put < 2 * MIB


def test_a_slow_reader_does_not_make_the_driver_keep_what_the_server_sends(mariadb: Server) -> None:
    with base(mariadb, MARKS, FILL.format(300_000)) as one:
        tracemalloc.start()
        try:
            size = sum(map(len, pieces(one)))
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
    assert size > 12 * MIB
    assert peak < 6 * MIB


def pieces(one: Base) -> Iterator[bytes]:
    """What a scan reads, piece by piece."""
    source = one.source()
    for item in source.scan():
        assert isinstance(item, FileItem)
        with source.open(item) as reader:
            while data := reader.read(MIB):
                yield data


def test_marks_come_back_row_by_row_in_little_memory(tmp_path: Path, mariadb: Server) -> None:
    marks(tmp_path, mariadb, 300_000)


@pytest.mark.slow
def test_three_million_marks_come_back_row_by_row(tmp_path: Path, mariadb: Server) -> None:
    marks(tmp_path, mariadb, 3_000_000)


def columns_of(dump: str) -> dict[str, list[str]]:
    """The tables of a dump without CREATE TABLE, and their columns, from its INSERTs."""
    found: dict[str, list[str]] = {}
    for table, columns in re.findall(r"^INSERT INTO `(\w+)` \(([^)]*)\)", dump, re.MULTILINE):
        known = found.setdefault(table, [])
        known += [name for name in re.findall(r"`(\w+)`", columns) if name not in known]
    return found


def typed(one: Base, table: str, columns: list[str]) -> None:
    """Give columns that hold only numbers or dates a type, and an id its zeros and its key."""
    asked = ", ".join(
        f"COUNT(`{name}`), SUM(`{name}` REGEXP '^[0-9]{{1,18}}$'), "
        f"SUM(`{name}` REGEXP '^[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}$'), MAX(LENGTH(`{name}`)), "
        f"COUNT(DISTINCT `{name}`) = COUNT(*)"
        for name in columns
    )
    with mariadb_admin(one.server, one.name) as to, to.cursor() as cursor:
        cursor.execute(f"SELECT {asked} FROM `{table}`")
        found = cursor.fetchone() or ()
    changes = []
    for name, (filled, numbers, dates, longest, unique) in zip(
        columns, zip(*[iter(found)] * 5, strict=True), strict=True
    ):
        if filled and filled in (numbers, dates):
            kind = "date" if filled == dates else f"bigint({longest}) unsigned zerofill"
            changes.append(f"MODIFY `{name}` {kind}")
            changes += [f"ADD PRIMARY KEY (`{name}`)"] if name == columns[0] and unique else []
    if changes:
        one.run("SET sql_mode = ''", f"ALTER TABLE `{table}` {', '.join(changes)}")


def test_gibbons_dump_comes_back_row_by_row(tmp_path: Path, mariadb: Server, samples: Path) -> None:
    dump = samples / "gibbon" / "gibbon_demo_v27.sql"
    tables = columns_of(dump.read_text("utf-8"))
    made = [f"CREATE TABLE `{name}` ({', '.join(f'`{c}` longtext' for c in all)})" for name, all in tables.items()]
    vault = school(tmp_path)
    with base(mariadb, *made) as one:
        words = ["mariadb", "--no-defaults", f"--socket={mariadb.folder / 'socket'}", "--user=root", one.name]
        with dump.open("rb") as file:
            subprocess.run([*words, "--default-character-set=utf8mb4"], stdin=file, check=True)
        for table, columns in tables.items():
            typed(one, table, columns)
        report = watched(vault, one)
        files = vault.restore_all()
        assert len(files) == len(tables) + 1
        assert compare(one, files) == 11_395  # as the server counts them
    assert report.verdict is not None
    assert report.verdict.codes == ()
