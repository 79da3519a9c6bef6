"""Bech32 as in BIP 173, without its length limit (C2SP age.md, conventions). No value ever enters an error."""

from escrow.errors import FormatError

CHARSET = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
GENERATORS = (0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)


def _polymod(values: list[int]) -> int:
    check = 1
    for value in values:
        top = check >> 25
        check = (check & 0x1FFFFFF) << 5 ^ value
        for bit, generator in enumerate(GENERATORS):
            if top >> bit & 1:
                check ^= generator
    return check


def _expand(prefix: str) -> list[int]:
    return [ord(c) >> 5 for c in prefix] + [0] + [ord(c) & 31 for c in prefix]


def _regroup(values: bytes | list[int], width: int, to: int, *, pad: bool) -> list[int]:
    pending, bits, groups = 0, 0, []
    for value in values:
        pending = pending << width | value
        bits += width
        while bits >= to:
            bits -= to
            groups.append(pending >> bits)
            pending &= (1 << bits) - 1
    if pad and bits:
        groups.append(pending << (to - bits))
    elif not pad and (bits >= width or pending):
        raise FormatError("bech32-padding", "expected less than five zero bits at the end of the Bech32 data")
    return groups


def encode(prefix: str, data: bytes) -> str:
    """The lowercase Bech32 text of `data` under the lowercase `prefix`."""
    groups = _regroup(data, 8, 5, pad=True)
    check = _polymod(_expand(prefix) + groups + [0] * 6) ^ 1
    groups += [check >> 5 * (5 - i) & 31 for i in range(6)]
    return f"{prefix}1{''.join(CHARSET[g] for g in groups)}"


def decode(text: str) -> tuple[str, bytes]:
    """The lowercase prefix and the data of `text`, all of one case. Raises FormatError."""
    lower = text.lower()
    if not text.isascii() or (text != lower and text != text.upper()):
        raise FormatError("bech32-case", "expected Bech32 text all in one case, found both or other characters")
    prefix, separator, payload = lower.rpartition("1")
    if not separator or not prefix or len(payload) < 6 or any(not "!" <= c <= "~" for c in prefix):
        raise FormatError("bech32-form", "expected prefix, '1' and at least six characters of Bech32")
    if any(c not in CHARSET for c in payload):
        raise FormatError("bech32-character", "found a character that Bech32 does not use")
    groups = [CHARSET.index(c) for c in payload]
    if _polymod(_expand(prefix) + groups) != 1:
        raise FormatError("bech32-checksum", "the Bech32 checksum does not match", hint="look for a mistyped character")
    return prefix, bytes(_regroup(groups[:-6], 5, 8, pad=False))
