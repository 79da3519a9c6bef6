"""Nights opened by a quorum of sheets, typed or from files; too few, wrong and old ones named; nothing on the disk."""

from pathlib import Path

import pytest
from escrow_cli import holders
from escrow_cli.exits import Exit

from tests.cli.conftest import World, escrow, files_of
from tests.cli.people import People
from tests.cli.test_keys_quorum import Papers, at_screen, ceremony, paper, publish


@pytest.fixture(autouse=True)
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(holders, "is_online", lambda: False)


@pytest.fixture
def papers(world: World) -> Papers:
    return ceremony(world)


def shares(folder: Path, papers: Papers, *roles: str) -> list[str]:
    given = []
    for role in roles:
        given += ["--share", str(paper(folder, papers[role]))]
    return given


def test_two_of_three_restore_a_night(world: World, papers: Papers, tmp_path: Path) -> None:
    for roles in (("head", "business manager"), ("business manager", "chair of governors", "head")):
        to = tmp_path / roles[0][:4]
        done = world.run("restore", "latest", "--to", to, *shares(tmp_path, papers, *roles))
        assert done.code == 0, done.err
        assert (to / "mis" / "marks.csv").read_bytes() == (world.exports / "marks.csv").read_bytes()


def test_a_quorum_types_its_sheets(world: World, papers: Papers) -> None:
    state = files_of(world.root)
    people = People(typing=[papers["head"], papers["head"], papers["chair of governors"]])
    done = at_screen(people, "verify", "--deep", "latest", "--sheets", "--config", world.config)
    assert "L2 files" in done.out, done.err
    assert "the sheet of the head was given twice" in people.said
    assert "Here so far: head." in people.said
    assert people.screen == ""
    for name, data in files_of(world.root).items():
        if data != state.get(name):
            assert not any(word.encode() in data.split() for words in papers.values() for word in words[4:]), name


@pytest.mark.parametrize("command", [("show", "latest"), ("diff", "1", "latest"), ("restore", "latest", "--to", "x")])
def test_too_few_or_wrong_sheets_open_nothing(
    command: tuple[str, ...], world: World, papers: Papers, tmp_path: Path
) -> None:
    one = world.run(*command, *shares(tmp_path, papers, "head"))
    assert (one.code, "share-too-few: expected 1 whole groups, found 1 of 2 of school" in one.err) == (8, True), one.err
    twice = world.run(*command, *shares(tmp_path, papers, "head", "head"))
    assert (twice.code, "sheet of the head was given twice" in twice.err) == (8, True)
    words = papers["head"]
    mixed = tmp_path / "mixed.txt"
    mixed.write_text(" ".join([*words[:8], words[9], words[8], *words[10:]]))
    bad = world.run(*command, "--share", mixed, *shares(tmp_path, papers, "business manager"))
    assert bad.code == Exit.WRONG_KEY or words[8] == words[9]
    both = world.run(*command, "--key", world.key, *shares(tmp_path, papers, "head"))
    assert (both.code, "key-both" in both.err) == (Exit.USAGE, True)
    assert not (tmp_path / "x").exists()


def test_after_a_rekey_the_new_sheets_open_all_nights_and_the_old_none(
    world: World, papers: Papers, tmp_path: Path
) -> None:
    people = People(typing=[papers["head"], papers["business manager"]])
    rekeyed = at_screen(people, "keys", "rekey", "--public", world.root / "vault2", "--out", world.root / "again")
    assert rekeyed.code == 0, rekeyed.err
    publish(world, "again")
    assert world.run("snapshot").code == 0
    new = shares(tmp_path, people.papers, "head", "chair of governors")
    for night in ("1", "2"):
        done = world.run("restore", night, "--to", tmp_path / night, *new)
        assert done.code == 0, done.err
        assert (tmp_path / night / "mis" / "marks.csv").exists()
    old = world.run("restore", "1", "--to", tmp_path / "old", *shares(tmp_path, papers, "head", "business manager"))
    assert (old.code, "old sheet of the head, of epoch 1" in old.err) == (Exit.WRONG_KEY, True)
    key_file = escrow("show", "latest", "--key", world.key, "--config", world.config)
    assert (key_file.code, "key-other-vault" in key_file.err) == (Exit.WRONG_KEY, True)
