"""Events of custody, of erasures, and of kinds that only a later minor knows."""

import json
from dataclasses import replace
from typing import Any

from escrow import record as r
from escrow.seal import SigningKey, sign_envelope
from tests.trust import world as w

from .deeds import (
    BOARD,
    CHARTER_SHA,
    KEY,
    LA,
    RELEASED,
    TO_RELEASE,
    Case,
    Named,
    at,
    base,
    event,
    later,
    signed,
)
from .records import text
from .sink import Sink

ERASURE = r.Erasure(
    vault=w.VAULT,
    n=1,
    created=at(0),
    charter=CHARTER_SHA,
    keys=(KEY.id,),
    sealed="YWdlLWVuY3J5cHRpb24ub3JnL3YxCg==",
    until=2,
)


def erased(deed: r.Erasure, **changes: Any) -> r.Event:
    return event(deed.n, None, "erased", 0, **({"deed": w.payload_sha256(deed), "keys": deed.keys} | changes))


def _cases() -> list[Case]:
    custody = event(1, None, "custody", 0, why="reshare", deed=CHARTER_SHA)
    ours, other = signed(erased(ERASURE)), replace(ERASURE, until=1)
    theirs = replace(ERASURE, n=3)
    by_la = replace(erased(theirs), prev=w.payload_sha256(RELEASED))
    strange = event(1, None, "drill", 0, purpose="restore")
    wide = erased(ERASURE, keys=tuple(sorted((KEY.id, w.STOCK.keys[1].id))))
    return [
        (None, "custody was changed", [signed(custody)]),
        (None, "an erasure", [ours, signed(ERASURE)]),
        (
            None,
            "an erasure by one to whom its keys were released",
            [*TO_RELEASE, signed(by_la, LA), signed(theirs, LA)],
        ),
        ("event-kind", "a kind of a later minor", [unknown(strange, w.HEAD, kind="renamed", purpose=None, pages=[1])]),
        (
            "event-kind",
            "a kind of a later minor, and what follows it",
            [
                unknown(strange, w.HEAD, kind="renamed", to="Conwy"),
                later(2, replace(strange, kind="renamed", purpose=None), "drill", 1, w.HEAD, purpose="restore"),
            ],
        ),
        ("signature", "a kind of a later minor by a stranger", [unknown(strange, w.STRANGER, kind="renamed")]),
        (
            "event-charter",
            "a kind of a later minor, of no charter",
            [unknown(strange, kind="renamed", charter="00" * 32)],
        ),
        ("event-signers", "custody changed by one of two", [signed(custody, w.HEAD)]),
        ("event-signers", "an erasure by one of two", [signed(erased(ERASURE), w.HEAD), signed(ERASURE, w.HEAD)]),
        ("erasure-unnamed", "no event tells of it", [signed(ERASURE)]),
        ("erasure-missing", "its event is there", [ours]),
        ("erasure-missing", "another is there", [ours, signed(other)]),
        ("erasure-differs", "its event is of more keys", [signed(wide), signed(ERASURE)]),
        ("erasure-quorum", "signed by fewer than its event", [ours, signed(ERASURE, w.HEAD)]),
    ]


def unknown(event: r.Event, *keys: SigningKey, **members: object) -> Named:
    """An event with any members, as a later minor may have it."""
    payload = text(json.loads(r.to_payload(event)) | members).encode()
    data = sign_envelope(payload, "application/vnd.escrow.event+json", keys or BOARD)
    return r.event_name(event.n, data), data


def make(sink: Sink) -> None:
    """deeds/."""
    for code, what, deeds in _cases():
        sink.vault("deeds", code, what, [*base(), *deeds])
