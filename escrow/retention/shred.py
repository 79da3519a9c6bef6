"""Pure: which keys are destroyed, what that makes unreadable, and the event that tells it."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from escrow.custody.deeds import Named, in_force, next_event, sign_event
from escrow.record import Event, key_name, released_key_name
from escrow.seal import SigningKey
from escrow.trust import EventLink, Grant, History, SeriesState
from escrow.trust.ending import check_end

CERTIFICATE = "destruction-certificate"
"""What the event is about that puts a certificate of destruction on record."""


@dataclass(frozen=True, slots=True)
class Shred:
    """Keys to destroy: `fresh` ones, and of `told` an event says so already. `series` are all under them; `sealings`
    the names of every sealing that stocks and releases know; `given` the releases that gave one to somebody."""

    fresh: tuple[str, ...]
    told: tuple[str, ...]
    series: tuple[SeriesState, ...]
    sealings: tuple[str, ...]
    given: tuple[Grant, ...]

    @property
    def keys(self) -> tuple[str, ...]:
        """All of them."""
        return tuple(sorted((*self.fresh, *self.told)))

    @property
    def nights(self) -> int:
        """How many nights cannot be opened whole any more."""
        return len({notice.seq for one in self.series for notice in one.notices if notice.kind == "snapshot"})


def plan_shred(history: History, series: Collection[str], clause: str, now: datetime) -> Shred:
    """The keys of these series. RefusedError as `check_end` says, where an event of it would do nothing."""
    keys = sorted({history.series[one].key for one in series})
    told = tuple(key for key in keys if key in history.ending.shredded)
    fresh = tuple(key for key in keys if key not in told)
    if fresh:
        _check(history, fresh, clause, now)
    grants = (*history.handover.past, *history.handover.grants)
    released = [key for one in history.deeds.releases.values() for key in one.keys if key.id in keys]
    names = [key_name(one.id, one.sha256) for one in history.sealings if one.id in keys]
    names += [released_key_name(one.id, one.sha256) for one in released]
    return Shred(
        fresh=fresh,
        told=told,
        series=tuple(one for one in history.series.values() if one.key in keys),
        sealings=tuple(sorted(set(names))),
        given=tuple(one for one in grants if one.keys & set(keys)),
    )


def _check(history: History, keys: Sequence[str], clause: str, now: datetime) -> None:
    """The rules of section 13.8, before anybody signs."""
    charter, head = in_force(history), history.event_head
    event = Event(
        vault=history.vault,
        n=head.n + 1 if head else 1,
        prev=head.sha256 if head else None,
        kind="shredded",
        created=now,
        charter=history.charter_sha256,
        by=("nobody yet",),
        keys=tuple(keys),
        clause=clause,
    )
    state = history.handover
    check_end(event, charter, phase=state.phase, ending=state.end, kept=history.kept, notices=history.notices)


def draft_shred(
    history: History, keys: Sequence[str], clause: str, signers: Sequence[SigningKey], now: datetime
) -> Named:
    """The `shredded` event. RefusedError with the code of the rule that forbids it."""
    event = next_event(history, "shredded", signers, now)
    return sign_event(history, replace(event, keys=tuple(sorted(keys)), clause=clause), signers)


def draft_certificate(
    history: History, keys: Sequence[str], digest: str, signers: Sequence[SigningKey], now: datetime
) -> Named:
    """The event that puts the certificate on record, by the SHA-256 of its file."""
    event = next_event(history, "evidence", signers, now)
    made = replace(event, about=CERTIFICATE, evidence=digest, keys=tuple(sorted(keys)))
    return sign_event(history, made, signers)


def certified(history: History, keys: Collection[str]) -> EventLink | None:
    """The event that has a certificate of all of these keys on record."""
    for link in history.events:
        event = link.event
        if event.about == CERTIFICATE and not link.refused and set(event.keys or ()) >= set(keys):
            return link
    return None
