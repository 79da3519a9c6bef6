"""The keys of some series, sealed again for a party: chosen by scope, each checked before it is used."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from escrow.custody.deeds import Named, identity_of, in_force, next_event, sign_deed, sign_event
from escrow.errors import FormatError, RefusedError, WrongKeyError
from escrow.record import (
    NoticeHead,
    Party,
    Release,
    ReleasedKey,
    SeriesKeyFile,
    StockKey,
    key_name,
    released_key_name,
)
from escrow.seal import HybridIdentity, Identity, SigningKey, open_sealed, parse_recipient, seal
from escrow.trust import Grant, History, SeriesState, open_series_key

SeriesOpener = Callable[[bytes, StockKey], Identity]
Fetch = Callable[[str, str], bytes]
"""Gets the object of a name and a SHA-256."""


@dataclass(frozen=True, slots=True)
class Scope:
    """Which keys: those of compartments' series (or of `series` alone) that touch the time from `since` to `until`.

    A series has one key: whoever gets it reads all its nights. `and_later`: unused keys of the stock too, so that
    coming series are open to the party.
    """

    compartments: frozenset[str]
    series: frozenset[str] = frozenset()
    since: datetime | None = None
    until: datetime | None = None
    and_later: bool = False


@dataclass(frozen=True, slots=True)
class Chosen:
    """What a scope comes to: keys by id, and series by start."""

    keys: tuple[StockKey, ...]
    series: tuple[SeriesState, ...]


@dataclass(frozen=True, slots=True)
class Board:
    """Who releases: what opens the series keys, and the keys that sign."""

    opener: SeriesOpener
    keys: Sequence[SigningKey]


@dataclass(frozen=True, slots=True)
class Terms:
    """Why, and how: the purpose; the clause of the charter that excepts from cooling off; whether this is the end."""

    purpose: str
    clause: str | None = None
    final: bool = False


def choose_keys(history: History, scope: Scope, to: Party) -> Chosen:
    """Pure: the keys of a scope that the party does not have yet.

    Raises RefusedError: `release-compartment` (unknown, or a series under a key of another compartment),
    `release-series`, `release-nothing`.
    """
    known = {one.name for one in in_force(history).compartments}
    if not scope.compartments or not scope.compartments <= known:
        found = ", ".join(sorted(scope.compartments - known)) or "none"
        raise RefusedError("release-compartment", f"expected compartments of {', '.join(sorted(known))}, found {found}")
    strange = scope.series - {name for name, one in history.series.items() if one.compartment in scope.compartments}
    if strange:
        raise RefusedError(
            "release-series", f"expected series of these compartments, found {', '.join(sorted(strange))}"
        )
    series = sorted(
        (one for one in history.series.values() if _within(one, scope) and not _gone(history, one)), key=_start
    )
    keys = {one.key: _key_of(history, one) for one in series}
    if scope.and_later:
        used = {one.key for one in history.series.values()}
        later = [key for key in history.keys.values() if key.id not in used and key.compartment in scope.compartments]
        keys |= {key.id: key for key in later}
    has = {key for grant in history.handover.grants if grant.to.key == to.key for key in grant.keys}
    wanted = tuple(sorted((key for key in keys.values() if key.id not in has), key=lambda key: key.id))
    if not wanted:
        raise RefusedError("release-nothing", f"{to.name} has every key of this scope already, or no series is in it")
    ids = {key.id for key in wanted}
    return Chosen(wanted, tuple(one for one in series if one.key in ids))


def draft_release(
    history: History, scope: Scope, to: Party, board: Board, *, terms: Terms, fetch: Fetch, now: datetime
) -> list[Named]:
    """The objects of a release in the order of their putting: sealed keys, the release, the event that makes it one.

    Each key is opened and held against the stock and its series first. Raises RefusedError, IntegrityError,
    NotFoundError, WrongKeyError, FormatError.
    """
    chosen = choose_keys(history, scope, to)
    notice = history.handover.notice
    if notice is None:
        raise RefusedError(
            "handover-phase", "expected a notice of handover first, found none", hint="escrow handover start"
        )
    recipient = parse_recipient(to.recipient)
    objects: list[Named] = []
    released: list[ReleasedKey] = []
    for key in chosen.keys:
        identity = board.opener(fetch(key_name(key.id, key.sha256), key.sha256), key)
        if not isinstance(identity, HybridIdentity):
            raise FormatError("key-file", "expected a post-quantum identity, found another kind")
        text = SeriesKeyFile(history.vault, key.id, key.compartment, identity.encode().reveal()).text()
        sealed = seal(text, [recipient])
        sha256 = hashlib.sha256(sealed).hexdigest()
        released.append(ReleasedKey(id=key.id, compartment=key.compartment, sha256=sha256, size=len(sealed)))
        objects.append((released_key_name(key.id, sha256), sealed))
    series = tuple(sorted(one.series for one in chosen.series))
    event = next_event(history, "released", board.keys, now)
    head = history.head
    release = Release(
        vault=history.vault,
        n=event.n,
        created=event.created,
        charter=event.charter,
        notice=notice.sha256,
        trigger=notice.trigger,
        purpose=terms.purpose,
        to=to,
        keys=tuple(released),
        series=series,
        clause=terms.clause,
        final=NoticeHead(seq=head.seq, sha256=head.sha256) if terms.final and head else None,
    )
    event = replace(
        event,
        purpose=terms.purpose,
        clause=terms.clause,
        notice=notice.sha256,
        deed=identity_of(release),
        to=to,
        keys=tuple(key.id for key in chosen.keys),
        series=series or None,
    )
    return [*objects, sign_deed(release, board.keys), sign_event(history, event, board.keys)]


def released_opener(history: History, grants: Sequence[Grant], fetch: Fetch, identity: Identity) -> SeriesOpener:
    """What opens the series whose keys were released to `identity`; each key is held against the stock.

    The opener raises WrongKeyError (`key-not-released`, ...), IntegrityError `key-mismatch`.
    """
    released = {
        key.id: key
        for grant in grants
        if grant.deed in history.deeds.releases
        for key in history.deeds.releases[grant.deed].keys
    }
    opened: dict[str, HybridIdentity] = {}

    def open_key(_sealed: bytes, key: StockKey) -> HybridIdentity:
        if key.id not in released:
            hint = "ask the holders for a release of this compartment and series"
            raise WrongKeyError(
                "key-not-released", f"the key {key.id} of {key.compartment} was not released", hint=hint
            )
        if key.id not in opened:
            ours = released[key.id]
            sealed = fetch(released_key_name(ours.id, ours.sha256), ours.sha256)
            opened[key.id] = open_series_key(open_sealed(sealed, [identity]), key, history.vault)
        return opened[key.id]

    return open_key


def _gone(history: History, state: SeriesState) -> bool:
    return state.series in history.ending.expired or state.key in history.ending.shredded


def _within(state: SeriesState, scope: Scope) -> bool:
    if state.compartment not in scope.compartments or (scope.series and state.series not in scope.series):
        return False
    times = [notice.store_time for notice in state.notices]
    if not times:
        return scope.since is None and scope.until is None
    return (scope.since is None or times[-1] >= scope.since) and (scope.until is None or times[0] < scope.until)


def _start(state: SeriesState) -> tuple[int, str]:
    return (state.notices[0].seq if state.notices else 0, state.series)


def _key_of(history: History, state: SeriesState) -> StockKey:
    key = history.keys.get(state.key)
    if key is None or key.compartment != state.compartment:
        found = "which no stock has" if key is None else f"which the holders made for {key.compartment}"
        raise RefusedError(
            "release-compartment",
            f"series {state.series}: expected a key of {state.compartment}, found {state.key}, {found}",
            hint="somebody posted it under a wrong name: run escrow verify, and release the other series by --series",
        )
    return key
