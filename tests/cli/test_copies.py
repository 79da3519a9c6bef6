"""Copies on folders: filled, judged, and told of."""

import json
import shutil
from datetime import timedelta

import pytest
from escrow_cli.exits import Exit

from escrow.engine import places
from escrow.errors import FullError
from escrow.store import FolderStore
from tests.cli.conftest import World, files_of
from tests.cli.copies import both, filled, findings, flip, restored, standing

__all__ = ["both", "filled"]


def test_copies_are_filled_and_then_only_what_is_new(both: World) -> None:
    dry = both.run("store", "copy", "--dry-run", "--json").lines
    assert [row.get("place") for row in dry] == ["holder", "county", "usb", None]
    assert (dry[0]["would_put"], files_of(both.root / "county")) == (0, {}), "the holder has what it needs"
    told = both.run("store", "copy", "--json").lines
    assert [row["put"] for row in told[:-1]] == [row["would_put"] for row in dry[:-1]]
    assert files_of(both.root / "county") == files_of(both.root / "usb") == files_of(both.vault)
    assert all(not name.startswith("series/") for name in files_of(both.root / "stick" / "public"))
    assert both.run("snapshot").code == 0
    (county, last) = both.run("store", "copy", "county", "--json").lines
    assert (county["put"], county["lacking"], last["exit"]) == (5, 0, 0)
    assert files_of(both.root / "county") == files_of(both.vault) != files_of(both.root / "usb")


def test_status_knows_every_place(filled: World) -> None:
    told = filled.run("status")
    assert told.code == 0, told.out
    *places, _reminder = (line.split()[0] for line in told.out.splitlines()[1:])
    assert places == ["store", "holder", "county", "usb", "3-2-1:"]
    assert told.out.splitlines()[-2] == "  3-2-1: 3 copies, 2 kinds, 2 under another payer or offline"
    rows = standing(filled)
    assert rows[""]["three_two_one"] == [3, 2, 2]
    assert rows["county"] | {"last_seen": None} == {
        **{"name": "county", "payer": "the county", "kind": "folder", "offline": False, "holds": "all"},
        **{"attached": True, "whole": True, "nights_behind": 0, "last_seen": None, "keys": 10, "lacking": 0},
        "findings": [],
    }
    remembered = json.loads((filled.state / "copies.json").read_text())
    assert {name: one["head"] for name, one in remembered["copies"].items()} == {"holder": 0, "county": 2, "usb": 2}


def test_an_offline_disk_comes_and_goes(filled: World) -> None:
    usb = filled.root / "usb"
    usb.rename(filled.root / "drawer")
    assert filled.run("snapshot").code == 0
    told = filled.run("store", "copy")
    assert (told.code, "usb: not attached, left out" in told.out) == (0, True)
    named = filled.run("store", "copy", "usb")
    assert (named.code, "store-folder-missing" in named.out) == (Exit.STORE, True)
    assert not usb.exists(), "it is never made"
    rows = standing(filled)
    assert (rows["usb"]["attached"], rows["usb"]["nights_behind"], rows[""]["exit"]) == (False, 1, 0)
    assert "1 night behind; last seen 20" in filled.run("status").out
    assert filled.run("verify").code == 0
    (filled.root / "drawer").rename(usb)
    assert filled.run("store", "copy", "usb").code == 0
    assert standing(filled)["usb"]["nights_behind"] == 0


def test_an_online_copy_that_is_away_is_told(filled: World) -> None:
    (filled.root / "county").rename(filled.root / "gone")
    told = filled.run("store", "copy", "--json")
    assert (told.code, [row.get("code") for row in told.lines]) == (9, [None, "store-folder-missing", None, None])
    assert standing(filled)["county"]["findings"] == ["copy-away"]
    status = filled.run("status")
    assert (status.code, "copy-away: county" in status.out) == (Exit.COPIES, True)
    assert filled.run("verify").code == Exit.COPIES


