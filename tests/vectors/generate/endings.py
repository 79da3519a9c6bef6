"""Documents on record, holds, and what expired or was destroyed (docs/format.md, section 13.8)."""

import base64
import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

from escrow import record as r
from escrow.seal import SigningKey
from tests.trust import world as w

from . import deeds as d
from .nights import CUSTODY, GOOD, Night
from .sink import Sink

CLAUSE = r.Retention(id="shred-records", compartment="records", schedule="two holders may destroy keys")
OPEN = replace(CLAUSE, id="records-25")
CHARTER = replace(d.CHARTER, retention=(OPEN, CLAUSE))
SHA = w.payload_sha256(CHARTER)
STOCK = replace(w.STOCK, keys=tuple(sorted((*w.STOCK.keys, w.stock_key(22)), key=lambda key: key.id)))
LATER_KEY = w.stock_key(22).id
FIRST = replace(w.SERIES, charter=SHA)
SECOND = replace(FIRST, series="6f" * 8, key=LATER_KEY, why="planned")
KEPT = replace(FIRST, retain_until=w.T0 + timedelta(days=30))
ONE, TWO = FIRST.series, SECOND.series
LETTER: dict[str, Any] = {"evidence": "ab" * 32, "about": "deletion-certificate"}
SHREDS: dict[str, Any] = {"keys": (d.KEY.id,), "clause": CLAUSE.id}


def vault(first: r.Series = FIRST, *, seen: r.Event | None = None) -> list[d.Named]:
    """A night in each of two series, and a third that may have seen an event."""
    nights = [w.notice(1, None, series=first)]
    nights.append(replace(_night(2, nights[0]), series=_part(SECOND, 0)))
    head = r.EventHead(n=seen.n, sha256=w.payload_sha256(seen)) if seen else None
    nights.append(replace(_night(3, nights[1]), series=_part(SECOND, 1), events=head))
    nights = _under(nights)
    return [w.named(CHARTER, *d.BOARD, d.LA), w.named(STOCK), w.named(first), w.named(SECOND), *map(w.named, nights)]


def _night(seq: int, prev: r.Notice) -> r.Notice:
    return w.notice(seq, prev)


def _part(series: r.Series, first_pack: int) -> tuple[r.NoticeSeries, ...]:
    made = w.notice(1, None, series=series, label=f"{series.series}{first_pack}").series[0]
    return (replace(made, first_pack=first_pack),)


def _under(nights: Sequence[r.Notice]) -> list[r.Notice]:
    """The same nights, under this charter, each citing the one before."""
    found: list[r.Notice] = []
    for one in nights:
        prev = w.payload_sha256(found[-1]) if found else None
        found.append(replace(one, charter=SHA, prev=prev))
    return found


def event(n: int, prev: r.Event | None, kind: str, days: int = 0, **members: Any) -> r.Event:
    return d.event(n, prev, kind, days, charter=SHA, **members)


def chain(*steps: tuple[r.Event, Sequence[SigningKey]]) -> list[d.Named]:
    return [d.signed(one, *keys) for one, keys in steps]


HELD = event(1, None, "held", hold="inquiry", series=(ONE,))
ALL_HELD = event(1, None, "held", hold="police")
GONE = event(1, None, "expired", series=(ONE,))
SHREDDED = event(1, None, "shredded", **SHREDS)
NOTICE = event(1, None, "notice-given", purpose="handover", trigger="closure-order", evidence="ab" * 32)
BOARD, LA, HEAD = d.BOARD, (d.LA,), (w.HEAD,)


def _cleared(held: r.Event) -> r.Event:
    return event(2, held, "hold-cleared", deed=w.payload_sha256(held))


