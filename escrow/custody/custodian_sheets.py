"""The list of a custodian's sheets: what lets one person check one sheet alone (docs/format.md, section 13.6)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from escrow.custody.custodian import Card, CustodianKey
from escrow.errors import FormatError, IntegrityError, WrongKeyError
from escrow.limits import FORMAT
from escrow.record import decode, encode, from_object, to_object
from escrow.record.grammar import Hex64, Items, Range, Text
from escrow.seal import VerifyKey, derive, open_envelope, sign_envelope
from escrow.seal.shares import Share

_SHEETS = "application/vnd.escrow.custodian-sheets+json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """One sheet: who holds it, and the commitment that its words are held against."""

    role: Text
    commitment: Hex64


@dataclass(frozen=True, slots=True, kw_only=True)
class SheetList:
    """The sheets of one split, in the order of their members: `needed` of them make the key of `card` again."""

    created: datetime
    card: Hex64
    set: Annotated[int, Range(0, 32_767)]
    needed: Annotated[int, Range(2, 16)]
    sheets: Annotated[tuple[Listed, ...], Items(2)]


def sign_list(key: CustodianKey, shares: Sequence[Share], roles: Sequence[str], now: datetime) -> bytes:
    """The list of these shares, one a role, signed by the custodian itself. It holds no secret."""
    card = key.card()
    sheets = tuple(
        Listed(role=role, commitment=_commitment(share, card)) for share, role in zip(shares, roles, strict=True)
    )
    made = SheetList(created=now, card=card.fingerprint, set=shares[0].set, needed=shares[0].needed, sheets=sheets)
    return sign_envelope(encode(to_object(made)), _SHEETS, [key.signing])


def open_list(data: bytes, card: Card) -> SheetList:
    """A signed list. FormatError, SignatureError when this card's key did not sign it, IntegrityError `card-other`."""
    payload = open_envelope(data, _SHEETS, {VerifyKey.parse(card.key)}).payload
    found = from_object(decode(payload), SheetList, "sheets")
    if found.card != card.fingerprint:
        hint = "take the list that was made with this card"
        raise IntegrityError("card-other", "the list is of another card of the same key", hint=hint)
    if len(found.sheets) > 16:
        raise FormatError("field-type", f"sheets.sheets: expected at most 16, found {len(found.sheets)}")
    return found


def whose(share: Share, known: SheetList, card: Card) -> str:
    """The role of whoever holds this sheet. WrongKeyError `share-foreign`, `share-altered`."""
    if share.set != known.set:
        hint = "it is of an earlier split, of another custodian, or of a school: look for the newest"
        detail = f"expected a sheet of set {known.set}, found one of set {share.set}"
        raise WrongKeyError("share-foreign", detail, hint=hint)
    listed = known.sheets[share.member] if share.member < len(known.sheets) else None
    if listed is None or share.group or listed.commitment != _commitment(share, card):
        holder = f"that of the {listed.role}" if listed else "one more than there are"
        detail = f"the sheet says that it is {holder}, and is not: altered, or of another custodian"
        raise WrongKeyError("share-altered", detail, hint="compare it with the sheet on paper, and tell the others")
    return listed.role


def _commitment(share: Share, card: Card) -> str:
    label = f"escrow/v{FORMAT}/custodian/sheet/{share.member}"
    return derive(share.value(), label, bytes.fromhex(card.fingerprint)).reveal().hex()
