"""`escrow demo`: it shows what it says, cleans up, and fails when anything is not as it should be."""

from pathlib import Path

import pytest
from escrow_cli import demo_nights
from escrow_cli.exits import Exit

from escrow.engine.verify import Checked
from tests.cli.conftest import escrow


@pytest.fixture(autouse=True)
def _private_temporary_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setenv("ESCROW_STORE", str(tmp_path / "production"))


def test_five_nights_come_back_and_three_tamperings_are_found(tmp_path: Path) -> None:
    told = escrow("demo", "--json")
    assert told.code == 0, told.err
    nights = [row for row in told.lines if "night" in row]
    assert [row["night"] for row in nights] == [1, 2, 3, 4, 5]
    assert all(row["restored"] is True and row["findings"] == [] for row in nights)
    assert [row["found"] for row in told.lines if "tampered" in row] == [True, True, True]
    assert [row["copied"] > 30 for row in told.lines if "copied" in row] == [True]
    assert told.lines[-1] == {"result": "ok", "exit": 0, "nights": 5}
    assert list(tmp_path.iterdir()) == [], "nothing is left, and ESCROW_STORE was not touched"


def test_a_kept_demo_can_be_looked_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told = escrow("demo", "--folder", tmp_path / "d")
    assert told.code == 0, told.err
    assert "every night came back byte for byte" in told.out
    assert len(told.out.splitlines()) == 11
    monkeypatch.delenv("ESCROW_STORE")
    assert escrow("status", "--config", tmp_path / "d" / "server" / "escrow.toml").code == 0
    assert escrow("demo", "--folder", tmp_path / "d").code == 2


def test_it_fails_when_a_night_comes_back_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo_nights, "_same", lambda left, right: left.name != "3")
    told = escrow("demo")
    assert (told.code, told.out.count("FAILED")) == (Exit.INTEGRITY, 1)


def test_it_fails_when_tampering_is_not_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo_nights, "verify_bytes", lambda *_: Checked(0, 0, ()))
    told = escrow("demo")
    assert told.code == Exit.INTEGRITY
    assert "one bit of a pack changed: NOT FOUND" in told.out
