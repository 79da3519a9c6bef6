"""The real files under ../shared/samples go in and come back."""

import shutil
from collections.abc import Callable
from pathlib import Path

from tests.engine.kit import school


def test_every_sample_comes_back(samples: Path, tmp_path: Path, record_property: Callable[[str, object], None]) -> None:
    place = school(tmp_path)
    shutil.copytree(samples, place.source)
    expected = {
        path.relative_to(samples).as_posix(): path.read_bytes() for path in samples.rglob("*") if path.is_file()
    }
    assert len(expected) >= 14
    for night in (1, 2):
        assert place.night().seq == night
        assert place.restore_all(str(night)) == expected
    place.check_healthy()
    record_property("summary", f"samples: {len(expected)} real files in and out, twice")
