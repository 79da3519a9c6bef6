"""Copies a vault's objects to another place, and mends one place from the others. No key: ciphertext moves as it is."""

import hashlib
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from escrow.engine.fetch import find_exact, public_objects
from escrow.engine.places import Holds
from escrow.engine.ports import Progress
from escrow.engine.rescue import is_kit, read_kit
from escrow.engine.sync import Anchor
from escrow.engine.verify import expected_objects, verify_listing
from escrow.errors import DeniedError, EscrowError, ExistsError, IntegrityError, LimitError, NotFoundError, RefusedError
from escrow.limits import MIN_PACK
from escrow.record import (
    Charter,
    Erasure,
    Event,
    Notice,
    ParsedName,
    Receipt,
    Record,
    Release,
    Series,
    Stock,
    check_name,
    parse_name,
)
from escrow.store import ObjectInfo, Store
from escrow.trust import Finding, Head, History, accept, only_ending, peek_record

_LARGE, _SMALL = 4, 8
"""Objects under way at once: large ones are held in memory, and the time of small ones is the network's."""
_WAVES = {
    "charter": 0,
    "README.txt": 1,
    "RESCUE": 1,
    "stock": 1,
    "series": 1,
    "notices": 2,
    "events": 2,
    "releases": 2,
    "receipts": 2,
    "erasures": 2,
}
_WITH_KEYS = ("charter/", "stock/", "events/", "releases/", "receipts/", "erasures/")
_KINDS: dict[str, type[Record]] = {
    "charter": Charter,
    "stock": Stock,
    "series": Series,
    "notice": Notice,
    "event": Event,
    "release": Release,
    "receipt": Receipt,
    "erasure": Erasure,
}


@dataclass(frozen=True, slots=True)
class Original:
    """What is copied: the place that sealed objects are read from, the accepted history, the signed records by name."""

    store: Store
    history: History
    records: Mapping[str, bytes]


@dataclass(frozen=True, slots=True)
class Item:
    """One object to move. `sha256` is "" for a signed record, whose bytes come along in `data`.

    `retain_until` is None where the charter's longest lock is due: for charters, stocks and keys.
    """

    name: str
    size: int
    sha256: str
    data: bytes
    retain_until: datetime | None


@dataclass(frozen=True, slots=True)
class Plan:
    """What a place lacks, in waves that keep the write order; `already` counts what it has."""

    waves: tuple[tuple[Item, ...], ...]
    already: int

    @property
    def count(self) -> int:
        """Objects to put."""
        return sum(map(len, self.waves))

    @property
    def size(self) -> int:
        """Bytes to put."""
        return sum(item.size for wave in self.waves for item in wave)


@dataclass(frozen=True, slots=True)
class Moved:
    """What a copy did: objects and bytes put, and what could not be copied."""

    put: int
    size: int
    findings: tuple[Finding, ...]


def read_original(store: Store, anchor: Anchor, remembered: Head | None = None) -> Original:
    """Everything public of a vault, to be copied. Raises IntegrityError (`charter-missing`) when no charter holds."""
    records = dict(public_objects(store))
    history = accept(records.items(), vault=anchor.vault, fingerprint=anchor.fingerprint, remembered=remembered)
    if history.charter is None:
        raise IntegrityError(
            "charter-missing",
            f"{store.describe()}: expected a vault to copy, found no valid charter",
            hint="check the addresses, the vault's id and the fingerprint in the configuration",
        )
    return Original(store, history, records | read_kit(store, history.charters)[0])


def whole_vault(original: Original, holds: Holds = "all") -> list[Item]:
    """Everything that a place must have: sealed objects, this vault's records that fit their names, notices.

    Of `keys`: what holders need who meet over it: charters, stocks, sealed keys, and the chain of events.
    """
    history = original.history
    notices = {link.name for link in history.links}
    until = {name: state.record.retain_until for name, state in history.series.items() if state.record}
    latest = max(until.values(), default=None)

    def due(name: ParsedName | None) -> datetime | None:
        return None if name is None or name.kind in ("charter", "stock", "key") else until.get(name.series, latest)

    items = [Item(one.name, one.size, one.sha256, b"", due(parse_name(one.name))) for one in expected_objects(history)]
    for name, data in original.records.items():
        parsed = parse_name(name)
        if parsed and _belongs(parsed, data, history.vault) and (parsed.kind != "notice" or name in notices):
            items.append(Item(name, len(data), "", data, due(parsed)))
        elif is_kit(name):
            items.append(Item(name, len(data), "", data, None))
    folders = _WITH_KEYS if holds == "keys" else tuple(_WAVES)
    return sorted((item for item in items if item.name.startswith(folders)), key=lambda item: item.name)


def _belongs(name: ParsedName, data: bytes, vault: str) -> bool:
    try:
        check_name(name, data)
        return name.kind in _KINDS and peek_record(data, _KINDS[name.kind])[0].vault == vault
    except EscrowError:
        return False