def _good() -> list[tuple[str, list[d.Named]]]:
    cleared = _cleared(HELD)
    second = event(2, HELD, "expired", series=(ONE,))
    held_later = replace(HELD, series=(TWO,))
    return [
        ("a document on record, by a holder", chain((event(1, None, "evidence", **LETTER), HEAD))),
        ("a document on record, by the custodian", chain((event(1, None, "evidence", **LETTER), LA))),
        ("a hold on a series", chain((HELD, HEAD))),
        ("a hold on the whole vault, by the custodian", chain((ALL_HELD, LA))),
        ("a hold was cleared", chain((HELD, HEAD), (cleared, BOARD))),
        ("a series expired", chain((GONE, BOARD))),
        ("a series expired beside a hold on another", chain((held_later, HEAD), (_after(second, held_later), BOARD))),
        (
            "a series expired once its hold was cleared",
            chain((HELD, HEAD), (cleared, BOARD), (event(3, cleared, "expired", series=(ONE,)), BOARD)),
        ),
        ("keys were destroyed", chain((SHREDDED, BOARD))),
    ]


def _after(one: r.Event, before: r.Event) -> r.Event:
    return replace(one, prev=w.payload_sha256(before))


def _bad() -> list[tuple[str, str, list[d.Named]]]:
    shred = event(2, HELD, "shredded", **SHREDS)
    late = event(2, HELD, "expired", series=(ONE,))
    return [
        ("event-signers", "a series expired, by one of two", chain((GONE, HEAD))),
        ("event-signers", "a series expired, by the custodian before a transfer", chain((GONE, LA))),
        ("event-signers", "a hold cleared by one of two", chain((HELD, HEAD), (_cleared(HELD), HEAD))),
        ("event-signers", "keys destroyed by one of two", chain((SHREDDED, HEAD))),
        ("hold-unknown", "no such hold", chain((event(1, None, "hold-cleared", deed="ab" * 32), BOARD))),
        (
            "hold-unknown",
            "a hold cleared twice",
            chain(
                (HELD, HEAD),
                (_cleared(HELD), BOARD),
                (event(3, _cleared(HELD), "hold-cleared", deed=w.payload_sha256(HELD)), BOARD),
            ),
        ),
        ("hold-covers", "a series under a hold", chain((HELD, HEAD), (late, BOARD))),
        (
            "hold-covers",
            "a vault under a hold",
            chain((ALL_HELD, HEAD), (event(2, ALL_HELD, "expired", series=(ONE,)), BOARD)),
        ),
        ("hold-covers", "a key of a series under a hold", chain((HELD, HEAD), (shred, BOARD))),
        ("handover-phase", "a series, with a handover under way", _under_way("expired", series=(ONE,))),
        ("handover-phase", "a key, with a handover under way", _under_way("shredded", **SHREDS)),
        ("expired-early", "a series of no record", chain((replace(GONE, series=("77" * 8,)), BOARD))),
        ("series-last", "the last series", chain((replace(GONE, series=(ONE, TWO)), BOARD))),
        ("series-last", "the key of the last series", chain((replace(SHREDDED, keys=(LATER_KEY,)), BOARD))),
        ("shred-clause", "a clause that allows no such thing", chain((replace(SHREDDED, clause=OPEN.id), BOARD))),
        ("shred-clause", "no clause of the charter", chain((replace(SHREDDED, clause="shred-all"), BOARD))),
        (
            "shred-clause",
            "a key of another compartment",
            chain((replace(SHREDDED, keys=(w.STOCK.keys[1].id,)), BOARD)),
        ),
    ]


def _under_way(kind: str, **members: Any) -> list[d.Named]:
    return chain((NOTICE, HEAD), (event(2, NOTICE, kind, 1, **members), BOARD))


def _handed_over() -> list[tuple[str | None, str, list[d.Named]]]:
    """After a transfer, of the one series that there is."""
    gone = d.event(5, d.TRANSFERRED, "expired", 20, series=(d.SERIES.series,))
    shred = d.event(5, d.TRANSFERRED, "shredded", 20, keys=(d.KEY.id,), clause="shred-records")
    vendors = d.release(2, d.NOTICE, d.party(d.VENDOR, "New MIS Ltd"))
    told = d.released(2, d.NOTICE, vendors)
    theirs = d.event(3, told, "evidence", 9, **LETTER)
    return [
        (None, "the last series expired after a transfer, by the custodian", [*d.WHOLE, d.signed(gone, d.LA)]),
        ("shred-clause", "keys destroyed under a charter without such a clause", [*d.WHOLE, d.signed(shred, d.LA)]),
        (
            "event-signers",
            "a document on record by one to whom keys were released",
            [*d.TO_NOTICE, d.signed(vendors), d.signed(told), d.signed(theirs, d.VENDOR)],
        ),
    ]


