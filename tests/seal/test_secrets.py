"""Secrets never show, keys have one text each, and errors never quote them."""

import copy
import pickle

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from escrow.errors import EscrowError, FormatError, UsageError
from escrow.seal import (
    HybridIdentity,
    ScryptIdentity,
    ScryptRecipient,
    Secret,
    SigningKey,
    X25519Identity,
    bech32,
    derive,
    parse_identities,
    parse_recipient,
)

VALUE = b"never to be seen"


def test_a_secret_does_not_print() -> None:
    secret = Secret(VALUE)
    for text in (repr(secret), str(secret), f"{secret}", f"{secret:>40}", f"{secret!r}", repr([secret])):
        assert "never" not in text
        assert VALUE.hex() not in text
    assert secret.reveal() == VALUE
    assert not hasattr(secret, "__dict__")


@pytest.mark.parametrize("act", [copy.copy, copy.deepcopy, *(lambda s, p=p: pickle.dumps(s, p) for p in range(6))])
def test_a_secret_is_not_copied(act: object) -> None:
    assert callable(act)
    for holder in (Secret(VALUE), {"key": [Secret(VALUE)]}):
        if act is copy.copy and isinstance(holder, dict):
            continue
        with pytest.raises(UsageError) as caught:
            act(holder)
        assert caught.value.code == "secret-copied"


def test_secrets_compare_and_do_not_hash() -> None:
    assert Secret(VALUE) == Secret(VALUE)
    assert Secret(VALUE) != Secret(b"other")
    assert Secret(VALUE) != VALUE
    with pytest.raises(TypeError):
        hash(Secret(VALUE))


@pytest.mark.parametrize(
    "holder",
    [
        HybridIdentity.generate(),
        X25519Identity.generate(),
        SigningKey.generate(),
        ScryptIdentity(Secret(VALUE)),
        ScryptRecipient(Secret(VALUE)),
    ],
    ids=lambda holder: type(holder).__name__,
)
def test_keys_do_not_print_or_pickle(holder: object) -> None:
    assert "never" not in repr(holder)
    assert "SECRET-KEY" not in f"{holder!r} {holder}"
    for act in (pickle.dumps, copy.deepcopy):
        with pytest.raises((UsageError, TypeError)):
            act(holder)


def test_derive_is_hkdf_of_rfc_5869() -> None:
    secret, salt = Secret(bytes([0x0B] * 22)), bytes(range(13))
    info = bytes(range(0xF0, 0xFA)).decode("latin-1")
    assert derive(secret, "label", salt, 42).reveal() != derive(secret, "other", salt, 42).reveal()
    assert len(derive(secret, info, salt, 8160).reveal()) == 8160
    case_3 = "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d"
    assert _hkdf_without_info(secret) == case_3
    for label, length in (("", 32), ("x", 0), ("x", 8161)):
        with pytest.raises(UsageError):
            derive(secret, label, length=length)


def _hkdf_without_info(secret: Secret) -> str:
    import hashlib
    import hmac

    extracted = hmac.digest(bytes(32), secret.reveal(), hashlib.sha256)
    assert derive(secret, "x").reveal() == hmac.digest(extracted, b"x\x01", hashlib.sha256)
    return hmac.digest(extracted, b"\x01", hashlib.sha256).hex()


@settings(deadline=None)
@given(data=st.binary(max_size=80), prefix=st.sampled_from(["age", "age1pq", "age-secret-key-pq-"]))
def test_bech32_round_trip_and_single_errors(data: bytes, prefix: str) -> None:
    text = bech32.encode(prefix, data)
    assert bech32.decode(text) == bech32.decode(text.upper()) == (prefix, data)
    for at in range(len(prefix) + 1, len(text)):
        wrong = text[:at] + ("q" if text[at] != "q" else "p") + text[at + 1 :]
        with pytest.raises(FormatError):
            bech32.decode(wrong)


@given(text=st.text())
def test_bech32_refuses_or_is_canonical(text: str) -> None:
    try:
        prefix, data = bech32.decode(text)
    except FormatError:
        return
    assert bech32.encode(prefix, data) == text.lower()


@pytest.mark.parametrize(
    "text",
    [
        "A12UEL5L",
        "a12uel5l",
        "an83characterlonghumanreadablepartthatcontainsthenumber1andtheexcludedcharactersbio1tt5tgs",
    ],
)
def test_bech32_of_bip_173(text: str) -> None:
    assert bech32.decode(text)[1] == b""


