"""Passphrases: the recipient `scrypt`, for identity files (C2SP age.md, "The scrypt recipient type")."""

import os
import re
from collections.abc import Sequence
from typing import Final

from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from escrow.errors import FormatError, LimitError, UsageError
from escrow.seal import base64x
from escrow.seal.header import Stanza
from escrow.seal.recipient import Family, Identity, Recipient, check_shape, unwrap_key, wrap_key
from escrow.seal.secret import Secret

KIND: Final = "scrypt"
SALT: Final = 16
DEFAULT_LOG_N: Final = 17
"""Work factor of new files: 128 MiB of memory, about a third of a second."""

MAX_LOG_N: Final = 22
"""Largest work factor that is read, as in the age tool: 4 GiB of memory."""

_DECIMAL = re.compile(r"[1-9][0-9]*")


def _stretch(passphrase: Secret, salt: bytes, log_n: int) -> Secret:
    salted = b"age-encryption.org/v1/scrypt" + salt
    return Secret(Scrypt(salted, 32, n=2**log_n, r=8, p=1).derive(passphrase.reveal()))


class ScryptRecipient(Recipient):
    """Whoever knows `passphrase` (UTF-8 bytes). `log_n` is the work factor, 1 to 22. Raises UsageError."""

    family = Family.PASSPHRASE

    def __init__(self, passphrase: Secret, log_n: int = DEFAULT_LOG_N) -> None:
        if not 1 <= log_n <= MAX_LOG_N or not passphrase.reveal():
            raise UsageError("scrypt-arguments", f"expected a passphrase and a work factor of 1 to {MAX_LOG_N}")
        self._passphrase = passphrase
        self._log_n = log_n

    def wrap(self, file_key: Secret) -> Stanza:
        salt = os.urandom(SALT)
        body = wrap_key(_stretch(self._passphrase, salt, self._log_n), file_key)
        return Stanza(KIND, (base64x.encode_raw(salt), str(self._log_n)), body)


class ScryptIdentity(Identity):
    """Opens files sealed to `passphrase` (UTF-8 bytes)."""

    def __init__(self, passphrase: Secret) -> None:
        self._passphrase = passphrase

    def unwrap(self, stanzas: Sequence[Stanza]) -> Secret | None:
        if all(stanza.kind != KIND for stanza in stanzas):
            return None
        if len(stanzas) > 1:
            raise FormatError("header-scrypt-not-alone", f"expected a scrypt stanza alone, found {len(stanzas)}")
        (stanza,) = stanzas
        check_shape(stanza, 2)
        salt = base64x.decode_raw(stanza.arguments[0], "header-salt-base64")
        if len(salt) != SALT or not _DECIMAL.fullmatch(stanza.arguments[1]):
            raise FormatError("header-stanza", f"expected a salt of {SALT} bytes and a decimal work factor")
        if len(stanza.arguments[1]) > 2 or int(stanza.arguments[1]) > MAX_LOG_N:
            raise LimitError("header-work-factor", f"the scrypt work factor is over {MAX_LOG_N}")
        return unwrap_key(_stretch(self._passphrase, salt, int(stanza.arguments[1])), stanza.body)
