"""Bech32 as in BIP 173, without its length limit (C2SP age.md, conventions). No value ever enters an error."""

import base64
import binascii
from functools import reduce
from operator import xor

from escrow.errors import FormatError

CHARSET = b"qpzry9x8gf2tvdw0s3jn54khce6mua7l"
GENERATORS = (0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)
_BASE32 = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
_TO_BECH32 = bytes.maketrans(_BASE32, CHARSET)
_TO_BASE32 = bytes.maketrans(CHARSET, _BASE32)
_TO_VALUES = bytes.maketrans(CHARSET, bytes(range(32)))
_FOLD = [reduce(xor, (g for bit, g in enumerate(GENERATORS) if top >> bit & 1), 0) for top in range(32)]


def _polymod(values: bytes) -> int:
    check = 1
    for value in values:
        check = (check & 0x1FFFFFF) << 5 ^ value ^ _FOLD[check >> 25]
    return check


def _expand(prefix: str) -> bytes:
    return bytes([*(ord(c) >> 5 for c in prefix), 0, *(ord(c) & 31 for c in prefix)])


def encode(prefix: str, data: bytes) -> str:
    """The lowercase Bech32 text of `data` under the lowercase `prefix`."""
    payload = base64.b32encode(data).rstrip(b"=").translate(_TO_BECH32)
    check = _polymod(_expand(prefix) + payload.translate(_TO_VALUES) + bytes(6)) ^ 1
    checksum = bytes(CHARSET[check >> 5 * (5 - i) & 31] for i in range(6))
    return f"{prefix}1{(payload + checksum).decode()}"


def decode(text: str) -> tuple[str, bytes]:
    """The lowercase prefix and the data of `text`, all of one case. Raises FormatError."""
    lower = text.lower()
    if not text.isascii() or (text != lower and text != text.upper()):
        raise FormatError("bech32-case", "expected Bech32 text all in one case, found both or other characters")
    prefix, separator, rest = lower.rpartition("1")
    if not separator or not prefix or len(rest) < 6 or any(not "!" <= c <= "~" for c in prefix):
        raise FormatError("bech32-form", "expected prefix, '1' and at least six characters of Bech32")
    payload = rest.encode()
    if payload.translate(None, CHARSET):
        raise FormatError("bech32-character", "found a character that Bech32 does not use")
    if _polymod(_expand(prefix) + payload.translate(_TO_VALUES)) != 1:
        raise FormatError("bech32-checksum", "the Bech32 checksum does not match", hint="look for a mistyped character")
    payload = payload[:-6]
    try:
        data = base64.b32decode(payload.translate(_TO_BASE32) + b"=" * (-len(payload) % 8))
    except binascii.Error:
        data = b""
    if base64.b32encode(data).rstrip(b"=").translate(_TO_BECH32) != payload:
        raise FormatError("bech32-padding", "expected less than five zero bits at the end of the Bech32 data")
    return prefix, data
