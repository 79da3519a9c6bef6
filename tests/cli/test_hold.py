"""Holds: placed by one, cleared by enough, told to who asks, and sealed where it may identify people."""

import json
from pathlib import Path

import pytest
from escrow_cli.exits import Exit

from tests.cli.conftest import Result
from tests.cli.test_handover_quorum import Closed

TWO = ("head", "chair of governors")
WHY = ("--reason", "inquiry into Mr Smith", "--authority", "letter of the commissioner")


@pytest.fixture
def closed(tmp_path: Path) -> Closed:
    return Closed(tmp_path)


def new(closed: Closed, *more: str | Path, name: str = "inquiry", roles: tuple[str, ...] = ("head",)) -> Result:
    return closed.run("hold", "new", name, *WHY, *closed.shares(*roles), "--json", *more)


def last(result: Result) -> dict[str, object]:
    assert result.code == 0, result.err
    return result.lines[-1]


def test_a_hold_of_one_is_cleared_by_enough(closed: Closed) -> None:
    placed = new(closed)
    assert last(placed) | {"signed": 1, "series": 2, "objects": 0} == last(placed)
    assert "has no legal holds" in placed.err
    shown = closed.run("hold", "list", "--json")
    assert [row["hold"] for row in shown.lines[:-1]] == ["inquiry"]
    assert shown.lines[0]["series"] is None
    alone = closed.run("hold", "clear", "inquiry", *closed.shares("head"))
    assert (alone.code, "event-signers" in alone.err) == (Exit.REFUSED, True)
    assert last(closed.run("hold", "clear", "inquiry", *closed.shares(*TWO), "--json"))["signed"] == 1
    assert last(closed.run("hold", "list", "--json"))["holds"] == 0
    assert last(closed.run("hold", "clear", "inquiry", "--json"))["signed"] == 0


def test_run_again_nothing_is_signed_twice(closed: Closed) -> None:
    series = sorted(closed.school.history().series)[0]
    assert last(new(closed, "--series", series[:6]))["signed"] == 1
    again = closed.run("hold", "new", "inquiry", *WHY, "--series", series, "--json")
    assert (last(again)["signed"], last(again)["series"]) == (0, 1)
    wider = new(closed)
    assert (wider.code, "hold-name" in wider.err) == (Exit.USAGE, True)
    assert len(closed.school.history().ending.holds) == 1


def test_the_reason_is_read_with_keys_alone(closed: Closed) -> None:
    new(closed)
    exported = json.dumps(closed.run("event", "show", "1", "--json").lines)
    assert "Smith" not in exported
    opened = closed.run("event", "show", "1", "--custodian", closed.root / "la.key", "--purpose", "handover")
    assert "Mr Smith" in opened.out


def test_a_name_or_series_that_is_not_there(closed: Closed) -> None:
    assert "hold-name" in closed.run("hold", "clear", "nothing", *closed.shares(*TWO)).err
    assert "series-unknown" in new(closed, "--series", "0000").err
    assert "series-unknown" in new(closed, "--series", "").err
