"""`escrow demo handover`: every step of a closing, and a loud failure when one is not as it should be."""

from pathlib import Path

import pytest
from escrow_cli import demo_closing
from escrow_cli.exits import Exit

from tests.cli.conftest import escrow


def test_every_step_is_as_it_should_be(tmp_path: Path) -> None:
    told = escrow("demo", "handover", "--folder", tmp_path / "demo", "--json")
    assert told.code == 0, told.out + told.err
    steps = told.lines[:-1]
    assert len(steps) == 19
    assert all(one["good"] for one in steps)
    codes = [one["code"] for one in steps if "code" in one]
    assert codes == [
        *("share-too-few", "handover-phase", "handover-cooling-off", "share-too-few", "key-not-released"),
        "vault-transferred",
    ]
    for name in ("custody", "handover"):
        assert (tmp_path / "demo" / f"{name}.pdf").read_bytes().startswith(b"%PDF")
    assert (tmp_path / "demo" / "la" / "archive" / "receipts").is_dir()


def test_a_step_that_goes_wrong_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo_closing.DemoClosing, "a_week_later", lambda _demo: None)
    told = escrow("demo", "handover")
    assert told.code == Exit.REFUSED
    monkeypatch.setattr(demo_closing, "COOLING_OFF", 0)
    told = escrow("demo", "handover")
    assert told.code != 0


@pytest.mark.parametrize(
    "words",
    [("closing",), ("vendor", "--store", "s3"), ("handover", "--store", "s3"), ("handover", "--endpoint", "http://x")],
)
def test_other_words_are_refused(words: tuple[str, ...]) -> None:
    assert escrow("demo", *words).code == Exit.USAGE
