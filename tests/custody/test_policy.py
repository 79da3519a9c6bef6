"""What no charter may agree to, each by one change of a good one; and every template of policies held against it."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import product

import pytest

from escrow import record as r
from escrow.custody.charter_text import new_text
from escrow.custody.charter_toml import amend
from escrow.custody.policies import POLICIES, minimal_subsets
from escrow.custody.policy import judge_policy
from escrow.record.charter import SCHOOL_TYPES
from tests.trust import world as w

NOW = datetime(2026, 11, 24, tzinfo=UTC)
LA = r.Custodian(
    name="Council", kind="la", key=w.signer(31).public().encode(), recipient=str(w.identity(8).recipient())
)
COMPARTMENTS = (
    r.Compartment(name="records", nights=31, keep_days=365),
    r.Compartment(name="safeguarding", nights=31, keep_days=365),
)


def seated(name: str, custodian: r.Custodian | None = LA) -> r.Charter:
    """A charter whose holders sit as the policy of this name has them."""
    policy = POLICIES[name]
    holders = [(seat, bench.name, at) for bench in policy.benches for at, seat in enumerate(bench.seats, 1)]
    return replace(
        w.CHARTER,
        holders=tuple(
            r.Holder(role=seat.role, key=w.signer(50 + n).public().encode(), group=group, member=at, party=seat.party)
            for n, (seat, group, at) in enumerate(holders)
        ),
        threshold=policy.threshold,
        custody=r.Custody(
            epoch=1,
            set=1,
            groups_needed=policy.groups_needed,
            groups=tuple(r.Group(name=one.name, needed=one.needed, members=len(one.seats)) for one in policy.benches),
        ),
        custodian=custodian,
        compartments=COMPARTMENTS,
        strictest="safeguarding",
    )


def errors(charter: r.Charter) -> list[str]:
    return sorted({one.code for one in judge_policy(charter, NOW) if one.severity == "error"})


def warnings(charter: r.Charter) -> list[str]:
    return [one.code for one in judge_policy(charter, NOW) if one.severity == "warning"]


GOOD = seated("community")


def regrouped(needed: int, *groups: tuple[str, int, int]) -> r.Charter:
    """The good charter with other numbers; its holders sit in these groups, one after the other."""
    places = [(name, at) for name, _, members in groups for at in range(1, members + 1)]
    seats = dict(zip(places, [*GOOD.holders, *GOOD.holders], strict=False))
    return replace(
        GOOD,
        holders=tuple(
            replace(one, key=w.signer(70 + n).public().encode(), group=place[0], member=place[1])
            for n, (place, one) in enumerate(seats.items())
        ),
        custody=r.Custody(
            epoch=1,
            set=1,
            groups_needed=needed,
            groups=tuple(r.Group(name=name, needed=of, members=members) for name, of, members in groups),
        ),
    )


@pytest.mark.parametrize("name", POLICIES)
def test_every_template_of_a_policy_is_good(name: str) -> None:
    custodian = None if name == "simple" else LA
    charter = seated(name, custodian)
    assert errors(charter) == []
    assert ("policy-no-custodian" in warnings(charter)) == (custodian is None)


def parties(*whose: str | None) -> tuple[r.Holder, ...]:
    return tuple(replace(one, party=party) for one, party in zip(GOOD.holders, whose, strict=True))


BAD: list[tuple[str, Callable[[], r.Charter]]] = [
    ("policy-alone", lambda: regrouped(1, ("staff", 2, 3), ("authority", 1, 1))),
    ("policy-alone", lambda: replace(w.CHARTER, threshold=1, compartments=COMPARTMENTS, strictest="records")),
    (
        "policy-custodian-alone",
        lambda: replace(GOOD, holders=parties(None, *["custodian"] * 5)),
    ),
    ("policy-custodian-alone", lambda: replace(GOOD, recipients=(LA.recipient,))),
    ("policy-fragile", lambda: regrouped(2, ("staff", 2, 3), ("authority", 1, 1))),
    ("policy-fragile", lambda: replace(GOOD, threshold=6)),
    ("policy-dies-with-school", lambda: seated("simple")),
    ("policy-dies-with-school", lambda: replace(GOOD, holders=parties(None, None, None, None, None, "custodian"))),
    ("policy-dies-with-school", lambda: replace(GOOD, threshold=5)),
    ("policy-recipients", lambda: replace(GOOD, recipients=(*GOOD.recipients, str(w.identity(7).recipient())))),
    ("policy-compartment", lambda: replace(GOOD, compartments=COMPARTMENTS[:1], strictest="records")),
    ("policy-placeholder", lambda: replace(GOOD, forbidden=("marketing", "<what else>"))),
    ("policy-placeholder", lambda: replace(GOOD, school=r.School(name="<name>"))),
]


@pytest.mark.parametrize(("code", "charter"), BAD, ids=[f"{code}-{n}" for n, (code, _) in enumerate(BAD)])
def test_what_no_charter_may_agree_to(code: str, charter: Callable[[], r.Charter]) -> None:
    assert code in errors(charter())
    assert errors(GOOD) == []


def test_the_words_tell_who_could_open_alone_and_whose_sheet_must_not_be_lost() -> None:
    details = [one.detail for one in judge_policy(regrouped(2, ("staff", 2, 3), ("authority", 1, 1)), NOW)]
    lost = GOOD.holders[3].role
    assert f"when the {lost}'s sheet is lost nobody can open the vault or change this charter" in details
    alone = [one.detail for one in judge_policy(regrouped(1, ("staff", 2, 3), ("authority", 1, 1)), NOW)]
    assert f"the {lost} alone opens the vault: demand at least two holders" in alone


def test_a_key_file_is_a_beginning_and_no_end() -> None:
    start = replace(w.CHARTER, holders=w.CHARTER.holders[:1], threshold=1, compartments=COMPARTMENTS)
    assert errors(start) == []
    assert warnings(start)[:2] == ["policy-alone", "policy-no-custodian"]
    assert errors(replace(start, custodian=LA)) == ["policy-dies-with-school"]


def test_reminders_of_locks_classes_and_the_review() -> None:
    good = replace(
        GOOD, retention=tuple(r.Retention(id=one.name, compartment=one.name, months=13) for one in COMPARTMENTS)
    )
    assert warnings(good) == ["policy-unwritten"]
    for months, expected in ((12, 1), (13, 0)):
        kept = (replace(good.retention[0], months=months), good.retention[1])  # type: ignore[index]
        assert warnings(replace(good, retention=kept)).count("policy-retention") == expected
    assert "policy-retention" in warnings(replace(good, retention=good.retention[:1]))  # type: ignore[index]
    assert "policy-cap" in warnings(replace(good, cap_days=300))
    for days, told in ((-1, True), (0, True), (30, False), (1000, False), (1200, True)):
        assert ("policy-review" in warnings(replace(good, review=NOW + timedelta(days=days)))) == told


@pytest.mark.parametrize("kind", SCHOOL_TYPES)
def test_a_template_reminds_of_every_placeholder_and_of_nothing_else(kind: str) -> None:
    text = new_text(kind, "Fernhill School", NOW + timedelta(days=365))
    charter = amend(text, GOOD, lambda name: {})
    assert errors(charter) == ["policy-placeholder"]
    found = [one for one in judge_policy(charter, NOW) if one.code == "policy-placeholder"]
    assert len(found) == sum(
        line.startswith(tuple("abcdefghijklmnopqrstuvwxyz")) and '"<' in line for line in text.split("\n")
    )
    assert warnings(replace(charter, custodian=LA)) == []


def test_the_judgement_of_every_small_policy_agrees_with_counting_its_quorums() -> None:
    """One to three groups, every number needed and every party: held against the minimal subsets, one by one."""
    count = 0
    for needed in (1, 2):
        for sizes in product([(1, 1), (2, 2), (2, 3)], repeat=2):
            members = sum(size for _, size in sizes)
            for whose in product((None, "custodian", "other"), repeat=members):
                if count % 7 == 0:
                    _compare(needed, sizes, whose)
                count += 1
    assert count > 1000


def _compare(needed: int, sizes: tuple[tuple[int, int], ...], whose: tuple[str | None, ...]) -> None:
    places = [(group, member) for group, (_, members) in enumerate(sizes) for member in range(members)]
    party = dict(zip(places, whose, strict=True))
    subsets = list(minimal_subsets(needed, sizes))
    expected = set()
    if any(len(subset) == 1 for subset in subsets):
        expected.add("policy-alone")
    if any(len(subset) > 1 and all(party[one] == "custodian" for one in subset) for subset in subsets):
        expected.add("policy-custodian-alone")
    if any(all(place in subset for subset in subsets) for place in places):
        expected.add("policy-fragile")
    if not any(all(party[one] for one in subset) for subset in subsets):
        expected.add("policy-dies-with-school")
    charter = replace(
        GOOD,
        holders=tuple(
            r.Holder(
                role=f"holder {n}",
                key=w.signer(90 + n).public().encode(),
                group=f"g{group}",
                member=member + 1,
                party=party[group, member],
            )
            for n, (group, member) in enumerate(places)
        ),
        threshold=1,
        custody=r.Custody(
            epoch=1,
            set=1,
            groups_needed=needed,
            groups=tuple(r.Group(name=f"g{n}", needed=of, members=members) for n, (of, members) in enumerate(sizes)),
        ),
    )
    assert set(errors(charter)) - {"policy-custodian-alone"} == expected - {"policy-custodian-alone"}, (
        needed,
        sizes,
        whose,
    )
    if "policy-custodian-alone" in expected:
        assert "policy-custodian-alone" in errors(charter)
