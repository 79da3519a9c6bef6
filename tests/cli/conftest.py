"""A small school with a holder's and a nightly machine's folder, made once and copied for each test."""

import io
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path

import pytest
from escrow_cli.main import main

PASSPHRASE = "correct horse battery staple"

CONFIG = """\
state = "state"
[store]
url = "../vault"
payer = "the school"
[[copy]]
name = "holder"
url = "../stick/public"
payer = "the head"
offline = true
holds = "keys"
[[source]]
name = "mis"
path = "../exports"
ignore = ["*.tmp"]
[[rule]]
compartment = "records"
globs = ["*.csv"]
"""


@dataclass(frozen=True)
class Result:
    """What a command did."""

    code: int
    raw: bytes
    err: str

    @property
    def out(self) -> str:
        return self.raw.decode()

    @property
    def lines(self) -> list[dict[str, object]]:
        """stdout as JSON lines; every one must be an object."""
        rows = [json.loads(line) for line in self.out.splitlines()]
        assert all(isinstance(row, dict) for row in rows)
        return rows


def escrow(*arguments: str | Path) -> Result:
    """Run one command line in this process."""
    raw = io.BytesIO()
    out, err = io.TextIOWrapper(raw, "utf-8", write_through=True), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        code = main([str(argument) for argument in arguments])
    out.flush()
    return Result(int(code), raw.getvalue(), err.getvalue())


@dataclass(frozen=True)
class World:
    """Folders below `root`: exports, server (the nightly machine), holder, stick, vault."""

    root: Path

    @property
    def config(self) -> Path:
        return self.root / "server" / "escrow.toml"

    @property
    def state(self) -> Path:
        return self.root / "server" / "state"

    @property
    def key(self) -> Path:
        return self.root / "holder" / "custody.key"

    @property
    def vault(self) -> Path:
        return self.root / "vault"

    @property
    def exports(self) -> Path:
        return self.root / "exports"

    def run(self, *arguments: str | Path) -> Result:
        """A command with this world's configuration."""
        return escrow(*arguments, "--config", self.config)

    def new_marks(self) -> None:
        """A school day passes."""
        (self.exports / "marks.csv").write_text("upn,mark\nA1,/\nA2,L\nA3,N\n")
        (self.exports / "letters" / "second.txt").write_text("Dear parent,\n")


def change(path: Path, data: bytes) -> None:
    """What a bad store does to an object."""
    path.chmod(0o644)
    path.write_bytes(data)


def files_of(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("world")
    world = World(root)
    (world.exports / "letters").mkdir(parents=True)
    (world.exports / "marks.csv").write_text("upn,mark\nA1,/\nA2,/\n")
    (world.exports / "letters" / "first.txt").write_text("Dear parent,\n" * 100)
    (world.exports / "export.tmp").write_text("half written")
    world.config.parent.mkdir()
    world.config.write_text(CONFIG)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ESCROW_PASSPHRASE", PASSPHRASE)
        assert world.run("agent", "card", "--out", root / "server.card").code == 0
        made = escrow(
            *("keys", "new", "--school", "Fernhill", "--agent", root / "server.card", "--out", root / "holder"),
            *("--compartment", "records:400:10", "--compartment", "safeguarding:400:10"),
        )
    assert made.code == 0, made.err
    shutil.copytree(root / "holder" / "public", root / "server" / "public")
    shutil.copytree(root / "holder" / "public", root / "stick" / "public")
    joined = world.run("init", "--public", root / "server" / "public")
    assert joined.code == 0, joined.err
    assert world.run("snapshot").code == 0
    world.new_marks()
    assert world.run("snapshot").code == 0
    return root


@pytest.fixture
def world(template: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """Two nights; `exports` is as on the second. ESCROW_PASSPHRASE is right."""
    shutil.copytree(template, tmp_path / "w", symlinks=True)
    monkeypatch.setenv("ESCROW_PASSPHRASE", PASSPHRASE)
    monkeypatch.chdir(tmp_path)
    for name in set(os.environ) & {"ESCROW_CONFIG", "ESCROW_STORE", "ESCROW_STATE", "ESCROW_DEBUG"}:
        monkeypatch.delenv(name)
    yield World(tmp_path / "w")
