"""README.txt of the kit, taken literally: its commands bring back every file."""

import base64
import json
import os
import re
import shutil
import sys
from pathlib import Path

import pytest

from escrow.recovery import kit
from escrow.seal import ScryptRecipient, Secret, seal
from tests.alone import readme
from tests.alone.readme import commands
from tests.cli.conftest import PASSPHRASE, World, files_of
from tests.custody.closing import LA, closing
from tests.engine.kit import NIGHTS
from tests.seal.peers import find_age

from .golden import FILES
from .golden import PASSPHRASE as GOLDEN_PASSPHRASE
from .vaults import write

pytest.importorskip("pty", reason="the commands are for a POSIX shell")


def section(title: str) -> str:
    """What the README says below a heading."""
    return readme.section(kit()["README.txt"].decode(), title)


def typed(script: str, folder: Path, passphrase: str) -> tuple[int, str]:
    """Run a script at a terminal, typing the passphrase whenever it is asked for."""
    tools = (Path(sys.executable).parent, find_age().parent)
    return readme.typed(script, folder, passphrase, os.pathsep.join([*map(str, tools), os.environ["PATH"]]))


def exported(world: World) -> dict[str, bytes]:
    files = {f"mis/{name}": data for name, data in files_of(world.exports).items() if not name.endswith(".tmp")}
    assert len(files) == 3
    return files


def test_stock_tools_rebuild_every_file(world: World, tmp_path: Path) -> None:
    if not shutil.which("zstd"):
        pytest.skip("the zstd tool is missing")
    script = commands(section("WAY 2: STOCK TOOLS"))
    assert script.count("age -d") == 3
    shutil.copytree(world.vault, tmp_path / "copy")
    shutil.copy(world.key, tmp_path / "custody.key")
    code, told = typed(script, tmp_path, PASSPHRASE)
    assert code == 0, told
    assert files_of(tmp_path / "out") == exported(world)


def test_stock_tools_find_a_pack_that_was_altered(world: World, tmp_path: Path) -> None:
    shutil.copytree(world.vault, tmp_path / "copy")
    pack = next((tmp_path / "copy").glob("series/*/packs/*.age"))
    pack.chmod(0o644)
    pack.write_bytes(pack.read_bytes()[:-1])
    step = commands(section("WAY 2: STOCK TOOLS")).partition("age -d")[0]
    code, told = typed(step, tmp_path, "")
    assert code != 0
    assert pack.name in told


def test_stock_tools_write_nowhere_else_for_a_false_notice(world: World, tmp_path: Path) -> None:
    """Signatures are not checked there: whoever writes into the vault chooses what a notice names."""
    shutil.copytree(world.vault, tmp_path / "copy")
    last = max((tmp_path / "copy" / "notices").iterdir())
    envelope = json.loads(last.read_text("ascii"))
    notice = json.loads(base64.b64decode(envelope["payload"]))
    notice["seq"] += 1
    notice["series"][0]["compartment"] = "../../away taken x"
    (tmp_path / "away").mkdir()
    (tmp_path / "away" / "taken").write_text("a file of theirs")
    payload = base64.b64encode(json.dumps(notice).encode()).decode()
    last.with_name("00000009-0123456789abcdef.json").write_text(json.dumps(envelope | {"payload": payload}))
    (tmp_path / "work").mkdir()
    (tmp_path / "copy").rename(tmp_path / "work" / "copy")
    shutil.copy(world.key, tmp_path / "work" / "custody.key")
    code, told = typed(commands(section("WAY 2: STOCK TOOLS")), tmp_path / "work", PASSPHRASE)
    assert (code, "a false notice" in told) == (1, True), told
    assert (tmp_path / "away" / "taken").read_text() == "a file of theirs"


