"""The network manager's guide: its commands are run as they stand, its settings are read."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from escrow_cli.config import parse_config
from escrow_cli.demo_school import create
from escrow_cli.exits import Exit

GUIDE = Path(__file__).parents[2] / "docs" / "guide-network-manager.md"
EXAMPLES = ("/srv/escrow", "/srv/exports", "/mnt/nas", "/media/transfer", "/media/stick", "/srv/watch")


def blocks(language: str) -> list[str]:
    found = re.findall(rf"^```{language}\n(.*?)^```$", GUIDE.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    assert found
    return found


@pytest.mark.skipif(sys.platform == "win32", reason="the blocks are for a POSIX shell")
def test_every_command_of_the_guide_works_in_its_order(tmp_path: Path) -> None:
    bash = shutil.which("bash")
    assert bash, "expected bash, found none"
    here = tmp_path / "it's here"
    for path in EXAMPLES:
        (here / path[1:]).mkdir(parents=True, exist_ok=True)
    create(here / "srv/exports", 3)
    script = "set -euo pipefail\n" + "\n".join(blocks("sh"))
    for path in EXAMPLES:
        script = re.sub(rf"(?<![\w/]){path}(?=[/\s]|$)", lambda hit: f'"$HERE"{hit[0]}', script)
    settings = {name: value for name, value in os.environ.items() if not name.startswith("ESCROW_")}
    settings["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{settings['PATH']}"
    settings |= {"ESCROW_PASSPHRASE": "for this test alone", "HERE": str(here)}
    done = subprocess.run([bash, "-c", script], cwd=here, env=settings, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "ok: 1 nights, 0 findings" in done.stdout
    assert "ok: Fernhill School: night 1" in done.stdout
    assert re.findall(r"^(\w+) +(\d+) files", done.stdout, re.MULTILINE)[:3] == [
        ("documents", "310"),
        ("records", "14"),
        ("safeguarding", "1"),
    ]
    assert (here / "srv/watch/drill/mis/pupils.csv").read_bytes() == (here / "srv/exports/pupils.csv").read_bytes()
    assert (here / "srv/escrow/units/escrow-agent.timer").exists()


def test_its_settings_are_read() -> None:
    for block in blocks("toml"):
        for text in (block, re.sub(r"^# (?=\w+ =)", "", block, flags=re.MULTILINE)):
            assert parse_config(text, Path("/etc/escrow/escrow.toml"), {}).store


def test_its_exit_codes_are_of_the_table() -> None:
    rows = re.findall(r"^\| ([0-9, ]+) \|", GUIDE.read_text("utf-8"), re.MULTILINE)
    codes = [int(code) for row in rows for code in row.split(",")]
    assert len(codes) > 10
    assert set(codes) <= {exit.value for exit in Exit}