def _nights(sink: Sink) -> None:
    """A night that was deleted, and one whose key was."""
    objects = Night(GOOD).make()
    first = next(
        r.from_payload(base64.b64decode(json.loads(data)["payload"]), r.Notice)
        for name, data in objects.items()
        if name.startswith("notices/")
    )
    second = replace(SECOND, charter=w.payload_sha256(w.CHARTER), key=d.KEY.id)
    night = replace(w.notice(2, first), series=_part(second, 0))
    amended = replace(w.CHARTER, n=2, prev=w.payload_sha256(w.CHARTER), retention=(CLAUSE,))
    later = dict(w.named(one) for one in (second, night, amended))
    charter = w.payload_sha256(amended)
    for code, gone, away in (
        ("series-expired", d.event(1, None, "expired", 0, charter=charter, series=(ONE,)), f"series/{ONE}/"),
        ("object-missing", d.event(1, None, "evidence", 0, charter=charter, **LETTER), f"series/{ONE}/"),
    ):
        _put(sink, code, gone, {**objects, **later}, away)
    third = replace(SECOND, charter=w.payload_sha256(w.CHARTER))
    stock = replace(w.STOCK, n=2, prev=None, keys=(w.stock_key(22),))
    before = next(
        r.from_payload(base64.b64decode(json.loads(data)["payload"]), r.Stock)
        for name, data in objects.items()
        if name.startswith("stock/") and name.endswith(".json")
    )
    stock = replace(stock, prev=w.payload_sha256(before))
    night = replace(w.notice(2, first), series=_part(third, 0))
    later = dict(w.named(one) for one in (third, night, amended, stock))
    gone = d.event(1, None, "shredded", 0, charter=charter, **SHREDS)
    _put(sink, "key-shredded", gone, {**objects, **later}, "stock/")


def _put(sink: Sink, code: str, event: r.Event, objects: dict[str, bytes], away: str) -> None:
    """Night 1 without its sealed objects below `away`."""
    left = {name: data for name, data in objects.items() if not (name.startswith(away) and name.endswith(".age"))}
    named = dict([d.signed(event)])
    what = f"what is gone, and event 1 says {event.kind}"
    sink.vault("nights", code, what, {**left, **named}.items(), seq=1, identity=CUSTODY.encode().reveal().decode())


def make(sink: Sink) -> None:
    """More of deeds/ and nights/."""
    for what, told in _good():
        sink.vault("deeds", None, what, [*vault(), *told])
    for code, what, told in _bad():
        sink.vault("deeds", code, what, [*vault(), *told])
    for may, what, told in _handed_over():
        sink.vault("deeds", may, what, [*d.base(), *told])
    sink.vault("deeds", "expired-early", "before its retain-until", [*vault(KEPT), *_early()])
    seen = vault(KEPT, seen=GONE)
    sink.vault("deeds", "expired-early", "a night before its retain-until saw it", [*seen, *chain((GONE, BOARD))])
    sink.vault("deeds", None, "a night after its retain-until saw it", [*vault(seen=GONE), *chain((GONE, BOARD))])
    alone = replace(CHARTER, n=2, prev=SHA, threshold=1)
    named = w.named(alone, *d.BOARD, d.LA)
    for may, one in ((None, GONE), ("event-signers", SHREDDED)):
        what = f"one holder where one is enough: {one.kind}"
        told = replace(one, charter=w.payload_sha256(alone))
        sink.vault("deeds", may, what, [*vault(), named, d.signed(told, w.HEAD)])
    _nights(sink)


def _early() -> list[d.Named]:
    return chain((replace(GONE, created=KEPT.retain_until - timedelta(seconds=1)), BOARD))
