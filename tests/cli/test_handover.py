"""A handover by commands, from the notice to the custodian's restore; one holder with a key file."""

import shutil
from pathlib import Path

import pytest

from tests.cli.conftest import PASSPHRASE, Result, World, escrow, files_of


@pytest.fixture(scope="module")
def la(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The authority's folder with its key and card."""
    folder = tmp_path_factory.mktemp("la")
    made = escrow(
        *("custodian", "new", "--name", "Cyngor Gwynedd", "--kind", "la", "--out", folder / "la.key"), "--no-passphrase"
    )
    assert made.code == 0, made.err
    return folder


@pytest.fixture(autouse=True)
def passphrase(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ESCROW_PASSPHRASE", PASSPHRASE)


@pytest.fixture
def world(template: Path, tmp_path: Path) -> World:
    shutil.copytree(template, tmp_path, dirs_exist_ok=True)
    (tmp_path / "order.pdf").write_bytes(b"%PDF the closure order")
    return World(tmp_path)


def started(world: World, *more: str | Path) -> Result:
    return world.run(
        *("handover", "start", "--trigger", "closure-order", "--evidence", world.root / "order.pdf"),
        *("--key", world.key, *more),
    )


def released(world: World, la: Path, *compartments: str) -> Result:
    named = [text for name in compartments for text in ("--compartment", name)]
    card = la / "la.key.card.json"
    return world.run("handover", "release", *named, "--to", card, "--key", world.key)


def accepted(world: World, la: Path, *more: str | Path) -> Result:
    return world.run(
        *("handover", "accept", "--custodian", la / "la.key", "--into", world.root / "archive"),
        *("--keep-until", "2051-08-31", *more),
    )


def test_release_accept_and_restore_what_was_released(world: World, la: Path) -> None:
    assert started(world).code == 0
    result = released(world, la, "records")
    assert result.code == 0, result.err
    assert "released" in result.out
    result = accepted(world, la, "--restore-to", world.root / "tested")
    assert result.code == 0, result.out + result.err
    assert files_of(world.root / "tested")["records/mis/marks.csv"] == (world.exports / "marks.csv").read_bytes()
    status = world.run("handover", "status", "--json")
    assert status.lines[-1] == {"result": "ok", "exit": 0, "state": "accepted", "events": 3}
    listed = world.run("event", "list", "--json")
    assert [one.get("kind") for one in listed.lines[:-1]] == ["notice-given", "released", "accepted"]
    checked = world.run("verify", "--read", "1")
    assert checked.code == 0, checked.out
    out = world.root / "events.csv"
    assert world.run("event", "export", "--out", out).code == 0
    assert out.read_text().count("\n") == 4


@pytest.mark.parametrize("throwaway", [True, False])
def test_a_drill_hands_nothing_over(world: World, throwaway: bool) -> None:
    out = world.root / "drill.pdf"
    (world.root / "work").mkdir()
    means = [*(["--throwaway"] if throwaway else ["--key", world.key]), "--work", world.root / "work"]
    result = world.run("handover", "drill", *means, "--certificate", out)
    assert result.code == 0, result.out + result.err
    assert "restored records, night" in result.out
    assert out.read_bytes().startswith(b"%PDF")
    assert list((world.root / "work").iterdir()) == []
    kinds = [one.get("kind") for one in world.run("event", "list", "--json").lines[:-1]]
    assert kinds == ([] if throwaway else ["drill"])
    assert world.run("snapshot").code == 0
