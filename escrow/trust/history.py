"""Bytes in, accepted history out (docs/format.md, section 9): no I/O, no clock, no key that opens."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from escrow.record import Charter, EventHead, Notice, NoticeSeries, Series, StockKey
from escrow.trust.authority import Authority, accept_authority
from escrow.trust.chain import Link, Packs, link_notices, main_branch
from escrow.trust.ending import Ending, Kept, kept_series
from escrow.trust.events import NO_DEEDS, Deeds, EventLink, accept_events, event_head
from escrow.trust.findings import Finding, Findings
from escrow.trust.handover import Handover
from escrow.trust.intake import Candidate, Intake, foreign


@dataclass(frozen=True, slots=True)
class Head:
    """A place in the chain, to be remembered: a notice's number and the SHA-256 of its payload."""

    seq: int
    sha256: str


@dataclass(frozen=True, slots=True)
class SeriesState:
    """A series as the main branch has it. `packs` by ordinal, None where a gap hides one.

    `record` is None when no accepted series record is the one that the notices cite.
    """

    series: str
    compartment: str
    key: str
    record: Series | None
    record_sha256: str
    packs: Packs
    notices: tuple[Notice, ...]


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One whole night; `on_main` is False for a night on another branch of a fork."""

    link: Link
    on_main: bool

    @property
    def seq(self) -> int:
        """Its number."""
        return self.link.notice.seq

    @property
    def sha256(self) -> str:
        """The hash of its notice's payload: tells two snapshots of one number apart."""
        return self.link.sha256

    @property
    def store_time(self) -> datetime:
        """When, by the store's clock."""
        return self.link.notice.store_time

    @property
    def agent_time(self) -> datetime:
        """When, by the agent's clock."""
        return self.link.notice.agent_time

    @property
    def parts(self) -> tuple[NoticeSeries, ...]:
        """Each compartment's series and manifest."""
        return self.link.notice.series

    def packs(self, series: str) -> Packs:
        """The packs that its manifest may name, by ordinal; None where a gap hides one."""
        return self.link.packs(series)


@dataclass(frozen=True, slots=True)
class History:
    """What a reader accepts of a vault. Without a valid charter 1 it is empty and `charter` is None.

    `keys` are those of all stocks by id, as sealed last, and `sealings` the older ones too;
    `links` are all accepted notices, `main` those of the main branch; `verified` are the SHA-256 of envelopes whose
    signatures hold, to be given to the next `accept`.
    """

    vault: str
    fingerprint: str
    charters: tuple[Charter, ...]
    charter: Charter | None
    charter_sha256: str
    keys: dict[str, StockKey]
    series: dict[str, SeriesState]
    links: tuple[Link, ...]
    main: tuple[Link, ...]
    findings: tuple[Finding, ...]
    verified: frozenset[str]
    deeds: Deeds = NO_DEEDS
    sealings: tuple[StockKey, ...] = ()

    @property
    def events(self) -> tuple[EventLink, ...]:
        """The chain of events, up to its first gap."""
        return self.deeds.events

    @property
    def event_head(self) -> EventHead | None:
        """The end of the chain of events."""
        return event_head(self.deeds.events)

    @property
    def handover(self) -> Handover:
        """Where the handover stands."""
        return self.deeds.handover

    @property
    def ending(self) -> Ending:
        """Holds, series that expired, keys that were destroyed."""
        return self.deeds.handover.end

    def without_expiry(self, series: Collection[str]) -> "History":
        """The same, as if these series had not expired."""
        left = {name: n for name, n in self.ending.expired.items() if name not in series}
        handover = replace(self.handover, end=replace(self.ending, expired=left))
        return replace(self, deeds=replace(self.deeds, handover=handover))

    def gone(self, parts: Iterable[NoticeSeries]) -> list[str]:
        """The compartments among these parts of a night that expired, or whose key was destroyed."""
        ending = self.ending
        return [one.compartment for one in parts if one.series in ending.expired or one.key in ending.shredded]

    @property
    def kept(self) -> dict[str, Kept]:
        """What the rules of the end ask of each series."""
        return _kept(self.series, self.notices)

    @property
    def notices(self) -> tuple[Notice, ...]:
        """The main branch, oldest first."""
        return tuple(link.notice for link in self.main)

    @property
    def head(self) -> Head | None:
        """The last notice of the main branch."""
        return Head(self.main[-1].notice.seq, self.main[-1].sha256) if self.main else None

    @property
    def head_name(self) -> str | None:
        """The object name of the head's envelope."""
        return self.main[-1].name if self.main else None

    @property
    def snapshots(self) -> tuple[Snapshot, ...]:
        """Every snapshot of every branch, by number; the main branch's first where two have one number."""
        main = {link.sha256 for link in self.main}
        found = [Snapshot(link, link.sha256 in main) for link in self.links if link.notice.kind == "snapshot"]
        return tuple(sorted(found, key=lambda snapshot: (snapshot.seq, not snapshot.on_main, snapshot.sha256)))

    @property
    def forks(self) -> tuple[tuple[Link, ...], ...]:
        """The notices that share their number with another, grouped."""
        groups: dict[int, list[Link]] = {}
        for link in self.links:
            groups.setdefault(link.notice.seq, []).append(link)
        return tuple(tuple(group) for group in groups.values() if len(group) > 1)


