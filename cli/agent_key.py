"""The nightly machine's signing key: a small text file in the state folder. It signs nights and opens nothing."""

import base64
import binascii
import os
from pathlib import Path
from typing import TYPE_CHECKING

from escrow.errors import EscrowError, StateError

if TYPE_CHECKING:
    from escrow.seal import SigningKey

FILE = "agent.key"
_COMMENT = "# escrow agent key: signs this machine's nights, opens nothing"
_PREFIX = "ESCROW-AGENT-KEY-1:"


def load(state: Path) -> "SigningKey":
    """The key in the state folder. StateError `agent-key-missing`, `agent-key`."""
    from escrow.seal import Secret, SigningKey

    path = state / FILE
    try:
        lines = path.read_text("ascii").splitlines()
    except FileNotFoundError:
        hint = "run escrow agent card on this machine, and give the card to the key holder"
        raise StateError("agent-key-missing", f"expected this machine's key at {path}, found none", hint=hint) from None
    except (OSError, UnicodeDecodeError) as error:
        raise StateError("agent-key", f"{path}: cannot be read ({type(error).__name__})") from None
    try:
        line = next(line for line in lines if line.startswith(_PREFIX))
        return SigningKey.from_seed(Secret(base64.b64decode(line.removeprefix(_PREFIX), validate=True)))
    except (StopIteration, binascii.Error, EscrowError):
        hint = "restore it from this machine's backup, or remove it and give the new card to the key holder"
        raise StateError("agent-key", f"{path}: expected an agent key, found other text", hint=hint) from None


def load_or_create(state: Path) -> tuple["SigningKey", bool]:
    """The key, made when there is none yet; and whether it was made."""
    from escrow.seal import SigningKey

    if (state / FILE).exists():
        return load(state), False
    key = SigningKey.generate()
    text = f"{_COMMENT}\n{_PREFIX}{base64.b64encode(key.seed().reveal()).decode()}\n"
    write_private(state / FILE, text.encode())
    return key, True


def write_private(path: Path, data: bytes) -> None:
    """A new file that only this account reads (on Windows: as the folder's rights say). StateError."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        hint = "check space and rights; a file that is there is never replaced"
        raise StateError("file-unwritable", f"{path}: cannot be written ({error.strerror})", hint=hint) from error
