"""SQLite behind a real ODBC driver manager in SQL Server's place: the catalogue is told, the dialect put into SQLite's.

What is real: unixODBC, pyodbc, a driver, rows that stream, NULLs, bytes, errors. What is not: SQL Server.
"""

import os
import re
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import pyodbc
import pytest

from escrow.seal import Secret
from escrow.source import sqlserver_catalog as catalog
from escrow.source.sql import SqlSource
from escrow.source.sql_address import Address
from escrow.source.sqlserver import SqlServerSnapshot

Answer = Sequence[Sequence[object]]
PASSWORD = "hunter2;}x"
SQLITE = "SQLite3"
_REAL_CONNECT = pyodbc.connect
_NAME = r"(\[(?:[^\]]|\]\])*\])"
_REWRITES = (
    (rf"CONVERT\(varbinary\(\w+\), CONVERT\(nvarchar\(\w+\), {_NAME}\)\)", r"CAST(\1 AS BLOB)"),
    (rf"CONVERT\(varbinary\(\w+\), {_NAME}\)", r"CAST(\1 AS BLOB)"),
    (rf"CONVERT\(varchar\(\d+\), {_NAME}(?:, \d+)?\)", r"CAST(\1 AS TEXT)"),
    (r"COUNT_BIG", "COUNT"),
    (r"^SELECT TOP \(0\) (.*)$", r"SELECT \1 LIMIT 0"),
)


def needs_odbc() -> None:
    """Skips where the packages unixodbc and libsqliteodbc are missing; in CI that is a failure."""
    if SQLITE not in pyodbc.drivers():
        assert not os.environ.get("CI"), "apt-get install unixodbc libsqliteodbc"
        pytest.skip("no ODBC driver for SQLite")


@dataclass
class StandIn:
    """`answers`: what the catalogue says, by query; all else goes to SQLite. `asked`: every query; `given`: strings."""

    file: Path
    answers: dict[str, Answer]
    asked: list[str] = field(default_factory=list)
    given: list[str] = field(default_factory=list)
    failing: dict[str, Exception] = field(default_factory=dict)
    open: int = 0

    def connect(self, text: str, **options: object) -> "_Connection":
        self.given.append(text)
        self.open += 1
        return _Connection(self, _REAL_CONNECT(f"Driver={SQLITE};Database={self.file}", autocommit=True))

    def answer(self, query: str) -> Answer | None:
        self.asked.append(query)
        for part, error in self.failing.items():
            if part in query:
                raise error
        if query.startswith("SET "):
            return []
        return next((rows for known, rows in self.answers.items() if query.startswith(known)), None)


class _Connection:
    def __init__(self, stand_in: StandIn, real: pyodbc.Connection) -> None:
        self.stand_in = stand_in
        self.real = real

    def cursor(self) -> "_Cursor":
        return _Cursor(self.stand_in, self.real.cursor())

    def close(self) -> None:
        self.stand_in.open -= 1
        self.real.close()


class _Cursor:
    def __init__(self, stand_in: StandIn, real: pyodbc.Cursor) -> None:
        self.stand_in = stand_in
        self.real = real
        self.told: Answer | None = None

    def execute(self, query: str) -> "_Cursor":
        self.told = self.stand_in.answer(query)
        if self.told is None:
            self.real.execute(in_sqlite(query))
        return self

    def fetchall(self) -> Answer:
        return self.real.fetchall() if self.told is None else self.told

    def __iter__(self) -> Iterator[Sequence[object]]:
        return iter(self.real)

    def close(self) -> None:
        self.real.close()


def in_sqlite(query: str) -> str:
    """A table's query as SQLite has it; it has no way to write a bracket within brackets."""
    for pattern, instead in _REWRITES:
        query = re.sub(pattern, instead, query)
    return re.sub(_NAME, lambda found: '"' + found[1][1:-1].replace("]]", "]").replace('"', '""') + '"', query)


def start(query: str) -> str:
    """A catalogue query up to where versions differ."""
    return query.partition("{")[0]


def told(**change: Answer) -> dict[str, Answer]:
    """A catalogue of one database: `about`, `features`, `tables`, `columns`, `primary`, `foreign`, `left_out`."""
    usual: dict[str, Answer] = {
        "about": [("Microsoft SQL Server 16.0 Standard", 1, 0, 1, 1)],
        "features": [("columns", "is_masked"), ("columns", "encryption_type"), ("columns", "graph_type")],
        "left_out": [("views", 0), ("synonyms", 0)],
    } | change
    return {
        start(catalog.ABOUT): usual["about"],
        start(catalog.FEATURES): usual["features"],
        start(catalog._TABLES): usual.get("tables", []),
        start(catalog._COLUMNS): usual.get("columns", []),
        start(catalog._PRIMARY): usual.get("primary", []),
        start(catalog._FOREIGN): usual.get("foreign", []),
        start(catalog._LEFT_OUT): usual["left_out"],
        start(catalog._POLICIES): usual.get("policies", [(0,)]),
        "SELECT CONVERT(varchar(34), SYSUTCDATETIME": [("2026-11-24T02:00:00.1234567",)],
    }


def fill(path: Path, script: str) -> None:
    """A SQLite database whose texts are UTF-16, as SQL Server's are."""
    with closing(sqlite3.connect(path)) as database:
        database.executescript("PRAGMA encoding = 'UTF-16le';" + script)


def address(**change: object) -> Address:
    usual = {"host": "sql.example", "port": 1433, "database": "fernhill", "user": "reader"} | change
    return Address(password=lambda: Secret(PASSWORD.encode()), **usual)  # type: ignore[arg-type]


def source(monkeypatch: pytest.MonkeyPatch, stand_in: StandIn) -> SqlSource:
    """The stand-in as a source."""
    monkeypatch.setattr(pyodbc, "connect", stand_in.connect)
    return SqlSource("mis", lambda: SqlServerSnapshot(address(), SQLITE))


def column(owner: int, name: str, kind: str, length: int = 0, **more: int) -> tuple[object, ...]:
    """A row of the catalogue's columns."""
    computed, masked, cipher, graph = (more.get(key, 0) for key in ("computed", "masked", "cipher", "graph"))
    precision, scale = more.get("precision", 0), more.get("scale", 0)
    return (owner, name, kind, length, precision, scale, more.get("null", 1), computed, masked, cipher, graph)
