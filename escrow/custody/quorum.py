"""A vault's secret among several holders: dealt, proven, dealt anew (docs/format.md, section 5.3).

A draft is a charter that nobody has signed, with the sheets of its holders in memory. What it makes is public.
"""

import hashlib
import os
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from escrow.custody.newvault import Plan, custody_identity, make_stock
from escrow.custody.policies import Policy, minimal_subsets, sizes_of
from escrow.custody.policy import judge_policy
from escrow.custody.sheets import Sheet, holder_key
from escrow.errors import IntegrityError, UsageError
from escrow.record import (
    Charter,
    Custody,
    Group,
    Holder,
    Stock,
    StockKey,
    charter_name,
    key_name,
    parse_name,
    stock_name,
    to_payload,
)
from escrow.seal import HybridIdentity, Secret, SigningKey, open_sealed, parse_recipient, seal
from escrow.seal.shares import SETS, combine, split
from escrow.trust import open_series_key, peek_record, sign_record

Whole = Callable[[Charter], Charter]
"""From the charter that a ceremony makes to the one with all that was agreed."""


@dataclass(frozen=True, slots=True)
class Draft:
    """A charter to be signed and the sheets it names. `fingerprint` is the vault's, that of charter 1."""

    charter: Charter
    fingerprint: str
    secret: Secret
    sheets: tuple[Sheet, ...] = field(repr=False)

    @property
    def identity(self) -> HybridIdentity:
        """The custody identity that a quorum of the sheets gives."""
        return custody_identity(self.secret, self.charter.vault)

    @property
    def keys(self) -> list[SigningKey]:
        """The holders' signing keys."""
        return [sheet.key for sheet in self.sheets]


def draft_vault(
    plan: Plan, policy: Policy, now: datetime, rescue: str | None = None, *, whole: Whole | None = None
) -> Draft:
    """A new vault's charter and sheets; `plan.role` is not used. `whole` makes the agreed charter of the bare one.

    UsageError for a weak policy; `charter-made` where the agreement says another custody than what was dealt.
    """
    vault, secret = os.urandom(16).hex(), Secret(os.urandom(32))
    custody, holders, sheets = _deal(secret, vault, policy, 1, ())
    charter = Charter(
        vault=vault,
        n=1,
        prev=None,
        created=now,
        school=plan.school,
        holders=holders,
        threshold=policy.threshold,
        recipients=(str(custody_identity(secret, vault).recipient()),),
        agents=tuple(plan.agents),
        compartments=tuple(plan.compartments),
        strictest=plan.strictest,
        cap_days=plan.cap_days,
        custody=custody,
        rescue=rescue,
    )
    if whole:
        bare, charter = charter, whole(charter)
        made = ("holders", "custody", "recipients")
        other = next((name for name in made if getattr(bare, name) != getattr(charter, name)), None)
        if other:
            hint = "remove it from the text: the ceremony makes it, with --policy or --group"
            raise UsageError("charter-made", f"expected a text without charter.{other}, found one with it", hint=hint)
    _refuse_weak(charter, now)
    return Draft(charter, hash_of(charter), secret, sheets)


def draft_next(
    charters: Sequence[Charter], secrets: tuple[Secret, Secret], policy: Policy, now: datetime, stock: str
) -> Draft:
    """The next charter; `secrets` are the old and the new one: the same to reshare, a fresh one to rekey.

    `charters` are those accepted, in order; `stock` is the last stock's payload hash. UsageError for a weak policy.
    """
    last = charters[-1]
    used = [one.custody for one in charters if one.custody]
    epoch = max((custody.epoch for custody in used), default=0) + 1
    custody, holders, sheets = _deal(secrets[1], last.vault, policy, epoch, [custody.set for custody in used])
    before, after = (str(custody_identity(secret, last.vault).recipient()) for secret in secrets)
    charter = replace(
        last,
        n=last.n + 1,
        prev=hash_of(last),
        created=now,
        holders=holders,
        threshold=policy.threshold,
        recipients=tuple(after if one == before else one for one in last.recipients),
        custody=replace(custody, stock=stock),
    )
    _refuse_weak(charter, now)
    return Draft(charter, hash_of(charters[0]), secrets[1], sheets)


