"""The small school of tests/cli."""

from tests.cli.conftest import template, world

__all__ = ["template", "world"]
