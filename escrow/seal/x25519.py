"""The classical recipient `X25519`, for files of others and for tests of interoperability (C2SP age.md)."""

import os
from collections.abc import Sequence
from typing import Final

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey

from escrow.errors import FormatError, UsageError
from escrow.seal import base64x, bech32
from escrow.seal.header import Stanza
from escrow.seal.recipient import Family, Identity, Recipient, check_shape, unwrap_key, wrap_key
from escrow.seal.secret import Secret, derive

KIND: Final = "X25519"
RECIPIENT_PREFIX: Final = "age"
IDENTITY_PREFIX: Final = "age-secret-key-"
KEY: Final = 32

_INFO = "age-encryption.org/v1/X25519"


def agree(private: X25519PrivateKey, public: bytes, code: str) -> Secret:
    """The shared secret. Raises FormatError(`code`) when `public` has low order (RFC 7748, section 6.1)."""
    try:
        return Secret(private.exchange(X25519PublicKey.from_public_bytes(public)))
    except ValueError:
        raise FormatError(code, "expected an X25519 point, found one of low order") from None


class X25519Recipient(Recipient):
    """A classical recipient, `age1...`, from its 32-byte public key. Raises FormatError for no such key."""

    family = Family.CLASSICAL

    def __init__(self, public: bytes) -> None:
        if len(public) != KEY:
            raise FormatError("recipient-size", f"expected a key of {KEY} bytes, found {len(public)}")
        agree(X25519PrivateKey.generate(), public, "recipient-low-order")
        self._public = public

    def wrap(self, file_key: Secret) -> Stanza:
        ephemeral = X25519PrivateKey.generate()
        share = ephemeral.public_key().public_bytes_raw()
        key = derive(agree(ephemeral, self._public, "recipient-low-order"), _INFO, share + self._public)
        return Stanza(KIND, (base64x.encode_raw(share),), wrap_key(key, file_key))

    def __str__(self) -> str:
        return bech32.encode(RECIPIENT_PREFIX, self._public)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, X25519Recipient) and self._public == other._public

    def __hash__(self) -> int:
        return hash(self._public)


class X25519Identity(Identity):
    """A classical identity: 32 random bytes, written `AGE-SECRET-KEY-1...`."""

    def __init__(self, seed: Secret) -> None:
        if len(seed.reveal()) != KEY:
            raise UsageError("identity-size", f"expected a key of {KEY} bytes, found {len(seed.reveal())}")
        self._key = X25519PrivateKey.from_private_bytes(seed.reveal())
        self._public = self._key.public_key().public_bytes_raw()
        self._seed = seed

    @classmethod
    def generate(cls) -> "X25519Identity":
        """A fresh identity from the system's randomness."""
        return cls(Secret(os.urandom(KEY)))

    @classmethod
    def from_seed(cls, seed: Secret) -> "X25519Identity":
        """The identity of 32 bytes. Raises UsageError for another length."""
        return cls(seed)

    def recipient(self) -> X25519Recipient:
        """The public half."""
        return X25519Recipient(self._public)

    def encode(self) -> Secret:
        """The `AGE-SECRET-KEY-1...` line, without a line end."""
        return Secret(bech32.encode(IDENTITY_PREFIX, self._seed.reveal()).upper().encode())

    def unwrap(self, stanzas: Sequence[Stanza]) -> Secret | None:
        for stanza in stanzas:
            if stanza.kind != KIND:
                continue
            check_shape(stanza, 1)
            share = base64x.decode_raw(stanza.arguments[0], "header-share-base64")
            if len(share) != KEY:
                raise FormatError("header-stanza", f"expected a share of {KEY} bytes, found {len(share)}")
            key = derive(agree(self._key, share, "header-low-order"), _INFO, share + self._public)
            if (file_key := unwrap_key(key, stanza.body)) is not None:
                return file_key
        return None
