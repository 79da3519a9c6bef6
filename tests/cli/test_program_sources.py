"""SQLite, a command and standard input by escrow.toml: whole nights, and the guide's configurations."""

import io
import re
import sqlite3
import sys
from contextlib import closing
from pathlib import Path

import pytest
from escrow_cli.config import parse_config
from escrow_cli.exits import Exit
from escrow_cli.program_sources import CommandConfig
from escrow_cli.sources import KINDS

from escrow.errors import SourceError, UsageError

from .conftest import World, files_of

GUIDE = Path(__file__).parents[2] / "docs" / "guide-programs.md"
FILE = Path("/srv/escrow/escrow.toml")


def add(world: World, text: str) -> None:
    with world.config.open("a", encoding="utf-8") as file:
        file.write(f'\n[[source]]\nname = "new"\n{text}\n')


def restored(world: World) -> dict[str, bytes]:
    out = world.root / "out"
    done = world.run("restore", "latest", "--to", out, "--key", world.key)
    assert done.code == 0, done.err
    return {name.removeprefix("new/"): data for name, data in files_of(out).items() if name.startswith("new/")}


def command(script: str) -> str:
    return f"kind = 'command'\ncommand = [{sys.executable!r}, '-c', {script!r}]\nfile = 'dump.sql'\n"


def test_a_night_of_sqlite(world: World) -> None:
    with closing(sqlite3.connect(world.root / "server" / "library.db")) as database, database:
        database.execute("CREATE TABLE loans (id INTEGER PRIMARY KEY, title TEXT, due TEXT)")
        database.executemany("INSERT INTO loans VALUES (?, ?, ?)", [(2, "", None), (1, "Emma", "2026-07-01")])
        database.execute("CREATE TABLE sessions (x)")
    add(world, 'kind = "sqlite"\npath = "library.db"\nignore = ["main.sessions.csv"]')
    done = world.run("snapshot")
    assert done.code == Exit.OK, done.err
    found = restored(world)
    assert found.keys() == {"main.loans.csv", "schema.json"}
    assert found["main.loans.csv"] == b'"id","title","due"\n1,"Emma","2026-07-01"\n2,"",\n'


def test_a_night_of_a_command_with_its_credential(world: World) -> None:
    word = world.root / "server" / "word"
    word.write_text("fernhill-secret\n")
    word.chmod(0o600)
    script = "import os; print(len(os.environ['PGPASSWORD']), os.path.basename(os.getcwd()))"
    add(world, command(script) + "[source.credentials]\nPGPASSWORD = { file = 'word' }")
    done = world.run("snapshot")
    assert done.code == Exit.OK, done.err
    assert restored(world)["dump.sql"].split() == [b"15", b"server"]
    assert "fernhill-secret" not in done.out + done.err


def test_a_command_that_fails_is_unread_by_exit_code_and_in_words(world: World) -> None:
    add(world, command("import sys; print('INSERT'); sys.exit('Ann Smith')"))
    done = world.run("snapshot")
    assert done.code == Exit.PARTIAL
    assert "not read (exit-code): the command ended with code 1; it wrote 10 bytes to stderr" in done.err
    assert "Ann" not in done.out + done.err
    assert "dump.sql" not in restored(world)


def test_a_night_of_standard_input(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    add(world, 'kind = "stdin"\nfile = "dump.sql"')
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"INSERT\n" * 9)))
    done = world.run("snapshot")
    assert done.code == Exit.OK, done.err
    again = world.run("snapshot")
    assert again.code == Exit.SOURCE
    assert "stdin-read" in again.err
    monkeypatch.undo()
    monkeypatch.setenv("ESCROW_PASSPHRASE", "correct horse battery staple")
    out = world.root / "first"
    done = world.run("restore", "3", "--to", out, "--key", world.key)
    assert done.code == 0, done.err
    assert b"INSERT\n" * 9 in files_of(out).values()


def of(text: str) -> CommandConfig:
    config = parse_config(f'[[source]]\nname = "a"\nkind = "command"\nfile = "x"\n{text}', FILE, {})
    (one,) = config.sources
    assert isinstance(one, CommandConfig)
    return one


def test_the_environment_is_what_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGHOST", "db")
    monkeypatch.delenv("SYSTEMROOT", raising=False)
    one = of('command = ["x"]\nenvironment = ["PGHOST"]')
    assert one.environment() == {"PGHOST": "db"}
    monkeypatch.delenv("PGHOST")
    with pytest.raises(SourceError) as caught:
        one.environment()
    assert caught.value.code == "command-variable"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ('command = "pg_dump school"', "config-type"),
        ('command = ["x"]\ntime_limit = "soon"', "config-value"),
        ('command = ["x"]\n[source.credentials]\nPGPASSWORD = "word"', "credential-literal"),
        ('command = ["x"]\n[source.credentials]\n"A=B" = { env = "X" }', "config-value"),
        ('command = ["x"]\nshell = true', "config-unknown-key"),
    ],
)
def test_what_a_command_cannot_be(text: str, code: str) -> None:
    with pytest.raises(UsageError) as caught:
        of(text)
    assert caught.value.code == code


def test_the_guides_sources_can_be_made_and_its_codes_exist() -> None:
    text = GUIDE.read_text("utf-8")
    blocks = re.findall(r"^```toml\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    made = [source for block in blocks for source in parse_config(block, FILE, {}).sources]
    assert [type(one) for one in made] == [KINDS["sqlite"], KINDS["command"], KINDS["stdin"]]
    for one in made:
        assert one.open([]).name == one.name
    assert text.count("**How this one fails silently.**") == 3
    folder = GUIDE.parents[1]
    places = (*(folder / "escrow" / "source").glob("*.py"), folder / "cli" / "program_sources.py")
    source = "".join(path.read_text("utf-8") for path in places)
    codes = set(re.findall(r"`((?:sqlite|stdin|command)-[a-z-]+|not-started|exit-code|time-out)`", text))
    assert len(codes) == 11
    assert codes == {code for code in codes if f'"{code}"' in source}
