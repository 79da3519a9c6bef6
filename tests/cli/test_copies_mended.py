"""Damaged, lost and hostile copies: found, mended, and read past."""

import shutil
from collections.abc import Callable

import pytest
from escrow_cli.exits import Exit

from tests.cli.conftest import World, escrow, files_of
from tests.cli.copies import a_pack, both, empty, exported, filled, findings, flip, lose, restored, standing

__all__ = ["both", "filled"]


def test_a_damaged_copy_is_found_and_mended(filled: World) -> None:
    usb = filled.root / "usb"
    bad, missing, notice = a_pack(usb), a_pack(usb, 1), next(usb.glob("notices/*.json"))
    whole = files_of(usb)
    flip(bad)
    missing.unlink()
    flip(notice)
    found = findings(filled, "--read", "1")
    assert ("object-hash", f"usb: {bad.relative_to(usb)}") in found
    assert ("object-missing", f"usb: {missing.relative_to(usb)}") in found
    assert all(str(subject).startswith("usb: ") for _, subject in found)
    assert standing(filled)["usb"]["findings"] == ["copy-lacks"], "status remembers it"
    before = files_of(usb)
    dry = filled.run("store", "repair", "usb", "--read", "1")
    assert (dry.code, "would put 3 objects" in dry.out, files_of(usb) == before) == (Exit.INTEGRITY, True, True)
    told = filled.run("store", "repair", "usb", "--read", "1", "--yes", "--json")
    assert (told.code, told.lines[0]["put"]) == (0, 3)
    assert files_of(usb) == whole
    assert findings(filled, "--read", "1") == []
    assert filled.run("status").code == 0


def test_the_store_is_mended_from_the_copies(filled: World) -> None:
    whole = files_of(filled.vault)
    shutil.rmtree(filled.vault)
    filled.vault.mkdir()
    flip(a_pack(filled.root / "county"))
    assert filled.run("status").code == Exit.INTEGRITY
    assert "charter-missing" in filled.run("status", "--json").out
    assert findings(filled)[0] == ("charter-missing", "store")
    assert filled.run("store", "repair").code == Exit.INTEGRITY
    assert filled.run("store", "repair", "--yes").code == 0
    assert files_of(filled.vault) == whole, "what is damaged in one copy comes from the next"
    assert filled.run("verify", "--read", "1").code == Exit.INTEGRITY, "the county's pack is still bad"
    assert filled.run("store", "repair", "county", "--read", "1", "--yes").code == 0
    assert filled.run("verify", "--read", "1").code == 0


def spoil(world: World) -> None:
    """Half of the store is altered, half of the county's copy: another half."""
    names = sorted(path.relative_to(world.vault) for path in world.vault.rglob("*.age"))
    for number, name in enumerate(names):
        flip((world.vault, world.root / "county")[number % 2] / name)
    shutil.rmtree(world.root / "usb")


@pytest.mark.parametrize("harm", [lose, empty, spoil])
def test_every_night_comes_back_from_whichever_copy_is_whole(filled: World, harm: Callable[[World], None]) -> None:
    harm(filled)
    assert restored(filled) == exported(filled)
    assert set(restored(filled, "1")) == {"marks.csv", "letters/first.txt"}
    for command in (
        ["list"],
        ["show", "latest", "--key", str(filled.key)],
        ["diff", "1", "2", "--key", str(filled.key)],
    ):
        assert filled.run(*command).code == 0, command
    deep = filled.run("verify", "--deep", "latest", "--key", filled.key, "--json").lines
    assert [(row["checked"], row["findings"]) for row in deep if row.get("level") == "L2"] == [(3, 0)]


def test_a_store_that_is_away_is_told(filled: World) -> None:
    lose(filled)
    told = filled.run("list")
    assert (told.code, "store is away (store-folder-missing)" in told.err) == (0, True)
    status = filled.run("status")
    assert (status.code, "store-away" in status.out) == (Exit.STORE, True)
    assert filled.run("verify").code == Exit.STORE


def test_a_copy_is_filled_from_another_when_the_store_is_gone(filled: World) -> None:
    assert filled.run("snapshot").code == 0
    assert filled.run("store", "copy", "county").code == 0
    lose(filled)
    assert filled.run("store", "copy", "usb").code == 0
    assert files_of(filled.root / "usb") == files_of(filled.root / "county")
    assert standing(filled)["usb"]["nights_behind"] == 0


def test_a_stale_copy_is_no_rollback(filled: World) -> None:
    assert filled.run("snapshot").code == 0
    assert filled.run("list").code == 0
    assert filled.run("verify").code == 0
    lose(filled)
    told = filled.run("list", "--json")
    assert (told.code, told.lines[-2]["snapshot"]) == (0, 2)
    assert filled.run("status").code == Exit.STORE
    assert restored(filled) == exported(filled)


def test_a_copy_finds_a_store_that_was_set_back(filled: World) -> None:
    """Also by a machine that remembers nothing."""
    for path in filled.state.glob("seen-*"):
        path.unlink()
    max(filled.vault.glob("notices/*.json")).unlink()
    for command in ("status", "verify"):
        told = filled.run(command)
        assert (told.code, "rollback" in told.out) == (Exit.ROLLBACK, True), command
    assert filled.run("list", "--json").lines[-1]["findings"] == 0, "the copy shows the night"
    assert filled.run("store", "repair", "--yes").code == 0
    assert filled.run("verify").code == 0


def test_junk_in_a_copy_harms_nobody(filled: World) -> None:
    county = filled.root / "county"
    for name in ("notices/00000099-0123456789abcdef.json", "charter/00000002-0123456789abcdef.json", "else.txt"):
        (county / name).write_bytes(b"junk" * 100)
    assert standing(filled)["county"]["nights_behind"] == 0
    assert filled.run("status").code == 0
    told = findings(filled)
    assert {subject for _, subject in told} == {
        "county: notices/00000099-0123456789abcdef.json",
        "county: charter/00000002-0123456789abcdef.json",
    }
    before = files_of(filled.vault)
    assert filled.run("store", "copy").code == 0
    assert filled.run("store", "repair", "--yes").code == 0
    assert files_of(filled.vault) == before
    assert restored(filled) == exported(filled)


def test_another_vault_in_a_copy_s_place_is_refused(filled: World) -> None:
    card = filled.root / "server.card"
    new = ("keys", "new", "--school", "Other", "--agent", card, "--no-passphrase", "--compartment", "records:400:1")
    assert escrow(*new, "--out", filled.root / "other").code == 0
    county = filled.root / "county"
    shutil.rmtree(county)
    shutil.copytree(filled.root / "other" / "public", county)
    before, vault = files_of(county), files_of(filled.vault)
    told = filled.run("store", "copy", "--json")
    assert (told.code, [row["code"] for row in told.lines if "code" in row]) == (13, ["store-other-vault"])
    assert filled.run("store", "repair", "county", "--yes").code == Exit.REFUSED
    assert filled.run("store", "copy", "usb").code == 0
    assert (files_of(county), files_of(filled.vault)) == (before, vault)
    assert ("charter-missing", "county: charter/") in findings(filled)
    assert standing(filled)["county"]["whole"] is False
    assert restored(filled) == exported(filled)
