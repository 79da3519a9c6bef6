"""What others make of a chain of events: removed, reordered, forked, stripped, of another vault; told without a key."""

import base64
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from escrow import record as r
from escrow.custody.deeds import identity_of, next_event, seal_details, sign_deed, sign_event
from escrow.custody.release import Scope
from escrow.seal import open_sealed
from escrow.trust import accept, sign_record
from tests.custody.closing import (
    EVIDENCE,
    LA,
    VENDOR,
    Closing,
    closing,
    codes,
    drafted,
    refused,
    release_records,
)


def _event_names(place: Closing) -> list[str]:
    return [info.key for info in place.store.list("events/")]


def _tampered(place: Closing, change: Callable[[dict[str, bytes]], object]) -> list[str]:
    """What a reader without keys says of the store after a change to its small objects."""
    from escrow.engine.fetch import public_objects

    objects = dict(public_objects(place.store))
    change(objects)
    return codes(accept(objects.items()))


def test_a_removed_event_is_missed(place: Closing) -> None:
    place.whole_way()
    names = _event_names(place)
    assert _tampered(place, lambda objects: objects.pop(names[1])) == [
        "event-gap",
        "release-unnamed",
        "receipt-unnamed",
    ]
    assert "receipt-unnamed" in _tampered(place, lambda objects: objects.pop(names[2]))
    assert _tampered(place, lambda objects: objects.pop(names[3])) == []  # seen by whoever remembers: the watch file


def test_a_notice_remembers_the_events(tmp_path: Path) -> None:
    place = closing(tmp_path, nights=1)
    place.put(place.notice())
    place.school.night()
    (name,) = _event_names(place)
    assert _tampered(place, lambda objects: objects.pop(name)) == ["event-rollback"]


def test_reordered_events_are_no_chain(place: Closing) -> None:
    release_records(place)
    first, second = _event_names(place)

    def swap(objects: dict[str, bytes]) -> None:
        one, two = objects.pop(first), objects.pop(second)
        objects |= {r.event_name(1, two): two, r.event_name(2, one): one}

    assert set(_tampered(place, swap)) >= {"name-place"}
    assert accept([]).handover.phase == "active"


def test_an_event_behind_another_past_is_refused(place: Closing) -> None:
    place.put(place.notice())
    event = replace(
        next_event(place.history, "drill", [place.keys[0]], place.clock.now()), purpose="drill", prev=EVIDENCE
    )
    data = sign_record(event, [place.keys[0]])
    place.put([(r.event_name(2, data), data)])
    assert codes(place.history) == ["event-prev"]


def test_two_events_of_one_number_are_both_kept_and_told(place: Closing) -> None:
    one, two = place.notice(), place.notice(LA.signing)
    place.put([*one, *two])
    assert codes(place.history) in (["handover-phase", "event-fork"], ["event-fork", "handover-phase"])
    assert place.history.handover.phase == "notice-given"
    place.days(8)
    place.put(place.release("records"))
    assert place.history.handover.phase == "released"


def test_a_receipt_for_another_vault_is_refused(place: Closing) -> None:
    release_records(place)
    (_, data), _ = place.receipt()
    receipt = accept_receipt(data)
    other = replace(receipt, vault="ab" * 16)
    event = replace(
        next_event(place.history, "accepted", [LA.signing], place.clock.now()),
        release=receipt.release,
        deed=identity_of(other),
    )
    place.put([sign_deed(other, [LA.signing]), sign_event(place.history, event, [LA.signing])])
    assert codes(place.history) == ["vault-mismatch", "receipt-missing"]
    foreign = replace(event, vault="ab" * 16)
    data = sign_record(foreign, [LA.signing])
    place.put([(r.event_name(foreign.n, data), data)])
    assert codes(place.history).count("vault-mismatch") == 2


def accept_receipt(data: bytes) -> r.Receipt:
    from escrow.trust import peek_record

    return peek_record(data, r.Receipt)[0]


def test_a_receipt_by_another_is_refused(place: Closing) -> None:
    release_records(place)
    history = place.history
    event = replace(
        next_event(history, "accepted", [place.keys[0]], place.clock.now()),
        release=history.handover.grants[0].deed,
        deed=EVIDENCE,
    )
    assert refused(lambda: sign_event(history, event, place.keys[:2])) == "receipt-signer"


def test_a_release_that_differs_from_its_event_is_told(place: Closing) -> None:
    place.put(place.notice())
    place.days(8)
    *keys, (_, data), event = place.release("records")
    from escrow.trust import peek_record

    release = peek_record(data, r.Release)[0]
    board = place.board(0, 1)
    place.put([*keys, event])
    assert codes(place.history) == ["release-missing"]
    fewer = sign_deed(release, board.keys[:1])
    place.put([fewer])
    assert codes(place.history) == ["release-quorum"]
    place.put([sign_deed(release, board.keys[1:])])
    assert codes(place.history) == []


def test_an_event_stripped_of_signatures_hides_nothing(place: Closing) -> None:
    """Anybody can copy an envelope and leave signatures out: the whole one beside it still counts."""
    place.put(place.notice())
    place.days(8)
    *rest, (_, whole) = place.release("records")
    envelope = json.loads(whole)
    for kept in (envelope["signatures"][:2], envelope["signatures"][2:]):
        data = json.dumps(envelope | {"signatures": kept}, sort_keys=True, separators=(",", ":")).encode()
        place.put([*rest, (r.event_name(2, data), data)])
    assert codes(place.history) == []
    assert place.history.handover.phase == "released"


def test_details_are_for_custody_and_custodian_alone(place: Closing) -> None:
    sealed = base64.b64decode(seal_details(place.history, "Jo Price wrote it"))
    for identity in (drafted()[0].identity, LA.identity):
        assert open_sealed(sealed, [identity]) == b"Jo Price wrote it"
    assert refused(lambda: open_sealed(sealed, [VENDOR.identity])) == "no-identity-matched"


def test_scope_is_by_compartment_series_and_time(place: Closing) -> None:
    place.put(place.notice())
    place.days(8)
    late = Scope(frozenset({"records"}), since=place.clock.now())
    assert refused(lambda: place.release(scope=late)) == "release-nothing"
    assert refused(lambda: place.release(scope=Scope(frozenset({"payroll"})))) == "release-compartment"
    strange = Scope(frozenset({"records"}), frozenset({"ab" * 8}))
    assert refused(lambda: place.release(scope=strange)) == "release-series"
    objects = place.release(scope=Scope(frozenset({"records"}), and_later=True))
    unused = sum(key.compartment == "records" for key in place.history.keys.values())
    assert len(objects) == unused + 2
    place.put(objects)
    assert refused(lambda: place.release("records")) == "release-nothing"
