"""OneRoster's REST in escrow.toml: a night by the command line, and what is refused before it."""

import json
from pathlib import Path

import pytest
from escrow_cli.config import parse_config
from escrow_cli.http_sources import OneRosterConfig

from escrow.errors import UsageError
from tests.servers.oneroster import CLIENT, SECRET, OneRosterServer, oneroster, user

from .conftest import World, files_of

ROOT = Path("/srv/escrow/escrow.toml")
LINES = """[store]
url = "vault"
[[source]]
name = "mis"
kind = "oneroster"
url = "https://mis.example"
token_url = "https://mis.example/token"
client_id = "escrow"
client_secret = { env = "ONEROSTER" }
"""


def test_a_night_by_the_command_line(world: World) -> None:
    word = world.config.parent / "word"
    word.write_text(SECRET, "utf-8")
    word.chmod(0o600)
    with oneroster(OneRosterServer({"users": [user(n) for n in range(130)]}, version="1.2")) as server:
        text = f'[[source]]\nname = "rest"\nkind = "oneroster"\nurl = "{server.base_url}/sis"\nversion = "1.2"\n'
        text += f'token_url = "{server.base_url}/token"\nclient_id = "{CLIENT}"\nclient_secret = {{ file = "word" }}\n'
        world.config.write_text(f'{world.config.read_text("utf-8")}\n{text}entities = ["users"]\n', "utf-8")
        done = world.run("snapshot")
        out = world.root / "out"
        assert world.run("restore", "latest", "--to", out, "--key", world.key).code == 0
        word.write_text("wrong")
        failed = world.run("snapshot")
    assert done.code == 0, done.err
    lines = files_of(out)["rest/users.jsonl"].splitlines()
    assert [json.loads(line)["sourcedId"] for line in lines] == [f"u{n:06}" for n in range(130)]
    assert failed.code == 16
    assert "http-token" in failed.out + failed.err
    assert SECRET not in done.out + done.err + failed.out + failed.err


def test_what_is_not_said_has_a_meaning() -> None:
    (found,) = parse_config(LINES, ROOT, {}).sources
    assert isinstance(found, OneRosterConfig)
    assert (found.version, found.entities, found.scope) == ("1.1", (), "")
    assert found.open([]).name == "mis"


@pytest.mark.parametrize(
    ("line", "instead", "code"),
    [
        ('url = "https://mis.example"\n', 'url = "https://mis.example/ims/oneroster/v1p1"\n', "config-value"),
        ('url = "https://mis.example"\n', "", "config-missing-key"),
        ('client_id = "escrow"\n', "", "config-missing-key"),
        ('{ env = "ONEROSTER" }', '"hunter2"', "credential-literal"),
        ('client_id = "escrow"\n', 'client_id = "escrow"\nversion = "2.0"\n', "config-value"),
    ],
)
def test_what_is_wrong_is_refused(line: str, instead: str, code: str) -> None:
    with pytest.raises(UsageError) as raised:
        parse_config(LINES.replace(line, instead), ROOT, {})
    assert raised.value.code == code
    assert "hunter2" not in str(raised.value)


def test_http_to_another_machine_is_refused_before_a_secret_is_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ONEROSTER", "word")
    (found,) = parse_config(LINES.replace("https://mis.example/token", "http://mis.example/token"), ROOT, {}).sources
    with pytest.raises(UsageError) as raised:
        found.open([]).scan()
    assert raised.value.code == "http-url"
