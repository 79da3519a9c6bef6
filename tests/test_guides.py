"""The guides' commands, run as they stand: two machines, and what people carry between them."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from escrow_cli import demo_school

DOCS = Path(__file__).parents[1] / "docs"
PASSPHRASE = "six words that nobody else has"


def blocks(guide: str, kind: str) -> list[str]:
    return re.findall(rf"^```{kind}\n(.*?)^```", (DOCS / guide).read_text("utf-8"), re.MULTILINE | re.DOTALL)


def run(commands: str, folder: Path) -> str:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("ESCROW_")}
    environment |= {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "ESCROW_PASSPHRASE": PASSPHRASE}
    done = subprocess.run(
        ["sh", "-ec", commands], cwd=folder, env=environment, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, (commands, done.returncode, done.stdout, done.stderr)
    return done.stdout + done.stderr


@pytest.mark.skipif(os.name == "nt", reason="the guides' boxes are for a POSIX shell")
def test_the_key_holders_guide(tmp_path: Path) -> None:
    """The network manager's half stands in tests/cli/test_guide.py."""
    server, holder = tmp_path / "server", tmp_path / "holder"
    demo_school.create(server / "exports", 7)
    holder.mkdir()
    make, drill = blocks("guide-key-holder.md", "sh")
    run("escrow agent card --name server --out server.card", server)
    shutil.copy(server / "server.card", holder)
    made = run(make, holder)
    shutil.copytree(holder / "stick" / "public", server / "public")
    joined = run("escrow init --public public --store vault --source mis=exports && escrow snapshot", server)
    (fingerprint,) = set(re.findall(r"\b[0-9a-f]{64}\b", made))
    assert fingerprint in joined

    shutil.copy(server / "escrow.toml", holder)
    run(drill, holder)
    restored = sorted(path.name for path in (holder / "drill" / "mis").glob("*.csv"))
    assert restored == sorted(path.name for path in (server / "exports").glob("*.csv"))
    for name in restored:
        assert (holder / "drill" / "mis" / name).read_bytes() == (server / "exports" / name).read_bytes()
    for path in server.rglob("*"):
        assert not path.is_file() or PASSPHRASE.encode() not in path.read_bytes()
