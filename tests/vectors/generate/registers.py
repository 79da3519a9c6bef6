"""Nights of which an erasure leaves something out."""

import base64
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from escrow import record as r
from escrow.seal import HybridIdentity, seal
from tests.engine import forge
from tests.trust import world as w

from .nights import CONTENT, CUSTODY, GOOD, IDENTITY, KEY, OTHERS, A, Night
from .signing import sign_once
from .sink import Sink

CHARTER = w.payload_sha256(w.CHARTER)
BELOW = forge.file(b"s/a.csv/below", [(0, 0, A)], CONTENT[0])
BESIDE = forge.file(b"s/a.csv.bak", [(0, 0, A)], CONTENT[0])

Named = tuple[str, bytes]


def erasure(
    entries: Sequence[dict[str, Any]] | bytes,
    *,
    key: str = KEY.id,
    until: int | None = None,
    to: HybridIdentity = IDENTITY,
) -> list[Named]:
    """An erasure and the event that tells of it, signed by the board."""
    text = entries if isinstance(entries, bytes) else r.encode({"entries": list(entries)})
    sealed = base64.b64encode(seal(text, [to.recipient(), CUSTODY.recipient()])).decode()
    made = w.T0 + timedelta(days=9)
    deed = r.Erasure(vault=w.VAULT, n=1, created=made, charter=CHARTER, keys=(key,), sealed=sealed, until=until)
    event = r.Event(
        vault=w.VAULT,
        n=1,
        prev=None,
        kind="erased",
        created=made,
        charter=CHARTER,
        by=("chair", "head"),
        deed=w.payload_sha256(deed),
        keys=(key,),
    )
    board = (w.HEAD, w.CHAIR)
    envelopes = sign_once(deed, board), sign_once(event, board)
    return [(r.erasure_name(1, envelopes[0]), envelopes[0]), (r.event_name(1, envelopes[1]), envelopes[1])]


def file(path: str, kind: str = "file", **members: str) -> dict[str, Any]:
    return {"kind": kind, "path": path, **members}


ANN = file("s/a.csv", "rows", column="upn", value="A1")
CASES: list[tuple[str | None, str, list[bytes], list[Named]]] = [
    (None, "a file is left out", GOOD, erasure([file("s/b.txt")])),
    (None, "a path and what is below it, nothing beside it", [BESIDE, BELOW], erasure([file("s/a.csv")])),
    (None, "everything is left out", [*GOOD, *OTHERS], erasure([file("s")])),
    (None, "rows are left out", GOOD, erasure([ANN])),
    (None, "rows are left out of a table that is left out whole", GOOD, erasure([ANN, file("s/a.csv")])),
    (None, "a kind of a later minor leaves its path out", GOOD, erasure([file("s/b.txt", "pages", pages="3-7")])),
    (None, "what is not there is left out", GOOD, erasure([file("s/c.txt"), file("s/b")])),
    (None, "an erasure of later nights too", GOOD, erasure([file("s/b.txt")], until=1)),
    (None, "an erasure of another series", GOOD, erasure([file("s")], key=w.STOCK.keys[1].id)),
    ("erasure-whole", "a table without the column", GOOD, erasure([ANN | {"column": "name of the dog"}])),
    ("erasure-damaged", "entries that are no JSON", GOOD, erasure(b"s/b.txt")),
    ("erasure-damaged", "entries that are not canonical", GOOD, erasure(b'{ "entries": [] }')),
    ("erasure-damaged", "sealed to another key", GOOD, erasure([file("s/b.txt")], to=w.identity(21))),
    ("erasure-missing", "the event is there", GOOD, erasure([file("s/b.txt")])[1:]),
]


def make(sink: Sink) -> None:
    """nights/."""
    identity = CUSTODY.encode().reveal().decode()
    for code, what, lines, deeds in CASES:
        objects = [*Night(lines).make().items(), *deeds]
        sink.vault("nights", code, what, objects, seq=1, identity=identity)
