"""A vault with an older rescue kit gets the newer one beside it: the old stays, and both are held to the charters."""

import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path

import pytest
from escrow_cli.exits import Exit

from escrow import recovery
from tests.cli.conftest import PASSPHRASE, World, change, escrow, files_of
from tests.cli.copies import both, filled, findings

__all__ = ["both", "filled"]

OLD = {name: data for name, data in recovery.kit().items() if name != "RESCUE/sha256sums.txt"}
NEW = {**OLD, "README.txt": OLD["README.txt"] + b"\nMore.\n", "RESCUE/more.txt": b"a file that the old kit has not\n"}
LINES = "".join(f"{sha256(data).hexdigest()}  {name}\n" for name, data in sorted(NEW.items())).encode()
NEWER = {**NEW, "RESCUE/sha256sums.txt": LINES}
HASH = sha256(LINES).hexdigest()
FOLDER = f"RESCUE/{HASH[:16]}/"


@contextmanager
def newer_version() -> Iterator[None]:
    """The software of some years later."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(recovery, "kit", lambda: NEWER)
        patch.setattr(recovery, "kit_sha256", lambda: HASH)
        yield


def kit_in(folder: Path) -> dict[str, bytes]:
    return {name: data for name, data in files_of(folder).items() if name == "README.txt" or name.startswith("RESCUE/")}


def beside(kit: Mapping[str, bytes]) -> dict[str, bytes]:
    return {FOLDER + name: data for name, data in kit.items()}


def renew(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """What docs/guide-charter.md says: write, sign, publish."""
    monkeypatch.setenv("ESCROW_PASSPHRASE", PASSPHRASE)
    text, public = world.root / "charter.toml", world.key.parent / "public"
    with newer_version():
        told = escrow("charter", "new", "--public", public, "--out", text)
        assert (told.code, "newer rescue kit" in told.err) == (0, True)
        text.unlink()
        assert escrow("charter", "new", "--public", public, "--out", text, "--kit").code == 0
        signed = world.run("charter", "sign", text, "--public", public, "--key", world.key, "--yes", "--publish")
    assert (signed.code, "the rescue kit's hash" in signed.out) == (0, True), signed.err


def test_both_lie_in_the_vault_and_are_checked(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    renew(world, monkeypatch)
    both_kits = dict(recovery.kit()) | beside(NEWER)
    assert kit_in(world.vault) == both_kits
    assert kit_in(world.key.parent / "public") == both_kits
    assert findings(world) == []
    assert HASH in world.run("charter", "show", "--json").out
    for name in ("README.txt", f"{FOLDER}README.txt", f"{FOLDER}RESCUE/sha256sums.txt"):
        kept = (world.vault / name).read_bytes()
        change(world.vault / name, b"all is well\n")
        assert findings(world) == [("rescue-altered", name)]
        (world.vault / name).unlink()
        told = [one for one in world.run("verify", "--json").lines if "finding" in one]
        assert [(one["finding"], one["subject"]) for one in told] == [("rescue-missing", name)]
        (world.vault / name).write_bytes(kept)
    assert findings(world) == []


def test_the_nightly_machine_takes_it_with_the_public_parts(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    renew(world, monkeypatch)
    for name in beside(NEWER):
        (world.vault / name).unlink()
    brought = shutil.copytree(world.key.parent / "public", world.root / "brought")
    with newer_version():
        assert world.run("init", "--public", brought).code == 0
    assert kit_in(world.vault) == dict(recovery.kit()) | beside(NEWER)


def test_copies_have_both(filled: World, monkeypatch: pytest.MonkeyPatch) -> None:
    renew(filled, monkeypatch)
    assert filled.run("store", "copy").code == Exit.OK
    assert kit_in(filled.root / "county") == kit_in(filled.vault) == dict(recovery.kit()) | beside(NEWER)


def test_another_version_does_not_publish_what_it_has_not(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ESCROW_PASSPHRASE", PASSPHRASE)
    text, public = world.root / "charter.toml", world.key.parent / "public"
    with newer_version():
        assert escrow("charter", "new", "--public", public, "--out", text, "--kit").code == 0
    refused = world.run("charter", "sign", text, "--public", public, "--key", world.key, "--yes", "--publish")
    assert (refused.code, "kit-other" in refused.err) == (Exit.REFUSED, True)
    assert kit_in(world.vault) == dict(recovery.kit())