@pytest.mark.parametrize(
    "text", ["A1G7SGD8", "10a06t8", "1qzzfhee", "x1b4n0q5v", "li1dgmt3", "pzry9x0s0muk", "a12UEL5L"]
)
def test_bech32_that_bip_173_refuses(text: str) -> None:
    with pytest.raises(FormatError):
        bech32.decode(text)


@pytest.mark.parametrize("groups", [[0, 1], [31, 31], [0, 0, 0], [1]])
def test_bech32_padding_is_short_and_zero(groups: list[int]) -> None:
    check = bech32._polymod(bytes([*bech32._expand("age"), *groups, *[0] * 6])) ^ 1
    groups = groups + [check >> 5 * (5 - i) & 31 for i in range(6)]
    with pytest.raises(FormatError) as caught:
        bech32.decode("age1" + bytes(bech32.CHARSET[group] for group in groups).decode())
    assert caught.value.code == "bech32-padding"


@pytest.mark.parametrize("kind", [HybridIdentity, X25519Identity])
def test_identity_files(kind: type[HybridIdentity] | type[X25519Identity]) -> None:
    keys = [kind.generate(), kind.from_seed(Secret(bytes(range(32))))]
    lines = [key.encode().reveal() for key in keys]
    file = b"# vault 7\n\n" + lines[0] + b"\n  \n" + lines[1] + b"\r\n"
    parsed = parse_identities(file)
    assert [type(key) for key in parsed] == [kind, kind]
    assert [key.encode().reveal() for key in parsed if isinstance(key, kind)] == lines
    assert [str(key.recipient()) for key in parsed if isinstance(key, kind)] == [str(key.recipient()) for key in keys]


def test_the_specs_own_example() -> None:
    (identity,) = parse_identities(b"AGE-SECRET-KEY-1GFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPQ4EGAEX")
    assert isinstance(identity, X25519Identity)
    assert str(identity.recipient()) == "age1zvkyg2lqzraa2lnjvqej32nkuu0ues2s82hzrye869xeexvn73equnujwj"


def test_a_broken_identity_file_is_not_quoted() -> None:
    line = HybridIdentity.generate().encode().reveal()
    for broken in (line[:-1], line.lower(), line[:30] + b"?" + line[31:], b"\xff" + line, line + line, b"# only", b""):
        with pytest.raises(FormatError) as caught:
            parse_identities(b"# comment\n" + broken + b"\n")
        shown = f"{caught.value!s} {caught.value!r} {caught.value.__cause__!r}"
        assert broken.decode("latin-1")[:40] not in shown or not broken or broken == b"# only"
        assert caught.value.__cause__ is None


@pytest.mark.parametrize("kind", [HybridIdentity, X25519Identity])
def test_recipients_have_one_text(kind: type[HybridIdentity] | type[X25519Identity]) -> None:
    recipient = kind.generate().recipient()
    assert parse_recipient(str(recipient)) == recipient
    assert {recipient, parse_recipient(str(recipient))} == {recipient}
    for text in (str(recipient).upper(), str(recipient)[:-1], f" {recipient}", f"{recipient}\n", ""):
        with pytest.raises(FormatError):
            parse_recipient(text)


@pytest.mark.parametrize("prefix", ["age", "age1pq", "age1tag", "bc"])
def test_recipients_of_another_size_or_type(prefix: str) -> None:
    for size in (0, 31, 33, 1215, 1217):
        with pytest.raises(FormatError):
            parse_recipient(bech32.encode(prefix, bytes(size)))


@pytest.mark.parametrize(("prefix", "size"), [("age", 0), ("age1pq", 1184)])
def test_recipients_of_low_order_are_refused(prefix: str, size: int) -> None:
    public = bytes(size) + (1).to_bytes(32, "little")
    with pytest.raises(FormatError) as caught:
        parse_recipient(bech32.encode(prefix, public))
    assert caught.value.code == "recipient-low-order"


def test_an_ml_kem_key_out_of_range_is_refused() -> None:
    with pytest.raises(FormatError):
        parse_recipient(bech32.encode("age1pq", b"\xff" * 1216))


@pytest.mark.parametrize("kind", [HybridIdentity, X25519Identity, SigningKey])
def test_seeds_of_another_size(kind: type[HybridIdentity] | type[X25519Identity] | type[SigningKey]) -> None:
    for size in (0, 31, 33, 63, 65):
        with pytest.raises(EscrowError):
            kind.from_seed(Secret(bytes(size)))
