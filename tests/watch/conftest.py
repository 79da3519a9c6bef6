"""The school whose nights are watched."""

from pathlib import Path

import pytest

from tests.engine.kit import NIGHTS, School, school, write_tree


@pytest.fixture
def one(tmp_path: Path) -> School:
    made = school(tmp_path)
    write_tree(made.source, NIGHTS[1])
    return made
