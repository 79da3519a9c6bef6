"""Nights of databases and programs that hold and say every pupil's name: nothing that others see names a person."""

import csv
import logging
import sqlite3
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from tests.servers.databases import PASSWORD, Server, mariadb, postgres, postgres_admin
from tests.servers.http import Answer, Request, serving
from tests.servers.smtp import Mailbox, mailbox
from tests.source.mysql_kit import base as mysql_base
from tests.source.postgresql_kit import new_base

from .conftest import World
from .test_nothing_personal import exports, people, said

__all__ = ["exports", "mariadb", "postgres"]

_TABLE = "CREATE TABLE pupils (upn varchar(20) PRIMARY KEY, forename varchar(80), surname varchar(80) CHECK ({}))"
_REST = 'kind = "oneroster"\nurl = "{0}"\ntoken_url = "{0}/token"\nclient_id = "escrow"\n'


def rows(pupils: list[dict[str, object]]) -> list[tuple[str, ...]]:
    return [tuple(str(one[name]) for name in ("UPN", "Legal Forename", "Legal Surname")) for one in pupils]


@contextmanager
def filled(
    world: World, pupils: list[dict[str, object]], postgres: Server, mariadb: Server
) -> Iterator[tuple[str, list[str]]]:
    """Databases with all pupils; the sources that read them, and passwords that nobody may see."""
    server = world.config.parent
    values = rows(pupils)
    with closing(sqlite3.connect(server / "mis.db")) as database, database:
        database.execute(_TABLE.format("surname <> ''"))
        database.executemany("INSERT INTO pupils VALUES (?, ?, ?)", values)
    data = bytearray((server / "mis.db").read_bytes())
    data[4096:4196] = b"\xff" * 100
    (server / "torn.db").write_bytes(data)
    with new_base(postgres) as one, mysql_base(mariadb, _TABLE.format("surname <> ''")) as other:
        one.run(_TABLE.format("surname <> ''"), "CREATE TABLE hidden AS SELECT 1 AS id")
        with postgres_admin(postgres, one.name) as admin, admin.cursor() as cursor:
            cursor.executemany("INSERT INTO pupils VALUES (%s, %s, %s)", values)
            cursor.execute("CREATE TABLE secret AS SELECT * FROM pupils")
            cursor.execute("ALTER TABLE secret ENABLE ROW LEVEL SECURITY")
        other.run(
            *(
                "INSERT INTO pupils VALUES ({!r}, {!r}, {!r})".format(*one)
                for one in values[:20]
                if "'" not in "".join(one)
            )
        )
        (server / "word").write_text(PASSWORD, "utf-8")
        (server / "word").chmod(0o600)
        at = 'host = "127.0.0.1"\ntls = "off"\npassword = {{ file = "{}" }}\nport = {}\nuser = "{}"\ndatabase = "{}"\n'
        (server / "wrong").write_text("not-the-password", "utf-8")
        (server / "wrong").chmod(0o600)
        text = ""
        for name, lines in {
            "sqlite": 'kind = "sqlite"\npath = "mis.db"\n',
            "torn": 'kind = "sqlite"\npath = "torn.db"\n',
            "pg": 'kind = "postgresql"\n' + at.format("word", postgres.port, one.user, one.name),
            "pg-refused": 'kind = "postgresql"\n' + at.format("wrong", postgres.port, one.user, one.name),
            "maria": 'kind = "mysql"\n' + at.format("word", mariadb.port, other.reader, other.name),
            "maria-refused": 'kind = "mysql"\n' + at.format("wrong", mariadb.port, other.reader, other.name),
            "mssql": 'kind = "sqlserver"\n' + at.format("word", 1, "reader", "mis"),
        }.items():
            text += f'[[source]]\nname = "{name}"\n{lines}'
        yield text, [PASSWORD, "not-the-password"]


def commands(folder: Path, pupils: list[dict[str, object]]) -> str:
    """Programs that write names to stderr and stdout, and end in each way."""
    with (folder / "names.txt").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(rows(pupils))
    text = ""
    speak = "import sys; words = open('names.txt', encoding='utf-8').read(); sys.stderr.write(words); "
    for name, end in {
        "well": "print(words)",
        "badly": "print(words[:99]); sys.exit(words[:80])",
        "raises": "raise ValueError(words)",
    }.items():
        text += f'[[source]]\nname = "{name}"\nkind = "command"\nfile = "dump.sql"\n'
        text += f"command = [{sys.executable!r}, '-c', {(speak + end)!r}]\n"
    return text + "[[source]]\nname = 'none'\nkind = 'command'\nfile = 'x'\ncommand = ['/nowhere/program']\n"


def told_by(world: World, box: Mailbox, endpoint: str, text: str) -> None:
    text += f'[tell.mail]\nserver = "127.0.0.1"\nport = {box.port}\nsecurity = "none"\nfrom = "e@x.example"\n'
    text += (
        f'to = "it@x.example"\n[[source]]\nname = "rest"\n{_REST.format(endpoint)}client_secret = {{ file = "word" }}\n'
    )
    world.config.write_text(world.config.read_text("utf-8") + text, "utf-8")


def test_databases_and_programs_tell_nobodys_name(
    world: World,
    exports: Path,
    tmp_path: Path,
    postgres: Server,
    mariadb: Server,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    monkeypatch.setenv("ESCROW_DEBUG", "1")
    caplog.set_level(logging.DEBUG)
    known, pupils = people(exports)
    server = world.config.parent

    def web(request: Request) -> Answer:
        name = str(pupils[0]["Legal Surname"])
        return Answer(400, {"X-Who": name.encode("ascii", "replace").decode()}, f'{{"error": "{name}"}}'.encode())

    with filled(world, pupils, postgres, mariadb) as (text, secrets), mailbox() as box, serving(web) as endpoint:
        told_by(world, box, endpoint, text + commands(server, pupils))
        runs = [world.run(*words) for words in (("agent", "run"), ("source", "check"), ("snapshot", "--json"))]
        runs += [world.run(*words) for words in (("source", "learn"), ("status", "--tell"), ("list",))]
    spoken = capfd.readouterr()
    assert len(box.mails) >= 2
    everything = "".join(run.out + run.err for run in runs)
    for code in (
        "exit-code",
        "not-started",
        "sql-password",
        "permission",
        "http-token",
        "sqlite/main.pupils",
    ):
        assert code in everything, everything
    texts = [("output", run.out + run.err) for run in runs] + [("log", caplog.text), ("fd", spoken.out + spoken.err)]
    texts += [("temporary", str(path)) for path in temporary.rglob("*")]
    texts += said(world, box, [])
    assert {(where, one) for where, text in texts for one in known.found_in(text)} == set()
    assert not list(temporary.rglob("*"))
    assert not [one for one in secrets if one in "".join(text for _, text in texts)]
    assert {"mail", "object's name", "record"} <= {where for where, _ in texts}