def test_whose_it_is_can_be_read_without_a_key(world: World) -> None:
    shown = commands(kit()["README.txt"].decode().partition("FIRST: ")[0])
    code, told = typed(shown, world.vault, "")
    assert code == 0, told
    assert told.count("Vault of Fernhill") == 1
    assert json.loads(told.splitlines()[-1])["school"]["name"].startswith("Fernhill")


def test_both_ways_open_a_vault_that_was_handed_over(tmp_path: Path) -> None:
    """By the custodian's own key, which opens what was released to it and nothing else."""
    place = closing(tmp_path / "school")
    place.whole_way()
    objects = {info.key: place.own.get(info.key) for info in place.own.list()}
    write(tmp_path / "copy", objects)
    key = LA.identity.encode().reveal() + b"\n"
    (tmp_path / "custody.key").write_bytes(seal(key, [ScryptRecipient(Secret(PASSPHRASE.encode()), 10)]))
    wanted = {f"school/{name}": data for name, data in NIGHTS[3].items() if name.endswith(".csv")}
    code, told = typed(commands(section("WAY 2: STOCK TOOLS")), tmp_path, PASSPHRASE)
    assert code == 0, told
    assert files_of(tmp_path / "out") == wanted
    shutil.rmtree(tmp_path / "out")
    write(tmp_path, kit())
    line = "python3 RESCUE/escrow_rescue.py restore copy out --key custody.key"
    code, told = typed(line, tmp_path, PASSPHRASE)
    assert code == 1, told
    assert "AMISS safeguarding" in told
    assert files_of(tmp_path / "out") == wanted


def test_the_python_program_restores_and_checks(world: World, tmp_path: Path) -> None:
    write(tmp_path, kit())
    shutil.copytree(world.vault, tmp_path / "copy")
    shutil.copy(world.key, tmp_path / "custody.key")
    lines = [line for line in commands(section("WAY 1: ONE PYTHON PROGRAM")).splitlines() if "--key" in line]
    assert len(lines) == 2
    code, told = typed("\n".join(line.rpartition("   ")[0] for line in lines), tmp_path, PASSPHRASE)
    assert code == 0, told
    assert "0 things are amiss" in told
    assert files_of(tmp_path / "out") == exported(world)


def test_the_golden_vault_proves_the_reader(tmp_path: Path) -> None:
    write(tmp_path, kit())
    first = commands(section("FIRST: MAKE A COPY"))
    code, told = typed(first[first.index("tar -xf") :], tmp_path, GOLDEN_PASSPHRASE)
    assert code == 0, told
    assert files_of(tmp_path / "try" / "golden") == FILES


def test_the_sums_of_the_kit_are_right(tmp_path: Path) -> None:
    write(tmp_path, kit())
    code, told = typed("sha256sum --strict -c RESCUE/sha256sums.txt", tmp_path, "")
    assert code == 0, told
    assert told.count(": OK") == len(kit()) - 1


def test_the_guide_twenty_years_later(world: World, tmp_path: Path) -> None:
    shutil.copytree(world.vault, tmp_path / "copy")
    write(tmp_path / "copy", kit())
    shutil.copy(world.key, tmp_path / "custody.key")
    guide = (Path(__file__).parents[2] / "docs" / "guide-twenty-years-later.md").read_text("utf-8")
    shown = "\n".join(re.findall(r"^```sh\n(.*?)^```$", guide, re.MULTILINE | re.DOTALL))
    assert shown.count("escrow_rescue.py") == 3
    key = [line for line in commands(guide).splitlines() if "--key" in line]
    assert len(key) == 2
    code, told = typed(shown + key[0], tmp_path, PASSPHRASE)
    assert code == 0, told
    assert files_of(tmp_path / "out") == exported(world)


def test_the_specification_in_the_kit_is_the_one_of_this_version() -> None:
    """After a change of docs/format.md: copy it to escrow/recovery/kit/format.md."""
    assert kit()["RESCUE/format.md"] == (Path(__file__).parents[2] / "docs" / "format.md").read_bytes()
