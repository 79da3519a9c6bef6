"""The keys of a new vault, and every way in which a key file does not open it."""

import hashlib
from collections import Counter
from dataclasses import replace

import pytest

from escrow import record as r
from escrow.custody import NewVault, open_custody, series_identity, signing_key
from escrow.errors import EscrowError, FormatError, IntegrityError, WrongKeyError
from escrow.seal import HybridIdentity, ScryptRecipient, Secret, VerifyKey, armor, open_sealed, seal
from escrow.trust import accept
from tests.engine.kit import custody, keys

PASSPHRASE = Secret(b"correct horse")


@pytest.fixture(scope="module")
def vault() -> NewVault:
    return keys(366)


@pytest.fixture(scope="module")
def sealed(vault: NewVault) -> bytes:
    return seal(vault.key_file.text(), [ScryptRecipient(PASSPHRASE, 10)])


def stock_of(vault: NewVault) -> dict[str, r.StockKey]:
    return accept(vault.public.items()).keys


def test_a_new_vault_is_accepted_by_itself(vault: NewVault) -> None:
    history = accept(vault.public.items(), vault=vault.vault, fingerprint=vault.fingerprint)
    assert history.findings == ()
    assert history.charter is not None
    holder = signing_key(Secret(vault.key_file.secret), vault.vault)
    assert [VerifyKey.parse(one.key) for one in history.charter.holders] == [holder.public()]
    assert history.charter.recipients == (str(custody(vault).recipient()),)


def test_stock_lasts_three_years_and_two_more(vault: NewVault) -> None:
    stock = stock_of(vault)
    assert Counter(key.compartment for key in stock.values()) == {"records": 5, "safeguarding": 5}
    assert len({key.recipient for key in stock.values()}) == 10


def test_every_series_key_opens_and_is_as_the_stock_says(vault: NewVault) -> None:
    for key in stock_of(vault).values():
        body = vault.public[r.key_name(key.id, key.sha256)]
        assert (hashlib.sha256(body).hexdigest(), len(body)) == (key.sha256, key.size)
        assert str(series_identity(body, key, vault.vault, custody(vault)).recipient()) == key.recipient


def test_no_secret_is_public_or_printed(vault: NewVault) -> None:
    for secret in (vault.key_file.secret, vault.key_file.secret.hex().encode(), vault.key_file.identity):
        assert not any(secret in body for body in vault.public.values())
        assert repr(secret)[2:-1] not in repr(vault)


def test_key_file_opens_in_every_form(vault: NewVault, sealed: bytes) -> None:
    for data in (sealed, armor(sealed).encode() if isinstance(armor(sealed), str) else armor(sealed)):
        assert str(open_custody(data, PASSPHRASE, vault.vault).recipient()) == str(custody(vault).recipient())
    plain = vault.key_file.text()
    for data in (plain, plain.replace(b"\n", b"\r\n"), plain.rstrip(b"\n")):
        assert str(open_custody(data, None, vault.vault).recipient()) == str(custody(vault).recipient())


def test_passphrase_wrong_or_missing(vault: NewVault, sealed: bytes) -> None:
    for passphrase, code in ((None, "passphrase-missing"), (Secret(b"Correct horse"), "passphrase-wrong")):
        with pytest.raises(WrongKeyError) as caught:
            open_custody(sealed, passphrase, vault.vault)
        assert caught.value.code == code
        assert "horse" not in str(caught.value)


def test_key_file_of_another_school(vault: NewVault) -> None:
    with pytest.raises(WrongKeyError) as caught:
        open_custody(keys(400).key_file.text(), None, vault.vault)
    assert caught.value.code == "key-other-vault"
    key = next(iter(stock_of(vault).values()))
    with pytest.raises(WrongKeyError) as foreign:
        series_identity(vault.public[r.key_name(key.id, key.sha256)], key, vault.vault, custody(keys(400)))
    assert foreign.value.code == "no-identity-matched"


def test_key_file_that_was_edited(vault: NewVault) -> None:
    text = vault.key_file.text()
    other = keys(400).key_file
    for changed in (
        text.replace(vault.key_file.secret.hex().encode(), other.secret.hex().encode()),
        text.replace(vault.key_file.identity, other.identity),
        text.upper(),
        text[:-30],
        b"\n" + text,
        text + b"more\n",
        b"",
    ):
        with pytest.raises(FormatError) as caught:
            open_custody(changed, None, vault.vault)
        assert caught.value.code == "key-file"
        assert vault.key_file.identity.decode() not in str(caught.value)


@pytest.mark.parametrize("at", [0, 30, 60, 100, 150, -1])
def test_sealed_key_file_that_was_damaged(vault: NewVault, sealed: bytes, at: int) -> None:
    data = bytearray(sealed)
    data[at] ^= 0x20
    with pytest.raises(EscrowError):
        open_custody(bytes(data), PASSPHRASE, vault.vault)
    with pytest.raises(EscrowError):
        open_custody(sealed[:at], PASSPHRASE, vault.vault)


@pytest.mark.parametrize("change", ["id", "compartment", "recipient", "vault"])
def test_series_key_that_is_not_the_stocks(vault: NewVault, change: str) -> None:
    """Every line of the key's file is held against what the holders signed."""
    stock = list(stock_of(vault).values())
    key = stock[0]
    body = vault.public[r.key_name(key.id, key.sha256)]
    wrong = {
        "id": replace(key, id="0" * 16),
        "compartment": replace(key, compartment="other"),
        "recipient": replace(key, recipient=stock[1].recipient),
        "vault": key,
    }[change]
    with pytest.raises(IntegrityError) as caught:
        series_identity(body, wrong, "0" * 32 if change == "vault" else vault.vault, custody(vault))
    assert caught.value.code == "key-mismatch"


def test_swapped_series_keys(vault: NewVault) -> None:
    first, second = list(stock_of(vault).values())[:2]
    with pytest.raises(IntegrityError) as caught:
        series_identity(vault.public[r.key_name(second.id, second.sha256)], first, vault.vault, custody(vault))
    assert caught.value.code == "key-mismatch"


def test_custody_opens_nothing_but_keys(vault: NewVault) -> None:
    """Packs are sealed to the series' key alone, so custody without a key object opens no data."""
    packed = seal(b"data", [HybridIdentity.generate().recipient()])
    with pytest.raises(WrongKeyError):
        open_sealed(packed, [custody(vault)])
