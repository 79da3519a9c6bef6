"""Real database servers for the tests of sources."""

from tests.servers.databases import mariadb, postgres

__all__ = ["mariadb", "postgres"]
