"""Release and acceptance of three years: 1,000 nights, three compartments, beside copying, reading and restoring."""

import time
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from functools import cache

import pytest

from escrow import record as r
from escrow.custody import series_identity
from escrow.custody.deeds import next_event, open_grant, sign_event
from escrow.custody.quorum import Draft
from escrow.custody.release import Board, Scope, Terms, draft_release, released_opener
from escrow.engine.ports import NoProgress
from escrow.engine.released import Opening, open_run, released_runs
from escrow.seal import Identity
from escrow.store import MemoryStore
from escrow.trust import History, accept
from tests.custody.closing import EVIDENCE, LA
from tests.custody.three_years import PARTS, deposit, founded
from tests.engine.kit import T0

NIGHTS = 1000
FILES = 20
LIMIT = 10.0


def read(objects: dict[str, bytes]) -> History:
    history = accept(objects.items())
    assert history.findings == ()
    return history


def released(draft: Draft, objects: dict[str, bytes], nights: int) -> History:
    """Notice and release of everything, each from what a fresh reader accepts."""
    now = T0 + timedelta(days=nights + 1)
    vault = draft.charter.vault
    board = Board(lambda sealed, key: series_identity(sealed, key, vault, draft.identity), draft.keys[:2])
    history = read(objects)
    event = replace(
        next_event(history, "notice-given", draft.keys[:1], now),
        purpose="handover",
        trigger="closure-order",
        evidence=EVIDENCE,
    )
    objects.update([sign_event(history, event, draft.keys[:1])])
    objects.update(
        draft_release(
            read(objects),
            Scope(frozenset(PARTS), and_later=True),
            LA.card().party,
            board,
            terms=Terms("handover"),
            fetch=lambda name, _sha256: objects[name],
            now=now,
        )
    )
    return read(objects)


def stored(objects: dict[str, bytes], store: MemoryStore | None = None) -> MemoryStore:
    place = store or MemoryStore()
    for name, data in objects.items():
        place.put(name, data)
    return place


def opening(history: History, objects: dict[str, bytes]) -> Opening:
    """The custodian's side: its own place, the keys it got."""
    grant = open_grant(history, LA.signing)
    opener = released_opener(history, [grant], lambda name, _sha256: objects[name], LA.identity)
    return Opening(stored(objects), history, grant.keys, opener)


def opened(at: Opening) -> tuple[int, int, list[str]]:
    """Nights and files opened, and what was found."""
    nights = files = 0
    found = []
    for run in released_runs(at):
        lists, last = open_run(at, run, NoProgress())
        nights, files = nights + lists.count, files + last.count
        found += [f"{one.code} {one.subject}" for one in (*lists.findings, *last.findings)]
    return nights, files, found


@pytest.mark.slow
def test_three_years_are_handed_over_in_ten_seconds() -> None:
    """Every released key is opened, every night's manifest and list too, from what fresh readers accept."""
    draft, objects = founded()
    deposit(draft, objects, NIGHTS, FILES)
    started = time.perf_counter()
    history = released(draft, objects, NIGHTS)
    nights, files, found = opened(opening(history, objects))
    read(objects)
    seconds = time.perf_counter() - started
    assert (nights, found) == (NIGHTS * len(PARTS), [])
    assert files == FILES * len(history.series)
    assert len(history.handover.grants[0].keys) == len(history.keys)
    assert seconds < LIMIT, f"{seconds:.1f} s"


@cache
def small() -> tuple[Draft, dict[str, bytes], History]:
    """Five nights, released."""
    draft, objects = founded()
    deposit(draft, objects, 5, 2)
    return draft, objects, released(draft, objects, 5)


def test_packs_are_opened_once_for_all_nights() -> None:
    _, objects, history = small()
    at = opening(history, objects)
    asked: list[str] = []

    class Counting(MemoryStore):
        def get(self, key: str, **more: object) -> bytes:
            asked.append(key)
            return super().get(key, **more)  # type: ignore[arg-type]

    counting = replace(at, place=stored(objects, Counting()))
    assert opened(counting) == (15, 6, [])
    packs = [key for key in asked if "/packs/" in key]
    manifests = [key for key in asked if "/manifests/" in key]
    assert len(set(packs)) == 15 and len(manifests) == len(set(manifests)) == 15
    assert all(packs.count(key) <= 4 for key in packs)


def manifest_of(history: History, objects: dict[str, bytes], seq: int) -> str:
    link = next(one for one in history.snapshots if one.seq == seq)
    part = next(part for part in link.parts if part.compartment == "records")
    assert part.manifest
    return r.manifest_name(part.series, seq, part.manifest.sha256)


def pack_of(history: History, objects: dict[str, bytes], seq: int) -> str:
    link = next(one for one in history.snapshots if one.seq == seq)
    part = next(part for part in link.parts if part.compartment == "records")
    return r.pack_name(part.series, part.packs[0].sha256)


@pytest.mark.parametrize(
    ("which", "code"),
    [(manifest_of, "object-hash"), (pack_of, "object-hash")],
    ids=["manifest", "pack"],
)
def test_an_older_night_that_does_not_open_is_told(
    which: Callable[[History, dict[str, bytes], int], str], code: str
) -> None:
    _, objects, history = small()
    name = which(history, objects, 2)
    data = objects[name]
    spoilt = objects | {name: data[:-1] + bytes([data[-1] ^ 1])}
    at = replace(opening(history, objects), place=stored(spoilt))
    assert opened(at) == (15, 6, [f"{code} 2"])


def test_a_key_that_does_not_open_is_told_for_each_night() -> None:
    _, objects, history = small()

    def wrong(sealed: bytes, key: r.StockKey) -> Identity:
        other = next(one for one in history.keys if one != key.id)
        return opening(history, objects).opener(sealed, history.keys[other])

    at = replace(opening(history, objects), opener=wrong)
    nights, files, found = opened(at)
    assert (nights, files, len(found)) == (15, 0, 15)
