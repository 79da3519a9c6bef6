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
def test_the_guides_from_the_card_to_the_drill(tmp_path: Path) -> None:
    server, holder = tmp_path / "server", tmp_path / "holder"
    demo_school.create(server / "exports", 7)
    holder.mkdir()
    card, join, night, nightly = blocks("guide-network-manager.md", "sh")
    make, drill = blocks("guide-key-holder.md", "sh")
    (rules,) = blocks("guide-network-manager.md", "toml")

    run(card, server)
    shutil.copy(server / "server.card", holder)
    made = run(make, holder)
    shutil.copytree(holder / "stick" / "public", server / "public")
    joined = run(join, server)
    (fingerprint,) = set(re.findall(r"\b[0-9a-f]{64}\b", made))
    assert fingerprint in joined
    with (server / "escrow.toml").open("a", encoding="utf-8") as config:
        config.write("\n" + rules)
    run(night, server)
    run(nightly, server)
    assert list((server / "units").iterdir())

    shutil.copy(server / "escrow.toml", holder)
    run(drill, holder)
    restored = sorted(path.name for path in (holder / "drill" / "mis").glob("*.csv"))
    assert restored == sorted(path.name for path in (server / "exports").glob("*.csv"))
    for name in restored:
        assert (holder / "drill" / "mis" / name).read_bytes() == (server / "exports" / name).read_bytes()
    for path in server.rglob("*"):
        assert not path.is_file() or PASSPHRASE.encode() not in path.read_bytes()
