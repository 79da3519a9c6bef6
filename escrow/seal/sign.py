"""Hybrid signing keys: Ed25519 and ML-DSA-65 side by side (RFC 8032, FIPS 204); both must verify."""

import hashlib
import os
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA65PrivateKey, MLDSA65PublicKey

from escrow.errors import FormatError, SignatureError, UsageError
from escrow.seal import base64x
from escrow.seal.secret import Secret

PREFIX: Final = "escrow-sig-1:"
SEED: Final = 64
ED25519_PUBLIC: Final = 32
PUBLIC: Final = ED25519_PUBLIC + 1952
ED25519_SIGNATURE: Final = 64
MLDSA_SIGNATURE: Final = 3309


class VerifyKey:
    """The public half: 32 bytes of Ed25519, then 1952 of ML-DSA-65. Raises FormatError for another length."""

    def __init__(self, public: bytes) -> None:
        if len(public) != PUBLIC:
            raise FormatError("verify-key-size", f"expected a key of {PUBLIC} bytes, found {len(public)}")
        self._ed25519 = Ed25519PublicKey.from_public_bytes(public[:ED25519_PUBLIC])
        self._mldsa = MLDSA65PublicKey.from_public_bytes(public[ED25519_PUBLIC:])
        self._public = public
        self.id: Final = hashlib.sha256(public).hexdigest()[:16]

    @classmethod
    def parse(cls, text: str) -> "VerifyKey":
        """The key that `encode` wrote. Raises FormatError."""
        if not text.startswith(PREFIX):
            raise FormatError("verify-key-prefix", f"expected '{PREFIX}' at the start of a public signing key")
        return cls(base64x.decode_url(text.removeprefix(PREFIX), "verify-key-base64"))

    def encode(self) -> str:
        """`escrow-sig-1:` and unpadded base64url of the 1984 bytes."""
        return PREFIX + base64x.encode_url(self._public)

    def check_ed25519(self, signature: bytes, message: bytes) -> None:
        """Raises SignatureError unless `signature` is this key's Ed25519 half over `message`."""
        try:
            self._ed25519.verify(signature, message)
        except InvalidSignature:
            raise SignatureError("signature-wrong", f"no Ed25519 signature by {self.id}") from None

    def check_mldsa65(self, signature: bytes, message: bytes) -> None:
        """Raises SignatureError unless `signature` is this key's ML-DSA-65 half over `message`, context empty."""
        try:
            self._mldsa.verify(signature, message)
        except InvalidSignature:
            raise SignatureError("signature-wrong", f"no ML-DSA-65 signature by {self.id}") from None

    def __eq__(self, other: object) -> bool:
        return isinstance(other, VerifyKey) and self._public == other._public

    def __hash__(self) -> int:
        return hash(self._public)

    def __repr__(self) -> str:
        return f"VerifyKey({self.id})"


class SigningKey:
    """The secret half: a 64-byte seed, 32 for Ed25519 and 32 for ML-DSA-65."""

    def __init__(self, seed: Secret) -> None:
        value = seed.reveal()
        if len(value) != SEED:
            raise UsageError("signing-key-size", f"expected a seed of {SEED} bytes, found {len(value)}")
        self._ed25519 = Ed25519PrivateKey.from_private_bytes(value[:32])
        self._mldsa = MLDSA65PrivateKey.from_seed_bytes(value[32:])
        self._seed = seed
        self._public = VerifyKey(
            self._ed25519.public_key().public_bytes_raw() + self._mldsa.public_key().public_bytes_raw()
        )

    @classmethod
    def generate(cls) -> "SigningKey":
        """A fresh key from the system's randomness."""
        return cls(Secret(os.urandom(SEED)))

    @classmethod
    def from_seed(cls, seed: Secret) -> "SigningKey":
        """The key of a 64-byte seed. Raises UsageError for another length."""
        return cls(seed)

    def seed(self) -> Secret:
        """The 64 bytes that `from_seed` takes."""
        return self._seed

    def public(self) -> VerifyKey:
        """The public half."""
        return self._public

    def sign(self, message: bytes) -> tuple[bytes, bytes]:
        """Ed25519 (64 bytes) and hedged ML-DSA-65 (3309 bytes, context empty) over `message`: differs every time."""
        return self._ed25519.sign(message), self._mldsa.sign(message)
