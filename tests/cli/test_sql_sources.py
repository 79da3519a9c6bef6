"""Databases in escrow.toml: what is understood, what is refused, and that nothing is asked before the night."""

import re
import sys
from pathlib import Path

import pytest
from escrow_cli.config import parse_config
from escrow_cli.sql_sources import MySqlConfig, PostgresConfig, SqlConfig, SqlServerConfig

from escrow.errors import EscrowError, UsageError
from escrow.source.sql import SqlSource

DOCS = Path(__file__).parents[2] / "docs"
ROOT = Path("/srv/escrow/escrow.toml")
LINES = """[store]
url = "vault"
[[source]]
name = "gibbon"
kind = "postgresql"
host = "db.example"
database = "gibbon"
user = "reader"
"""


def one(text: str) -> SqlConfig:
    (source,) = parse_config(text, ROOT, {}).sources
    assert isinstance(source, SqlConfig)
    return source


def test_every_configuration_of_the_guide_can_be_made() -> None:
    text = (DOCS / "guide-sql.md").read_text("utf-8")
    blocks = re.findall(r"^```toml\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    made = [source for block in blocks for source in parse_config(block, ROOT, {}).sources]
    assert {PostgresConfig, MySqlConfig, SqlServerConfig} <= {type(source) for source in made}
    for source in made:
        assert source.open([]).name == source.name
    assert text.count("**How this one fails silently.**") == len(re.findall(r"^## (?!How|What)", text, re.MULTILINE))


def test_every_code_that_the_guide_explains_exists() -> None:
    text = (DOCS / "guide-sql.md").read_text("utf-8")
    code = "".join(path.read_text("utf-8") for path in (DOCS.parent / "escrow" / "source").glob("*.py"))
    explained = re.findall(r"^\| ((?:`[a-z-]+`,? ?)+) \|", text.partition("| code |")[2], re.MULTILINE)
    codes = set(re.findall(r"`([a-z-]+)`", " ".join(explained)))
    assert {"sql-away", "sql-password", "permission", "vanished", "short"} <= codes
    assert codes == {name for name in codes if f'"{name}"' in code}


def test_what_is_not_said_has_a_safe_meaning() -> None:
    found = one(LINES)
    assert (found.tls, found.port, found.password, found.ca_file, found.ignore) == ("verify", None, None, None, ())
    assert isinstance(found.open([]), SqlSource)


def test_a_whole_database_means_what_it_says() -> None:
    more = (
        'port = 5433\npassword = { file = "word" }\ntls = "unverified"\nca_file = "ca.pem"\nignore = ["*.audit.csv"]\n'
    )
    found = one(LINES.replace("postgresql", "mysql") + more)
    assert isinstance(found, MySqlConfig)
    assert (found.host, found.port, found.database, found.user) == ("db.example", 5433, "gibbon", "reader")
    assert (found.tls, found.ca_file, found.ignore) == ("unverified", Path("/srv/escrow/ca.pem"), ("*.audit.csv",))
    assert found.password is not None
    assert found.password.name == "/srv/escrow/word"


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ('password = "hunter2"\n', "credential-literal"),
        ('tls = "no"\n', "config-value"),
        ("port = 65536\n", "config-value"),
        ('url = "postgresql://reader:hunter2@db"\n', "config-unknown-key"),
    ],
)
def test_what_is_wrong_is_refused_and_no_password_shown(more: str, code: str) -> None:
    with pytest.raises(UsageError) as raised:
        parse_config(LINES + more, ROOT, {})
    assert raised.value.code == code
    assert "hunter2" not in str(raised.value)


def test_a_missing_password_fails_the_night_not_the_configuration() -> None:
    source = one(LINES + 'password = { env = "NONE_SUCH" }\n').open([])
    with pytest.raises(EscrowError) as raised:
        next(iter(source.scan()))
    assert raised.value.code == "credential-missing"


def test_sql_server_without_a_user_is_windows_own_account() -> None:
    text = LINES.replace("postgresql", "sqlserver")
    assert one(text).user == "reader"
    found = one(text.replace('user = "reader"\n', ""))
    assert isinstance(found, SqlServerConfig)
    assert found.user == ""
    with pytest.raises(UsageError, match="ca_file"):
        one(text + 'ca_file = "ca.pem"\n')
    with pytest.raises(UsageError, match="user"):
        one(LINES.replace('user = "reader"\n', ""))


def test_without_pyodbc_the_night_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "escrow.source.sqlserver", None)
    source = one(LINES.replace("postgresql", "sqlserver")).open([])
    with pytest.raises(EscrowError) as raised:
        next(iter(source.scan()))
    assert raised.value.code == "sql-driver"
    assert "msodbcsql18" in raised.value.hint
