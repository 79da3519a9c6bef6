"""The places where a vault lies: what each holds, how far it is behind, and the 3-2-1 that they add up to."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal, TypeAlias

from escrow.engine.key_domains import KeyPlace, judge_key_domains
from escrow.engine.verify import expected_objects
from escrow.store import ObjectInfo, Store
from escrow.trust import Finding, History, only_ending

Kind: TypeAlias = Literal["bucket", "folder", "disk"]
Holds: TypeAlias = Literal["all", "keys"]

STORE = "store"
"""The name of the place that nights are deposited in."""
MAX_NIGHTS = 2
"""Nights that a copy may be behind."""
MAX_OFFLINE = timedelta(days=8)
"""Age of the first night that an offline copy may lack: a disk that is attached once a week."""


@dataclass(frozen=True, slots=True)
class Place:
    """A place: the store, or a copy of all or of the keys alone. `offline`: it need not always be there."""

    name: str
    payer: str | None
    kind: Kind
    offline: bool = False
    holds: Holds = "all"


@dataclass(frozen=True, slots=True)
class Sighting:
    """What a place held at `at`: the number of its last notice (0: none), the names of its key objects, and how many
    objects it lacked of what it should hold by then."""

    at: datetime
    head: int
    keys: frozenset[str]
    lacking: int


@dataclass(frozen=True, slots=True)
class Standing:
    """A place as it stands now, or as it was last seen. `behind`: nights of the vault that came after its last."""

    place: Place
    seen: Sighting | None
    attached: bool
    behind: int
    findings: tuple[Finding, ...]

    @property
    def whole(self) -> bool:
        """Whether it counts as a copy of the vault. The store may not be behind."""
        late = self.place.name == STORE and self.behind > 0
        return self.place.holds == "all" and self.seen is not None and not self.findings and not late

    def without_keys(self, bad: Collection[str]) -> "Standing":
        """The same, but for key objects whose bytes are known to be wrong."""
        return replace(self, seen=self.seen and replace(self.seen, keys=self.seen.keys - frozenset(bad)))


def glance(store: Store) -> dict[str, ObjectInfo]:
    """A place's notices and stock, by name: a cheap look at what it has."""
    return {info.key: info for prefix in ("notices/", "stock/") for info in store.list(prefix)}


def key_sizes(history: History) -> dict[str, int]:
    """Pure: the sealed series keys that the stock names, with their bytes."""
    return {
        one.name: one.size for one in expected_objects(replace(history, links=(), deeds=only_ending(history.deeds)))
    }


def sight(history: History, holds: Holds, there: Mapping[str, ObjectInfo], at: datetime) -> Sighting:
    """Pure: what a listing shows, held against the history and sizes of keys. Nothing of it is proven."""
    sizes = key_sizes(history)
    keys = frozenset(name for name, size in sizes.items() if name in there and there[name].size == size)
    head = max((link.notice.seq for link in history.main if link.name in there), default=0)
    lost = [link.name for link in history.links if link.notice.seq <= head and link.name not in there]
    if holds == "keys":
        head, lost = 0, []
    return Sighting(at, head, keys, len(sizes) - len(keys) + len(lost))


def up_to(history: History, head: int, own: History) -> History:
    """Pure: the part of a history that a place must hold whose last notice is `head`, and whose stock and
    deeds are those of its `own` history: what it hides behind a damaged notice is asked for too."""
    return replace(
        history,
        keys={name: key for name, key in history.keys.items() if name in own.keys},
        sealings=tuple(sealing for sealing in history.sealings if sealing in own.sealings),
        links=tuple(link for link in history.links if link.notice.seq <= head),
        main=tuple(link for link in history.main if link.notice.seq <= head),
        deeds=own.deeds,
    )


def unknown_notices(history: History, there: Iterable[str]) -> bool:
    """Pure: whether a listing names a notice that the history does not have."""
    known = {link.name for link in history.links}
    return any(name.startswith("notices/") and name not in known for name in there)


def judge_place(place: Place, seen: Sighting | None, attached: bool, history: History, now: datetime) -> Standing:
    """Pure: how a place stands. Findings: `copy-unseen`, `copy-away`, `copy-lags`, `copy-lacks`."""
    nights = [one for one in history.snapshots if one.on_main and (seen is None or one.seq > seen.head)]
    if place.holds == "keys":
        nights = []
    findings: list[Finding] = []
    advice = "escrow store repair" if place.name == STORE else f"escrow store copy {place.name}"
    if not (attached or place.offline or place.name == STORE):
        findings.append(Finding("copy-away", place.name, "it does not answer, and is no offline disk"))
    if seen is None:
        if attached or place.offline:
            detail = f"it was never seen with this vault: attach it and run {advice}"
            findings.append(Finding("copy-unseen", place.name, detail))
        return Standing(place, None, attached, len(nights), tuple(findings))
    if nights and (now - nights[0].store_time > MAX_OFFLINE if place.offline else len(nights) > MAX_NIGHTS):
        allowed = f"{MAX_OFFLINE.days} days" if place.offline else f"{MAX_NIGHTS} nights"
        since = f"{nights[0].store_time:%Y-%m-%d}"
        detail = f"nights that it lacks: {len(nights)}, since {since}; at most {allowed} are allowed: run {advice}"
        findings.append(Finding("copy-lags", place.name, detail))
    if seen.lacking:
        findings.append(Finding("copy-lacks", place.name, f"objects that it lacks: {seen.lacking}: run {advice}"))
    return Standing(place, seen, attached, len(nights), tuple(findings))


def judge_keys(history: History, standings: Sequence[Standing], now: datetime) -> tuple[Finding, ...]:
    """Pure: key objects in two administrative domains, by what was seen. The first standing is the store's."""
    nothing = Sighting(now, 0, frozenset(), 0)
    places = [
        KeyPlace(one.place.name, one.place.payer, (one.seen or nothing).keys, (one.seen or nothing).at)
        for one in standings
    ]
    return judge_key_domains(key_sizes(history).keys(), places, now)


def three_two_one(standings: Sequence[Standing]) -> tuple[int, int, int]:
    """Pure: whole copies, kinds of storage that they lie on, and how many are offline or under another payer."""
    whole = [one.place for one in standings if one.whole]
    home = (standings[0].place.payer or "").strip().casefold()
    apart = [place for place in whole if place.offline or (place.payer or home).strip().casefold() != home]
    return len(whole), len({place.kind for place in whole}), len(apart)
