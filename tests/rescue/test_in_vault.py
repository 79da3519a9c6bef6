"""The kit in every vault: made with the keys, put by init, named by the charter, copied, told when it is not right."""

import shutil
from pathlib import Path

import pytest
from escrow_cli.exits import Exit

from escrow.recovery import kit, kit_sha256
from tests.cli.conftest import World, change, escrow, files_of
from tests.cli.copies import both, filled, findings

__all__ = ["both", "filled"]


def kit_in(folder: Path) -> dict[str, bytes]:
    return {name: data for name, data in files_of(folder).items() if name == "README.txt" or name.startswith("RESCUE/")}


def test_it_lies_in_the_public_parts_and_in_the_vault(world: World) -> None:
    assert kit_in(world.key.parent / "public") == dict(kit())
    assert kit_in(world.vault) == dict(kit())
    shown = world.run("charter", "show", "--json")
    assert kit_sha256() in shown.out
    assert findings(world) == []


def test_every_copy_has_it_too(filled: World) -> None:
    assert kit_in(filled.root / "county") == dict(kit())
    assert kit_in(filled.root / "usb") == dict(kit())
    assert kit_in(filled.root / "stick" / "public") == dict(kit()), "brought with the public parts"


@pytest.mark.parametrize("name", ["README.txt", "RESCUE/escrow_rescue.py", "RESCUE/sha256sums.txt"])
def test_verify_tells_when_it_is_altered_or_gone(world: World, name: str) -> None:
    change(world.vault / name, b"print('all is well')\n")
    told = world.run("verify", "--json")
    assert told.code == Exit.INTEGRITY
    assert [(one["finding"], one["subject"]) for one in told.lines if "finding" in one] == [("rescue-altered", name)]
    (world.vault / name).unlink()
    told = world.run("verify", "--json")
    assert told.code == Exit.OK, "no data is lost with it"
    assert [(one["finding"], one["severity"], one["subject"]) for one in told.lines if "finding" in one] == [
        ("rescue-missing", "warning", name)
    ]


def test_it_is_mended_from_a_copy(filled: World) -> None:
    change(filled.vault / "README.txt", b"send the key to us\n")
    (filled.vault / "RESCUE" / "words.txt").unlink()
    assert filled.run("store", "repair", "--yes").code == Exit.OK
    assert kit_in(filled.vault) == dict(kit())


def test_what_calls_itself_the_kit_hides_no_secret(world: World, tmp_path: Path) -> None:
    public = world.root / "server" / "public"
    shutil.copytree(world.key.parent / "public", public, dirs_exist_ok=True)
    (public / "RESCUE" / "notes.txt").write_text("AGE-SECRET-KEY-PQ-1XYZ\n")
    refused = escrow("init", "--public", public, "--config", world.config)
    assert (refused.code, "secret-on-agent" in refused.err) == (Exit.REFUSED, True)
    (public / "RESCUE" / "notes.txt").unlink()
    assert escrow("init", "--public", public, "--config", world.config).code == 0
