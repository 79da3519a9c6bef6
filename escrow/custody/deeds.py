"""Drafts and signs events: each is checked as a reader will check it, before anything is put."""

import base64
import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Literal, TypeAlias

from escrow.errors import FormatError, IntegrityError, RefusedError
from escrow.record import (
    Charter,
    Event,
    EventHead,
    Proof,
    Receipt,
    Record,
    Release,
    Stock,
    event_name,
    from_object,
    receipt_name,
    release_name,
    to_object,
    to_payload,
)
from escrow.seal import SigningKey, parse_recipient, seal
from escrow.trust import Grant, History, sign_record, step
from escrow.trust.ending import check_end
from escrow.trust.handover import Handover, check_silence

Named = tuple[str, bytes]
"""An object to put: its name and its bytes."""
Why: TypeAlias = Literal["ceremony", "reshare", "rekey", "stock"]
_NIGHTS = "nights"


def in_force(history: History) -> Charter:
    """The charter that events are signed under. IntegrityError `charter-missing`, `event-gap`."""
    if history.charter is None:
        raise IntegrityError("charter-missing", "expected a vault with a valid charter, found none")
    gap = next((one for one in history.findings if one.code in ("event-gap", "event-rollback")), None)
    if gap:
        hint = "mend this place from another copy first (escrow store repair): nothing is added behind a gap"
        raise IntegrityError(gap.code, f"{gap.subject}: {gap.detail}", hint=hint)
    return history.charter


def next_event(history: History, kind: str, keys: Sequence[SigningKey], now: datetime) -> Event:
    """The next link of the chain, without the members of its kind: `dataclasses.replace` adds them."""
    in_force(history)
    head = history.event_head
    return Event(
        vault=history.vault,
        n=head.n + 1 if head else 1,
        prev=head.sha256 if head else None,
        kind=kind,
        created=now.replace(microsecond=0),
        charter=history.charter_sha256,
        by=signers_text(history, keys),
    )


def sign_event(history: History, event: Event, keys: Sequence[SigningKey]) -> Named:
    """The event's object. RefusedError with the code of the rule that forbids it; FormatError."""
    charter = in_force(history)
    sha256 = hashlib.sha256(to_payload(event)).hexdigest()
    check_silence(event, charter, (notice.store_time for notice in history.notices))
    check_end(
        event,
        charter,
        phase=history.handover.phase,
        ending=history.ending,
        kept=history.kept,
        notices=history.notices,
    )
    step(history.handover, event, sha256, [key.public() for key in keys], charter)
    envelope = sign_record(event, keys)
    return event_name(event.n, envelope), envelope


def draft_evidence(
    history: History, about: str, digest: str, keys: Sequence[SigningKey], now: datetime, *, sealed: str | None = None
) -> Named:
    """The event that a document is on record: `about` a name, `digest` its SHA-256, `sealed` as of `seal_details`.

    A holder or the custodian signs. RefusedError `event-signers`, `signer-unknown`; FormatError.
    """
    event = next_event(history, "evidence", keys, now)
    return sign_event(history, replace(event, about=about, evidence=digest, sealed=sealed), keys)


def sign_custody(
    charter: Charter, head: EventHead | None, why: Why, deed: str, *, keys: Sequence[SigningKey], now: datetime
) -> Named:
    """The event that tells what a ceremony, new sheets, a new secret or more stock made: `deed` is its payload's hash.

    `charter` is the one that is in force once it is put, `head` the last event so far. RefusedError `event-signers`.
    """
    event = Event(
        vault=charter.vault,
        n=head.n + 1 if head else 1,
        prev=head.sha256 if head else None,
        kind="custody",
        created=now.replace(microsecond=0),
        charter=identity_of(charter),
        by=_texts(charter, (), keys),
        why=why,
        deed=deed,
    )
    step(Handover(), event, identity_of(event), [key.public() for key in keys], charter)
    envelope = sign_record(event, keys)
    return event_name(event.n, envelope), envelope


def untold(history: History, stock: Stock) -> list[tuple[Why, str]]:
    """What made or changed custody and no event tells: why, and the hash of the charter or of the last `stock`."""
    told = {link.event.deed for link in history.events if link.event.kind == "custody" and not link.refused}
    found: list[tuple[Why, str]] = []
    rekeyed = set()
    for before, charter in zip((None, *history.charters), history.charters, strict=False):
        if charter.custody is None or (before and before.custody == charter.custody):
            continue
        fresh = before is not None and before.recipients != charter.recipients
        found.append(("rekey" if fresh else "reshare" if before else "ceremony", identity_of(charter)))
        rekeyed |= {charter.custody.stock} if fresh else set()
    if stock.n > 1 and stock.prev not in rekeyed:
        found.append(("stock", identity_of(stock)))
    return [one for one in found if one[1] not in told]


def sign_deed(deed: Release | Receipt, keys: Sequence[SigningKey]) -> Named:
    """A release's or receipt's object."""
    envelope = sign_record(deed, keys)
    name = release_name if isinstance(deed, Release) else receipt_name
    return name(deed.n, envelope), envelope


def with_nights(receipt: Receipt, nights: Proof) -> Receipt:
    """The receipt, which tells too how many nights were opened down to their lists; a reader may skip that."""
    return replace(receipt, ext={_NIGHTS: to_object(nights)})


def nights_of(receipt: Receipt) -> Proof | None:
    """What `with_nights` told; None in a receipt that does not tell it."""
    said = (receipt.ext or {}).get(_NIGHTS)
    try:
        return from_object(said, Proof, _NIGHTS) if isinstance(said, dict) else None
    except FormatError:
        return None


def identity_of(record: Record) -> str:
    """The hash by which other records cite this one."""
    return hashlib.sha256(to_payload(record)).hexdigest()


def signers_text(history: History, keys: Sequence[SigningKey]) -> tuple[str, ...]:
    """Who these keys are, by the charter and the releases: roles, with their group, and names of custodians."""
    return _texts(in_force(history), (*history.handover.past, *history.handover.grants), keys)


def _texts(charter: Charter, grants: Iterable[Grant], keys: Sequence[SigningKey]) -> tuple[str, ...]:
    roles = {one.key: f"{one.role} ({one.group})" if one.group else one.role for one in charter.holders}
    if charter.custodian:
        roles[charter.custodian.key] = charter.custodian.name
    for grant in grants:
        roles.setdefault(grant.to.key, grant.to.name)
    found = [roles.get(key.public().encode()) for key in keys]
    if None in found or not found:
        hint = "an old sheet or another school's key signs nothing here"
        raise RefusedError("signer-unknown", "expected keys that the charter in force names, found another", hint=hint)
    return tuple(sorted({text for text in found if text}))


def seal_details(history: History, text: str) -> str:
    """Words that could identify a person, sealed to custody and custodian, as an event carries them."""
    charter = in_force(history)
    recipients = [*charter.recipients, *([charter.custodian.recipient] if charter.custodian else [])]
    return base64.b64encode(seal(text.encode(), [parse_recipient(one) for one in recipients])).decode()


def open_grant(history: History, to: SigningKey) -> Grant:
    """The release to this party that waits for its receipt. RefusedError `release-none`."""
    mine = to.public().encode()
    waiting = [one for one in history.handover.grants if one.to.key == mine and one.receipt is None]
    if not waiting:
        hint = "escrow handover status shows what was released to whom"
        raise RefusedError(
            "release-none", "expected a release to this custodian without a receipt, found none", hint=hint
        )
    return waiting[0]
