"""Refusals of a real PostgreSQL that speaks German and Russian: the codes are those of an English one."""

from collections.abc import Iterator

import psycopg
import pytest

from escrow.errors import SourceError
from escrow.source.postgresql import PostgresSnapshot
from tests.servers.databases import Server, postgres_admin, run_postgres

from .postgresql_kit import Base, new_base

_FATAL = {"de": "Passwort", "ru": "ВАЖНО"}


@pytest.fixture(scope="module", params=sorted(_FATAL))
def foreign(request: pytest.FixtureRequest) -> Iterator[Server]:
    """A server whose messages are in a language; skipped where its translations are not installed."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LANGUAGE", request.param)
        with run_postgres() as server:
            with pytest.raises(psycopg.OperationalError) as raised:
                psycopg.connect(host="127.0.0.1", port=server.port, user="nobody", password="x", dbname="postgres")
            if _FATAL[request.param] not in str(raised.value):
                pytest.skip("PostgreSQL has no translations here")
            yield server


@pytest.fixture(scope="module")
def base(foreign: Server) -> Iterator[Base]:
    with new_base(foreign) as one:
        with postgres_admin(foreign) as admin:
            admin.execute("CREATE DATABASE closed")
            admin.execute("REVOKE CONNECT ON DATABASE closed FROM PUBLIC")
        yield one


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"password": "wrong"}, "sql-password"),
        ({"user": "nobody"}, "sql-password"),
        ({"user": "closed", "database": "closed"}, "sql-password"),
        ({"user": "shutout", "tls": "unverified"}, "sql-password"),
        ({"user": "shutout"}, "sql-tls"),
        ({"database": "none-such"}, "sql-database"),
        ({"database": "closed"}, "sql-database"),
        ({"port": 1}, "sql-away"),
        ({"tls": "verify"}, "sql-tls"),
    ],
)
def test_a_refusal_means_the_same_in_any_language(base: Base, change: dict[str, object], code: str) -> None:
    with pytest.raises(SourceError) as raised:
        PostgresSnapshot(base.address(**change))
    assert raised.value.code == code


def test_without_a_password_the_account_is_refused(base: Base) -> None:
    with pytest.raises(SourceError) as raised:
        PostgresSnapshot(base.address(password=""))
    assert raised.value.code == "sql-password"
