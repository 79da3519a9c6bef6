"""Opens a vault: from the custody key file to the identity of one series."""

from escrow.custody.newvault import custody_identity
from escrow.errors import FormatError, WrongKeyError
from escrow.record import StockKey, parse_custody_key
from escrow.seal import HybridIdentity, ScryptIdentity, Secret, dearmor, open_sealed
from escrow.trust import open_series_key

_SEALED = b"age-encryption.org/"
_ARMOR = b"-----BEGIN AGE"


def is_sealed(data: bytes) -> bool:
    """Whether a key file still needs its passphrase."""
    return data.startswith((_SEALED, _ARMOR))


def open_custody(data: bytes, passphrase: Secret | None, vault: str) -> HybridIdentity:
    """The custody identity in a key file. Raises as `open_secret`."""
    return custody_identity(open_secret(data, passphrase, vault), vault)


def open_secret(data: bytes, passphrase: Secret | None, vault: str) -> Secret:
    """The custody secret in a key file, opened with its passphrase if it has one.

    Raises WrongKeyError (`passphrase-missing`, `passphrase-wrong`, `key-other-vault`), FormatError.
    """
    if data.startswith(_ARMOR):
        data = dearmor(data.decode("ascii", "replace"))
    if data.startswith(_SEALED):
        if passphrase is None:
            raise WrongKeyError("passphrase-missing", "the key file is sealed with a passphrase, and none was given")
        try:
            data = open_sealed(data, [ScryptIdentity(passphrase)])
        except WrongKeyError:
            raise WrongKeyError(
                "passphrase-wrong",
                "the passphrase does not open the key file",
                hint="type it again; mind case and blanks",
            ) from None
    key_file = parse_custody_key(data)
    if key_file.vault != vault:
        raise WrongKeyError(
            "key-other-vault",
            f"the key file is of vault {key_file.vault[:8]}…, this is vault {vault[:8]}…",
            hint="take the key file of this school",
        )
    secret = Secret(key_file.secret)
    if custody_identity(secret, vault).encode().reveal() != key_file.identity:
        raise FormatError(
            "key-file", "the key file's secret and identity line do not belong together", hint="take an unedited copy"
        )
    return secret


def series_identity(sealed: bytes, key: StockKey, vault: str, custody: HybridIdentity) -> HybridIdentity:
    """The identity in the sealed object of a series key, checked against the stock. WrongKeyError, IntegrityError."""
    return open_series_key(open_sealed(sealed, [custody]), key, vault)
