"""Erasures as they are drafted, and a custodian's copy of a vault that has some."""

import pytest

from escrow import record as r
from escrow.custody import erasure as drafting
from escrow.custody.erasure import Wish, draft_erasures, erasable_keys, keys_lacking
from escrow.errors import RefusedError, UsageError
from escrow.trust import ToldErasure
from tests.custody.closing import LA, Closing, codes, release_records

WISH = Wish((r.ErasedPath(b"school/pupils.csv"),), frozenset(), "9.2")


def drafted(
    place: Closing, keys: list[str] | None = None, holders: tuple[int, ...] = (0, 1)
) -> list[tuple[str, bytes]]:
    found = sorted(erasable_keys(place.history, ())) if keys is None else keys
    return draft_erasures(place.history, WISH, found, [place.keys[at] for at in holders], place.clock.now())


def test_a_custodians_copy_is_whole_and_its_receipt_has_no_differences(place: Closing) -> None:
    place.put(drafted(place))
    release_records(place)
    tested, copied = place.prove()
    assert tested.differences == ()
    (restored,) = tested.restored
    assert (restored.listed_files, restored.files) == (2, 1)
    assert [told.record is not None for told in copied.history.deeds.erasures] == [True]


def test_many_keys_make_several_erasures_in_one_chain(place: Closing, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drafting, "_AT_ONCE", 1)
    objects = drafted(place)
    assert [name.partition("/")[0] for name, _ in objects] == ["erasures", "erasures", "events", "events"]
    place.put(objects)
    history = place.history
    assert codes(history) == []
    assert [told.n for told in history.deeds.erasures] == [1, 2]
    assert {link.event.clause for link in history.events} == {"9.2"}


def test_what_is_left_out_already_is_not_signed_again(place: Closing) -> None:
    keys = sorted(erasable_keys(place.history, ()))
    place.put(drafted(place, keys[:1]))

    def entries(told: ToldErasure, _key: str) -> tuple[r.Erased, ...]:
        return WISH.entries

    assert keys_lacking(place.history, keys, WISH.entries, entries) == keys[1:]
    assert keys_lacking(place.history, keys, [*WISH.entries, r.ErasedPath(b"a")], entries) == keys
    assert keys_lacking(place.history, keys, WISH.entries, lambda _told, _key: ()) == keys


def test_too_few_and_a_custodian_without_keys_sign_nothing(place: Closing) -> None:
    with pytest.raises(RefusedError) as caught:
        drafted(place, holders=(0,))
    assert caught.value.code == "event-signers"
    with pytest.raises(RefusedError) as caught:
        draft_erasures(place.history, WISH, [*erasable_keys(place.history, ())], [LA.signing], place.clock.now())
    assert caught.value.code == "event-signers"


def test_compartments_must_be_known_and_entries_fit(place: Closing) -> None:
    assert len(erasable_keys(place.history, {"records"})) == 1
    with pytest.raises(UsageError) as caught:
        erasable_keys(place.history, {"sixth-form"})
    assert caught.value.code == "compartment-unknown"
    many = Wish(tuple(r.ErasedPath(b"school/" + b"%0512d" % n) for n in range(2000)), frozenset(), None)
    with pytest.raises(UsageError) as caught:
        draft_erasures(place.history, many, sorted(erasable_keys(place.history, ())), place.keys[:2], place.clock.now())
    assert caught.value.code == "erasure-size"
