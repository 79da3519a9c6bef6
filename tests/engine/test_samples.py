"""The real files under ../shared/samples go in and come back, also where they grew, went away and came again."""

import shutil
from collections.abc import Callable
from pathlib import Path

from tests.engine.kit import school, write_tree


def test_every_sample_comes_back(samples: Path, tmp_path: Path, record_property: Callable[[str, object], None]) -> None:
    place = school(tmp_path)
    shutil.copytree(samples, place.source)
    real = {path.relative_to(samples).as_posix(): path.read_bytes() for path in samples.rglob("*") if path.is_file()}
    assert len(real) >= 14
    grown = {name: data[: len(data) // 2] + b"a new line\n" + data[len(data) // 2 :] for name, data in real.items()}
    fewer = dict(list(real.items())[::2])
    expected = {1: real, 2: grown | {"new.csv": b"id\n1\n"}, 3: fewer, 4: real}
    for night, files in expected.items():
        write_tree(place.source, files)
        assert place.night().seq == night
    place.check_all_snapshots(expected)
    place.check_healthy()
    record_property("summary", f"samples: {len(real)} real files in and out, over {len(expected)} nights")
