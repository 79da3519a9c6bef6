"""Places: keys under two payers, how far a copy is behind, and what counts for 3-2-1. All of it pure."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from escrow.engine.key_domains import KeyPlace, judge_key_domains
from escrow.engine.memory import remember_copies, seen_copies
from escrow.engine.places import (
    Place,
    Sighting,
    Standing,
    glance,
    judge_keys,
    judge_place,
    key_sizes,
    sight,
    three_two_one,
    unknown_notices,
)
from escrow.store import MemoryStore
from escrow.trust import History
from tests.engine.kit import School, school

NOW = datetime(2026, 11, 24, tzinfo=UTC)
KEYS = frozenset({"stock/a.age", "stock/b.age"})
SOME = Sighting(NOW, 1, KEYS, 0)


def key_place(name: str, payer: str | None, keys: frozenset[str] = KEYS, days: int = 0) -> KeyPlace:
    return KeyPlace(name, payer, keys, NOW - timedelta(days=days))


@pytest.mark.parametrize(
    ("places", "short"),
    [
        ([key_place("store", "school")], 2),
        ([key_place("store", None)], 2),
        ([key_place("store", "school"), key_place("usb", "school")], 2),
        ([key_place("store", "school"), key_place("usb", " School ")], 2),
        ([key_place("store", "school"), key_place("usb", None)], 2),
        ([key_place("store", None), key_place("usb", None)], 2),
        ([key_place("store", None), key_place("usb", "county")], 0),
        ([key_place("store", "school"), key_place("usb", "county")], 0),
        ([key_place("store", "school"), key_place("usb", "county", frozenset({"stock/a.age"}))], 1),
        ([key_place("store", "school", frozenset()), key_place("usb", "county")], 2),
        ([key_place("store", "x", frozenset()), key_place("usb", "county"), key_place("head", "head")], 0),
        ([key_place("store", "school"), key_place("usb", "county", days=400)], 0),
        ([key_place("store", "school"), key_place("usb", "county", days=401)], 2),
        ([key_place("store", "school"), key_place("usb", "county", frozenset({"stock/other.age"}))], 2),
    ],
)
def test_every_key_object_needs_two_payers(places: list[KeyPlace], short: int) -> None:
    findings = judge_key_domains(KEYS, places, NOW)
    assert {one.code for one in findings} == ({"keys-one-domain"} if short else set())
    assert sum(int(one.detail.split()[0]) for one in findings) == short
    assert all(one.severity == "error" for one in findings)


def test_a_key_that_nobody_has_is_told_apart() -> None:
    one, two = judge_key_domains(KEYS, [key_place("store", "school", frozenset({"stock/a.age"}))], NOW)
    assert ("under one payer alone (in store)" in one.detail, one.subject) == (True, "stock/a.age")
    assert ("in no place at all" in two.detail, two.subject) == (True, "stock/b.age")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> School:
    made = school(tmp_path_factory.mktemp("places"))
    made.nights(3)
    return made


@pytest.fixture(scope="module")
def history(place: School) -> History:
    return place.history()


USB = Place("usb", "school", "disk", offline=True)
AWS = Place("aws", "trust", "bucket")
STICK = Place("holder", "head", "disk", offline=True, holds="keys")


def codes(standing: Standing) -> list[str]:
    return [one.code for one in standing.findings]


def seen(history: History, head: int, lacking: int = 0) -> Sighting:
    return Sighting(NOW, head, frozenset(key_sizes(history)), lacking)


@pytest.mark.parametrize(
    ("which", "head", "attached", "days", "expected"),
    [
        (AWS, 3, True, 100, []),
        (AWS, 1, True, 100, []),
        (AWS, 0, True, 1, ["copy-lags"]),
        (AWS, 3, False, 1, ["copy-away"]),
        (AWS, 0, False, 1, ["copy-away", "copy-lags"]),
        (USB, 3, False, 300, []),
        (USB, 0, False, 8, []),
        (USB, 0, False, 9, ["copy-lags"]),
        (USB, 2, False, 10, []),
        (USB, 2, True, 11, ["copy-lags"]),
        (STICK, 0, False, 300, []),
    ],
)
def test_a_copy_may_lag_a_little(
    history: History, which: Place, head: int, attached: bool, days: int, expected: list[str]
) -> None:
    """`days` after the first of three nights, which are a day apart."""
    now = history.snapshots[0].store_time + timedelta(days=days)
    standing = judge_place(which, seen(history, head), attached, history, now)
    assert codes(standing) == expected
    assert standing.whole == (not expected and which is not STICK)
    assert standing.behind == (0 if which is STICK else 3 - head)


@pytest.mark.parametrize(
    ("which", "attached", "expected"),
    [(USB, False, ["copy-unseen"]), (STICK, False, ["copy-unseen"]), (AWS, False, ["copy-away"])],
)
def test_a_place_that_was_never_seen(history: History, which: Place, attached: bool, expected: list[str]) -> None:
    standing = judge_place(which, None, attached, history, NOW)
    assert (codes(standing), standing.whole) == (expected, False)


def test_what_a_disk_lacked_is_told_until_it_is_mended(history: History) -> None:
    assert codes(judge_place(USB, seen(history, 3, 2), False, history, NOW)) == ["copy-lacks"]


def test_a_listing_shows_what_is_there(place: School, history: History) -> None:
    whole = glance(place.store)
    fine = sight(history, "all", whole, NOW)
    assert (fine.head, len(fine.keys), fine.lacking) == (3, 10, 0)
    first, last = history.main[0].name, history.main[-1].name
    key = sorted(key_sizes(history))[0]
    short = {name: info for name, info in whole.items() if name not in {first, key}}
    assert (sight(history, "all", short, NOW).head, sight(history, "all", short, NOW).lacking) == (3, 2)
    assert sight(history, "keys", short, NOW) == Sighting(NOW, 0, fine.keys - {key}, 1)
    behind = {name: info for name, info in whole.items() if name != last}
    assert (sight(history, "all", behind, NOW).head, sight(history, "all", behind, NOW).lacking) == (2, 0)
    cut = whole | {key: replace(whole[key], size=whole[key].size - 1)}
    assert key not in sight(history, "all", cut, NOW).keys


def test_a_copy_that_knows_more_is_noticed(place: School, history: History) -> None:
    there = glance(place.store)
    assert not unknown_notices(history, there)
    assert unknown_notices(replace(history, links=history.links[:-1]), there)


def test_three_two_one_counts_whole_copies() -> None:
    def standing(place: Place, *, whole: bool = True) -> Standing:
        return Standing(place, SOME if whole else None, True, 0, ())

    store = standing(Place("store", "school", "folder"))
    assert three_two_one([store]) == (1, 1, 0)
    assert three_two_one([store, standing(USB), standing(AWS), standing(STICK)]) == (3, 3, 2)
    assert three_two_one([store, standing(USB, whole=False), standing(AWS)]) == (2, 2, 1)
    assert three_two_one([replace(store, behind=1), standing(USB)]) == (1, 1, 1), "a store that was set back"
    assert three_two_one([store, standing(Place("nas", None, "folder"))]) == (2, 1, 0)
    assert three_two_one([store, standing(Place("nas", "SCHOOL", "folder"))]) == (2, 1, 0)


def test_keys_are_judged_over_standings(history: History) -> None:
    keys = frozenset(key_sizes(history))
    store = Standing(Place("store", "school", "folder"), Sighting(NOW, 3, keys, 0), True, 0, ())
    stick = Standing(STICK, Sighting(NOW, 0, keys, 0), False, 0, ())
    never = Standing(STICK, None, False, 0, ())
    assert judge_keys(history, [store, stick], NOW) == ()
    assert [one.code for one in judge_keys(history, [store, never], NOW)] == ["keys-one-domain"]
    damaged = stick.without_keys([sorted(keys)[0]])
    assert [one.detail.split()[0] for one in judge_keys(history, [store, damaged], NOW)] == ["1"]


def test_what_copies_held_is_remembered(tmp_path: Path) -> None:
    first, second = Sighting(NOW, 3, KEYS, 0), Sighting(NOW + timedelta(days=7), 9, frozenset(), 4)
    assert seen_copies(tmp_path, "v") == {}
    remember_copies(tmp_path, "v", {"usb": first})
    remember_copies(tmp_path, "v", {"aws": second})
    assert seen_copies(tmp_path, "v") == {"usb": first, "aws": second}
    assert seen_copies(tmp_path, "other") == {}
    for damage in ("", "[]", '{"vault": "v"}', '{"vault": "v", "copies": {"usb": {"at": "x", "head": 1}}}'):
        (tmp_path / "copies.json").write_text(damage)
        assert seen_copies(tmp_path, "v") == {}


def test_the_store_is_never_away_for_a_copy_s_reasons(history: History) -> None:
    standing = judge_place(Place("store", None, "folder"), None, False, history, NOW)
    assert (codes(standing), standing.whole) == ([], False)


def test_a_memory_store_glances_at_names_alone() -> None:
    store = MemoryStore()
    store.put("series/0123456789abcdef/packs/x.age", b"x")
    assert glance(store) == {}
