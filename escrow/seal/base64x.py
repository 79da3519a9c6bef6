"""Canonical base64 in the three shapes that age, DSSE and keys use: one text for each value (RFC 4648, 3.5)."""

import binascii
from base64 import b64encode, urlsafe_b64encode

from escrow.errors import FormatError


def encode(data: bytes) -> str:
    """Standard alphabet, padded (DSSE)."""
    return b64encode(data).decode()


def encode_raw(data: bytes) -> str:
    """Standard alphabet, unpadded (age headers)."""
    return encode(data).rstrip("=")


def encode_url(data: bytes) -> str:
    """URL-safe alphabet, unpadded (public keys)."""
    return urlsafe_b64encode(data).decode().rstrip("=")


def decode(text: str, code: str) -> bytes:
    """The bytes of padded standard base64. Raises FormatError(`code`) when `text` is not what `encode` writes."""
    try:
        data = binascii.a2b_base64(text.encode("ascii"), strict_mode=True)
    except ValueError:
        data = None
    if data is None or encode(data) != text:
        raise FormatError(code, f"expected canonical base64, found {len(text)} characters that are not")
    return data


def decode_raw(text: str, code: str) -> bytes:
    """The bytes of unpadded standard base64. Raises FormatError(`code`)."""
    if text.endswith("="):
        raise FormatError(code, "expected base64 without padding, found '='")
    return decode(text + "=" * (-len(text) % 4), code)


def decode_url(text: str, code: str) -> bytes:
    """The bytes of unpadded URL-safe base64. Raises FormatError(`code`)."""
    if "+" in text or "/" in text:
        raise FormatError(code, "expected URL-safe base64, found '+' or '/'")
    return decode_raw(text.translate({ord("-"): "+", ord("_"): "/"}), code)
