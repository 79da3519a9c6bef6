"""`escrow subject find` by a quorum's sheets, and by a custodian to whom some series were released."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from escrow_cli.exits import Exit

from tests.cli.test_handover_quorum import Closed

FIND = ("subject", "find", "Ann", "--purpose", "restore")


@pytest.fixture
def closed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Closed]:
    monkeypatch.chdir(tmp_path)
    yield Closed(tmp_path)


def test_one_sheet_finds_nobody_and_two_do(closed: Closed) -> None:
    assert closed.run(*FIND, *closed.shares("head")).code != 0
    found = closed.run(*FIND, *closed.shares("head", "chair of governors"), "--json")
    assert found.code == 0, found.err
    assert [(row["id"], row["why"]) for row in found.lines[:-1]] == [("A1", "name Ann")]


def test_a_custodian_finds_in_what_was_released_alone(closed: Closed, tmp_path: Path) -> None:
    key = ("--custodian", tmp_path / "la.key")
    refused = closed.run(*FIND, *key)
    assert (refused.code, refused.err.split()[1]) == (Exit.WRONG_KEY, "subject-closed:")
    closed.start()
    assert closed.release("records", "--clause", "7.2").code in (0, Exit.REFUSED)
    found = closed.run(*FIND, *key)
    assert found.code == 0, found.err
    assert "A1  pupil  Ann" in found.out
    guarded = closed.run(*FIND, *key, "--compartment", "safeguarding", "--released-by", "D. Lead")
    assert (guarded.code, guarded.err.split()[1]) == (Exit.WRONG_KEY, "subject-closed:")
