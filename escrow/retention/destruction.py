"""The certificate of destruction: what was destroyed, where that was confirmed, what remains and until when. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from escrow.custody.certificate import size_words
from escrow.custody.charter_page import day, groups
from escrow.paper.page import Block, Facts, Grid, Page, Points, Section, Words
from escrow.record import Charter
from escrow.retention.scope import sealed_objects
from escrow.retention.shred import Shred
from escrow.trust import EventLink, History


@dataclass(frozen=True, slots=True)
class Confirmed:
    """A place whose listing showed no sealing of the keys any more, at `at`; `deleted` versions in the last run."""

    place: str
    at: datetime
    deleted: int


def destruction_certificate(history: History, shred: Shred, places: Sequence[Confirmed]) -> Page:
    """Of keys that an event says were destroyed, after every configured place was looked at. Claims no more."""
    charter = history.charter
    assert charter is not None
    events = _events(history, shred)
    lead = (
        f"The keys of {_count(len(shred.series))} in the sealed archive of {charter.school.name} were destroyed.",
        "This page says what was done and confirmed, what remains, and what nobody can confirm.",
    )
    sections = (
        Section("What was destroyed", _what(shred)),
        Section("Who decided it, and by which clause", _who(charter, events)),
        Section("Where it was confirmed", _where(places)),
        Section("What remains, as ciphertext, and until when", _remains(history, shred, max(one.at for one in places))),
        Section("What this page does not claim", (Points(_limits(shred)),)),
        Section("Check it yourself", _prints(history, shred, events)),
    )
    return Page(f"Certificate of destruction: {charter.school.name}", lead, sections)


def _count(series: int) -> str:
    return "one series" if series == 1 else f"{series} series"


def _events(history: History, shred: Shred) -> list[EventLink]:
    numbers = {history.ending.shredded[key] for key in shred.keys}
    return [one for one in history.events if one.event.n in numbers and not one.refused]


def _what(shred: Shred) -> tuple[Block, ...]:
    rows = []
    for one in sorted(shred.series, key=lambda state: state.notices[0].seq if state.notices else 0):
        nights = [notice for notice in one.notices if notice.kind == "snapshot"]
        span = f"{nights[0].seq} to {nights[-1].seq}" if nights else "none"
        dates = f"{day(nights[0].store_time)} to {day(nights[-1].store_time)}" if nights else ""
        rows.append((one.key, one.series, one.compartment, span, dates))
    head = ("Key", "Series", "Part", "Nights", "From and to")
    sealed = f"Sealings of these keys that were known, in the stock and in releases: {len(shred.sealings)}."
    return (Grid("Keys, and the nights under them", head, tuple(rows)), Words(sealed))


def _who(charter: Charter, events: Sequence[EventLink]) -> tuple[Block, ...]:
    rows = []
    for one in events:
        event = one.event
        texts = [
            entry.schedule or f"{entry.months} months" for entry in charter.retention or () if entry.id == event.clause
        ]
        rows.append((f"Event {event.n}", f"{day(event.created)}, by {', '.join(event.by)}"))
        rows.append(("Clause", f"{event.clause}: {texts[0]}" if texts else f"{event.clause}"))
    return (Facts(tuple(rows)),)


def _where(places: Sequence[Confirmed]) -> tuple[Block, ...]:
    rows = tuple((one.place, f"{one.at:%Y-%m-%d %H:%M} UTC", f"{one.deleted}") for one in places)
    text = (
        "Each place was listed after the deletion, with all versions where it keeps versions, and showed none of the "
        "sealings. That is the place's own word."
    )
    return (Grid("Places of the configuration", ("Place", "Confirmed", "Deleted in the last run"), rows), Words(text))


def _remains(history: History, shred: Shred, at: datetime) -> tuple[Block, ...]:
    rows = []
    for one in shred.series:
        objects = sealed_objects(history, {one.series})
        until = "not said"
        if one.record:
            ends = one.record.retain_until
            word = f"locked until {day(ends)}" if ends > at else f"the lock ended on {day(ends)}"
            until = f"{word}; there until the series expires"
        if one.series in history.ending.expired:
            until = f"deleted, event {history.ending.expired[one.series]} says"
        rows.append((one.series, f"{len(objects):,} objects, {size_words(sum(objects.values()))}", until))
    words = (
        "The data itself stays where it is, sealed with age to the destroyed keys (ML-KEM-768 and X25519). Whoever has "
        "no copy of a key reads nothing of it. It is deleted when the series expire (escrow retention expire)."
    )
    return (Grid("Sealed data in each place", ("Series", "What", "Until"), tuple(rows)), Words(words))


def _limits(shred: Shred) -> tuple[str, ...]:
    given = tuple(
        f"Release {one.n} of {day(one.at)} gave {one.to.name} keys that are among these. Whether it still has them, or "
        "what it read with them, this page does not know."
        for one in shred.given
    )
    return (
        *given,
        "Folders, disks and backups that the configuration does not name were not looked at: public parts in a "
        "holder's drawer, a storage provider's own backups.",
        "Whoever opened a key before may have kept it or what it opened: restores, exports, papers.",
        "The school's other systems are not touched by this.",
    )


def _prints(history: History, shred: Shred, events: Sequence[EventLink]) -> tuple[Block, ...]:
    rows = [("Vault", history.vault), ("Vault's fingerprint", history.fingerprint)]
    rows += [(f"Event {one.event.n}", one.sha256) for one in events]
    how = (
        "With the program: escrow event list shows the events, escrow verify what is there.",
        "This file's SHA-256 stands in a later event, signed by a holder or the custodian: destruction-certificate.",
        f"Names in the archive began with stock/ or releases/ and one of: {', '.join(shred.keys)}.",
    )
    return (Facts(tuple((name, groups(text)) for name, text in rows)), Points(how))