def accept(
    objects: Iterable[tuple[str, bytes]],
    *,
    vault: str | None = None,
    remembered: Head | None = None,
    fingerprint: str | None = None,
    verified: frozenset[str] = frozenset(),
) -> History:
    """The history that named bytes tell; several byte strings may come under one name.

    `vault` and `fingerprint` (hex) pin what is known of it; `remembered` is a head seen before. Never raises for
    what the bytes say: everything left out, missing or contradictory is a finding.
    """
    findings = Findings()
    intake = Intake(objects, verified, findings)
    authority = accept_authority(intake, vault, fingerprint, findings)
    if authority is None:
        return History(vault or "", "", (), None, "", {}, {}, (), (), findings.all(), frozenset())
    notices = [found for found in intake.notices if _is_notice(intake, found, authority, findings)]
    links = link_notices(notices, findings)
    main = main_branch(links)
    _check_series(links, authority, findings)
    if remembered is not None:
        _check_rollback(main, remembered, findings)
    charters = authority.charters
    series = _series_states(main, authority)
    notices_on_main = [link.notice for link in main]
    deeds = accept_events(
        intake,
        charters,
        authority.keys,
        notices_on_main,
        kept=_kept(series, notices_on_main),
        findings=findings,
    )
    return History(
        vault=charters[0].record.vault,
        fingerprint=charters[0].sha256,
        charters=tuple(found.record for found in charters),
        charter=charters[-1].record,
        charter_sha256=charters[-1].sha256,
        keys=authority.keys,
        sealings=authority.sealings,
        series=series,
        links=links,
        main=main,
        findings=findings.all(),
        verified=frozenset(intake.verified),
        deeds=deeds,
    )


def _is_notice(intake: Intake, found: Candidate[Notice], authority: Authority, findings: Findings) -> bool:
    notice = found.record
    if foreign(found, authority.charters[0].record.vault, findings):
        return False
    if notice.agent not in authority.agents:
        detail = f"expected an agent of the charter, found {notice.agent}"
        findings.add("notice-agent", found.name, detail)
        return False
    key, agent = authority.agents[notice.agent]
    if not intake.signed_by(found, key):
        return False
    if agent.revoked_after is not None and notice.seq > agent.revoked_after:
        detail = f"expected no notice of agent {key.id} after {agent.revoked_after}, found {notice.seq}"
        findings.add("notice-revoked", found.name, detail)
        return False
    if notice.charter not in {charter.sha256 for charter in authority.charters}:
        detail = f"expected the hash of an accepted charter, found {notice.charter}"
        findings.add("notice-charter", found.name, detail)
    return True


def _check_series(links: tuple[Link, ...], authority: Authority, findings: Findings) -> None:
    for link in links:
        for part in link.notice.series:
            records = authority.series.get(part.series, ())
            record = next((found.record for found in records if found.sha256 == part.record), None)
            if not records:
                detail = "expected the series record that notices cite, found none valid"
                findings.add("notice-series", f"series/{part.series}", detail)
            elif record is None:
                detail = f"series {part.series}: expected a series record with hash {part.record}, found another"
                findings.add("notice-series", link.name, detail)
            else:
                wanted = (record.compartment, record.key, record.agent)
                found = (part.compartment, part.key, link.notice.agent)
                if found != wanted:
                    detail = f"series {part.series}: expected {', '.join(wanted)}, found {', '.join(found)}"
                    findings.add("notice-series", link.name, detail)


def _check_rollback(main: tuple[Link, ...], remembered: Head, findings: Findings) -> None:
    subject = f"notices/{remembered.seq:08d}"
    reached = main[-1].notice.seq if main else 0
    if reached < remembered.seq:
        findings.add("rollback", subject, f"expected a head of at least {remembered.seq}, found {reached}")
    elif not any(link.sha256 == remembered.sha256 for link in main):
        detail = f"expected notice {remembered.seq} with hash {remembered.sha256}, found another history"
        findings.add("rollback-other", subject, detail)


def _kept(series: Mapping[str, SeriesState], notices: Sequence[Notice]) -> dict[str, Kept]:
    return kept_series({name: (one.compartment, one.key, one.record) for name, one in series.items()}, notices)


def _series_states(main: tuple[Link, ...], authority: Authority) -> dict[str, SeriesState]:
    """Every series that has an accepted record or stands in the main branch."""
    packs: dict[str, Packs] = {}
    notices: dict[str, list[Notice]] = {}
    parts: dict[str, NoticeSeries] = {}
    for link in main:
        for part in link.notice.series:
            packs.setdefault(part.series, Packs()).lay(part)
            notices.setdefault(part.series, []).append(link.notice)
            parts.setdefault(part.series, part)
    states: dict[str, SeriesState] = {}
    for series in [*parts, *(series for series in authority.series if series not in parts)]:
        named = parts.get(series)
        records = authority.series.get(series, ())
        record = next((found for found in records if named is None or found.sha256 == named.record), None)
        about = named or (record.record if record else None)
        assert about is not None
        states[series] = SeriesState(
            series=series,
            compartment=about.compartment,
            key=about.key,
            record=record.record if record else None,
            record_sha256=named.record if named else record.sha256 if record else "",
            packs=packs.get(series, Packs()),
            notices=tuple(notices.get(series, ())),
        )
    return states
