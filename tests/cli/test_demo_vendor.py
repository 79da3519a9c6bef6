"""`escrow demo vendor`: every step of an exit, and a loud failure when one is not as it should be."""

from pathlib import Path

import pytest
from escrow_cli import demo_vendor
from escrow_cli.exits import Exit

from tests.cli.conftest import escrow


def test_every_step_is_as_it_should_be(tmp_path: Path) -> None:
    told = escrow("demo", "vendor", "--folder", tmp_path / "demo", "--json")
    assert told.code == 0, told.out + told.err
    steps = told.lines[:-1]
    assert len(steps) == 26
    assert all(one["good"] for one in steps)
    case = tmp_path / "demo" / "office" / "vendor-exit"
    for name in (
        "letters/return.pdf",
        "letters/parents.pdf",
        "letters/complaint.pdf",
        "dump/report.pdf",
        "acceptance.pdf",
    ):
        assert (case / name).read_bytes().startswith(b"%PDF")


def test_a_command_that_ends_otherwise_is_told_as_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo_vendor, "_first_day", lambda story: story.office("begin", "vendor", "status"))
    for later in ("_first_week", "_end"):
        monkeypatch.setattr(demo_vendor, later, lambda *_: None)
    told = escrow("demo", "vendor")
    assert told.code == Exit.INTEGRITY
    assert "begin: NOT AS IT SHOULD BE" in told.out
    assert "vendor-none" in told.err
