"""DSSE: two signatures a signer, both needed; strict envelopes; the key id is only a hint."""

import base64
import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from escrow.errors import FormatError, LimitError, SignatureError, UsageError
from escrow.limits import MAX_RECORD
from escrow.seal import Secret, SigningKey, VerifyKey, open_envelope, sign_envelope, unverified_payload

KIND = "application/vnd.escrow.notice+json"
KEY = SigningKey.generate()
OTHER = SigningKey.generate()
PAYLOAD = b'{"seq":1}'
ENVELOPE = sign_envelope(PAYLOAD, KIND, [KEY])

Fields = dict[str, Any]


def _altered(change: Callable[[Fields], object], envelope: bytes = ENVELOPE) -> bytes:
    fields = json.loads(envelope)
    change(fields)
    return json.dumps(fields, separators=(",", ":")).encode()


def test_signed_and_opened() -> None:
    signed = open_envelope(sign_envelope(PAYLOAD, KIND, [KEY, OTHER]), KIND, [OTHER.public(), KEY.public()])
    assert (signed.payload, signed.payload_type) == (PAYLOAD, KIND)
    assert signed.signers == {KEY.public(), OTHER.public()}
    assert open_envelope(ENVELOPE, KIND, [KEY.public(), OTHER.public()]).signers == {KEY.public()}
    assert unverified_payload(ENVELOPE) == PAYLOAD


def test_the_envelope_is_canonical_and_names_both_halves() -> None:
    fields = json.loads(ENVELOPE)
    assert json.dumps(fields, sort_keys=True, separators=(",", ":")).encode() == ENVELOPE
    assert [s["keyid"] for s in fields["signatures"]] == [f"{KEY.public().id}/{h}" for h in ("ed25519", "mldsa65")]
    assert [len(base64.b64decode(s["sig"])) for s in fields["signatures"]] == [64, 3309]


def test_the_signed_bytes_are_dsses() -> None:
    envelope = sign_envelope(b"hello world", "http://example.com/HelloWorld", [KEY])
    message = b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"
    first, second = (base64.b64decode(s["sig"]) for s in json.loads(envelope)["signatures"])
    KEY.public().check_ed25519(first, message)
    KEY.public().check_mldsa65(second, message)
    with pytest.raises(SignatureError):
        KEY.public().check_ed25519(first, message + b"!")
    with pytest.raises(SignatureError):
        KEY.public().check_mldsa65(second, message + b"!")


def test_signing_is_hedged() -> None:
    first, second = (json.loads(sign_envelope(PAYLOAD, KIND, [KEY]))["signatures"] for _ in range(2))
    assert first[0] == second[0]
    assert first[1]["sig"] != second[1]["sig"]


def _flip(index: int) -> Callable[[Fields], object]:
    def change(fields: Fields) -> None:
        value = bytearray(base64.b64decode(fields["signatures"][index]["sig"]))
        value[5] ^= 1
        fields["signatures"][index]["sig"] = base64.b64encode(value).decode()

    return change


def _swap_halves_with_other(fields: Fields) -> None:
    fields["signatures"][0] = json.loads(sign_envelope(PAYLOAD, KIND, [OTHER]))["signatures"][0]


@pytest.mark.parametrize(
    "change",
    [
        _flip(0),
        _flip(1),
        lambda f: f["signatures"].pop(0),
        lambda f: f["signatures"].pop(1),
        lambda f: f["signatures"].__setitem__(1, f["signatures"][0]),
        lambda f: f["signatures"].__setitem__(0, f["signatures"][1]),
        _swap_halves_with_other,
        lambda f: f.update(payload=base64.b64encode(b'{"seq":2}').decode()),
    ],
    ids=[
        "ed25519 flipped",
        "mldsa flipped",
        "no ed25519",
        "no mldsa",
        "twice ed25519",
        "twice mldsa",
        "half",
        "payload",
    ],
)
def test_both_signatures_are_needed(change: Callable[[Fields], object]) -> None:
    with pytest.raises(SignatureError) as caught:
        open_envelope(_altered(change), KIND, [KEY.public(), OTHER.public()])
    assert caught.value.code == "envelope-unsigned"


def test_no_trusted_key() -> None:
    for trusted in ([], [OTHER.public()]):
        with pytest.raises(SignatureError):
            open_envelope(ENVELOPE, KIND, trusted)


def test_a_record_is_not_taken_for_another_type() -> None:
    with pytest.raises(FormatError) as caught:
        open_envelope(ENVELOPE, KIND + "x", [KEY.public()])
    assert caught.value.code == "envelope-type"
    with pytest.raises(SignatureError):
        open_envelope(_altered(lambda f: f.update(payloadType=KIND + "x")), KIND + "x", [KEY.public()])


@pytest.mark.parametrize(
    "keyid",
    ["", "nonsense", f"{OTHER.public().id}/ed25519", f"{KEY.public().id}/mldsa65", None],
    ids=["empty", "nonsense", "another key", "another half", "none"],
)
def test_the_key_id_is_only_a_hint(keyid: str | None) -> None:
    def change(fields: Fields) -> None:
        for signature in fields["signatures"]:
            signature.pop("keyid")
            if keyid is not None:
                signature["keyid"] = keyid
        fields["signatures"].reverse()

    assert open_envelope(_altered(change), KIND, [OTHER.public(), KEY.public()]).signers == {KEY.public()}


