"""Holders' keys: read from a file or stdin, opened with a passphrase that no command line ever holds."""

import getpass
import os
import secrets
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from escrow.errors import UsageError

if TYPE_CHECKING:
    from escrow.engine.reading import SeriesOpener
    from escrow.seal import Secret

_MAX_KEY_FILE = 64 * 1024
_LETTERS = "abcdefghjkmnpqrstuvwxyz"


def read_key(given: str) -> bytes:
    """The bytes of the key file `given` (`-`: stdin). UsageError, which never repeats a key."""
    if given.upper().startswith("AGE-SECRET-KEY"):
        hint = "put it into a file; what stands on a command line is seen by others: make new keys"
        raise UsageError("key-on-command-line", "expected the name of a key file, found a key", hint=hint)
    try:
        if given == "-":
            return sys.stdin.buffer.read(_MAX_KEY_FILE)
        with Path(given).open("rb") as file:
            return file.read(_MAX_KEY_FILE)
    except OSError as error:
        hint = "name the custody.key that escrow keys new made"
        raise UsageError("key-unreadable", f"{given}: cannot be read ({error.strerror})", hint=hint) from error


@dataclass(frozen=True, slots=True)
class Means:
    """What a command was given to open a vault with: a key file, or sheets from files and (`typed`) the keyboard.

    UsageError `key-both` for a key file beside sheets.
    """

    key: str | None = None
    shares: Sequence[Path] = ()
    letterbox: Path | None = None
    typed: bool = False

    def __post_init__(self) -> None:
        if self.key is not None and (self.shares or self.typed):
            raise UsageError("key-both", "expected a key file or sheets, found both", hint="leave one out")

    def __bool__(self) -> bool:
        return self.key is not None or bool(self.shares) or self.typed


def read_secret(given: str, vault: str) -> "Secret":
    """The custody secret in a key file. UsageError, WrongKeyError, FormatError."""
    from escrow.custody.opening import is_sealed, open_secret

    data = read_key(given)
    return open_secret(data, ask_passphrase() if is_sealed(data) else None, vault)


def opener_of(data: bytes, passphrase: "Secret | None", vault: str) -> "SeriesOpener":
    """What opens the series keys of `vault`, from a key file's bytes. WrongKeyError, FormatError."""
    from escrow.custody import open_custody, series_identity

    custody = open_custody(data, passphrase, vault)
    return lambda sealed, key: series_identity(sealed, key, vault, custody)


def ask_passphrase() -> "Secret | None":
    """The passphrase of a key file, from ESCROW_PASSPHRASE or typed unseen; None where there is neither."""
    from escrow.seal import Secret

    given = os.environ.get("ESCROW_PASSPHRASE")
    if given is None and sys.stderr.isatty():
        given = _ask("Passphrase of the key file: ")
    return Secret(given.encode()) if given else None


def _ask(prompt: str) -> str:
    try:
        return getpass.getpass(prompt, stream=sys.stderr)
    except EOFError:
        return ""


def new_passphrase() -> "Secret":
    """A passphrase for a new key file: of ESCROW_PASSPHRASE, or asked for, or made and shown once. UsageError."""
    from escrow.seal import Secret

    given = os.environ.get("ESCROW_PASSPHRASE")
    if given is None:
        if not sys.stderr.isatty():
            hint = "run in a terminal, set ESCROW_PASSPHRASE, or say --no-passphrase for a medium that is protected"
            raise UsageError("passphrase-missing", "expected a passphrase for the new key file, found none", hint=hint)
        given = _ask("New passphrase (Enter: one is made for you): ")
        if not given:
            given = made_passphrase()
            print(f"The passphrase, shown once: write it down now.\n\n    {given}\n", file=sys.stderr)
        if _ask("Type it again: ") != given:
            raise UsageError("passphrase-differs", "expected the same passphrase twice, found two", hint="start again")
    if not given:
        raise UsageError("passphrase-missing", "ESCROW_PASSPHRASE is empty", hint="say --no-passphrase for none")
    return Secret(given.encode())


def made_passphrase() -> str:
    """Five groups of five letters: 113 bits."""
    return "-".join("".join(secrets.choice(_LETTERS) for _ in range(5)) for _ in range(5))
