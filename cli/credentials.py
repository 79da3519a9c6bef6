"""Credentials of sources: escrow.toml says where one lies, never what it is."""

import os
import re
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from escrow.errors import SourceError, UsageError

from .tables import Table

if TYPE_CHECKING:
    from escrow.seal import Secret

Place = Literal["keyring", "env", "file"]

_MOST = 64 * 1024
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_HINT = 'write { keyring = "SERVICE/USER" }, { env = "VARIABLE" } or { file = "PATH" }'


@dataclass(frozen=True, slots=True)
class Credential:
    """Where a credential lies: `service/user` in the system's keyring, a variable's name, or a file's path."""

    place: Place
    name: str

    def read(self, environment: Mapping[str, str] = os.environ) -> "Secret":
        """The credential itself, in UTF-8, read when the source is: one that lacks stops no other source.

        SourceError `credential-missing`, `credential-mode`, `credential-keyring`."""
        from escrow.seal import Secret

        if self.place == "env":
            value = environment.get(self.name)
        elif self.place == "file":
            return Secret(_from_file(Path(self.name)))
        else:
            value = _from_keyring(self.name)
        if not value:
            hint = "set it for the account that runs the night"
            raise SourceError(
                "credential-missing", f"expected a credential at {self.place} {self.name}, found none", hint=hint
            )
        return Secret(value.encode("utf-8", "surrogateescape"))


def credential_of(table: Table, key: str, root: Path) -> Credential | None:
    """`key = { keyring | env | file = ... }`, or None; a file's path is relative to `root`. UsageError."""
    inner = table.credential(key)
    if inner is None:
        return None
    places: tuple[tuple[Place, str | None], ...] = (
        ("keyring", inner.text_of("keyring", re.compile("[^/]+/.+"), "SERVICE/USER")),
        ("env", inner.text_of("env", _VARIABLE, "the name of a variable")),
        ("file", inner.text("file")),
    )
    found = [Credential(place, name) for place, name in places if name is not None]
    inner.end()
    if len(found) != 1:
        raise UsageError("credential-place", f"{inner.where}: expected one place, found {len(found)}", hint=_HINT)
    (one,) = found
    return Credential("file", str(root / one.name)) if one.place == "file" else one


def needed_credential(table: Table, key: str, root: Path) -> Credential:
    """As `credential_of`; UsageError `config-missing-key` where it is absent."""
    found = credential_of(table, key, root)
    if found is None:
        raise UsageError("config-missing-key", f"{table.where}: expected {key}, found none")
    return found


def _from_file(path: Path) -> bytes:
    """The file's bytes without the end of its line; only for the account's eyes (on Windows: as the folder's are)."""
    try:
        with path.open("rb") as file:
            info = os.fstat(file.fileno())
            if os.name == "posix" and (info.st_mode & 0o077 or info.st_uid not in (0, os.geteuid())):
                found = f"mode {stat.S_IMODE(info.st_mode):03o} of user {info.st_uid}"
                raise SourceError(
                    "credential-mode",
                    f"{path}: expected a file that only this account or root can read, found {found}",
                    hint=f"chmod 600 {path}, and change what is in it: others could read it",
                )
            data = file.read(_MOST + 1).removesuffix(b"\n").removesuffix(b"\r")
    except OSError as error:
        hint = "write the credential there, as the one line of the file"
        raise SourceError("credential-missing", f"{path}: cannot be read ({error.strerror})", hint=hint) from None
    if not data or len(data) > _MOST:
        raise SourceError("credential-missing", f"{path}: expected 1 to {_MOST} bytes, found {len(data)}")
    return data


def _from_keyring(name: str) -> str | None:
    import keyring
    from keyring.errors import KeyringError

    service, _, user = name.partition("/")
    try:
        return keyring.get_password(service, user)
    except KeyringError as error:
        hint = "log in once as the account that runs the night, or keep it in a file of mode 600"
        raise SourceError(
            "credential-keyring", f"keyring {name}: it does not answer ({type(error).__name__})", hint=hint
        ) from None
