"""Signed records: DSSE envelopes that count only signers whose two signatures verify.

Dead Simple Signing Envelope 1.0 (secure-systems-lab/dsse, protocol.md and envelope.md), written canonically and
read strictly.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, NoReturn

from escrow.errors import FormatError, LimitError, SignatureError, UsageError
from escrow.limits import MAX_RECORD
from escrow.seal import base64x
from escrow.seal.sign import ED25519_SIGNATURE, MLDSA_SIGNATURE, SigningKey, VerifyKey

MAX_SIGNATURES: Final = 128
"""Signatures in one envelope: two for each signer."""


@dataclass(frozen=True, slots=True)
class Signed:
    """A payload with the trusted keys that signed it: at least one, each with both signatures."""

    payload: bytes
    payload_type: str
    signers: frozenset[VerifyKey]


@dataclass(frozen=True, slots=True)
class _Signature:
    keyid: str
    value: bytes


@dataclass(frozen=True, slots=True)
class _Envelope:
    payload: bytes
    payload_type: str
    signatures: tuple[_Signature, ...]


def _pae(payload_type: str, payload: bytes) -> bytes:
    kind = payload_type.encode()
    return b"DSSEv1 %d %s %d %s" % (len(kind), kind, len(payload), payload)


def sign_envelope(payload: bytes, payload_type: str, keys: Sequence[SigningKey]) -> bytes:
    """The canonical JSON envelope of `payload`, signed twice by each key.

    Two calls give two envelopes (ML-DSA is hedged). Raises UsageError without a key, LimitError past MAX_RECORD.
    """
    if not 0 < 2 * len(keys) <= MAX_SIGNATURES:
        raise UsageError("envelope-keys", f"expected 1 to {MAX_SIGNATURES // 2} keys, found {len(keys)}")
    message = _pae(payload_type, payload)
    signatures = []
    for key in keys:
        for half, value in zip(("ed25519", "mldsa65"), key.sign(message), strict=True):
            signatures.append({"keyid": f"{key.public().id}/{half}", "sig": base64x.encode(value)})
    envelope = {"payload": base64x.encode(payload), "payloadType": payload_type, "signatures": signatures}
    data = json.dumps(envelope, sort_keys=True, separators=(",", ":")).encode()
    _check_size(data)
    return data


def open_envelope(envelope: bytes, payload_type: str, trusted: Iterable[VerifyKey]) -> Signed:
    """The payload of `envelope` and who of `trusted` signed it.

    Raises FormatError for a malformed envelope or another payloadType, SignatureError when no trusted key signed.
    """
    parsed = _parse(envelope)
    if parsed.payload_type != payload_type:
        raise FormatError("envelope-type", f"expected a {payload_type}, found another payloadType")
    message = _pae(payload_type, parsed.payload)
    signers = frozenset(key for key in frozenset(trusted) if _signed(key, parsed.signatures, message))
    if not signers:
        raise SignatureError(
            "envelope-unsigned",
            f"no trusted key signed this {payload_type} with both Ed25519 and ML-DSA-65",
            hint="check who deposited it and whether the charter names that key",
        )
    return Signed(parsed.payload, payload_type, signers)


def unverified_payload(envelope: bytes) -> bytes:
    """The payload of an envelope whose signatures nobody checked: to choose a key or to print, never to trust."""
    return _parse(envelope).payload


def _signed(key: VerifyKey, signatures: Sequence[_Signature], message: bytes) -> bool:
    hinted = sorted(signatures, key=lambda signature: not signature.keyid.startswith(key.id))
    for length, check in ((ED25519_SIGNATURE, key.check_ed25519), (MLDSA_SIGNATURE, key.check_mldsa65)):
        for signature in hinted:
            if len(signature.value) == length:
                try:
                    check(signature.value, message)
                except SignatureError:
                    continue
                break
        else:
            return False
    return True


def _check_size(envelope: bytes) -> None:
    if len(envelope) > MAX_RECORD:
        raise LimitError("envelope-size", f"expected at most {MAX_RECORD} bytes, found {len(envelope)}")


def _parse(envelope: bytes) -> _Envelope:
    _check_size(envelope)
    try:
        root: object = json.loads(envelope.decode("utf-8"), object_pairs_hook=_fields, parse_constant=_constant)
    except (ValueError, RecursionError):
        raise FormatError("envelope-json", "expected a JSON object in UTF-8, found something else") from None
    fields = _object(root, required={"payload", "payloadType", "signatures"}, optional=set())
    entries = fields["signatures"]
    if not isinstance(entries, list) or not 0 < len(entries) <= MAX_SIGNATURES:
        raise FormatError("envelope-signatures", f"expected an array of 1 to {MAX_SIGNATURES} signatures")
    signatures = []
    for entry in entries:
        signature = _object(entry, required={"sig"}, optional={"keyid"})
        value = base64x.decode(_text(signature["sig"]), "envelope-base64")
        signatures.append(_Signature(_text(signature.get("keyid", "")), value))
    payload = base64x.decode(_text(fields["payload"]), "envelope-base64")
    return _Envelope(payload, _text(fields["payloadType"]), tuple(signatures))


def _fields(pairs: list[tuple[str, object]]) -> dict[str, object]:
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise FormatError("envelope-duplicate", "a field stands twice in one object")
    return fields


def _constant(name: str) -> NoReturn:
    raise FormatError("envelope-json", f"{name} is not JSON")


def _object(value: object, *, required: set[str], optional: set[str]) -> dict[str, object]:
    if not isinstance(value, dict) or not required <= value.keys() <= required | optional:
        raise FormatError("envelope-fields", f"expected an object with {', '.join(sorted(required))}")
    return value


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise FormatError("envelope-fields", "expected a string in the envelope, found another type")
    return value
