"""In an environment without `escrow`: the demo's vault, and one that was handed over, come back by both ways."""

import hashlib
import importlib
import json
import os
import shutil
import subprocess
import sys
import venv
from collections.abc import Callable
from pathlib import Path

import pytest
from escrow_cli.demo_closing import DemoClosing

from escrow.engine.ports import NoProgress
from escrow.recovery import kit
from escrow.seal import ScryptRecipient, Secret, seal
from tests.cli.conftest import escrow
from tests.rescue.vaults import write
from tests.seal.peers import find_age

pytest.importorskip("pty", reason="the commands are for a POSIX shell")
pytestmark = [pytest.mark.slow, pytest.mark.ci]

SCRIPT = Path(__file__).with_name("restores.py")
PACKAGES = ("cryptography", "zstandard", "cffi", "_cffi_backend", "pycparser")
PASSPHRASE = "a passphrase of three words"


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Python of a new virtual environment with the two packages that the kit needs, and theirs, alone."""
    folder = tmp_path_factory.mktemp("alone") / "venv"
    venv.create(folder, with_pip=False, symlinks=os.name == "posix")
    (site,) = folder.glob("lib/python*/site-packages")
    for name in PACKAGES:
        try:
            place = Path(str(importlib.import_module(name).__file__))
        except ModuleNotFoundError:
            continue  # an older cffi needs pycparser, a newer one has it not
        if place.name == "__init__.py":
            shutil.copytree(place.parent, site / name)
        else:
            shutil.copy(place, site)
    return folder / "bin" / "python3"


def restored(alone: Path, work: Path, wanted: Path, source: str, passphrase: str) -> str:
    """Runs the script there; gives what it says."""
    if not shutil.which("zstd"):
        if os.environ.get("CI") == "true":
            pytest.fail("CI=true wants the zstd program")
        pytest.skip("the zstd tool is missing")
    files = [path for path in wanted.rglob("*") if path.is_file()]
    sums = {
        f"{source}/{path.relative_to(wanted).as_posix()}": hashlib.sha256(path.read_bytes()).hexdigest()
        for path in files
    }
    assert len(sums) > 300
    (work / "case.json").write_text(json.dumps({"passphrase": passphrase, "wanted": sums}), "utf-8")
    tools = os.pathsep.join(str(Path(one).parent) for one in (find_age(), str(shutil.which("zstd"))))
    done = subprocess.run(
        [alone, "-I", SCRIPT, work, tools],
        cwd=work,
        capture_output=True,
        text=True,
        check=False,
        timeout=400,
        env={name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "ESCROW"))},
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_demos_vault(alone: Path, tmp_path: Path, record_property: Callable[[str, object], None]) -> None:
    demo, work = tmp_path / "demo", tmp_path / "work"
    told = escrow("demo", "--folder", demo)
    assert told.code == 0, told.out + told.err
    passphrase = told.err.partition("of this demo alone: ")[2].split()[0]
    work.mkdir()
    shutil.copytree(demo / "vault", work / "copy")
    shutil.copytree(work / "copy" / "RESCUE", work / "RESCUE")
    shutil.copy(work / "copy" / "README.txt", work)
    shutil.copy(demo / "holder" / "custody.key", work)
    said = restored(alone, work, demo / "as-it-was" / "5", "mis", passphrase)
    assert said.count("every SHA-256 right") == 2, said
    record_property("summary", f"alone: the demo's vault, {' and '.join(said.splitlines()[1:])}")


def test_a_vault_that_was_handed_over(
    alone: Path, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    """Its sheets dealt among three, safeguarding released last; by the authority's key, and by two of the sheets."""
    demo, work = DemoClosing(tmp_path / "demo"), tmp_path / "work"
    demo.begin(NoProgress())
    demo.give_notice()
    demo.a_week_later()
    demo.release("records", "documents")
    demo.accept(NoProgress())
    demo.transfer()
    demo.release("safeguarding", roles=("chair of governors", "LA records officer"))
    demo.accept(NoProgress())
    (work / "sheets").mkdir(parents=True)
    shutil.copytree(demo.archive, work / "copy")
    write(work, kit())
    recipient = ScryptRecipient(Secret(PASSPHRASE.encode()), 10)
    (work / "custody.key").write_bytes(seal(demo.authority.text().reveal(), [recipient]))
    for number, sheet in enumerate(demo.sheets[:2]):
        (work / "sheets" / f"{number}.txt").write_text(" ".join(sheet.share.words()), "ascii")
    said = restored(alone, work, demo.exports, "mis", PASSPHRASE)
    assert said.count("every SHA-256 right") == 4, said
    record_property("summary", f"alone: a vault that was handed over, {', '.join(said.splitlines()[1:])}")


def test_the_environment_has_nothing_of_ours(alone: Path) -> None:
    for name, code in (("escrow", 1), ("escrow_cli", 1), ("boto3", 1), ("cryptography", 0), ("zstandard", 0)):
        done = subprocess.run([alone, "-c", f"import {name}"], cwd=alone.parent, capture_output=True, check=False)
        assert done.returncode == code, (name, done.stderr)
        assert (b"ModuleNotFoundError" in done.stderr) == bool(code)
    assert sys.version_info[:2] >= (3, 9)
