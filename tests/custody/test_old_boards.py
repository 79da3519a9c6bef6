"""After new sheets are dealt the old ones sign nothing, also together; an old charter brings nothing back."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from escrow import record as r
from escrow.custody.deeds import identity_of, next_event, sign_event
from escrow.custody.quorum import draft_next, last_stock
from escrow.errors import DeniedError
from escrow.seal import SigningKey
from escrow.store import MemoryStore, ObjectInfo, Store
from escrow.trust import accept, sign_record
from tests.custody.closing import EVIDENCE, LA, POLICY, Closing, closing, drafted
from tests.custody.test_handover import codes, refused


def reshared(place: Closing) -> list[SigningKey]:
    """Charter 2 with new sheets of the same secret, in the store; gives the new holders' keys."""
    old = drafted()[0]
    history = place.history
    draft = draft_next(
        history.charters, (old.secret, old.secret), POLICY, place.clock.now(), last_stock(drafted()[1].public)[1]
    )
    envelope = sign_record(draft.charter, [*old.keys, *draft.keys, LA.signing])
    place.put([(r.charter_name(2, envelope), envelope)])
    assert place.history.charter == draft.charter
    return draft.keys


class Blind(MemoryStore):
    """The same objects, for a credential that may not list events/."""

    def __init__(self, store: Store) -> None:
        assert isinstance(store, MemoryStore)
        super().__init__(clock=store.now)
        self._objects = store._objects

    def list(self, prefix: str = "", *, versions: bool = False, after: str = "") -> Iterator[ObjectInfo]:
        if prefix.startswith("events/"):
            raise DeniedError("store-denied", "this credential may not list events/")
        return super().list(prefix, versions=versions, after=after)


@pytest.fixture
def place(tmp_path: Path) -> Closing:
    return closing(tmp_path, nights=1)


def test_an_old_sheet_signs_nothing_under_the_new_charter(place: Closing) -> None:
    fresh = reshared(place)
    assert refused(lambda: place.notice(place.keys[0])) == "signer-unknown"
    place.put(place.notice(fresh[0]))
    assert codes(place.history) == []


def drilled(place: Closing) -> None:
    event = replace(next_event(place.history, "drill", place.keys[:1], place.clock.now()), purpose="drill")
    place.put([sign_event(place.history, event, place.keys[:1])])


def test_all_old_sheets_sign_nothing_once_a_night_has_seen_the_new_charter(place: Closing) -> None:
    drilled(place)
    fresh = reshared(place)
    place.clock.at += timedelta(days=1)
    place.school.night()
    drill = replace(next_event(place.history, "drill", fresh[:1], place.clock.now()), purpose="drill")
    old = replace(drill, charter=identity_of(place.history.charters[0]))
    data = sign_record(old, place.keys)
    place.put([(r.event_name(2, data), data)])
    assert codes(place.history) == ["event-charter"]
    assert place.history.handover.phase == "active"


def test_nights_that_may_not_see_events_take_nothing_back(place: Closing) -> None:
    """An older deployment's credential may not read events/: its nights say nothing about what was in force."""
    drilled(place)
    reshared(place)
    place.clock.at += timedelta(days=1)
    place.school.night(store=Blind(place.store))
    history = place.history
    assert history.notices[-1].events is None
    assert history.notices[-1].charter == history.charter_sha256
    assert codes(history) == []
    assert history.events[0].refused == ""


def test_all_old_sheets_sign_nothing_once_an_event_was_made_under_the_new_charter(place: Closing) -> None:
    fresh = reshared(place)
    drill = replace(next_event(place.history, "drill", fresh[:1], place.clock.now()), purpose="drill")
    place.put([sign_event(place.history, drill, fresh[:1])])
    place.keys = fresh
    event = replace(
        next_event(place.history, "notice-given", fresh[:1], place.clock.now()),
        charter=identity_of(place.history.charters[0]),
        purpose="handover",
        trigger="closure-order",
        evidence=EVIDENCE,
    )
    data = sign_record(event, drafted()[0].keys)
    place.put([(r.event_name(event.n, data), data)])
    assert codes(place.history) == ["event-charter"]
    assert place.history.handover.phase == "active"


def test_an_old_charter_put_again_changes_nothing(place: Closing) -> None:
    fresh = reshared(place)
    from escrow.engine.fetch import public_objects

    objects = dict(public_objects(place.store))
    name, data = next((one, body) for one, body in objects.items() if one.startswith("charter/00000001"))
    place.put([(r.charter_name(1, data), data)])
    assert name in objects
    place.put(place.notice(fresh[0]))
    assert accept(objects.items()).charter == place.history.charter
    assert codes(place.history) == []