def test_a_copy_that_lags_is_told(filled: World, monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(2):
        assert filled.run("snapshot").code == 0
    rows = standing(filled)
    assert (rows["county"]["nights_behind"], rows["county"]["findings"], rows[""]["exit"]) == (2, [], 0)
    assert filled.run("verify").code == 0, "a little behind is no damage"
    assert filled.run("snapshot").code == 0
    rows = standing(filled)
    assert (rows["county"]["findings"], rows["usb"]["findings"], rows[""]["exit"]) == (["copy-lags"], [], 17)
    assert rows[""]["three_two_one"] == [2, 2, 1]
    assert filled.run("verify").code == Exit.COPIES
    monkeypatch.setattr(places, "MAX_OFFLINE", timedelta(0))
    assert standing(filled)["usb"]["findings"] == ["copy-lags"]
    assert filled.run("store", "copy").code == 0
    assert filled.run("status").code == 0


def test_keys_under_one_payer_are_red(world: World) -> None:
    whole = world.config.read_text()
    alone = whole[: whole.index("[[copy]]")] + whole[whole.index("[[source]]") :]
    for text, code in (
        (alone, 17),
        (whole.replace('payer = "the head"\n', ""), 17),
        (whole.replace('payer = "the head"\n', 'payer = "The School"\n'), 17),
        (whole, 0),
    ):
        world.config.write_text(text)
        for command in ("status", "verify"):
            told = world.run(command)
            assert (told.code, "keys-one-domain" in told.out) == (code, code == 17), (command, told.out)


def test_a_damaged_key_object_counts_for_nobody(world: World) -> None:
    flip(next((world.root / "stick" / "public" / "stock").glob("*.age")))
    assert findings(world) == []
    told = findings(world, "--read", "1")
    assert [code for code, _ in told] == ["object-hash", "keys-one-domain"]
    assert str(told[0][1]).startswith("holder: stock/")
    assert world.run("verify", "--read", "1").code == Exit.INTEGRITY


def test_the_holders_folder_is_mended_and_never_beside_the_key(world: World) -> None:
    stick = world.root / "stick"
    whole = files_of(stick)
    flip(next(stick.rglob("*.age")))
    assert world.run("store", "copy").code == 0, "a listing shows nothing"
    assert world.run("store", "repair", "holder", "--read", "1", "--yes").code == 0
    assert files_of(stick) == whole
    shutil.copy(world.key, stick)
    told = world.run("store", "copy", "--json")
    assert (told.code, told.lines[0]["code"]) == (Exit.REFUSED, "secret-on-agent")


def test_an_interrupted_copy_goes_on(both: World, monkeypatch: pytest.MonkeyPatch) -> None:
    put, left = FolderStore.put, [20]

    def until_full(self: FolderStore, key: str, body: bytes, **rest: object) -> object:
        left[0] -= 1
        if left[0] < 0:
            raise FullError("store-full", "no room left")
        return put(self, key, body, **rest)  # type: ignore[arg-type]

    monkeypatch.setattr(FolderStore, "put", until_full)
    told = both.run("store", "copy", "county", "--json")
    assert (told.code, told.lines[0]["code"]) == (Exit.STORE, "store-full")
    monkeypatch.undo()
    there = len(files_of(both.root / "county"))
    assert 0 < there < len(files_of(both.vault))
    (row, _) = both.run("store", "copy", "county", "--json", "--config", str(both.config)).lines
    assert row["already"] == there
    assert files_of(both.root / "county") == files_of(both.vault)


def test_names_and_configurations_that_do_not_fit(world: World, both: World) -> None:
    told = both.run("store", "copy", "nas")
    assert (told.code, told.err.split()[1]) == (2, "copy-unknown:")
    itself = both.run("store", "copy", "store")
    assert (itself.code, "escrow store repair" in itself.err) == (2, True)
    text = both.config.read_text()
    both.config.write_text(text[: text.index("[[copy]]")] + '[[source]]\nname = "m"\npath = "../exports"\n')
    told = both.run("store", "copy")
    assert (told.code, told.err.split()[1]) == (2, "copy-none:")


def test_a_source_does_not_deposit_a_copy_inside_it(world: World) -> None:
    text = world.config.read_text().replace('url = "../stick/public"', 'url = "../exports/public"')
    world.config.write_text(text)
    shutil.copytree(world.root / "holder" / "public", world.exports / "public")
    assert world.run("snapshot").code == 0
    assert set(restored(world)) == {"marks.csv", "letters/first.txt", "letters/second.txt"}
