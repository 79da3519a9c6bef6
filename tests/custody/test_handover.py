"""A handover is a chain of signed events; each step that the charter does not allow is refused, without a key."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from escrow import record as r
from escrow.custody.deeds import identity_of, next_event, sign_event
from escrow.seal import SigningKey
from escrow.trust import sign_record
from tests.custody.closing import (
    EVIDENCE,
    LA,
    SUCCESSOR,
    USES,
    VENDOR,
    Closing,
    closing,
    codes,
    refused,
)

STRANGER = SigningKey.generate()


def posted(place: Closing, kind: str, *keys: SigningKey, **members: object) -> list[str]:
    """Puts an event that no command would make; gives the codes that a reader finds."""
    history = place.history
    event = replace(next_event(history, "drill", [place.keys[0]], place.clock.now()), kind=kind, **members)  # type: ignore[arg-type]
    data = sign_record(event, keys or [place.keys[0]])
    place.put([(r.event_name(event.n, data), data)])
    return codes(place.history)


def test_the_whole_way_leaves_no_finding_and_ends_with_the_custodian(place: Closing) -> None:
    place.whole_way()
    history = place.history
    assert codes(history) == []
    assert [link.event.kind for link in history.events] == ["notice-given", "released", "accepted", "transferred"]
    state = history.handover
    assert (state.phase, state.custodian, state.purposes) == ("transferred", LA.card().party, USES)
    assert history.head
    assert state.final
    assert state.final.seq == history.head.seq == 3
    (receipt,) = history.deeds.receipts.values()
    assert receipt.differences == ()
    assert [(one.compartment, one.files, one.listed_files) for one in receipt.restored] == [("records", 2, 2)]


def test_after_the_transfer_the_night_is_refused_and_nothing_else_refuses_one(tmp_path: Path) -> None:
    place = closing(tmp_path, nights=1)
    place.put(place.notice())
    assert place.school.night().seq == 2
    assert place.history.notices[-1].events == place.history.event_head
    place.days(8)
    place.put(place.release("records"))
    assert place.school.night().seq == 3
    place.put(place.receipt(), place.own, place.store)
    assert place.school.night().seq == 4
    place.put(place.transfer())
    assert refused(place.school.night) == "vault-transferred"


def test_safeguarding_is_released_later_and_only_then_opened(place: Closing) -> None:
    place.whole_way()
    keys = place.history.handover.keys_of([LA.signing.public()])
    assert {place.history.keys[key].compartment for key in keys} == {"records"}
    place.put(place.release("safeguarding"))
    tested, _ = place.prove()
    assert [one.compartment for one in tested.restored] == ["safeguarding"]
    place.put(place.receipt(), place.own, place.store)
    assert place.history.handover.phase == "transferred"
    assert codes(place.history) == []


def test_a_successor_gets_what_the_custodian_has_without_a_holder(place: Closing) -> None:
    from escrow.custody.release import Board, released_opener
    from escrow.engine.fetch import fetch_exact

    place.whole_way()
    history = place.history
    opener = released_opener(
        history, history.handover.grants, lambda name, sha256: fetch_exact(place.store, name, sha256), LA.identity
    )
    theirs = Board(opener, [LA.signing])
    assert refused(lambda: place.release("safeguarding", to=SUCCESSOR, board=theirs)) == "key-not-released"
    place.put(place.release("records", to=SUCCESSOR, board=theirs))
    place.put(place.receipt(SUCCESSOR), place.own, place.store)
    place.put(place.transfer(SUCCESSOR))
    assert place.history.handover.custodian == SUCCESSOR.card().party
    assert codes(place.history) == []


def test_a_vendor_gets_one_release_and_never_the_vault(place: Closing) -> None:
    place.put(place.notice(trigger="vendor-insolvency"))
    assert refused(lambda: place.release("records", to=VENDOR)) == "handover-cooling-off"
    place.put(place.release("records", to=VENDOR, clause="7.2: insolvency needs no cooling-off"))
    place.put(place.receipt(VENDOR), place.own, place.store)
    assert place.history.handover.phase == "accepted"
    assert refused(lambda: place.transfer(VENDOR)) == "transfer-custodian"
    place.put(place.notice())
    assert place.history.handover.phase == "notice-given"
    assert codes(place.history) == []


REFUSALS: dict[str, Callable[[Closing], object]] = {
    "event-purpose": lambda place: place.notice(purpose="marketing"),
    "handover-trigger": lambda place: place.notice(trigger="silence"),
    "signer-unknown": lambda place: place.notice(STRANGER),
    "event-signers": lambda place: place.notice(place.keys[0], trigger="holders-statement"),
    "handover-phase": lambda place: place.release("records"),
    "release-none": lambda place: place.receipt(),
}


@pytest.mark.parametrize("code", REFUSALS)
def test_what_the_charter_does_not_say_is_refused_before_it_is_put(place: Closing, code: str) -> None:
    assert refused(lambda: REFUSALS[code](place)) == code
    assert place.history.events == ()


def test_two_holders_state_what_no_letter_says(place: Closing) -> None:
    place.put(place.notice(*place.keys[:2], trigger="holders-statement"))
    assert place.history.handover.phase == "notice-given"


def test_a_release_waits_for_the_cooling_off_and_a_quorum(place: Closing) -> None:
    place.put(place.notice())
    assert refused(lambda: place.release("records")) == "handover-cooling-off"
    assert refused(lambda: place.release("records", clause="because we want to")) == "handover-cooling-off"
    place.days(7)
    assert refused(lambda: place.release("records", board=place.board(0))) == "release-quorum"
    place.put(place.release("records", board=place.board(1, 2)))
    assert place.history.handover.phase == "released"


def test_a_handover_is_withdrawn_by_enough_holders_until_it_is_accepted(place: Closing) -> None:
    def withdrawal(*keys: SigningKey) -> r.Event:
        notice = place.history.handover.notice
        assert notice
        return replace(next_event(place.history, "withdrawn", keys, place.clock.now()), notice=notice.sha256)

    place.put(place.notice())
    one, two = place.keys[:1], place.keys[:2]
    assert refused(lambda: sign_event(place.history, withdrawal(*one), one)) == "event-signers"
    place.put([sign_event(place.history, withdrawal(*two), two)])
    assert place.history.handover.phase == "active"
    place.put(place.notice())
    place.days(8)
    place.put(place.release("records"))
    place.put(place.receipt(), place.own, place.store)
    assert refused(lambda: sign_event(place.history, withdrawal(*two), two)) == "handover-phase"


def test_readers_refuse_what_no_command_would_sign(place: Closing) -> None:
    assert posted(place, "notice-given", purpose="marketing", trigger="closure-order", evidence=EVIDENCE) == [
        "event-purpose"
    ]
    assert place.history.handover.phase == "active"
    assert posted(place, "key-use", purpose="restore")[-1] == "event-signers"
    assert posted(place, "withdrawn", *place.keys[:2], notice=EVIDENCE)[-1] == "handover-phase"
    assert posted(place, "accepted", LA.signing, deed=EVIDENCE, release=EVIDENCE)[-1] == "receipt-release"
    end = r.NoticeHead(seq=3, sha256=EVIDENCE)
    assert (
        posted(place, "transferred", LA.signing, release=EVIDENCE, purposes=USES, final=end)[-1] == "transfer-receipt"
    )
    assert place.history.handover.phase == "active"
    assert len(place.history.events) == 5
    place.put(place.notice())
    assert place.history.handover.phase == "notice-given"


def test_an_event_of_strangers_is_none(place: Closing) -> None:
    event = next_event(place.history, "drill", [place.keys[0]], place.clock.now())
    event = replace(event, purpose="drill")
    data = sign_record(event, [STRANGER])
    place.put([(r.event_name(1, data), data)])
    assert codes(place.history) == ["signature"]
    assert place.history.events == ()
    place.put(place.notice())
    assert [link.event.kind for link in place.history.events] == ["notice-given"]


def test_silence_is_a_trigger_only_when_there_is_silence(tmp_path: Path) -> None:
    place = closing(tmp_path, nights=1)
    first = place.history.charters[0]
    charter = replace(
        first,
        n=2,
        prev=identity_of(first),
        triggers=(r.Trigger(kind="silence", days=30),),
        cooling_off_except=None,
    )
    data = sign_record(charter, [*place.keys, LA.signing])
    place.put([(r.charter_name(2, data), data)])
    place.days(20)
    assert refused(lambda: place.notice(trigger="silence")) == "handover-silence"
    members = {"purpose": "handover", "trigger": "silence", "evidence": EVIDENCE}
    assert posted(place, "notice-given", **members) == ["handover-silence"]
    place.days(11)
    place.put(place.notice(trigger="silence"))
    assert place.history.handover.phase == "notice-given"
