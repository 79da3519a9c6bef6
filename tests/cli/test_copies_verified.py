"""verify goes round every place in shares, whatever a place or a credential refuses."""

import pytest
from escrow_cli import checking
from escrow_cli.exits import Exit

from escrow.engine.ports import Progress
from escrow.engine.verify import Checked, Expected, verify_bytes
from escrow.errors import DeniedError, StoreError
from escrow.store import FolderStore, Store
from tests.cli.conftest import World
from tests.cli.copies import a_pack, both, exported, filled, flip, restored

__all__ = ["both", "filled"]


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
