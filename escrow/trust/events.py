"""The chain of events: links, gaps and forks, who must have signed, and what they add up to.

docs/format.md, section 13.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

from escrow.errors import RefusedError
from escrow.record import Charter, Erasure, Event, EventHead, Notice, Receipt, Release, StockKey
from escrow.record.deeds import EVENT_KINDS
from escrow.seal import VerifyKey
from escrow.trust.ending import Kept, check_end
from escrow.trust.findings import Findings
from escrow.trust.handover import Grant, Handover, check_silence, step
from escrow.trust.intake import Candidate, Intake, foreign
from escrow.trust.quorum import board


@dataclass(frozen=True, slots=True, eq=False)
class EventLink:
    """An event in its place, with those of its known signers that verified. `refused` is the code of the rule that it
    breaks, or `event-kind`: it is told, and does nothing."""

    event: Event
    sha256: str
    name: str
    signers: frozenset[VerifyKey]
    refused: str = ""


@dataclass(frozen=True, slots=True)
class ToldErasure:
    """What an accepted event says of an erasure. `record` is None where no valid one is there: what it would leave out
    of the series under `keys` is not known."""

    n: int
    keys: frozenset[str]
    sha256: str
    record: Erasure | None

    def applies(self, key: str, seq: int) -> bool:
        """Whether it is about night `seq` of a series under the key `key`."""
        return key in self.keys and (self.record is None or self.record.until is None or seq <= self.record.until)


@dataclass(frozen=True, slots=True)
class Deeds:
    """The chain of events, where the handover stands, its releases and receipts by the hash of their payload, and the
    erasure register."""

    events: tuple[EventLink, ...]
    handover: Handover
    releases: Mapping[str, Release]
    receipts: Mapping[str, Receipt]
    erasures: tuple[ToldErasure, ...] = ()


NO_DEEDS = Deeds((), Handover(), {}, {})


def only_ending(deeds: Deeds) -> Deeds:
    """What they say was deleted, and nothing else."""
    return Deeds((), Handover(end=deeds.handover.end), {}, {})


class _Chain:
    """Takes events by number, each step with what the ones before have led to."""

    def __init__(
        self,
        intake: Intake,
        charters: tuple[Candidate[Charter], ...],
        kept: Mapping[str, Kept],
        notices: Sequence[Notice],
        findings: Findings,
    ) -> None:
        self._intake = intake
        self._findings = findings
        self._charters = {found.sha256: (place, found.record) for place, found in enumerate(charters)}
        self._trusted = {key for found in charters for key in _signers_of(found.record)}
        self._seen: list[tuple[int, int]] = []
        known = 0
        for notice in notices:
            known = max(known, notice.events.n if notice.events else 0)
            if known and notice.charter in self._charters:
                self._seen.append((known, self._charters[notice.charter][0]))
        self._kept = kept
        self._notices = notices
        self.links: list[EventLink] = []
        self.handover = Handover()
        self._before: frozenset[str] = frozenset()
        self._place = 0

    def take(self, rivals: Iterable[Candidate[Event]]) -> bool:
        """All events of one number, in the order of their hashes; False when none of them is one."""
        taken: dict[str, EventLink] = {}
        places = [self._place]
        for sha256, alike in groupby(sorted(rivals, key=lambda found: found.sha256), key=lambda found: found.sha256):
            link = self._link(list(alike))
            if link:
                taken[sha256] = link
                places.append(self._charters[link.event.charter][0] if not link.refused else 0)
        if len(taken) > 1:
            names = ", ".join(link.name for link in taken.values())
            subject = f"events/{next(iter(taken.values())).event.n:08d}"
            self._findings.add("event-fork", subject, f"expected one event of this number, found {names}")
        self.links += taken.values()
        self._before = frozenset(taken)
        self._place = max(places)
        return bool(taken)

    def _link(self, envelopes: list[Candidate[Event]]) -> EventLink | None:
        """One event, of which several envelopes may hold some signatures each."""
        found = envelopes[0]
        event = found.record
        if event.prev is not None and event.prev not in self._before:
            detail = f"expected prev of {', '.join(sorted(self._before))}, the event before, found {event.prev}"
            self._findings.add("event-prev", found.name, detail)
            return None
        if event.charter not in self._charters:
            detail = f"expected the hash of an accepted charter, found {event.charter}"
            self._findings.add("event-charter", found.name, detail)
            return None
        trusted = self._trusted | {VerifyKey.parse(grant.to.key) for grant in self._grants()}
        signers = frozenset[VerifyKey]().union(*(self._intake.signers(one, trusted) for one in envelopes))
        if not signers:
            return None
        place, charter = self._charters[event.charter]
        if event.kind not in EVENT_KINDS:
            known = ", ".join(sorted(EVENT_KINDS))
            detail = f"expected one of {known}, found {event.kind}: a newer escrow knows what it says"
            self._findings.add("event-kind", found.name, detail, "warning")
            return EventLink(event, found.sha256, found.name, signers, "event-kind")
        try:
            self._check_charter(event, place)
            check_silence(event, charter, (notice.store_time for notice in self._notices))
            state = self.handover
            check_end(event, charter, phase=state.phase, ending=state.end, kept=self._kept, notices=self._notices)
            self.handover = step(self.handover, event, found.sha256, signers, charter)
        except RefusedError as error:
            self._findings.add(error.code, found.name, str(error))
            return EventLink(event, found.sha256, found.name, signers, error.code)
        return EventLink(event, found.sha256, found.name, signers)

    def _grants(self) -> tuple[Grant, ...]:
        return (*self.handover.past, *self.handover.grants)

    def _check_charter(self, event: Event, place: int) -> None:
        """Once an event, or a night that had seen earlier ones, was made under a charter, an older is out of force.

        A night that had seen none says nothing: its credential may not have been allowed to look.
        """
        least = max([self._place, *(at for known, at in self._seen if known < event.n)])
        if place < least:
            raise RefusedError(
                "event-charter",
                f"expected an event under charter {least + 1}, which was in force, found one under {place + 1}",
                hint="let holders of the charter in force sign",
            )


def accept_events(
    intake: Intake,
    charters: tuple[Candidate[Charter], ...],
    keys: Mapping[str, StockKey],
    notices: Iterable[Notice],
    *,
    kept: Mapping[str, Kept],
    findings: Findings,
) -> Deeds:
    """Every event in its place, up to the first gap, and what became of the vault by them."""
    vault = charters[0].record.vault
    known = list(notices)
    chain = _Chain(intake, charters, kept, known, findings)
    by_number: dict[int, list[Candidate[Event]]] = {}
    for found in intake.events:
        if not foreign(found, vault, findings):
            by_number.setdefault(found.record.n, []).append(found)
    reached = 0
    for n in sorted(by_number):
        if n != reached + 1:
            detail = f"expected event {reached + 1} before event {n}, found none valid"
            findings.add("event-gap", f"events/{reached + 1:08d}", detail)
            break
        if chain.take(by_number[n]):
            reached = n
    _check_heads(chain.links, known, findings)
    releases = dict(_releases(intake, vault, chain, keys, findings))
    receipts = dict(_receipts(intake, vault, chain, findings))
    erasures = tuple(_erasures(intake, vault, chain, findings))
    return Deeds(tuple(chain.links), chain.handover, releases, receipts, erasures)


def event_head(links: tuple[EventLink, ...]) -> EventHead | None:
    """The end of the chain: of events that share the last number, the one with the lowest hash."""
    if not links:
        return None
    n = links[-1].event.n
    return EventHead(n=n, sha256=min(link.sha256 for link in links if link.event.n == n))


def _signers_of(charter: Charter) -> Iterator[VerifyKey]:
    yield from board(charter)
    if charter.custodian:
        yield VerifyKey.parse(charter.custodian.key)


def _check_heads(links: list[EventLink], notices: list[Notice], findings: Findings) -> None:
    """Notices carry the head of the events: what they saw must still be there."""
    there = {(link.event.n, link.sha256) for link in links}
    reached = links[-1].event.n if links else 0
    for notice in notices:
        seen = notice.events
        if seen and (seen.n, seen.sha256) not in there:
            found = f"events up to {reached}" if reached < seen.n else "another one"
            detail = f"expected event {seen.n} with hash {seen.sha256}, which notice {notice.seq} saw, found {found}"
            findings.add("event-rollback", f"events/{seen.n:08d}", detail)
            return


def _releases(
    intake: Intake, vault: str, chain: _Chain, keys: Mapping[str, StockKey], findings: Findings
) -> Iterator[tuple[str, Release]]:
    told = {link.event.deed: link for link in chain.links if link.event.kind == "released" and not link.refused}
    signers: dict[str, frozenset[VerifyKey]] = {}
    for found in intake.releases:
        release, link = found.record, told.get(found.sha256)
        if foreign(found, vault, findings):
            continue
        if link is None:
            findings.add("release-unnamed", found.name, "no event tells of it: it releases nothing", "warning")
            continue
        event = link.event
        said = (release.n, release.notice, release.to, tuple(key.id for key in release.keys), release.purpose)
        if said != (event.n, event.notice, event.to, event.keys, event.purpose):
            findings.add("release-differs", found.name, "expected what its event says, found otherwise")
            continue
        wrong = [one.id for one in release.keys if one.id not in keys or keys[one.id].compartment != one.compartment]
        if wrong:
            findings.add("release-key", found.name, f"expected keys as the stock has them, found {', '.join(wrong)}")
        signers[found.sha256] = signers.get(found.sha256, frozenset()) | intake.signers(found, link.signers)
        yield found.sha256, release
    for sha256, link in told.items():
        if sha256 not in signers:
            findings.add("release-missing", link.name, f"expected the release {sha256}, found none valid")
        elif not link.signers <= signers[sha256]:
            findings.add("release-quorum", link.name, "expected its release signed by all who signed it, found fewer")


def _receipts(intake: Intake, vault: str, chain: _Chain, findings: Findings) -> Iterator[tuple[str, Receipt]]:
    told = {link.event.deed: link for link in chain.links if link.event.kind == "accepted" and not link.refused}
    taken: set[str] = set()
    for found in intake.receipts:
        receipt, link = found.record, told.get(found.sha256)
        if foreign(found, vault, findings):
            continue
        if link is None:
            findings.add("receipt-unnamed", found.name, "no event tells of it: it accepts nothing", "warning")
        elif (receipt.n, receipt.release) != (link.event.n, link.event.release):
            findings.add("receipt-differs", found.name, "expected what its event says, found otherwise")
        elif link.signers & intake.signers(found, link.signers):
            taken.add(found.sha256)
            yield found.sha256, receipt
    for sha256, link in told.items():
        if sha256 not in taken:
            findings.add("receipt-missing", link.name, f"expected the receipt {sha256}, found none valid")


def _erasures(intake: Intake, vault: str, chain: _Chain, findings: Findings) -> Iterator[ToldErasure]:
    told = {link.event.deed: link for link in chain.links if link.event.kind == "erased" and not link.refused}
    signers: dict[str, frozenset[VerifyKey]] = {}
    records: dict[str, Erasure] = {}
    for found in intake.erasures:
        erasure, link = found.record, told.get(found.sha256)
        if foreign(found, vault, findings):
            continue
        if link is None:
            findings.add("erasure-unnamed", found.name, "no event tells of it: it leaves nothing out", "warning")
        elif (erasure.n, erasure.keys, erasure.charter) != (link.event.n, link.event.keys, link.event.charter):
            findings.add("erasure-differs", found.name, "expected what its event says, found otherwise")
        elif signed := intake.signers(found, link.signers):
            signers[found.sha256] = signers.get(found.sha256, frozenset()) | signed
            records[found.sha256] = erasure
    for sha256, link in told.items():
        assert sha256 is not None
        if sha256 not in records:
            findings.add("erasure-missing", link.name, f"expected the erasure {sha256}, found none valid")
        elif not link.signers <= signers[sha256]:
            findings.add("erasure-quorum", link.name, "expected its erasure signed by all who signed it, found fewer")
        yield ToldErasure(link.event.n, frozenset(link.event.keys or ()), sha256, records.get(sha256))
