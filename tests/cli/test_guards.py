"""What keeps two vaults, two machines and two histories apart."""

import json
import re
import shutil
from pathlib import Path

from escrow_cli.exits import Exit

from tests.cli.conftest import World, escrow


def other_vault(world: World, out: Path) -> Path:
    """Public parts of another school's vault, which names the same machine."""
    made = escrow(
        *("keys", "new", "--school", "Other", "--agent", world.root / "server.card", "--out", out / "holder"),
        *("--no-passphrase", "--compartment", "records:400:1"),
    )
    assert made.code == 0, made.err
    return Path(shutil.move(out / "holder" / "public", out / "public"))


def code(err: str) -> str:
    return err.split()[1].rstrip(":")


def test_a_configuration_stays_with_its_vault(world: World, tmp_path: Path) -> None:
    told = world.run("init", "--public", other_vault(world, tmp_path))
    assert (told.code, code(told.err)) == (Exit.REFUSED, "vault-differs")


def test_a_store_stays_with_its_vault(world: World, tmp_path: Path) -> None:
    public = other_vault(world, tmp_path)
    anchor = re.compile(r'^(vault|fingerprint) = ".*"\n', re.MULTILINE)
    world.config.write_text(anchor.sub("", world.config.read_text()))
    told = world.run("init", "--public", public)
    assert (told.code, code(told.err)) == (Exit.REFUSED, "store-other-vault")
    assert not anchor.search(world.config.read_text())


def test_no_key_is_written_into_a_state_folder_that_stands_alone(world: World, tmp_path: Path) -> None:
    alone = tmp_path / "alone" / "state"
    alone.mkdir(parents=True)
    shutil.copy(world.state / "agent.key", alone)
    for out in (alone, alone / "below", alone.parent):
        made = escrow("keys", "new", "--school", "X", "--agent", world.root / "server.card", "--out", out)
        assert (made.code, code(made.err)) == (Exit.REFUSED, "key-on-agent"), out
        assert not (out / "custody.key").exists()


def test_another_history_is_told_until_a_person_acts(world: World) -> None:
    (seen,) = world.state.glob("seen-*.json")
    seen.write_text(json.dumps({"seq": 1, "sha256": "0" * 64}))
    for _ in range(2):
        told = world.run("verify", "--json")
        assert told.code == Exit.ROLLBACK
        assert [row["finding"] for row in told.lines if "finding" in row] == ["rollback-other"]
