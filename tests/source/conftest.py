"""Real database servers for the tests of sources."""

from collections.abc import Iterator

import pytest

from tests.servers.databases import Server, mariadb, postgres

from .postgresql_kit import Base, new_base

__all__ = ["mariadb", "postgres"]


@pytest.fixture
def base(postgres: Server) -> Iterator[Base]:
    """A database of PostgreSQL."""
    with new_base(postgres) as one:
        yield one
