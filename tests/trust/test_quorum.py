"""Who is enough: every subset of a grouped board, held against a policy written down by hand."""

from dataclasses import replace
from itertools import combinations

import pytest

from escrow import record as r
from escrow.errors import FormatError
from escrow.trust.quorum import shortfall
from tests.trust import world as w

STAFF, AUTHORITY, DIOCESE = [w.signer(n) for n in (21, 22, 23)], w.signer(24), w.signer(25)
EVERYBODY = [*STAFF, AUTHORITY, DIOCESE]


def holder(role: str, n: int, group: str, member: int) -> r.Holder:
    return r.Holder(role=role, key=w.signer(n).public().encode(), group=group, member=member)


CUSTODY = r.Custody(
    epoch=1,
    set=4711,
    groups_needed=2,
    groups=(
        r.Group(name="staff", needed=2, members=3),
        r.Group(name="authority", needed=1, members=1),
        r.Group(name="diocese", needed=1, members=1),
    ),
)
GROUPED = replace(
    w.CHARTER,
    holders=(
        holder("head", 21, "staff", 1),
        holder("chair", 22, "staff", 2),
        holder("business manager", 23, "staff", 3),
        holder("records officer", 24, "authority", 1),
        holder("archivist", 25, "diocese", 1),
    ),
    threshold=2,
    custody=CUSTODY,
)


def test_a_grouped_charter_is_a_record_like_any_other() -> None:
    assert r.from_payload(r.to_payload(GROUPED), r.Charter) == GROUPED


def test_every_subset_of_holders_is_enough_or_not_as_the_policy_says() -> None:
    for size in range(len(EVERYBODY) + 1):
        for signers in combinations(EVERYBODY, size):
            staff = sum(signer in STAFF for signer in signers) >= 2
            enough = staff + (AUTHORITY in signers) + (DIOCESE in signers) >= 2
            assert (shortfall(GROUPED, [signer.public() for signer in signers]) == "") == enough


def test_the_threshold_holds_beside_the_groups() -> None:
    demanding = replace(GROUPED, threshold=3)
    assert shortfall(demanding, [AUTHORITY.public(), DIOCESE.public()])
    assert not shortfall(demanding, [key.public() for key in (*STAFF[:2], DIOCESE)])


def test_strangers_count_for_nothing() -> None:
    assert shortfall(GROUPED, [w.STRANGER.public(), w.HEAD.public(), AUTHORITY.public()])


@pytest.mark.parametrize(
    "broken",
    [
        replace(GROUPED, holders=GROUPED.holders[:-1]),
        replace(GROUPED, holders=(*GROUPED.holders[:-1], holder("archivist", 25, "staff", 1))),
        replace(GROUPED, custody=None),
        replace(GROUPED, custody=replace(CUSTODY, groups_needed=4)),
        replace(GROUPED, custody=replace(CUSTODY, groups=(r.Group(name="staff", needed=4, members=3),))),
        replace(GROUPED, custody=replace(CUSTODY, groups=(r.Group(name="staff", needed=1, members=2),))),
        replace(GROUPED, custody=replace(CUSTODY, groups=CUSTODY.groups[:1] * 2)),
    ],
)
def test_a_custody_that_does_not_add_up_is_refused(broken: r.Charter) -> None:
    with pytest.raises(FormatError) as caught:
        r.to_payload(broken)
    assert caught.value.code == "field-type"
