"""Credentials of sources: where they lie is configured, what they are is never shown."""

import os
from pathlib import Path

import keyring
import keyring.backend
import keyring.backends.fail
import pytest
from escrow_cli.credentials import Credential, credential_of
from escrow_cli.tables import Table

from escrow.errors import SourceError, UsageError

WORD = "hunter2-påss"


class Drawer(keyring.backend.KeyringBackend):
    """A keyring in memory."""

    priority = 1

    def get_password(self, service: str, username: str) -> str | None:
        return WORD if (service, username) == ("escrow", "sims/reader") else None

    def set_password(self, service: str, username: str, password: str) -> None:
        raise NotImplementedError


@pytest.fixture
def drawer():
    before = keyring.get_keyring()
    keyring.set_keyring(Drawer())
    yield
    keyring.set_keyring(before)


def parse(raw: dict[str, object]) -> Credential | None:
    return credential_of(Table(raw, "here"), "password", Path("/srv/escrow"))


def test_where_it_lies() -> None:
    assert parse({}) is None
    assert parse({"password": {"env": "SIMS_PASSWORD"}}) == Credential("env", "SIMS_PASSWORD")
    assert parse({"password": {"keyring": "escrow/sims/reader"}}) == Credential("keyring", "escrow/sims/reader")
    assert parse({"password": {"file": "sims.txt"}}) == Credential("file", os.path.normpath("/srv/escrow/sims.txt"))


@pytest.mark.parametrize(
    ("value", "code"),
    [
        (WORD, "credential-literal"),
        ({}, "credential-place"),
        ({"env": "A", "file": "b"}, "credential-place"),
        ({"env": "A=B"}, "config-value"),
        ({"keyring": "escrow"}, "config-value"),
        ({"word": WORD}, "config-unknown-key"),
        (7, "config-type"),
    ],
)
def test_what_is_wrong_is_said_without_the_credential(value: object, code: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse({"password": value})
    assert caught.value.code == code
    assert WORD not in str(caught.value)


def test_from_the_environment() -> None:
    secret = Credential("env", "SIMS").read({"SIMS": WORD})
    assert secret.reveal() == WORD.encode()
    assert WORD not in repr(secret)
    for environment in ({}, {"SIMS": ""}):
        with pytest.raises(SourceError) as caught:
            Credential("env", "SIMS").read(environment)
        assert caught.value.code == "credential-missing"


def test_from_a_file(tmp_path: Path) -> None:
    file = tmp_path / "word"
    for end in (b"", b"\n", b"\r\n"):
        file.write_bytes(WORD.encode() + end)
        file.chmod(0o600)
        assert Credential("file", str(file)).read().reveal() == WORD.encode()
    for data in (b"", b"\n", bytes(70_000)):
        file.write_bytes(data)
        with pytest.raises(SourceError) as caught:
            Credential("file", str(file)).read()
        assert caught.value.code == "credential-missing"
    with pytest.raises(SourceError) as caught:
        Credential("file", str(tmp_path / "none")).read()
    assert caught.value.code == "credential-missing"


@pytest.mark.skipif(os.name != "posix", reason="Windows has no modes: the folder's rights say who reads")
@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644, 0o620, 0o666])
def test_a_file_that_others_can_read_is_refused(tmp_path: Path, mode: int) -> None:
    file = tmp_path / "word"
    file.write_text(WORD, "utf-8")
    file.chmod(mode)
    with pytest.raises(SourceError) as caught:
        Credential("file", str(file)).read()
    assert caught.value.code == "credential-mode"
    assert f"{mode:03o}" in str(caught.value)
    assert WORD not in str(caught.value)
    file.chmod(0o400)
    assert Credential("file", str(file)).read().reveal() == WORD.encode()


def test_from_the_keyring(drawer: None) -> None:
    assert Credential("keyring", "escrow/sims/reader").read().reveal() == WORD.encode()
    with pytest.raises(SourceError) as caught:
        Credential("keyring", "escrow/other").read()
    assert caught.value.code == "credential-missing"


def test_a_machine_without_a_keyring_says_so(drawer: None) -> None:
    keyring.set_keyring(keyring.backends.fail.Keyring())
    with pytest.raises(SourceError) as caught:
        Credential("keyring", "escrow/sims").read()
    assert caught.value.code == "credential-keyring"
    assert "600" in caught.value.hint
