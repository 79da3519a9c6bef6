"""Secrets stay where they belong: not in what commands say, and not on the nightly machine."""

import base64
import getpass
import re
import sqlite3
import sys
from contextlib import closing
from pathlib import Path

import pytest
from escrow_cli.agent_key import load
from escrow_cli.unlock import made_passphrase

from escrow.custody import open_custody
from escrow.errors import EscrowError, WrongKeyError
from escrow.recovery import kit
from escrow.seal import HybridIdentity, Identity, Secret, X25519Identity, open_sealed, parse_identities
from tests.cli.conftest import PASSPHRASE, World, escrow, files_of

CARD = "server.card"


def new(world: World, out: Path, *more: str) -> tuple[int, str]:
    made = escrow(
        *("keys", "new", "--school", "X", "--agent", world.root / CARD, "--out", out),
        *("--compartment", "records:400:1", *more),
    )
    return made.code, made.out + made.err


def test_no_command_says_a_secret_and_none_is_left_behind(world: World, tmp_path: Path) -> None:
    plain = tmp_path / "plain"
    code, said = new(world, plain, "--no-passphrase")
    assert code == 0
    for line in (plain / "custody.key").read_text().splitlines():
        assert line.partition(": ")[2].strip() in ("", *said.split()) or "secret" in line
        assert not re.search(r"secret: |AGE-SECRET", line) or line not in said
    secret = (plain / "custody.key").read_text().splitlines()[-1]
    for arguments in (
        ("agent", "card"),
        ("snapshot",),
        ("list",),
        ("show", "latest", "--key", str(world.key)),
        ("diff", "1", "2", "--key", str(world.key)),
        ("verify", "--read", "1", "--deep", "1", "--key", str(world.key)),
        ("restore", "latest", "--to", "out", "--key", str(world.key)),
        ("show", "latest", "--key", str(plain / "custody.key")),
        ("show", "latest", "--key", secret),
        ("status",),
    ):
        for more in ((), ("--json",)):
            told = world.run(*arguments, *more)
            said += told.out + told.err
    seed = load(world.state).seed().reveal()
    words = [PASSPHRASE, secret[:30], secret[30:], base64.b64encode(seed).decode()[:40], seed.hex()[:40]]
    left = b"".join([*files_of(world.config.parent).values(), *files_of(world.vault).values()])
    for word in words:
        assert word.lower() not in said.lower()
    for word in words[:3]:
        assert word.encode() not in left


def test_a_key_on_the_command_line_is_refused_and_not_repeated(world: World) -> None:
    key = "AGE-SECRET-KEY-PQ-1QQQQQQQQ"
    told = world.run("show", "1", "--key", key)
    assert (told.code, key in told.err) == (2, False)
    assert "key-on-command-line" in told.err


def test_the_nightly_machine_can_open_nothing(world: World) -> None:
    """Everything that its files hold, but for the rescue kit (as we made it), is tried on everything in the vault."""
    files = {**files_of(world.config.parent), "card": (world.root / CARD).read_bytes()}
    files = {name: data for name, data in files.items() if data != kit().get(name.removeprefix("public/"))}
    assert {"state/agent.key", "state/state.db", "escrow.toml"} <= set(files)
    raw: set[bytes] = set()
    identities: list[Identity] = []
    for name, data in files.items():
        assert b"AGE-SECRET-KEY" not in data.upper(), name
        for reader in (parse_identities, lambda text: [open_custody(text, None, world_vault(world))]):
            with pytest.raises(EscrowError):
                identities += reader(data)
        for token in re.findall(rb"[A-Za-z0-9+/_-]{40,}={0,2}", data) if len(data) < 10**5 else ():
            for decode in (lambda text: bytes.fromhex(text.decode()), base64.b64decode, base64.urlsafe_b64decode):
                try:
                    raw |= windows(decode(token))
                except ValueError:
                    continue
    with closing(sqlite3.connect(world.state / "state.db")) as db:
        for (secret,) in db.execute("SELECT secret FROM series"):
            raw |= windows(secret)
    assert windows(load(world.state).seed().reveal()) <= raw
    identities += [kind(Secret(key)) for key in raw for kind in (HybridIdentity.from_seed, X25519Identity)]
    assert len(identities) > 100
    sealed = [path for path in world.vault.rglob("*.age") if path.parent.name in ("stock", "packs", "manifests")]
    assert {path.parent.name for path in sealed} == {"stock", "packs", "manifests"}
    for kind in ("stock", "packs", "manifests"):
        data = next(path for path in sealed if path.parent.name == kind).read_bytes()
        with pytest.raises(WrongKeyError):
            open_sealed(data, identities)


def windows(data: bytes) -> set[bytes]:
    """All runs of 32 bytes near both ends: where keys of 32, 40 and 64 bytes would lie."""
    return {data[at : at + 32] for at in range(min(len(data) - 31, 33))}


def world_vault(world: World) -> str:
    return str(world.run("status", "--json").lines[0]["vault"])


class Terminal:
    """A person at a terminal, who types these answers."""

    def __init__(self, patch: pytest.MonkeyPatch, *answers: str | None) -> None:
        self.answers = list(answers)
        self.shown = ""
        patch.delenv("ESCROW_PASSPHRASE")
        patch.setattr("escrow_cli.unlock.sys", self)
        patch.setattr(getpass, "getpass", self.ask)
        self.stderr = self
        self.stdin = sys.stdin

    def isatty(self) -> bool:
        return True

    def write(self, text: str) -> int:
        self.shown += text
        return len(text)

    def ask(self, prompt: str, stream: object) -> str:
        answer = self.answers.pop(0)
        return made_in(self.shown) if answer is None else answer


def made_in(text: str) -> str:
    found = re.search(r"(?:[a-z]{5}-){4}[a-z]{5}", text)
    assert found
    return found[0]


def test_a_passphrase_is_made_shown_once_and_opens(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    terminal = Terminal(monkeypatch, "", None)
    code, said = new(world, tmp_path / "k")
    assert code == 0, said
    passphrase = made_in(terminal.shown)
    assert terminal.shown.count(passphrase) == 1
    assert passphrase not in said
    vault = said.split()[1]
    data = (tmp_path / "k" / "custody.key").read_bytes()
    assert open_custody(data, Secret(passphrase.encode()), vault).recipient()
    assert len({made_passphrase() for _ in range(50)}) == 50


def test_a_passphrase_is_typed_twice(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Terminal(monkeypatch, "one", "other")
    code, said = new(world, tmp_path / "k")
    assert (code, "passphrase-differs" in said) == (2, True)
    assert not (tmp_path / "k" / "custody.key").exists()


def test_the_passphrase_is_asked_for_where_it_is_needed(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal(monkeypatch, PASSPHRASE)
    assert world.run("show", "1", "--key", world.key).code == 0
    assert terminal.answers == []
