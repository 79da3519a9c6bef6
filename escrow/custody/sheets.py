"""A holder's sheet: its share held against the charters before it is used, its signing key, and opening by a quorum."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from escrow.custody.newvault import custody_identity
from escrow.errors import IntegrityError, WrongKeyError
from escrow.limits import FORMAT
from escrow.record import Charter, Custody, Holder
from escrow.seal import HybridIdentity, Secret, SigningKey, derive
from escrow.seal.shares import Share, combine


@dataclass(frozen=True, slots=True)
class Sheet:
    """A share that is known to be its holder's; `key` signs for the holder."""

    holder: Holder
    share: Share = field(repr=False)
    key: SigningKey = field(repr=False)


def holder_key(share: Share, vault: str, epoch: int) -> SigningKey:
    """The holder's signing key, derived from the share alone (docs/format.md, section 5.3)."""
    label = f"escrow/v{FORMAT}/holder/share/{epoch}/{share.group}/{share.member}"
    return SigningKey.from_seed(derive(share.value(), label, bytes.fromhex(vault), 64))


def identify(share: Share, charters: Sequence[Charter]) -> Sheet:
    """Whose share it is, by the last charter; `charters` are those accepted, in order.

    Raises WrongKeyError (`share-unused`, `share-foreign`, `share-altered`, `share-old`).
    """
    now = charters[-1].custody
    if now is None:
        hint = "open with --key, or make sheets with escrow keys reshare"
        raise WrongKeyError("share-unused", "this vault has no sheets: its holder has a key file", hint=hint)
    charter = next((one for one in reversed(charters) if one.custody and one.custody.set == share.set), None)
    if charter is None or charter.custody is None:
        detail = f"expected a sheet of set {now.set}, found one of set {share.set}"
        hint = "it is of another vault, or of a ceremony that was not finished"
        raise WrongKeyError("share-foreign", detail, hint=hint)
    holder = _holder(share, charter, charter.custody)
    key = holder_key(share, charter.vault, charter.custody.epoch)
    if key.public().encode() != holder.key:
        detail = f"the sheet says that it is that of the {holder.role}, and is not: altered, or of another vault"
        raise WrongKeyError("share-altered", detail, hint="compare it with the sheet on paper, and tell the others")
    if charter.custody.epoch != now.epoch:
        detail = (
            f"this is the old sheet of the {holder.role}, of epoch {charter.custody.epoch}; now is epoch {now.epoch}"
        )
        raise WrongKeyError("share-old", detail, hint="take the sheet of the last ceremony, and destroy this one")
    return Sheet(holder, share, key)


def identify_all(shares: Iterable[Share], charters: Sequence[Charter]) -> list[Sheet]:
    """All of them, each once. WrongKeyError as `identify`, and `share-duplicate`."""
    sheets: list[Sheet] = []
    for share in shares:
        sheet = identify(share, charters)
        if any(one.holder == sheet.holder for one in sheets):
            detail = f"the sheet of the {sheet.holder.role} was given twice"
            raise WrongKeyError("share-duplicate", detail, hint="give the sheet of another holder")
        sheets.append(sheet)
    return sheets


def missing(sheets: Sequence[Sheet], custody: Custody) -> str:
    """What these sheets lack to open the vault, in words; "" when nothing."""
    counts = [sum(sheet.share.group == index for sheet in sheets) for index in range(len(custody.groups))]
    if sum(count >= group.needed for count, group in zip(counts, custody.groups, strict=True)) >= custody.groups_needed:
        return ""
    state = ", ".join(
        f"{count} of {group.needed} of {group.name}" for count, group in zip(counts, custody.groups, strict=True)
    )
    return f"expected {custody.groups_needed} whole groups, found {state}"


def combine_sheets(sheets: Sequence[Sheet], charter: Charter) -> Secret:
    """The custody secret, from as many of the sheets as are needed, held against the charter.

    Raises WrongKeyError (`share-too-few`, `share-combine`), IntegrityError (`share-secret`).
    """
    assert charter.custody is not None
    lacking = missing(sheets, charter.custody)
    if lacking:
        raise WrongKeyError("share-too-few", lacking, hint="ask another holder to come")
    whole: list[list[Share]] = []
    for index, group in enumerate(charter.custody.groups):
        members = [sheet.share for sheet in sheets if sheet.share.group == index]
        if len(members) >= group.needed and len(whole) < charter.custody.groups_needed:
            whole.append(members[: group.needed])
    secret = combine(share for members in whole for share in members)
    if str(custody_identity(secret, charter.vault).recipient()) not in charter.recipients:
        detail = "the sheets are whole, and give another secret than the charter's"
        raise IntegrityError("share-secret", detail, hint="read the charter from another copy of the vault")
    return secret


def open_sheets(shares: Iterable[Share], charters: Sequence[Charter]) -> HybridIdentity:
    """The custody identity. WrongKeyError as `identify_all` and `combine_sheets`, IntegrityError."""
    sheets = identify_all(shares, charters)
    return custody_identity(combine_sheets(sheets, charters[-1]), charters[-1].vault)


def _holder(share: Share, charter: Charter, custody: Custody) -> Holder:
    said = (share.groups_needed, share.groups)
    if share.plain and said == (custody.groups_needed, len(custody.groups)) and share.group < share.groups:
        group = custody.groups[share.group]
        for holder in charter.holders:
            if (holder.group, holder.member, share.needed) == (group.name, share.member + 1, group.needed):
                return holder
    detail = "the sheet names a place that no holder of this vault has"
    raise WrongKeyError("share-altered", detail, hint="it is altered, or of another vault: tell the others")
