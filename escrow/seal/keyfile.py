"""Recipients and identities from their text: `age1...` and identity files."""

from escrow.errors import FormatError
from escrow.seal import bech32, hybrid, x25519
from escrow.seal.hybrid import HybridIdentity, HybridRecipient
from escrow.seal.recipient import Identity, Recipient
from escrow.seal.secret import Secret
from escrow.seal.x25519 import X25519Identity, X25519Recipient


def parse_recipient(text: str) -> Recipient:
    """The recipient written `age1pq1...` or `age1...`, all in lower case. Raises FormatError."""
    prefix, data = bech32.decode(text)
    if text == text.lower():
        if prefix == hybrid.RECIPIENT_PREFIX:
            return HybridRecipient(data)
        if prefix == x25519.RECIPIENT_PREFIX:
            return X25519Recipient(data)
    raise FormatError("recipient-type", "expected age1pq1... or age1..., found another kind of text")


def _parse_identity(text: str) -> Identity:
    prefix, data = bech32.decode(text)
    if text == text.upper() and len(data) == 32:
        if prefix == hybrid.IDENTITY_PREFIX:
            return HybridIdentity(Secret(data))
        if prefix == x25519.IDENTITY_PREFIX:
            return X25519Identity(Secret(data))
    raise FormatError("identity-type", "expected AGE-SECRET-KEY-PQ-1... or AGE-SECRET-KEY-1...")


def parse_identities(text: bytes) -> list[Identity]:
    """The identities of an identity file, one a line; blank lines and `#` comments are skipped.

    Raises FormatError, which names the line but never shows it.
    """
    identities = []
    for number, raw in enumerate(text.split(b"\n"), 1):
        line = raw.strip(b" \t\r")
        if not line or line.startswith(b"#"):
            continue
        try:
            identities.append(_parse_identity(line.decode("ascii")))
        except (FormatError, UnicodeDecodeError) as error:
            code = error.code if isinstance(error, FormatError) else "identity-type"
            raise FormatError(
                code, f"line {number} is no age identity", hint="give a file of AGE-SECRET-KEY-... lines"
            ) from None
    if not identities:
        raise FormatError("identity-none", "expected at least one AGE-SECRET-KEY-... line, found none")
    return identities
