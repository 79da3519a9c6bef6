"""The store and its copies: which are there, read as one, and how each stands."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING

from escrow.errors import IntegrityError, StoreError

from .config import Config, StoreConfig
from .vault import anchor_of, connect, store_of

if TYPE_CHECKING:
    from escrow.engine.places import Place, Sighting, Standing
    from escrow.store import ObjectInfo, Store
    from escrow.trust import Finding, History

_TRIES_OFFLINE = 1
_TRIES_COPY = 3
_FRESH = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Attached:
    """A place of the configuration: its store, or why it is not there."""

    place: "Place"
    store: "Store | None"
    error: StoreError | None


def attach(config: Config) -> list[Attached]:
    """Every place, the store first, each asked for one name."""
    from escrow.engine.places import STORE, Place

    main = store_of(config)
    found = [_attach(Place(STORE, main.payer, "folder"), main, None)]
    for copy in config.copies:
        place = Place(copy.name, copy.store.payer, "folder", copy.offline, copy.holds)
        found.append(_attach(place, copy.store, _TRIES_OFFLINE if copy.offline else _TRIES_COPY))
    return found


def _attach(place: "Place", where: StoreConfig, tries: int | None) -> Attached:
    bucket = where.url.startswith("s3:")
    place = replace(place, kind="disk" if place.offline and not bucket else "bucket" if bucket else "folder")
    try:
        store = connect(where, tries=tries)
        next(store.list("charter/"), None)
    except StoreError as error:
        return Attached(place, None, error)
    return Attached(place, store, None)


def read_as_one(places: Sequence[Attached]) -> "Store":
    """The store and every full copy that is there. The store's own error where none is."""
    from escrow.store.copies import Copies

    there = [one.store for one in places if one.store and one.place.holds == "all"]
    if not there and places[0].error:
        raise places[0].error
    return Copies(there) if len(there) > 1 else there[0]


def without_rollback(history: "History") -> "History":
    """A history read from copies alone: that they end earlier than what was seen of the store shows nothing."""
    return replace(history, findings=tuple(one for one in history.findings if one.code != "rollback"))


def _list_all(places: Sequence[Attached]) -> "tuple[list[Attached], dict[str, Mapping[str, ObjectInfo]]]":
    """The places, and what those show that are there; a copy that fails meanwhile is away."""
    from escrow.engine.places import glance

    found: list[Attached] = []
    shown: dict[str, Mapping[str, ObjectInfo]] = {}
    for one in places:
        try:
            if one.store:
                shown[one.place.name] = glance(one.store)
        except StoreError as error:
            if one is places[0]:
                raise
            found.append(replace(one, store=None, error=error))
        else:
            found.append(one)
    return found, shown


@dataclass(frozen=True, slots=True)
class Survey:
    """The vault and all its places. `history` is the longest that any place shows; `findings` are those of history and
    places, `rollback` included where a copy shows more than the store."""

    config: Config
    places: tuple[Attached, ...]
    history: "History"
    standings: "tuple[Standing, ...]"
    findings: "tuple[Finding, ...]"

    def remember(self, lacking: dict[str, int] | None = None) -> None:
        """Remember the head, unless the store was rolled back, and what each copy holds; `lacking` where all of a copy
        was looked at."""
        from escrow.engine.memory import remember_copies, remember_head, seen_copies

        vault, state = self.history.vault, self.config.state
        if self.history.head and not any(one.code.startswith("rollback") for one in self.findings):
            remember_head(state, vault, self.history.head)
        known = seen_copies(state, vault)
        seen: dict[str, Sighting] = {}
        for one in self.standings[1:]:
            if one.attached and one.seen:
                name = one.place.name
                before = known.get(name, one.seen)
                now = replace(one.seen, lacking=(lacking or {}).get(name, before.lacking))
                if name not in known or now != replace(before, at=now.at) or now.at - before.at > _FRESH:
                    seen[name] = now
        if seen:
            remember_copies(state, vault, seen)


def survey(config: Config) -> Survey:
    """Look at every place that is there, cheaply: the store's history, and listings of notices and stock.

    The store's own error when neither it nor a full copy is there; IntegrityError when none shows the vault.
    """
    from escrow.engine.memory import remembered_head, seen_copies
    from escrow.engine.places import judge_place, sight, unknown_notices
    from escrow.engine.ports import SystemClock
    from escrow.engine.reading import load_history
    from escrow.trust import Finding

    anchor = anchor_of(config)
    places, shown = _list_all(attach(config))
    remembered = remembered_head(config.state, anchor.vault)
    main = places[0]
    as_one = read_as_one(places)
    findings: list[Finding] = []
    own: History | None = None
    try:
        history = own = load_history(main.store or as_one, anchor, remembered)
    except IntegrityError as error:
        if as_one is main.store:
            raise
        findings.append(Finding(error.code, main.place.name, str(error)))
        history = load_history(as_one, anchor, remembered)
    if main.error:
        own, history = None, without_rollback(history)
        findings.append(Finding("store-away", main.place.name, str(main.error)))
    full = [one.place.name for one in places[1:] if one.store and one.place.holds == "all"]
    if own and any(unknown_notices(own, shown[name]) for name in full):
        longest = load_history(as_one, anchor, remembered)
        if longest.head and longest.head != own.head:
            history = longest
            detail = f"{' or '.join(full)} shows notice {longest.head.seq}, which the store does not show"
            findings.append(Finding("rollback", longest.main[-1].name, detail))
    now = SystemClock().now()
    before = seen_copies(config.state, history.vault)
    standings = []
    for one in places:
        name = one.place.name
        seen: Sighting | None = before.get(name)
        if name in shown:
            fresh = sight(history, one.place.holds, shown[name], now)
            seen = replace(fresh, lacking=max(fresh.lacking, seen.lacking if seen else 0))
        standings.append(judge_place(one.place, seen, one.store is not None, history, now))
    findings += [*history.findings, *(finding for one in standings for finding in one.findings)]
    return Survey(config, tuple(places), history, tuple(standings), tuple(findings))
