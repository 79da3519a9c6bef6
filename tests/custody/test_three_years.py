"""Release and acceptance of three years: 1,000 nights, three compartments, beside copying, reading and restoring.

The nights are signed, their packs are names only.
"""

import hashlib
import time
from dataclasses import replace
from datetime import timedelta

import pytest

from escrow import record as r
from escrow.custody import Plan, series_identity
from escrow.custody.deeds import identity_of, next_event, open_grant, sign_deed, sign_event
from escrow.custody.newvault import make_stock
from escrow.custody.quorum import Draft, draft_vault
from escrow.custody.release import Board, Scope, Terms, draft_release, released_opener
from escrow.trust import History, accept, sign_record
from tests.custody.closing import EVIDENCE, KEEP_UNTIL, LA, POLICY
from tests.engine.kit import AGENT, T0

NIGHTS = 1000
PARTS = {"records": 31, "documents": 366, "safeguarding": 31}
LIMIT = 10.0


def founded() -> tuple[Draft, dict[str, bytes]]:
    plan = Plan(
        school=r.School(name="Ysgol Bro Tegid"),
        role="",
        agents=(r.Agent(key=AGENT.public().encode(), name="server"),),
        compartments=tuple(r.Compartment(name=name, nights=nights, keep_days=30) for name, nights in PARTS.items()),
        strictest="safeguarding",
        cap_days=900,
    )
    draft = draft_vault(plan, POLICY, T0)
    card = LA.card()
    custodian = r.Custodian(name=card.name, kind=card.kind, key=card.key, recipient=card.recipient)
    draft = replace(draft, charter=replace(draft.charter, custodian=custodian))
    stock, objects = make_stock(draft.charter, draft.identity, T0)
    for record, name in ((draft.charter, r.charter_name), (stock, r.stock_name)):
        data = sign_record(record, [*draft.keys, LA.signing])
        objects[name(1, data)] = data
    return draft, objects


def ref(label: str) -> r.ObjectRef:
    digest = hashlib.sha256(label.encode()).hexdigest()
    return r.ObjectRef(sha256=digest, size=1 << 20, head_sha256=digest)


def deposit(draft: Draft, objects: dict[str, bytes]) -> None:
    """1,000 signed nights."""
    keys = accept(objects.items()).keys.values()
    unused = {name: [key.id for key in keys if key.compartment == name] for name in PARTS}
    charter = identity_of(draft.charter)
    current: dict[str, r.Series] = {}
    packs: dict[str, int] = {}
    prev = None
    for seq in range(1, NIGHTS + 1):
        parts = []
        for name, length in sorted(PARTS.items()):
            if (seq - 1) % length == 0:
                series = r.Series(
                    vault=draft.charter.vault,
                    series=hashlib.sha256(f"{name}{seq}".encode()).hexdigest()[:16],
                    compartment=name,
                    key=unused[name].pop(),
                    agent=AGENT.public().id,
                    charter=charter,
                    started=T0,
                    ends=T0,
                    retain_until=T0,
                    why="planned",
                )
                data = sign_record(series, [AGENT])
                objects[r.series_name(series.series, data)] = data
                current[name], packs[name] = series, 0
            one = current[name]
            parts.append(
                r.NoticeSeries(
                    compartment=name,
                    series=one.series,
                    record=identity_of(one),
                    key=one.key,
                    first_pack=packs[name],
                    packs=(ref(f"pack {name} {seq}"),),
                    manifest=ref(f"manifest {name} {seq}"),
                )
            )
            packs[name] += 1
        notice = r.Notice(
            vault=draft.charter.vault,
            seq=seq,
            prev=prev,
            kind="snapshot",
            charter=charter,
            events=None,
            agent=AGENT.public().id,
            agent_time=T0 + timedelta(days=seq),
            store_time=T0 + timedelta(days=seq),
            series=tuple(parts),
            verdict=r.Verdict(status="pass", codes=()),
            software="escrow test",
        )
        data = sign_record(notice, [AGENT])
        objects[r.notice_name(seq, data)] = data
        prev = identity_of(notice)


def read(objects: dict[str, bytes]) -> History:
    history = accept(objects.items())
    assert history.findings == ()
    assert len(history.snapshots) == NIGHTS
    return history


def handed_over(draft: Draft, objects: dict[str, bytes]) -> History:
    """Notice, release of everything, receipt: each from what a fresh reader accepts. Every key is opened twice."""
    now = T0 + timedelta(days=NIGHTS + 1)
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
    history = read(objects)
    everything = Scope(frozenset(PARTS), and_later=True)
    fetch = lambda name, _sha256: objects[name]  # noqa: E731
    objects.update(
        draft_release(history, everything, LA.card().party, board, terms=Terms("handover"), fetch=fetch, now=now)
    )
    history = read(objects)
    grant = open_grant(history, LA.signing)
    opener = released_opener(history, [grant], fetch, LA.identity)
    for key in grant.keys:
        opener(b"", history.keys[key])
    assert history.head
    event = next_event(history, "accepted", [LA.signing], now)
    nothing = r.Proof(count=0, bytes=0, wrong=0)
    receipt = r.Receipt(
        vault=vault,
        n=event.n,
        created=event.created,
        release=grant.deed,
        head=r.NoticeHead(seq=history.head.seq, sha256=history.head.sha256),
        keep_until=KEEP_UNTIL,
        copied=nothing,
        read=nothing,
        opened=nothing,
        restored=(),
        differences=(),
    )
    event = replace(event, release=grant.deed, deed=identity_of(receipt))
    objects.update([sign_deed(receipt, [LA.signing]), sign_event(history, event, [LA.signing])])
    return read(objects)


@pytest.mark.slow
def test_three_years_are_handed_over_in_ten_seconds() -> None:
    draft, objects = founded()
    deposit(draft, objects)
    started = time.perf_counter()
    history = handed_over(draft, objects)
    seconds = time.perf_counter() - started
    assert history.handover.phase == "accepted"
    assert len(history.handover.grants[0].keys) == len(history.keys)
    assert seconds < LIMIT
