"""Copies on folders: filled, judged, mended, and read from when the store is gone."""

import json
import shutil
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from escrow_cli import checking
from escrow_cli.exits import Exit

from escrow.engine import places
from escrow.engine.ports import Progress
from escrow.engine.verify import Checked, Expected, verify_bytes
from escrow.errors import DeniedError, FullError, StoreError
from escrow.store import FolderStore, Store
from tests.cli.conftest import World, change, escrow, files_of

TWO = """
[[copy]]
name = "county"
url = "../county"
payer = "the county"
[[copy]]
name = "usb"
url = "../usb"
payer = "the school"
offline = true
"""


@pytest.fixture
def both(world: World) -> World:
    """The world with a county's folder and a disk, both empty."""
    world.config.write_text(world.config.read_text() + TWO)
    for name in ("county", "usb"):
        (world.root / name).mkdir()
    return world


@pytest.fixture
def filled(both: World) -> World:
    told = both.run("store", "copy")
    assert told.code == 0, told.out + told.err
    return both


def findings(world: World, *arguments: str) -> list[tuple[object, object]]:
    rows = world.run("verify", *arguments, "--json").lines
    return [(row["finding"], row["subject"]) for row in rows if row.get("severity") == "error"]


def standing(world: World) -> dict[str, dict[str, object]]:
    (row, last) = world.run("status", "--json").lines
    found = row["places"]
    assert isinstance(found, list)
    return {each["name"]: each for each in found} | {"": {**row, **last}}


def restored(world: World, which: str = "latest") -> dict[str, bytes]:
    out = world.root / f"out-{which}"
    shutil.rmtree(out, ignore_errors=True)
    told = world.run("restore", which, "--to", out, "--key", world.key)
    assert told.code == 0, told.err
    return files_of(out / "mis")


def exported(world: World) -> dict[str, bytes]:
    return {name: data for name, data in files_of(world.exports).items() if name != "export.tmp"}


def a_pack(folder: Path, which: int = 0) -> Path:
    return sorted(folder.rglob("packs/*.age"))[which]


def flip(path: Path) -> None:
    data = path.read_bytes()
    change(path, data[:-1] + bytes([data[-1] ^ 1]))


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
    assert [line.split()[0] for line in told.out.splitlines()[1:]] == ["store", "holder", "county", "usb", "3-2-1:"]
    assert told.out.splitlines()[-1] == "  3-2-1: 3 copies, 2 kinds, 2 under another payer or offline"
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


def lose(world: World) -> None:
    shutil.rmtree(world.vault)


def empty(world: World) -> None:
    shutil.rmtree(world.vault)
    world.vault.mkdir()


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


def test_shares_of_each_place_add_up_to_everything(filled: World) -> None:
    bad = a_pack(filled.root / "usb")
    flip(bad)
    flip(a_pack(filled.vault))
    counts: dict[object, int] = {}
    found: list[object] = []
    for _ in range(4):
        rows = filled.run("verify", "--read", "1/4", "--json").lines
        for row in rows:
            if row.get("level") == "L1b":
                counts[row["place"]] = counts.get(row["place"], 0) + int(str(row["checked"]))
        found += [row["subject"] for row in rows if row.get("finding") == "object-hash"]
    everything = len(list(filled.vault.rglob("*.age")))
    assert counts["store"] >= everything
    assert counts["usb"] >= everything
    name = bad.relative_to(filled.root / "usb").as_posix()
    assert set(found) == {name, f"usb: {name}"}
    cursors = {path.name for path in filled.state.glob("verify-cursor*")}
    assert cursors == {f"verify-cursor{name}.json" for name in ("", "-holder", "-county", "-usb")}


def test_a_round_that_was_interrupted_goes_on(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []

    def until_five(store: Store, chosen: list[Expected], progress: Progress) -> Checked:
        if len(read) >= 5:
            raise KeyboardInterrupt
        read.extend(one.name for one in chosen)
        return verify_bytes(store, chosen, progress)

    monkeypatch.setattr(checking, "_BATCH", 1)
    everything = sorted(path.relative_to(world.vault).as_posix() for path in world.vault.rglob("*.age"))
    share = f"{len(everything) - 1}/{len(everything)}"
    with monkeypatch.context() as patch:
        patch.setattr("escrow.engine.verify.verify_bytes", until_five)
        assert world.run("verify", "--read", share).code == Exit.INTERRUPTED
    assert len(read) == 5

    def noted(store: Store, chosen: list[Expected], progress: Progress) -> Checked:
        read.extend(one.name for one in chosen)
        return verify_bytes(store, chosen, progress)

    monkeypatch.setattr("escrow.engine.verify.verify_bytes", noted)
    assert world.run("verify", "--read", share).code == 0
    assert sorted(read[: len(everything)]) == everything, "what was read before the interruption is not read again"


def test_a_credential_that_may_not_read_keys_reads_the_rest(filled: World, monkeypatch: pytest.MonkeyPatch) -> None:
    get = FolderStore.get

    def but_keys(self: FolderStore, key: str, **rest: object) -> bytes:
        if key.endswith(".age") and key.startswith("stock/"):
            raise DeniedError("store-denied", "not for the watcher")
        return get(self, key, **rest)  # type: ignore[arg-type]

    monkeypatch.setattr(FolderStore, "get", but_keys)
    flip(a_pack(filled.vault))
    for share in ("1", "17/18"):
        rows = filled.run("verify", "--read", share, "--json").lines
        assert [row["finding"] for row in rows if row.get("severity") == "error"] == ["object-hash"]
        assert {row["subject"] for row in rows if row.get("finding") == "object-unseen"} >= {"stock/", "usb: stock/"}


def test_a_copy_that_fails_while_it_is_read_stops_nothing(filled: World, monkeypatch: pytest.MonkeyPatch) -> None:
    get = FolderStore.get

    def away(self: FolderStore, key: str, **rest: object) -> bytes:
        if "county" in self.describe() and "/packs/" in key:
            raise StoreError("store-io", "the disk failed")
        return get(self, key, **rest)  # type: ignore[arg-type]

    monkeypatch.setattr(FolderStore, "get", away)
    told = filled.run("verify", "--read", "1", "--json")
    assert [(row["finding"], row["subject"]) for row in told.lines if "finding" in row] == [("copy-away", "county")]
    assert told.code == Exit.COPIES
    assert restored(filled) == exported(filled)


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
