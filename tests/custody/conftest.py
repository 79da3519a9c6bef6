"""A school that may close, made once and copied for each test."""

from pathlib import Path

import pytest

from tests.custody.closing import Closing, again, closing

_KEPT: list[Closing] = []


@pytest.fixture
def place(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Closing:
    """A vault of three nights, nothing handed over."""
    if not _KEPT:
        _KEPT.append(closing(tmp_path_factory.mktemp("closing")))
    return again(_KEPT[0], tmp_path)
