"""Secret bytes that do not print, pickle or copy, and the labelled derivation of further ones."""

import hmac
from typing import NoReturn, final

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from escrow.errors import UsageError

MAX_DERIVED = 255 * 32
"""Bytes that HKDF-SHA256 can give at most (RFC 5869, section 2.3)."""


@final
class Secret:
    """Bytes that only `reveal()` shows. Compares in constant time; masked, unhashable, not copied or pickled."""

    __slots__ = ("_value",)

    def __init__(self, value: bytes) -> None:
        self._value = bytes(value)

    def reveal(self) -> bytes:
        """The bytes themselves: for a primitive or for paper, never for a log."""
        return self._value

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        return hmac.compare_digest(self._value, other._value)

    __hash__ = None  # type: ignore[assignment]  # a hash would tell equal secrets apart in a table

    def __repr__(self) -> str:
        return "Secret(...)"

    def __format__(self, spec: str) -> str:
        return repr(self)

    def _refuse(self, *_: object) -> NoReturn:
        raise UsageError("secret-copied", "a secret is neither pickled nor copied: pass the object itself")

    __reduce_ex__ = __copy__ = __deepcopy__ = _refuse


def derive(secret: Secret, label: str, salt: bytes = b"", length: int = 32) -> Secret:
    """HKDF-SHA256 (RFC 5869) of `secret` with `label` as info; `length` in bytes, at most 8160.

    Raises UsageError for an empty label or an impossible length.
    """
    if not label or not 0 < length <= MAX_DERIVED:
        raise UsageError("derive-arguments", f"wanted a label and 1 to {MAX_DERIVED} bytes, got {length} bytes")
    return Secret(HKDF(SHA256(), length, salt, label.encode()).derive(secret.reveal()))
