"""The storage guide: its commands are run as they stand, on a real server and in folders."""

import os
import re
import secrets
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from escrow_cli.config import parse_config

from infra.policies import ROLES
from tests.infra.servers import Running
from tests.layers import ROOT

GUIDE = (ROOT / "docs" / "guide-storage.md").read_text(encoding="utf-8")
FOLDERS = ("/srv/exports", "/mnt/nas", "/media/transfer", "/media/usb")
NAMED = ("owner", "depositor", "watcher", "custodian", "registrar")


def blocks(language: str, heading: str = "") -> list[str]:
    """The fenced blocks of a language, of one section or all."""
    part = GUIDE.partition(f"\n## {heading}\n")[2].partition("\n## ")[0] if heading else GUIDE
    found = re.findall(rf"^```{language}\n(.*?)^```$", part, re.MULTILINE | re.DOTALL)
    assert found, heading
    return found


class Machine:
    """Where the guide's commands run: `here` stands before its absolute paths, every other name is the test's."""

    def __init__(self, here: Path, environment: dict[str, str], names: dict[str, str]) -> None:
        self.here = here
        self.work = here / "work"
        self.names = names
        self._environment = environment
        for folder in FOLDERS:
            (here / folder[1:]).mkdir(parents=True)
        self.work.mkdir()
        (self.work / "infra").symlink_to(ROOT / "infra")
        (here / "srv/exports/pupils.csv").write_text("upn,name\nA1,Ann\n")
        self.run("escrow agent card --name server --out /media/transfer/server.card")
        self.run("escrow keys new --school Fernhill --agent /media/transfer/server.card --out keys")
        shutil.copytree(self.work / "keys/public", here / "media/transfer/public")

    def text(self, text: str) -> str:
        for name, ours in self.names.items():
            text = text.replace(name, ours)
        for folder in FOLDERS:
            text = text.replace(folder, f"{self.here}{folder}")
        return text

    def run(self, script: str) -> str:
        bash = shutil.which("bash")
        assert bash
        done = subprocess.run(
            [bash, "-c", "set -euo pipefail\n" + self.text(script)],
            cwd=self.work,
            env=self._environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("ESCROW_", "AWS_"))}
    kept["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{kept['PATH']}"
    credentials = tmp_path / "credentials"
    return kept | {"ESCROW_PASSPHRASE": "for this test alone", "AWS_SHARED_CREDENTIALS_FILE": str(credentials)}


@pytest.mark.s3
def test_a_bucket_and_its_first_night(server: Running, tmp_path: Path, environment: dict[str, str]) -> None:
    tag = secrets.token_hex(5)
    users = {name: server.owner if name == "owner" else server.make_user(f"{name}-{tag}") for name in NAMED}
    profiles = {**users, "default": users["depositor"]}
    Path(environment["AWS_SHARED_CREDENTIALS_FILE"]).write_text(
        "".join(
            f"[{name}]\naws_access_key_id = {user.access_key}\naws_secret_access_key = {user.secret_key}\n"
            for name, user in profiles.items()
        )
    )
    arns = {f"arn:aws:iam::000000000000:user/{name}": user.arn for name, user in users.items()}
    names = {"https://s3.trust.example": server.endpoint, "fernhill-vault": f"vault-{tag}"} | arns
    names["--server seaweedfs"] = f"--server {server.kind.value}"
    machine = Machine(tmp_path, environment, names)
    (shown,) = blocks("sh", "Your own server")
    told = machine.run(shown)
    assert "would: create bucket" in told
    assert told.rstrip().endswith("done")
    (settings,) = blocks("toml", "The first night")
    (machine.work / "escrow.toml").write_text(machine.text(settings))
    (shown,) = blocks("sh", "The first night")
    told = machine.run(shown)
    assert "ok: 1 nights, 1 findings" in told
    assert "this credential may not see" in told, "the watcher's, of the sealed keys"


def test_a_share_and_a_disk(tmp_path: Path, environment: dict[str, str]) -> None:
    machine = Machine(tmp_path, environment, {})
    (settings,) = blocks("toml", "NAS and USB disk")
    (machine.work / "escrow.toml").write_text(machine.text(settings))
    (shown,) = blocks("sh", "NAS and USB disk")
    told = machine.run(shown)
    assert "ok: 1 nights, 0 findings" in told
    machine.run("escrow snapshot")
    told = machine.run("\n".join(shown.splitlines()[-2:]))
    assert "L1b bytes of usb" in told
    assert "ok: 2 nights, 0 findings" in told, "the disk gets what it does not have yet"


def test_it_asks_for_fifteen_commands_at_most() -> None:
    commands = [line for language in ("sh", "console") for block in blocks(language) for line in block.splitlines()]
    assert len(commands) <= 15


def test_its_table_has_every_role_and_its_settings_are_read() -> None:
    assert re.findall(r"^\| (\w+) \| .* \| .* \|$", GUIDE.partition("## Who holds")[2], re.MULTILINE)[1:7] == list(
        ROLES
    )
    for block in blocks("toml"):
        assert parse_config(block, Path("/etc/escrow/escrow.toml"), {}).store
