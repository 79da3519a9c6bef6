"""Whatever is signed, or put under a fitting name, `accept` answers with findings and keeps what is good."""

import base64
import json
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from escrow import record as r
from escrow.seal import sign_envelope
from escrow.trust import accept, payload_type
from tests.trust import world as w

NIGHTS = w.chain(3)
RECORDS: list[r.Record] = [w.CHARTER, w.STOCK, w.SERIES, *NIGHTS]

hostile = st.none() | st.booleans() | st.integers(0, 2**53) | st.text(max_size=5) | st.just([]) | st.just({})


def signed(record: r.Record, payload: bytes) -> tuple[str, bytes]:
    """`payload`, in an envelope and under a name that fit a record like `record`, by everybody's keys."""
    data = sign_envelope(payload, payload_type(type(record)), [w.HEAD, w.CHAIR, w.AGENT])
    return w.name_of(record, data), data


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(RECORDS), st.lists(st.integers(0, 30), min_size=1, max_size=5), hostile)
def test_signed_nonsense_never_crashes(record: r.Record, path: list[int], value: object) -> None:
    members = json.loads(r.to_payload(record))
    at = members
    for step in path:
        keys = sorted(at) if isinstance(at, dict) else list(range(len(at)))
        if not keys:
            break
        key = keys[step % len(keys)]
        if not isinstance(at[key], dict | list):
            at[key] = value
            break
        at = at[key]
    payload = json.dumps(members, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    alone = [item for item, good in zip(w.vault(3), RECORDS, strict=True) if good is not record]
    accept([*alone, signed(record, payload)])
    if not isinstance(record, r.Charter):
        history = accept([*w.vault(3), signed(record, payload)])
        assert len(history.snapshots) >= 3


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(RECORDS), st.binary(max_size=60))
def test_junk_under_fitting_names_blocks_nothing(record: r.Record, junk: bytes) -> None:
    good = accept(w.vault(3))
    name = w.name_of(record, junk)
    history = accept([(name, junk), *w.vault(3), (f"notices/{junk.hex()}", junk)])
    assert (history.head, history.series, history.charters) == (good.head, good.series, good.charters)
    assert {finding.subject for finding in history.findings} == {name, f"notices/{junk.hex()}"}


def test_keys_and_recipients_of_good_form_and_no_meaning() -> None:
    odd_key = "escrow-sig-1:" + base64.urlsafe_b64encode(b"\xff" * 1984).decode().rstrip("=")
    odd_recipient = "age1pq1" + "q" * 1958
    for charter in (
        replace(w.CHARTER, holders=(*w.CHARTER.holders, r.Holder(role="odd", key=odd_key))),
        replace(w.CHARTER, agents=(r.Agent(key=odd_key, name="odd"),)),
    ):
        assert accept([w.named(charter)]).charter == charter
    bad = replace(w.CHARTER, recipients=(odd_recipient,))
    assert w.codes(accept([w.named(bad)])) == ["field-type", "charter-missing"]
    key = replace(w.STOCK.keys[0], id=r.key_id_of(odd_recipient), recipient=odd_recipient)
    history = accept([w.named(w.CHARTER), w.named(replace(w.STOCK, keys=(*w.STOCK.keys, key)))])
    assert (w.codes(history), len(history.keys)) == ([], 3)  # checked when the key is used: it is slow


def test_objects_come_in_any_order() -> None:
    assert accept(w.vault(10)[::-1]).head == accept(w.vault(10)).head
    objects = w.vault(10)
    shuffled = [objects[i * 7 % len(objects)] for i in range(len(objects))]
    assert len(set(shuffled)) == len(objects)
    assert accept(shuffled).findings == ()


@settings(max_examples=60, deadline=None)
@given(st.permutations(range(1, 11)), st.integers(0, 10))
def test_any_notices_lost_in_any_order_are_told_and_the_rest_restores(order: list[int], kept: int) -> None:
    nights, remembered = w.vault(10)[3:], accept(w.vault(10)).head
    history = accept([*(nights[seq - 1] for seq in order[:kept]), *w.base()], remembered=remembered)
    assert [snapshot.seq for snapshot in history.snapshots] == sorted(order[:kept])
    assert bool(history.findings) == (kept < 10)
    for snapshot in history.snapshots:
        packs = snapshot.packs(w.SERIES.series)
        assert [n for n, pack in enumerate(packs) if pack is None] == [
            seq - 1 for seq in range(1, snapshot.seq) if seq not in order[:kept]
        ]
