"""A handover from the notice to the transfer, and each rule of docs/format.md, section 13, broken once."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from escrow import record as r
from escrow.seal import SigningKey
from tests.trust import world as w

from .signing import sign_once
from .sink import Sink

LA, VENDOR, SUCCESSOR = (w.signer(n) for n in (15, 16, 17))
RECIPIENT = str(w.identity(9).recipient())
KEY = w.STOCK.keys[0]
BOARD = (w.HEAD, w.CHAIR)
CHARTER = replace(
    w.CHARTER,
    custodian=r.Custodian(name="Cyngor Gwynedd", kind="la", key=LA.public().encode(), recipient=RECIPIENT),
    purposes=(r.Purpose(id="handover", text="hand over"), r.Purpose(id="restore", text="restore what was lost")),
    triggers=(
        r.Trigger(kind="closure-order"),
        r.Trigger(kind="vendor-insolvency"),
        r.Trigger(kind="holders-statement"),
        r.Trigger(kind="silence", days=30),
    ),
    cooling_off_days=7,
    cooling_off_except=("vendor-insolvency",),
)
CHARTER_SHA = w.payload_sha256(CHARTER)
SECOND = replace(CHARTER, n=2, prev=CHARTER_SHA, cap_days=600)
SERIES = replace(w.SERIES, charter=CHARTER_SHA)
DAY = w.T0 + timedelta(days=60)
USES = (r.NewPurpose(name="pupil-files", text="answer requests of former pupils"),)

Named = tuple[str, bytes]


def at(days: int) -> datetime:
    return DAY + timedelta(days=days)


def party(key: SigningKey, name: str) -> r.Party:
    return r.Party(name=name, key=key.public().encode(), recipient=RECIPIENT)


def base(*nights: r.Notice) -> list[Named]:
    """Charter, stock, series and nights, two unless others are given."""
    everyone = [w.named(CHARTER, *BOARD, LA), w.named(w.STOCK), w.named(SERIES)]
    return [*everyone, *map(w.named, nights or chain(2))]


def chain(length: int, **changes: Any) -> list[r.Notice]:
    found: list[r.Notice] = []
    for seq in range(1, length + 1):
        made = w.notice(seq, found[-1] if found else None, series=SERIES)
        found.append(replace(made, charter=CHARTER_SHA, **changes))
    return found


def event(n: int, prev: r.Event | None, kind: str, days: int, **members: Any) -> r.Event:
    return r.Event(
        vault=w.VAULT,
        n=n,
        prev=w.payload_sha256(prev) if prev else None,
        kind=kind,
        created=at(days),
        charter=members.pop("charter", CHARTER_SHA),
        by=("somebody",),
        **members,
    )


def signed(record: r.Record, *keys: SigningKey) -> Named:
    data = sign_once(record, keys or BOARD)
    names = {r.Event: r.event_name, r.Release: r.release_name, r.Receipt: r.receipt_name, r.Erasure: r.erasure_name}
    return names[type(record)](record.n, data), data  # type: ignore[attr-defined]


def head(notice: r.Notice) -> r.NoticeHead:
    return r.NoticeHead(seq=notice.seq, sha256=w.payload_sha256(notice))


NOTICE = event(1, None, "notice-given", 0, purpose="handover", trigger="closure-order", evidence="ab" * 32)


def release(n: int, notice: r.Event, to: r.Party, **changes: Any) -> r.Release:
    made = r.Release(
        vault=w.VAULT,
        n=n,
        created=at(8),
        charter=CHARTER_SHA,
        notice=w.payload_sha256(notice),
        trigger="closure-order",
        purpose="handover",
        to=to,
        keys=(r.ReleasedKey(id=KEY.id, compartment="records", sha256="ee" * 32, size=3000),),
        series=(SERIES.series,),
    )
    return replace(made, **changes)


def released(n: int, prev: r.Event, deed: r.Release, days: int = 8, **changes: Any) -> r.Event:
    members = {"purpose": "handover", "notice": deed.notice, "deed": w.payload_sha256(deed), "to": deed.to}
    members |= {"keys": tuple(key.id for key in deed.keys), "series": deed.series}
    return event(n, prev, "released", days, **(members | changes))


RELEASE = release(2, NOTICE, party(LA, "Cyngor Gwynedd"))
RELEASED = released(2, NOTICE, RELEASE)
NOTHING = r.Proof(count=1, bytes=1, wrong=0)
RECEIPT = r.Receipt(
    vault=w.VAULT,
    n=3,
    created=at(9),
    release=w.payload_sha256(RELEASE),
    head=head(chain(2)[-1]),
    keep_until=at(9000),
    copied=NOTHING,
    read=NOTHING,
    opened=NOTHING,
    restored=(),
    differences=(),
)
ACCEPTED = event(3, RELEASED, "accepted", 9, release=RECEIPT.release, deed=w.payload_sha256(RECEIPT))
TRANSFERRED = event(4, ACCEPTED, "transferred", 10, release=RECEIPT.release, purposes=USES, final=head(chain(2)[-1]))
TO_NOTICE = [signed(NOTICE, w.HEAD)]
TO_RELEASE = [*TO_NOTICE, signed(RELEASE), signed(RELEASED)]
TO_RECEIPT = [*TO_RELEASE, signed(RECEIPT, LA), signed(ACCEPTED, LA)]
WHOLE = [*TO_RECEIPT, signed(TRANSFERRED, LA)]
USE = event(1, None, "key-use", 0, purpose="restore", keys=(KEY.id,))
PASSED = release(5, NOTICE, party(SUCCESSOR, "Conwy"), created=at(20))
PASSING = released(5, TRANSFERRED, PASSED, 20)

Case = tuple[str | None, str, Sequence[Named]]


def later(n: int, prev: r.Event, kind: str, days: int, *keys: SigningKey, **members: Any) -> Named:
    return signed(event(n, prev, kind, days, **members), *keys)


def _cases() -> list[Case]:
    second = replace(NOTICE, purpose="restore")
    unsaid = released(2, NOTICE, RELEASE, 3)
    strange = release(2, NOTICE, RELEASE.to, keys=(replace(RELEASE.keys[0], compartment="documents"),))
    other = release(2, NOTICE, party(VENDOR, "New MIS Ltd"))
    to_other = released(2, NOTICE, other)
    silent = replace(NOTICE, trigger="silence", created=w.T0 + timedelta(days=20))
    wrong_receipt = replace(RECEIPT, release="00" * 32)
    mixed = replace(ACCEPTED, deed=w.payload_sha256(wrong_receipt))
    newer = event(1, None, "drill", 0, purpose="restore", charter=w.payload_sha256(SECOND))
    unasked = event(2, NOTICE, "accepted", 9, release="00" * 32, deed="11" * 32)
    proofless = event(3, RELEASED, "transferred", 9, release=RECEIPT.release, purposes=USES, final=head(chain(2)[-1]))
    vendors = event(3, to_other, "accepted", 9, release=w.payload_sha256(other), deed="22" * 32)
    vendor_receipt = replace(RECEIPT, release=w.payload_sha256(other))
    vendors = replace(vendors, deed=w.payload_sha256(vendor_receipt))
    taken = event(
        4, vendors, "transferred", 10, release=w.payload_sha256(other), purposes=USES, final=head(chain(2)[-1])
    )
    unheld = release(5, NOTICE, PASSED.to, created=at(20), keys=(replace(PASSED.keys[0], id=w.STOCK.keys[1].id),))
    return [
        (None, "a notice of handover", TO_NOTICE),
        (None, "released", TO_RELEASE),
        (None, "accepted", TO_RECEIPT),
        (None, "transferred", WHOLE),
        (None, "the custodian passes on what was released to it", [*WHOLE, signed(PASSED, LA), signed(PASSING, LA)]),
        (
            None,
            "one to whom a key was released uses it",
            [*TO_RELEASE, later(3, RELEASED, "key-use", 9, LA, purpose="restore", keys=(KEY.id,))],
        ),
        (None, "withdrawn", [*TO_NOTICE, later(2, NOTICE, "withdrawn", 1, notice=w.payload_sha256(NOTICE))]),
        (None, "a drill of one holder", [later(1, None, "drill", 0, w.CHAIR, purpose="restore")]),  # type: ignore[arg-type]
        (None, "one event in two envelopes: their signatures add up", [signed(USE, w.HEAD), signed(USE, w.CHAIR)]),
        ("signature", "an event of a stranger", [signed(NOTICE, w.STRANGER)]),
        ("vault-mismatch", "an event of another vault", [signed(replace(NOTICE, vault="11" * 16), w.HEAD)]),
        ("event-signers", "keys used by one of two", [signed(USE, w.HEAD)]),
        ("event-signers", "a statement of one holder", [signed(replace(NOTICE, trigger="holders-statement"), w.HEAD)]),
        (
            "event-signers",
            "withdrawn by one of two",
            [*TO_NOTICE, later(2, NOTICE, "withdrawn", 1, w.HEAD, notice=w.payload_sha256(NOTICE))],
        ),
        ("event-purpose", "a purpose of no charter", [signed(replace(USE, purpose="marketing"))]),
        ("event-prev", "it follows another", [*TO_NOTICE, signed(replace(RELEASED, prev="00" * 32)), signed(RELEASE)]),
        ("event-gap", "event 2 is missing", [*TO_NOTICE, signed(RECEIPT, LA), signed(ACCEPTED, LA)]),
        ("event-fork", "two events of one number", [signed(USE), signed(replace(USE, created=at(1)))]),
        ("event-charter", "a charter that is not there", [signed(replace(USE, charter="00" * 32))]),
        (
            "event-charter",
            "a charter older than that of the event before",
            [
                w.named(SECOND, *BOARD, LA),
                signed(newer, w.HEAD),
                later(2, newer, "drill", 1, w.HEAD, purpose="restore"),
            ],
        ),
        (
            "handover-phase",
            "a second notice",
            [
                *TO_NOTICE,
                later(
                    2,
                    NOTICE,
                    "notice-given",
                    1,
                    w.HEAD,
                    purpose="handover",
                    trigger="closure-order",
                    evidence="ab" * 32,
                ),
            ],
        ),
        ("handover-phase", "withdrawn without a notice", [later(1, None, "withdrawn", 1, notice="00" * 32)]),  # type: ignore[arg-type]
        (
            "handover-phase",
            "withdrawn after it was accepted",
            [*TO_RECEIPT, later(4, ACCEPTED, "withdrawn", 10, notice=w.payload_sha256(NOTICE))],
        ),
        (
            "handover-trigger",
            "a trigger of no charter",
            [signed(replace(NOTICE, trigger="school-instruction"), w.HEAD)],
        ),
        ("handover-silence", "there was a night 18 days before", [signed(silent, w.HEAD)]),
        ("handover-cooling-off", "released after three days", [*TO_NOTICE, signed(RELEASE), signed(unsaid)]),
        (
            "handover-notice",
            "withdrawn of another notice",
            [*TO_NOTICE, later(2, NOTICE, "withdrawn", 1, notice="00" * 32)],
        ),
        ("release-quorum", "released by one of two", [*TO_NOTICE, signed(RELEASE, w.HEAD), signed(RELEASED, w.HEAD)]),
        (
            "release-quorum",
            "the release signed by fewer than its event",
            [*TO_NOTICE, signed(RELEASE, w.HEAD), signed(RELEASED)],
        ),
        (
            "release-key",
            "a key for another compartment",
            [*TO_NOTICE, signed(strange), signed(released(2, NOTICE, strange))],
        ),
        (
            "release-key",
            "the custodian passes on what it was not given",
            [*WHOLE, signed(unheld, LA), signed(released(5, TRANSFERRED, unheld, 20), LA)],
        ),
        ("receipt-release", "a receipt of no release", [*TO_NOTICE, signed(unasked, LA)]),
        ("receipt-signer", "a receipt of the board", [*TO_RELEASE, signed(RECEIPT), signed(ACCEPTED)]),
        ("transfer-receipt", "a transfer without a receipt", [*TO_RELEASE, signed(proofless, LA)]),
        ("transfer-signer", "a transfer of the board", [*TO_RECEIPT, signed(TRANSFERRED)]),
        (
            "transfer-custodian",
            "a transfer to the vendor",
            [
                *TO_NOTICE,
                signed(other),
                signed(to_other),
                signed(vendor_receipt, VENDOR),
                signed(vendors, VENDOR),
                signed(taken, VENDOR),
            ],
        ),
        ("release-unnamed", "no event tells of it", [*TO_NOTICE, signed(RELEASE)]),
        ("receipt-unnamed", "no event tells of it", [*TO_RELEASE, signed(RECEIPT, LA)]),
        ("release-missing", "its event is there", [*TO_NOTICE, signed(RELEASED)]),
        ("receipt-missing", "its event is there", [*TO_RELEASE, signed(ACCEPTED, LA)]),
        (
            "release-differs",
            "it names another than its event",
            [*TO_NOTICE, signed(other), signed(released(2, NOTICE, other, to=RELEASE.to))],
        ),
        (
            "receipt-differs",
            "it is of another release than its event",
            [*TO_RELEASE, signed(wrong_receipt, LA), signed(mixed, LA)],
        ),
        ("event-fork", "a notice and another", [*TO_NOTICE, signed(second, w.HEAD)]),
    ]


def make(sink: Sink) -> None:
    """deeds/."""
    for code, what, deeds in _cases():
        sink.vault("deeds", code, what, [*base(), *deeds])
    seen = r.EventHead(n=1, sha256=w.payload_sha256(NOTICE))
    nights = [*chain(1), replace(chain(2)[1], events=seen)]
    sink.vault("deeds", None, "a night has seen the event", [*base(*nights), *TO_NOTICE])
    sink.vault("deeds", "event-rollback", "a night has seen an event that is gone", base(*nights))
