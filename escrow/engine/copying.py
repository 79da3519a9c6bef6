"""Copies a vault's objects to another store, and mends one copy from another. No key: ciphertext moves as it is."""

from collections.abc import Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime

from escrow.engine.fetch import find_exact, public_objects
from escrow.engine.ports import Progress
from escrow.engine.verify import expected_objects
from escrow.errors import ExistsError, IntegrityError, NotFoundError
from escrow.record import check_name, parse_name
from escrow.store import ObjectInfo, Store
from escrow.trust import Finding, History

_PARALLEL = 8
_WAVES = {"charter": 0, "stock": 0, "series": 1, "notices": 2}


@dataclass(frozen=True, slots=True)
class Item:
    """One object to move. `sha256` is "" for a signed record, whose bytes come along in `data`."""

    name: str
    size: int
    sha256: str
    data: bytes
    retain_until: datetime | None


@dataclass(frozen=True, slots=True)
class Moved:
    """What a copy did: objects and bytes put, objects that were there already, and what could not be copied."""

    put: int
    size: int
    already: int
    findings: tuple[Finding, ...]


def whole_vault(source: Store, history: History) -> list[Item]:
    """Everything that a copy of an accepted vault must have: sealed objects, records that fit their names, notices."""
    notices = {link.name for link in history.links}
    until = {name: state.record.retain_until for name, state in history.series.items() if state.record}
    latest = max(until.values(), default=None)
    items = [
        Item(one.name, one.size, one.sha256, b"", until.get(_series(one.name), latest))
        for one in expected_objects(history)
    ]
    for name, data in public_objects(source):
        parsed = parse_name(name)
        if parsed is None or (parsed.kind == "notice" and name not in notices):
            continue
        try:
            check_name(parsed, data)
        except IntegrityError:
            continue
        items.append(Item(name, len(data), "", data, until.get(parsed.series, latest)))
    return sorted(items, key=lambda item: item.name)


def _series(name: str) -> str:
    parsed = parse_name(name)
    return parsed.series if parsed else ""


def plan_copy(items: list[Item], there: Mapping[str, ObjectInfo], bad: Collection[str] = ()) -> list[list[Item]]:
    """Pure: what `there` (the target's newest objects by name) lacks or has wrong, in waves that keep the write order:
    charters, stocks and keys; series; notices. `bad` are names whose bytes are known to be wrong."""
    waves: list[list[Item]] = [[], [], []]
    for item in items:
        known = there.get(item.name)
        right = known and known.size == item.size and (not item.sha256 or known.sha256 in (None, item.sha256))
        if not right or item.name in bad:
            waves[_WAVES[item.name.partition("/")[0]]].append(item)
    return waves


def copy_vault(source: Store, target: Store, history: History, progress: Progress, bad: Collection[str] = ()) -> Moved:
    """Put into `target` what it lacks of the vault in `source`; run again after an interruption, it goes on.

    An object that `target` has under the name with other bytes is removed (hidden, where there are versions) and put
    anew. StoreError when a store as a whole does not answer or refuses.
    """
    progress.stage("compare the copies")
    items = whole_vault(source, history)
    there = {info.key: info for info in target.list()}
    waves = plan_copy(items, there, bad)
    progress.stage("copy", sum(item.size for wave in waves for item in wave))
    now = target.now()
    findings: list[Finding] = []
    put = size = 0

    def move(item: Item) -> Finding | None:
        try:
            data = item.data or find_exact(source, item.name, item.sha256)[0]
        except (NotFoundError, IntegrityError) as error:
            return Finding(error.code, item.name, str(error))
        until = item.retain_until if item.retain_until and item.retain_until > now else None
        try:
            target.put(item.name, data, retain_until=until)
        except ExistsError:
            target.delete(item.name)
            target.put(item.name, data, retain_until=until)
        return None

    with ThreadPoolExecutor(_PARALLEL, "copy") as pool:
        for wave in waves:
            for item, finding in zip(wave, pool.map(move, wave), strict=True):
                if finding:
                    findings.append(finding)
                else:
                    put += 1
                    size += item.size
                progress.advance(item.size)
    return Moved(put, size, len(items) - sum(map(len, waves)), tuple(findings))
