"""Which series keys there are, and which sealing of each counts (docs/format.md, section 4.2)."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from escrow.record import Charter, Stock, StockKey, key_id_of
from escrow.trust.findings import Findings
from escrow.trust.intake import Candidate, Intake, foreign
from escrow.trust.quorum import board, shortfall


@dataclass(frozen=True, slots=True)
class Keys:
    """`newest`: each key as it was sealed last, by id. `sealings`: every accepted sealing, older ones too."""

    newest: dict[str, StockKey] = field(default_factory=dict)
    sealings: list[StockKey] = field(default_factory=list)


def accept_stocks(intake: Intake, charters: Sequence[Candidate[Charter]], findings: Findings) -> Keys:
    """The keys of every stock that the holders of an accepted charter signed while they spoke for the vault.

    A stock of later holders counts before one of earlier ones, then the higher number.
    """
    ranked = _ranked(intake, charters, findings)
    chain = {found.sha256: found.record.prev for found, _ in ranked}
    accepted: list[tuple[int, Candidate[Stock]]] = []
    seen: dict[int, str] = {}
    for found, rank in ranked:
        late = _late(found, rank, charters, chain)
        if late:
            findings.add("stock-late", found.name, late)
            continue
        stock = found.record
        if seen.setdefault(stock.n, found.sha256) != found.sha256:
            findings.add("stock-chain", found.name, f"expected one stock {stock.n}, found two")
        if stock.prev != seen.get(stock.n - 1):
            detail = f"expected stock {stock.n - 1} with hash {stock.prev}, found {seen.get(stock.n - 1)}"
            findings.add("stock-chain", found.name, detail)
        accepted.append((rank, found))
    keys = Keys()
    for _, found in sorted(accepted, key=lambda one: (one[0], one[1].record.n)):
        for key in found.record.keys:
            _add_key(keys, key, found.name, findings)
    return keys


def _ranked(
    intake: Intake, charters: Sequence[Candidate[Charter]], findings: Findings
) -> list[tuple[Candidate[Stock], int]]:
    """The stocks by number, each with the place of the last charter whose holders signed it."""
    everyone = frozenset(key for charter in charters for key in board(charter.record))
    ranked = []
    for found in sorted(intake.stocks, key=lambda found: found.record.n):
        if foreign(found, charters[0].record.vault, findings):
            continue
        signers = intake.signers(found, everyone)
        ranks = [place for place, charter in enumerate(charters) if not shortfall(charter.record, signers)]
        if ranks:
            ranked.append((found, ranks[-1]))
        else:
            findings.add("stock-threshold", found.name, shortfall(charters[-1].record, signers))
    return ranked


def _late(
    found: Candidate[Stock], rank: int, charters: Sequence[Candidate[Charter]], chain: dict[str, str | None]
) -> str:
    """Why a stock of earlier holders does not count: the next ones named their last, and it is none before that."""
    for before, after in zip(charters[rank:], charters[rank + 1 :], strict=False):
        custody = after.record.custody
        if custody is None or custody == before.record.custody or custody.stock is None:
            continue
        link: str | None = custody.stock
        known = set()
        while link is not None and link not in known:
            known.add(link)
            link = chain.get(link)
        if found.sha256 not in known:
            number = after.record.n
            return (
                f"expected stocks up to {custody.stock[:16]}… of the holders before charter {number}, found a later one"
            )
        return ""
    return ""


def _add_key(keys: Keys, key: StockKey, name: str, findings: Findings) -> None:
    if key.id != key_id_of(key.recipient):
        detail = f"expected id {key_id_of(key.recipient)} for this recipient, found {key.id}"
        findings.add("key-id", name, detail)
        return
    known = keys.newest.get(key.id)
    if known and known.compartment != key.compartment:
        detail = f"key {key.id}: expected compartment {known.compartment}, found {key.compartment}"
        findings.add("stock-compartment", name, detail)
        return
    keys.newest[key.id] = key
    if key not in keys.sealings:
        keys.sealings.append(key)
