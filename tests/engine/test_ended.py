"""An event that says too early that a series expired hides nothing from who asks a store with locks."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from escrow import record as r
from escrow.custody import signing_key
from escrow.custody.deeds import draft_evidence, identity_of, next_event, sign_event
from escrow.engine.ports import NoProgress
from escrow.engine.verify import expected_objects, verify_listing
from escrow.errors import RefusedError
from escrow.seal import Secret, SigningKey
from escrow.store import MemoryStore
from escrow.trust import sign_record
from tests.engine.kit import NIGHTS, School, errors, school


@pytest.fixture
def ending(tmp_path: Path) -> School:
    """Two series of each compartment, a night in each, their locks not over."""
    made = school(tmp_path, nights=60)
    for n in (1, 2):
        made.night(NIGHTS[n])
        made.clock.at += timedelta(days=70)
    return made


def holder(made: School) -> SigningKey:
    return signing_key(Secret(made.vault.key_file.secret), made.vault.vault)


def first(made: School) -> str:
    states = [one for one in made.history().series.values() if one.compartment == "records"]
    return min(states, key=lambda one: one.notices[0].seq).series


def expired(made: School, days: int) -> tuple[str, bytes]:
    """The event with a date so many days from now, signed without asking a rule."""
    history, key = made.history(), holder(made)
    event = replace(next_event(history, "expired", [key], made.clock.now()), series=(first(made),))
    event = replace(event, created=made.clock.now().replace(microsecond=0) + timedelta(days=days))
    data = sign_record(event, [key])
    return r.event_name(event.n, data), data


def put_expired(made: School, days: int) -> None:
    name, data = expired(made, days)
    made.store.put(name, data, retain_until=made.clock.now() + timedelta(days=900))


def lose(made: School) -> None:
    """A store that lost a pack of the series in spite of its lock."""
    assert isinstance(made.store, MemoryStore)
    dump = made.store.dump()
    gone = next(name for name in dump if name.startswith(f"series/{first(made)}/packs/"))
    kept = {name: versions for name, versions in dump.items() if name != gone}
    made.store = MemoryStore(kept, clock=made.clock.now)


def told(made: School) -> list[str]:
    history = made.history()
    found = [*history.findings, *verify_listing(made.store, history, NoProgress()).findings]
    return [one.code for one in found if one.severity == "error"]


def keep_longer(made: School) -> None:
    """Back to a day before the lock's end."""
    until = made.history().kept[first(made)].retain_until
    assert until is not None
    made.clock.at = until - timedelta(days=5)


def test_an_event_of_before_the_locks_end_does_nothing(ending: School) -> None:
    keep_longer(ending)
    put_expired(ending, 0)
    assert ending.history().ending.expired == {}
    lose(ending)
    assert told(ending) == ["expired-early", "object-missing"]


def test_one_dated_ahead_is_contradicted_by_the_stores_clock(ending: School) -> None:
    keep_longer(ending)
    put_expired(ending, 30)
    assert set(ending.history().ending.expired) == {first(ending)}
    assert told(ending) == ["expired-early"]
    lose(ending)
    assert sorted(told(ending)) == ["expired-early", "object-missing"]
    ending.clock.at += timedelta(days=10)
    assert told(ending) == []


def test_one_dated_ahead_is_contradicted_by_a_night_that_saw_it(ending: School) -> None:
    keep_longer(ending)
    put_expired(ending, 30)
    ending.night(NIGHTS[3])
    ending.clock.at += timedelta(days=60)
    assert ending.history().ending.expired == {}
    lose(ending)
    assert sorted(told(ending)) == ["expired-early", "object-missing"]


def test_nobody_signs_it_by_mistake_and_a_document_is_put_on_record(ending: School) -> None:
    keep_longer(ending)
    history, key, now = ending.history(), holder(ending), ending.clock.now()
    event = replace(next_event(history, "expired", [key], now), series=(first(ending),))
    with pytest.raises(RefusedError) as caught:
        sign_event(history, event, [key])
    assert caught.value.code == "expired-early"
    name, data = draft_evidence(history, "deletion-certificate", "ab" * 32, [key], now)
    ending.store.put(name, data)
    (link,) = ending.history().events
    assert (link.event.kind, link.event.about, link.event.evidence) == ("evidence", "deletion-certificate", "ab" * 32)
    assert identity_of(link.event) == link.sha256
    assert errors(ending.history().findings) == []


def test_what_expired_is_expected_no_more(ending: School) -> None:
    ending.clock.at += timedelta(days=400)
    before = {one.name for one in expected_objects(ending.history())}
    put_expired(ending, 0)
    after = {one.name for one in expected_objects(ending.history())}
    assert after < before
    assert all(name.startswith(f"series/{first(ending)}/") for name in before - after)
