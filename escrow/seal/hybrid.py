"""The post-quantum recipient `mlkem768x25519`: HPKE with X-Wing (C2SP age.md, "MLKEM768-X25519")."""

import hashlib
import os
from collections.abc import Sequence
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey, MLKEM768PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.hpke import (
    AEAD,
    KDF,
    KEM,
    MLKEM768X25519PrivateKey,
    MLKEM768X25519PublicKey,
    Suite,
)

from escrow.errors import FormatError, UsageError
from escrow.seal import base64x, bech32
from escrow.seal.header import Stanza
from escrow.seal.recipient import Family, Identity, Recipient, check_shape
from escrow.seal.secret import Secret
from escrow.seal.x25519 import agree

KIND: Final = "mlkem768x25519"
RECIPIENT_PREFIX: Final = "age1pq"
IDENTITY_PREFIX: Final = "age-secret-key-pq-"
SEED: Final = 32
MLKEM_KEY: Final = 1184
PUBLIC: Final = MLKEM_KEY + 32
MLKEM_CIPHERTEXT: Final = 1088
ENCAPSULATED: Final = MLKEM_CIPHERTEXT + 32

_INFO = b"age-encryption.org/mlkem768x25519"
_SUITE = Suite(KEM.MLKEM768_X25519, KDF.HKDF_SHA256, AEAD.CHACHA20_POLY1305)


class HybridRecipient(Recipient):
    """A post-quantum recipient, `age1pq1...`, from its 1216-byte encapsulation key. Raises FormatError."""

    family = Family.POST_QUANTUM

    def __init__(self, public: bytes) -> None:
        if len(public) != PUBLIC:
            raise FormatError("recipient-size", f"expected a key of {PUBLIC} bytes, found {len(public)}")
        try:
            self._key = MLKEM768X25519PublicKey(
                MLKEM768PublicKey.from_public_bytes(public[:MLKEM_KEY]),
                X25519PublicKey.from_public_bytes(public[MLKEM_KEY:]),
            )
        except ValueError:
            raise FormatError("recipient-key", "the bytes are no valid ML-KEM-768 encapsulation key") from None
        agree(X25519PrivateKey.generate(), public[MLKEM_KEY:], "recipient-low-order")
        self._public = public

    def wrap(self, file_key: Secret) -> Stanza:
        sealed = _SUITE.encrypt(file_key.reveal(), self._key, _INFO)
        return Stanza(KIND, (base64x.encode_raw(sealed[:ENCAPSULATED]),), sealed[ENCAPSULATED:])

    def __str__(self) -> str:
        return bech32.encode(RECIPIENT_PREFIX, self._public)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, HybridRecipient) and self._public == other._public

    def __hash__(self) -> int:
        return hash(self._public)


class HybridIdentity(Identity):
    """A post-quantum identity: a 32-byte X-Wing seed, written `AGE-SECRET-KEY-PQ-1...`."""

    def __init__(self, seed: Secret) -> None:
        if len(seed.reveal()) != SEED:
            raise UsageError("identity-size", f"expected a seed of {SEED} bytes, found {len(seed.reveal())}")
        expanded = hashlib.shake_256(seed.reveal()).digest(96)
        mlkem = MLKEM768PrivateKey.from_seed_bytes(expanded[:64])
        self._x25519 = X25519PrivateKey.from_private_bytes(expanded[64:])
        self._key = MLKEM768X25519PrivateKey(mlkem, self._x25519)
        self._recipient = HybridRecipient(
            mlkem.public_key().public_bytes_raw() + self._x25519.public_key().public_bytes_raw()
        )
        self._seed = seed

    @classmethod
    def generate(cls) -> "HybridIdentity":
        """A fresh identity from the system's randomness."""
        return cls(Secret(os.urandom(SEED)))

    @classmethod
    def from_seed(cls, seed: Secret) -> "HybridIdentity":
        """The identity of a 32-byte seed. Raises UsageError for another length."""
        return cls(seed)

    def recipient(self) -> HybridRecipient:
        """The public half."""
        return self._recipient

    def encode(self) -> Secret:
        """The `AGE-SECRET-KEY-PQ-1...` line, without a line end."""
        return Secret(bech32.encode(IDENTITY_PREFIX, self._seed.reveal()).upper().encode())

    def unwrap(self, stanzas: Sequence[Stanza]) -> Secret | None:
        for stanza in stanzas:
            if stanza.kind != KIND:
                continue
            check_shape(stanza, 1)
            encapsulated = base64x.decode_raw(stanza.arguments[0], "header-share-base64")
            if len(encapsulated) != ENCAPSULATED:
                raise FormatError("header-stanza", f"expected {ENCAPSULATED} bytes, found {len(encapsulated)}")
            # HPKE answers a share of low order like a wrong key; it is a malformed header.
            agree(self._x25519, encapsulated[MLKEM_CIPHERTEXT:], "header-low-order")
            try:
                return Secret(_SUITE.decrypt(encapsulated + stanza.body, self._key, _INFO))
            except InvalidTag:
                continue
        return None