def plan_copy(items: list[Item], there: Mapping[str, ObjectInfo], bad: Collection[str] = ()) -> Plan:
    """Pure: what `there` (a place's newest objects by name) lacks or has wrong, in waves that keep the write order:
    charters, by which others know whose place it is; all that notices name; notices. `bad` are names whose bytes are
    known to be wrong."""
    waves: tuple[list[Item], ...] = ([], [], [])
    for item in items:
        known = there.get(item.name)
        right = known and known.size == item.size and (not item.sha256 or known.sha256 in (None, item.sha256))
        if not right or item.name in bad:
            waves[_WAVES[item.name.partition("/")[0]]].append(item)
    return Plan(tuple(map(tuple, waves)), len(items) - sum(map(len, waves)))


def check_place(place: Store, history: History) -> None:
    """Nothing is put beside another vault. Raises RefusedError `store-other-vault`."""
    there = accept(public_objects(place, ("charter/",)))
    if there.charter and there.fingerprint != history.fingerprint:
        raise RefusedError(
            "store-other-vault",
            f"{place.describe()} holds another vault, {there.vault} of {there.charter.school.name}",
            hint="give each vault its own folder or prefix, and correct the address in escrow.toml",
        )


def find_bad(original: Original, place: Store, holds: Holds, progress: Progress) -> tuple[Finding, ...]:
    """What a place has, and has wrong or hidden, as far as listing and records tell; packs are not read."""
    history = (
        original.history
        if holds == "all"
        else replace(original.history, links=(), deeds=only_ending(original.history.deeds))
    )
    findings = verify_listing(place, history, progress).findings
    lost = [one for one in findings if one.severity == "error" and one.code.startswith("object-")]
    return (*lost, *_bad_records(whole_vault(original, holds), place, original.history.charters))


def _bad_records(items: list[Item], place: Store, charters: Sequence[Charter]) -> Iterator[Finding]:
    there = dict(public_objects(place)) | read_kit(place, charters)[0]
    for item in items:
        if item.data and item.name not in there:
            yield Finding("object-missing", item.name, "expected in the store, found none")
        elif item.data and there[item.name] != item.data:
            yield Finding("object-hash", item.name, "its bytes are not those that its name promises")


def _each(call: Callable[[Item], Finding | None], items: Sequence[Item]) -> Iterator[tuple[Item, Finding | None]]:
    """What `call` gives for every item, in their order. Called for the largest first, and beside them for the small
    in their order."""
    with ThreadPoolExecutor(_LARGE, "large") as large, ThreadPoolExecutor(_SMALL, "small") as small:
        first = sorted((item for item in items if item.size >= MIN_PACK), key=lambda item: item.size, reverse=True)
        under_way = {item.name: large.submit(call, item) for item in first}
        under_way |= {item.name: small.submit(call, item) for item in items if item.name not in under_way}
        try:
            for item in items:
                yield item, under_way[item.name].result()
        finally:
            for future in under_way.values():
                future.cancel()


def find_damaged(items: Iterable[Item], place: Store, progress: Progress) -> list[Finding]:
    """Download the newest version of these sealed objects and hash it: what lies over the right bytes is told too."""
    chosen = [item for item in items if item.sha256]
    progress.stage("read the place", sum(item.size for item in chosen))

    def check(item: Item) -> Finding | None:
        try:
            found = hashlib.sha256(place.get(item.name)).hexdigest()
        except (NotFoundError, LimitError) as error:
            return Finding("object-missing", item.name, str(error))
        if found == item.sha256:
            return None
        return Finding("object-hash", item.name, f"expected SHA-256 {item.sha256[:16]}…, found {found[:16]}…")

    findings = []
    for item, finding in _each(check, chosen):
        findings += [finding] if finding else []
        progress.advance(item.size)
    return findings


def copy_vault(original: Original, place: Store, plan: Plan, progress: Progress) -> Moved:
    """Put what `plan` says into `place`; planned and run again after an interruption, it goes on.

    An object that `place` has under the name with other bytes is removed (hidden, where there are versions) and put
    anew. StoreError when a place as a whole does not answer or refuses.
    """
    progress.stage("copy", plan.size)
    now = place.now().replace(microsecond=0)
    charter = original.history.charter
    longest = now + timedelta(days=charter.cap_days) if charter else None
    findings: list[Finding] = []
    put = size = 0

    def move(item: Item) -> Finding | None:
        try:
            data = item.data or find_exact(original.store, item.name, item.sha256)[0]
        except (NotFoundError, IntegrityError) as error:
            return Finding(error.code, item.name, str(error))
        until = longest if item.retain_until is None else item.retain_until if item.retain_until > now else None
        try:
            place.put(item.name, data, retain_until=until)
        except ExistsError:
            try:
                place.delete(item.name)
            except DeniedError as error:
                return Finding(error.code, item.name, f"other bytes lie there, and may not be hidden: {error}")
            place.put(item.name, data, retain_until=until)
        return None

    for wave in plan.waves:
        for item, finding in _each(move, wave):
            if finding:
                findings.append(finding)
            else:
                put += 1
                size += item.size
            progress.advance(item.size)
    return Moved(put, size, tuple(findings))
