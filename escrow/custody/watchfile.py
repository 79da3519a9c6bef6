"""The heads of many vaults that a custodian has seen, in one file: what finds a vault that was rolled back.

Strict canonical JSON, no secret; whoever has a copy can hold a vault against it.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from escrow.errors import FormatError
from escrow.limits import FORMAT
from escrow.record import EventHead, NoticeHead, decode, encode, from_object, to_object
from escrow.record.grammar import Hex32, Hex64, Items, Range, Text
from escrow.trust import Finding, History


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """One vault: its fingerprint and where it lies, and the last heads of its notices and events, seen at `at`."""

    vault: Hex32
    fingerprint: Hex64
    school: Text
    place: Text
    at: datetime
    head: NoticeHead | None
    events: EventHead | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    """All vaults that are watched, by id."""

    version: Annotated[int, Range(FORMAT, FORMAT)]
    vaults: Annotated[tuple[Seen, ...], Items(key="vault")]

    def of(self, vault: str) -> Seen | None:
        """What was seen of a vault."""
        return next((one for one in self.vaults if one.vault == vault), None)

    def text(self) -> bytes:
        """The file."""
        return encode(to_object(self))


EMPTY = Watch(version=FORMAT, vaults=())


def parse_watch(data: bytes) -> Watch:
    """The watch file's content. FormatError `watch-file` when it is damaged."""
    try:
        return from_object(decode(data.strip()), Watch, "watch")
    except FormatError as error:
        hint = "take a copy of it: it is what finds a rolled-back vault"
        raise FormatError("watch-file", f"expected a watch file, found otherwise: {error}", hint=hint) from None


def look(watch: Watch, history: History, place: str, now: datetime) -> tuple[Watch, tuple[Finding, ...]]:
    """Pure: holds a vault against what was seen of it. Gives the watch with the later heads, and `rollback`,
    `rollback-other` or `event-rollback` where it shows less or other than before: then nothing is taken over."""
    assert history.charter is not None
    before = watch.of(history.vault)
    findings = tuple(_held_against(before, history)) if before else ()
    if findings:
        return watch, findings
    head, events = history.head, history.event_head
    seen = Seen(
        vault=history.vault,
        fingerprint=history.fingerprint,
        school=history.charter.school.name,
        place=place,
        at=now.replace(microsecond=0),
        head=NoticeHead(seq=head.seq, sha256=head.sha256) if head else None,
        events=events,
    )
    others = [one for one in watch.vaults if one.vault != history.vault]
    return Watch(version=FORMAT, vaults=tuple(sorted([*others, seen], key=lambda one: one.vault))), ()


def _held_against(before: Seen, history: History) -> Iterable[Finding]:
    head = before.head
    if head and not any(link.sha256 == head.sha256 for link in history.main):
        reached = history.head.seq if history.head else 0
        code = "rollback" if reached < head.seq else "rollback-other"
        yield Finding(code, f"notices/{head.seq:08d}", f"expected the notice that was seen on {before.at:%Y-%m-%d}")
    events = before.events
    if events and not any(link.sha256 == events.sha256 for link in history.events):
        detail = f"expected the event that was seen on {before.at:%Y-%m-%d}, found another history"
        yield Finding("event-rollback", f"events/{events.n:08d}", detail)
