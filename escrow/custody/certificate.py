"""Certificates: what a vault's signed records say of custody, handover and drill, as pages for people. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from escrow.custody.charter_page import CUSTODIANS, TRIGGERS, day, groups, policy_words
from escrow.custody.deeds import nights_of
from escrow.paper.page import Block, Facts, Grid, Page, Points, Section, Words
from escrow.record import Charter, Proof, Receipt, Release, Returned
from escrow.trust import EventLink, History

_UNITS = ("bytes", "KiB", "MiB", "GiB", "TiB")
_CHECK = "escrow handover status --config FILE"
_KINDS = {
    "key-use": "keys used",
    "notice-given": "notice of a handover",
    "withdrawn": "handover withdrawn",
    "released": "keys released",
    "accepted": "receipt signed",
    "transferred": "archive taken over",
    "drill": "drill",
    "custody": "custody made or changed",
    "erased": "entries struck from what is restored",
    "evidence": "a document put on record",
    "held": "hold placed",
    "hold-cleared": "hold cleared",
    "expired": "series expired",
    "shredded": "keys destroyed",
}


def certificate(history: History) -> Page:
    """Of the handover once something was accepted, else of custody."""
    if any(grant.receipt for grant in history.handover.grants):
        return handover_certificate(history)
    return custody_certificate(history)


def custody_certificate(history: History) -> Page:
    """Who holds the keys of a vault, and what it holds."""
    charter = _charter(history)
    school = charter.school.name
    nights = [one for one in history.snapshots if one.on_main]
    lead = (
        f"The data of {school} is kept in a sealed archive, under keys that the persons below hold.",
        "This page says what the archive's signed records say. Anybody can check it, without a key, as at its end.",
    )
    held = [("Nights deposited", f"{len(nights):,}")]
    if nights:
        held.append(("First and last night", f"{day(nights[0].store_time)} and {day(nights[-1].store_time)}"))
    held += [(one.name, one.about or "a part of the data with keys of its own") for one in charter.compartments]
    keepers = [(one.role, f"group {one.group}" if one.group else "holds a key") for one in charter.holders]
    sections = (
        Section("The archive", (Facts(tuple(held)),)),
        Section(
            "Who holds the keys", (Facts(tuple(keepers)), *map(Words, policy_words(charter)), *_custodian(charter))
        ),
        Section("What was done with keys", (_events(history),)),
        _prints(history, []),
    )
    return Page(f"Certificate of custody: {school}", lead, sections)


def handover_certificate(history: History) -> Page:
    """What was released to whom, what was found, and whose the vault is now."""
    charter, state = _charter(history), history.handover
    school = charter.school.name
    taken = [grant for grant in state.grants if grant.receipt]
    party = state.custodian or taken[-1].to
    done = "was handed over" if state.custodian else "was released and accepted, and is not transferred yet,"
    lead = (
        f"The sealed archive of {school} {done} to {party.name}.",
        "This page says what the archive's signed records say. Anybody can check it, without a key, as at its end.",
    )
    prints = []
    sections = [Section("Why, and who agreed", _why(history, charter))]
    for grant in taken:
        release = history.deeds.releases.get(grant.deed)
        receipt = history.deeds.receipts.get(grant.receipt or "")
        if release and receipt:
            heading = f"Release {release.n}, of {day(release.created)}; accepted on {day(receipt.created)}"
            sections.append(Section(heading, (*_released(history, release), *_accepted(receipt))))
            prints += [(f"Release {release.n}", grant.deed), (f"Receipt {receipt.n}", grant.receipt or "")]
    sections += [Section("What was not released", (_kept_back(history),)), *_transfer(history)]
    sections.append(_prints(history, prints))
    return Page(f"Certificate of handover: {school}", lead, tuple(sections))


@dataclass(frozen=True, slots=True)
class Drill:
    """A rehearsal: `how` says on what; `event` is the hash of the event that tells it, or ""."""

    school: str
    on: datetime
    how: str
    proofs: Sequence[tuple[str, Proof]]
    restored: Sequence[Returned]
    differences: Sequence[str]
    event: str = ""


def drill_certificate(drill: Drill) -> Page:
    """What a rehearsal showed."""
    school = drill.school
    right = "Everything came back as it was listed."
    verdict = f"{len(drill.differences)} things were not as they should be." if drill.differences else right
    lead = (f"On {day(drill.on)} the handover of the archive of {school} was rehearsed {drill.how}.", verdict)
    rows = tuple(
        (name, f"{proof.count:,}, {size_words(proof.bytes)}, {proof.wrong} wrong") for name, proof in drill.proofs
    )
    wrong: tuple[Block, ...] = (Points(tuple(drill.differences)),) if drill.differences else ()
    sections = [
        Section("What was checked", (Facts(rows), _returned(drill.restored), *wrong)),
        Section(
            "What a drill does not show",
            (Words("That the holders can be reached in time, and that the storage answers in the year it is needed."),),
        ),
    ]
    if drill.event:
        sections.append(Section("Fingerprint", (Facts((("Event of the drill", groups(drill.event)),)),)))
    return Page(f"Certificate of a handover drill: {school}", lead, tuple(sections))


def groups_of(charter: Charter, link: EventLink) -> tuple[str, ...]:
    """The whole groups among those who signed an event: the path by which the quorum came about."""
    if charter.custody is None:
        return ()
    keys = {key.encode() for key in link.signers}
    signed = [holder.group for holder in charter.holders if holder.key in keys]
    return tuple(group.name for group in charter.custody.groups if signed.count(group.name) >= group.needed)


def _charter(history: History) -> Charter:
    assert history.charter is not None
    return history.charter


def _custodian(charter: Charter) -> tuple[Block, ...]:
    one = charter.custodian
    if one is None:
        return (Words("No custodian is named yet, who would take the archive over if the school closed."),)
    return (Words(f"If the school closes, {one.name} ({CUSTODIANS[one.kind]}) takes the archive over."),)


def _events(history: History) -> Block:
    rows = [
        (f"{link.event.n}", day(link.event.created), _what(link), ", ".join(link.event.by))
        for link in history.events[-20:]
        if not link.refused
    ]
    if not rows:
        return Words("No use of a key is recorded.")
    return Grid("The last events", ("Number", "Date", "What", "By"), tuple(rows))


def _what(link: EventLink) -> str:
    purpose = f", for {link.event.purpose}" if link.event.purpose else ""
    about = link.event.about or link.event.hold
    return _KINDS[link.event.kind] + (f" ({about})" if about else "") + purpose


def _why(history: History, charter: Charter) -> tuple[Block, ...]:
    notice = history.handover.notice
    assert notice is not None
    by = {link.sha256: link for link in history.events}
    rows = [
        ("School", charter.school.name + (f", URN {charter.school.urn}" if charter.school.urn else "")),
        ("Trigger", TRIGGERS.get(notice.trigger, notice.trigger)),
        ("Notice", f"{day(notice.at)}, by {', '.join(by[notice.sha256].event.by)}"),
        ("Evidence", f"a document with the SHA-256 {groups(notice.evidence)}"),
        ("Cooling off", f"until {day(notice.cools_until)}" if notice.cools_until > notice.at else "none agreed"),
    ]
    for link in history.events:
        if link.event.kind == "released" and not link.refused and link.event.notice == notice.sha256:
            whole = groups_of(charter, link)
            path = f"; whole groups: {', '.join(whole)}" if whole else ""
            rows.append((f"Release {link.event.n} by", ", ".join(link.event.by) + path))
            if link.event.clause:
                rows.append((f"Clause cited in {link.event.n}", link.event.clause))
    return (Facts(tuple(rows)),)


def _released(history: History, release: Release) -> tuple[Block, ...]:
    states = [history.series[one] for one in release.series if one in history.series]
    rows = [
        (
            state.compartment,
            state.series,
            f"{day(state.notices[0].store_time)} to {day(state.notices[-1].store_time)}" if state.notices else "none",
            f"{len(state.notices):,}",
        )
        for state in sorted(states, key=lambda state: (state.compartment, state.notices[0].seq if state.notices else 0))
    ]
    table = Grid(f"Series whose keys {release.to.name} got", ("Part", "Series", "From and to", "Nights"), tuple(rows))
    used = {state.key for state in states}
    later = sum(key.id not in used for key in release.keys)
    words = [f"For the purpose {release.purpose}."]
    if later:
        words.append(f"{later} keys of series still to come are among what was released.")
    return (table, Words(" ".join(words)))


def _accepted(receipt: Receipt) -> tuple[Block, ...]:
    nights = nights_of(receipt)
    opened = "Files of each series' last night opened with the keys"
    rows = (
        ("Objects copied into its own storage", f"{receipt.copied.count:,}, {size_words(receipt.copied.bytes)}"),
        ("Locked there until", day(receipt.keep_until)),
        ("Objects read back and compared", _proof(receipt.read)),
        *([("Nights opened, with their lists of files", _proof(nights))] if nights else []),
        (opened, _proof(receipt.opened)),
        ("Last night in the copy", f"number {receipt.head.seq}"),
    )
    differences: Block = Points(receipt.differences) if receipt.differences else Words("No difference was found.")
    return (Facts(rows), _returned(receipt.restored), differences)


def _returned(restored: Iterable[Returned]) -> Block:
    rows = tuple(
        (
            one.compartment,
            f"{one.seq}",
            f"{one.listed_files:,}, {size_words(one.listed_bytes)}",
            f"{one.files:,}, {size_words(one.bytes)}",
        )
        for one in restored
    )
    if not rows:
        return Words("Nothing was restored for a test.")
    head = ("Part", "Night", "Files listed by the school", "Files that came back")
    return Grid("The test restore beside the school's own list", head, rows)


def _kept_back(history: History) -> Block:
    out = frozenset[str]().union(*(grant.keys for grant in history.handover.grants))
    held: dict[str, int] = {}
    for state in history.series.values():
        if state.key not in out:
            held[state.compartment] = held.get(state.compartment, 0) + 1
    if not held:
        return Words("Nothing: the keys of every series were released.")
    return Points(tuple(f"{name}: {count} series, which stay sealed" for name, count in sorted(held.items())))


def _transfer(history: History) -> list[Section]:
    state = history.handover
    if state.custodian is None or state.final is None:
        return []
    on = next(link.event.created for link in history.events if link.event.kind == "transferred" and not link.refused)
    words = Words(f"On {day(on)} {state.custodian.name} took the archive over. Night {state.final.seq} is the last.")
    uses = Facts(tuple((one.name, one.text) for one in state.purposes))
    return [Section(f"What {state.custodian.name} will use it for", (words, uses))]


def _prints(history: History, more: Sequence[tuple[str, str]]) -> Section:
    rows = [("Vault", history.vault), ("Vault's fingerprint", history.fingerprint), *more]
    if history.event_head:
        rows.append((f"Event {history.event_head.n}, the last", history.event_head.sha256))
    if history.head:
        rows.append((f"Notice {history.head.seq}, the last", history.head.sha256))
    how = (
        f"With the program: {_CHECK} and escrow event list.",
        "Without it: jq -r .payload RECORD.json | base64 -d | sha256sum prints the fingerprint of a record. "
        "The files lie in the folders events, releases and receipts of the archive; their names begin with the number.",
        "This page is not signed. The records are, each with Ed25519 and ML-DSA-65; the programs check both.",
    )
    return Section("Check it yourself", (Facts(tuple((name, groups(text)) for name, text in rows)), Points(how)))


def _proof(proof: Proof) -> str:
    found = "all as they should be" if not proof.wrong else f"{proof.wrong} of them NOT as they should be"
    return f"{proof.count:,}, {size_words(proof.bytes)}, {found}"


def size_words(count: int) -> str:
    """Bytes as people read them."""
    size = float(count)
    for unit in _UNITS:
        if size < 1024 or unit == _UNITS[-1]:
            return f"{size:.0f} {unit}" if unit == "bytes" else f"{size:.1f} {unit}"
        size /= 1024
    raise AssertionError(count)