def prove(draft: Draft) -> int:
    """Every minimal subset of the sheets gives the secret; how many there are. IntegrityError `share-secret`."""
    assert draft.charter.custody is not None
    custody = draft.charter.custody
    shares = {(sheet.share.group, sheet.share.member): sheet.share for sheet in draft.sheets}
    count = 0
    for subset in minimal_subsets(custody.groups_needed, sizes_of(custody)):
        if combine(shares[place] for place in subset) != draft.secret:
            raise IntegrityError("share-secret", "a quorum of the new sheets does not give the secret: begin again")
        count += 1
    return count


def found(draft: Draft, now: datetime) -> dict[str, bytes]:
    """The new vault's public objects by name: charter, stock, sealed keys, signed by all holders."""
    stock, public = make_stock(draft.charter, draft.identity, now)
    return public | signed_charter(draft, ()) | signed_stock(stock, draft.keys)


def signed_charter(draft: Draft, old: Collection[SigningKey]) -> dict[str, bytes]:
    """The draft's charter, signed by its own holders and the `old` ones, by name."""
    envelope = sign_record(draft.charter, [*old, *draft.keys])
    return {charter_name(draft.charter.n, envelope): envelope}


def signed_stock(stock: Stock, keys: Sequence[SigningKey]) -> dict[str, bytes]:
    """A signed stock by name."""
    envelope = sign_record(stock, keys)
    return {stock_name(stock.n, envelope): envelope}


def last_stock(public: Mapping[str, bytes]) -> tuple[Stock, str]:
    """The stock with the highest number among objects that a reader accepted, and its payload's hash."""
    names = [(parsed.n, name) for name in public if (parsed := parse_name(name)) and parsed.kind == "stock"]
    return peek_record(public[max(names)[1]], Stock)


def next_stock(before: Stock, keys: Mapping[str, StockKey], now: datetime) -> Stock:
    """Stock n + 1 in which `keys`, by id, are as they are sealed now."""
    listed = tuple(keys[key_id] for key_id in sorted(keys))
    return Stock(vault=before.vault, n=before.n + 1, prev=hash_of(before), created=now, keys=listed)


def seal_again(
    sealed: bytes, key: StockKey, charter: Charter, old: HybridIdentity, new: HybridIdentity
) -> tuple[StockKey, dict[str, bytes]]:
    """A series key opened, held against the stock, sealed to the charter's recipients, opened and checked again.

    WrongKeyError, IntegrityError (`key-mismatch`), FormatError.
    """
    text = open_sealed(sealed, [old])
    open_series_key(text, key, charter.vault)
    data = seal(text, [parse_recipient(one) for one in charter.recipients])
    return held(data, key, charter, new), {key_name(key.id, hashlib.sha256(data).hexdigest()): data}


def held(data: bytes, key: StockKey, charter: Charter, new: HybridIdentity) -> StockKey:
    """The stock's entry of a key as sealed in `data`, which `new` opens. WrongKeyError, IntegrityError, FormatError."""
    open_series_key(open_sealed(data, [new]), key, charter.vault)
    return replace(key, sha256=hashlib.sha256(data).hexdigest(), size=len(data))


def hash_of(record: Charter | Stock) -> str:
    """The SHA-256 of a record's payload."""
    return hashlib.sha256(to_payload(record)).hexdigest()


def _deal(
    secret: Secret, vault: str, policy: Policy, epoch: int, avoid: Collection[int]
) -> tuple[Custody, tuple[Holder, ...], tuple[Sheet, ...]]:
    identifier = next(one for one in iter(_identifier, -1) if one not in avoid)
    dealt = split(secret, identifier, policy.groups_needed, policy.sizes)
    sheets = []
    for bench, shares in zip(policy.benches, dealt, strict=True):
        for seat, share in zip(bench.seats, shares, strict=True):
            key = holder_key(share, vault, epoch)
            holder = Holder(
                role=seat.role, key=key.public().encode(), group=bench.name, member=share.member + 1, party=seat.party
            )
            sheets.append(Sheet(holder, share, key))
    custody = Custody(
        epoch=epoch,
        set=identifier,
        groups_needed=policy.groups_needed,
        groups=tuple(Group(name=bench.name, needed=bench.needed, members=len(bench.seats)) for bench in policy.benches),
    )
    return custody, tuple(sheet.holder for sheet in sheets), tuple(sheets)


def _refuse_weak(charter: Charter, now: datetime) -> None:
    for finding in judge_policy(charter, now):
        if finding.severity == "error":
            raise UsageError(finding.code, finding.detail)


def _identifier() -> int:
    return int.from_bytes(os.urandom(2), "big") % SETS
