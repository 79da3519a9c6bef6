"""What every way of wrapping a file key has in common (C2SP age.md, "Recipient stanza")."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from enum import Enum
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from escrow.errors import FormatError
from escrow.seal.header import Stanza
from escrow.seal.secret import Secret

FILE_KEY: Final = 16
WRAPPED: Final = FILE_KEY + 16
"""Bytes of every native stanza's body: the file key and an AEAD tag."""

_ZERO_NONCE = bytes(12)


class Family(Enum):
    """Recipients of one header are all of one family; a passphrase stands alone."""

    POST_QUANTUM = "post-quantum"
    CLASSICAL = "classical"
    PASSPHRASE = "passphrase"  # noqa: S105 - a name, not a secret


class Recipient(ABC):
    """Somebody a file is sealed to. `str()` gives the `age1...` text of those that have one."""

    family: Family

    @abstractmethod
    def wrap(self, file_key: Secret) -> Stanza:
        """The stanza that carries `file_key` (16 bytes) to this recipient; fresh randomness each time."""


class Identity(ABC):
    """Something that opens files."""

    @abstractmethod
    def unwrap(self, stanzas: Sequence[Stanza]) -> Secret | None:
        """The file key from the first stanza that is for this identity, or None.

        Raises FormatError when a stanza of this identity's type is malformed.
        """


def wrap_key(key: Secret, file_key: Secret) -> bytes:
    """The body of an X25519 or scrypt stanza: ChaCha20-Poly1305 with a zero nonce under a one-time key."""
    return ChaCha20Poly1305(key.reveal()).encrypt(_ZERO_NONCE, file_key.reveal(), None)


def unwrap_key(key: Secret, body: bytes) -> Secret | None:
    """The file key in a body made by `wrap_key`, or None when `key` is another one."""
    try:
        return Secret(ChaCha20Poly1305(key.reveal()).decrypt(_ZERO_NONCE, body, None))
    except InvalidTag:
        return None


def check_shape(stanza: Stanza, arguments: int) -> None:
    """Raises FormatError unless `stanza` has that many arguments after its type, and a 32-byte body."""
    if len(stanza.arguments) != arguments or len(stanza.body) != WRAPPED:
        raise FormatError(
            "header-stanza",
            f"expected {arguments} arguments and a body of {WRAPPED} bytes in the {stanza.kind} stanza,"
            f" found {len(stanza.arguments)} and {len(stanza.body)}",
        )
