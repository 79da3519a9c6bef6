"""A handover is a chain of signed events; each step that the charter does not allow is refused, without a key."""

import base64
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from escrow import record as r
from escrow.custody.deeds import identity_of, next_event, seal_details, sign_deed, sign_event
from escrow.custody.release import Scope
from escrow.errors import EscrowError
from escrow.seal import SigningKey, open_sealed
from escrow.trust import History, accept, sign_record
from tests.custody.closing import EVIDENCE, LA, SUCCESSOR, USES, VENDOR, Closing, again, closing, drafted

STRANGER = SigningKey.generate()
_KEPT: list[Closing] = []


@pytest.fixture
def place(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Closing:
    """A vault of three nights, nothing handed over."""
    if not _KEPT:
        _KEPT.append(closing(tmp_path_factory.mktemp("closing")))
    return again(_KEPT[0], tmp_path)


def codes(history: History) -> list[str]:
    return [one.code for one in history.findings]


def refused(call: Callable[[], object]) -> str:
    with pytest.raises(EscrowError) as caught:
        call()
    return caught.value.code


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


def _release_on(place: Closing) -> None:
    place.put(place.notice())
    place.days(8)
    place.put(place.release("records"))


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
    _release_on(place)
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
    _release_on(place)
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
    _release_on(place)
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