@pytest.mark.parametrize(
    ("envelope", "code"),
    [
        (b"", "envelope-json"),
        (b"\xff", "envelope-json"),
        (b"\xef\xbb\xbf" + ENVELOPE, "envelope-json"),
        (ENVELOPE.decode().encode("utf-16"), "envelope-json"),
        (ENVELOPE + b"{}", "envelope-json"),
        (b"[" * 200_000, "envelope-json"),
        (b'{"payload":NaN}', "envelope-json"),
        (b'{"payload":' + b"9" * 5000 + b"}", "envelope-json"),
        (b"[]", "envelope-fields"),
        (b"{}", "envelope-fields"),
        (ENVELOPE.replace(b'{"payload"', b'{"payload":"","payload"'), "envelope-duplicate"),
        (_altered(lambda f: f.update(extra=1)), "envelope-fields"),
        (_altered(lambda f: f.pop("payloadType")), "envelope-fields"),
        (_altered(lambda f: f.update(payloadType=1)), "envelope-fields"),
        (_altered(lambda f: f.update(payload=None)), "envelope-fields"),
        (_altered(lambda f: f.update(payload="AB==")), "envelope-base64"),
        (_altered(lambda f: f.update(payload="AAA")), "envelope-base64"),
        (_altered(lambda f: f.update(payload="AA A=")), "envelope-base64"),
        (_altered(lambda f: f.update(payload="_-8=")), "envelope-base64"),
        (_altered(lambda f: f.update(payload="\u00e9AAA")), "envelope-base64"),
        (_altered(lambda f: f.update(payload="\ud800")), "envelope-base64"),
        (_altered(lambda f: f.update(signatures=[])), "envelope-signatures"),
        (_altered(lambda f: f.update(signatures={})), "envelope-signatures"),
        (_altered(lambda f: f.update(signatures=f["signatures"] * 65)), "envelope-signatures"),
        (_altered(lambda f: f["signatures"][0].update(cert="")), "envelope-fields"),
        (_altered(lambda f: f["signatures"][0].pop("sig")), "envelope-fields"),
        (_altered(lambda f: f["signatures"][0].update(keyid=7)), "envelope-fields"),
        (_altered(lambda f: f["signatures"].append("x")), "envelope-fields"),
        (ENVELOPE + b" " * MAX_RECORD, "envelope-size"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_malformed_envelopes(envelope: bytes, code: str) -> None:
    for read in (unverified_payload, lambda data: open_envelope(data, KIND, [KEY.public()])):
        with pytest.raises(FormatError) as caught:
            read(envelope)
        assert caught.value.code == code


def test_every_flipped_byte_is_refused_or_only_touches_a_hint() -> None:
    for at in range(0, len(ENVELOPE), 3):
        altered = bytearray(ENVELOPE)
        altered[at] ^= 0x01
        try:
            signed = open_envelope(bytes(altered), KIND, [KEY.public()])
        except (FormatError, SignatureError):
            continue
        assert signed.payload == PAYLOAD
        where = ENVELOPE.rfind(b'"keyid":"', 0, at)
        assert at < ENVELOPE.index(b'"', where + 9)


def test_limits_of_signing() -> None:
    for keys in ([], [KEY] * 65):
        with pytest.raises(UsageError):
            sign_envelope(PAYLOAD, KIND, keys)
    with pytest.raises(LimitError):
        sign_envelope(bytes(MAX_RECORD), KIND, [KEY])


def test_keys_have_one_text() -> None:
    public = KEY.public()
    text = public.encode()
    assert text.startswith("escrow-sig-1:")
    assert VerifyKey.parse(text) == public
    assert {public: 1}[VerifyKey.parse(text)] == 1
    assert public != OTHER.public()
    assert len(public.id) == 16
    url = VerifyKey(b"\xfb\xef\xff" * 661 + b"\xff").encode()
    assert "-" in url and "_" in url
    for standard in (url.replace("-", "+"), url.replace("_", "/")):
        with pytest.raises(FormatError):
            VerifyKey.parse(standard)
    assert repr(public) == f"VerifyKey({public.id})"
    for wrong in (
        text[13:],
        text + "=",
        text[:-1],
        text + "\n",
        text.replace("escrow-sig-1", "escrow-sig-2"),
        text[:-4],
    ):
        with pytest.raises(FormatError):
            VerifyKey.parse(wrong)


@settings(max_examples=20, deadline=None)
@given(seed=st.binary(min_size=64, max_size=64), payload=st.binary(max_size=200))
def test_keys_come_back_from_their_seed(seed: bytes, payload: bytes) -> None:
    key = SigningKey.from_seed(Secret(seed))
    assert key.seed() == Secret(seed)
    again = SigningKey.from_seed(key.seed())
    assert open_envelope(sign_envelope(payload, "t", [again]), "t", [key.public()]).payload == payload


@given(data=st.binary(max_size=200) | st.text().map(str.encode))
def test_junk_only_ever_raises_our_errors(data: bytes) -> None:
    with pytest.raises(FormatError):
        unverified_payload(data)
