"""Signed records: an envelope to a typed record and back (docs/format.md, section 3)."""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from escrow.errors import FormatError, SignatureError
from escrow.record import Record, decode, encode, from_payload, to_payload
from escrow.seal import SigningKey, VerifyKey, open_envelope, sign_envelope, unverified_payload

RecordT = TypeVar("RecordT", bound=Record)


@dataclass(frozen=True, slots=True)
class Opened(Generic[RecordT]):
    """A record out of its envelope: `sha256` is that of its payload, `signers` are those that verified."""

    record: RecordT
    sha256: str
    signers: frozenset[VerifyKey]


def payload_type(kind: type[Record]) -> str:
    """The DSSE payloadType of a record class."""
    return f"application/vnd.escrow.{kind.TYPE}+json"


def sign_record(record: Record, keys: Sequence[SigningKey]) -> bytes:
    """The envelope of a record, signed twice by each key; differs every time (ML-DSA is hedged).

    FormatError when no reader would take the record; UsageError without a key.
    """
    return sign_envelope(to_payload(record), payload_type(type(record)), keys)


def add_signatures(envelope: bytes, kind: type[RecordT], keys: Sequence[SigningKey]) -> bytes:
    """The envelope with the signatures of `keys` too: holders sign one after the other, each alone.

    FormatError with a code of sections 2 and 3; UsageError without a key.
    """
    record, _ = peek_record(envelope, kind)
    mine = decode(sign_record(record, keys))
    theirs = decode(envelope)
    assert isinstance(mine, dict)
    assert isinstance(theirs, dict)
    signatures = [one for part in (theirs, mine) if isinstance(found := part["signatures"], list) for one in found]
    both = encode(theirs | {"signatures": signatures})
    unverified_payload(both)
    return both


def open_record(envelope: bytes, kind: type[RecordT], trusted: Iterable[VerifyKey]) -> Opened[RecordT]:
    """The record that at least one `trusted` key signed.

    FormatError with a code of sections 2 and 3; SignatureError `signature` when no trusted key signed with both
    algorithms.
    """
    record, sha256 = peek_record(envelope, kind)
    try:
        signed = open_envelope(envelope, payload_type(kind), trusted)
    except SignatureError as error:
        raise SignatureError("signature", str(error), hint=error.hint) from None
    return Opened(record, sha256, signed.signers)


def peek_record(envelope: bytes, kind: type[RecordT]) -> tuple[RecordT, str]:
    """The record and its payload's SHA-256, signatures unchecked: to learn whose key should have signed.

    FormatError with a code of sections 2 and 3.
    """
    members = decode(envelope)
    wanted = payload_type(kind)
    found = members.get("payloadType") if isinstance(members, dict) else None
    if found != wanted:
        raise FormatError("payload-type", f"expected an envelope of {wanted}, found {found!r:.80}")
    try:
        payload = unverified_payload(envelope)
    except FormatError as error:
        raise FormatError("envelope", str(error), hint=error.hint) from None
    return from_payload(payload, kind), hashlib.sha256(payload).hexdigest()
