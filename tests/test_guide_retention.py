"""The guide to the end, its commands run as they stand on a vault of which two series are over."""

import shutil
import tomllib
from pathlib import Path

from escrow.retention.schedule import parse_schedule

from .retention.kit import Ends
from .test_guides import blocks, run


def test_the_guide_to_the_end(tmp_path: Path) -> None:
    ends = Ends(tmp_path)
    shutil.copy(tmp_path / "chair of governors.txt", tmp_path / "chair.txt")
    report, hold, clear, look, expire, shred = blocks("guide-retention.md")
    assert "2 due" in run(report, tmp_path)
    assert (tmp_path / "retention.pdf").read_bytes().startswith(b"%PDF")
    assert "1 holds in force" in run(hold, tmp_path)
    assert "cleared" in run(clear, tmp_path)
    assert "2 series, 4 nights" in run(look, tmp_path)
    first, second, _ = ends.series()
    show, destroy = shred.splitlines()
    assert "1 keys would be destroyed" in run(show.replace("SERIES", second), tmp_path)
    assert "confirmed gone" in run(destroy.replace("SERIES", second), tmp_path)
    assert "2 series expired" in run(expire, tmp_path)
    assert ends.sealed(first) == ends.sealed(second) == []


def test_its_tables_are_taken() -> None:
    charter, schedule, clause = blocks("guide-retention.md", "toml")
    assert [one.id for one in parse_schedule(schedule.encode()).kinds] == ["pupil-file"]
    for text in (charter, clause):
        assert all(entry.keys() >= {"id", "compartment"} for entry in tomllib.loads(text)["retention"])
