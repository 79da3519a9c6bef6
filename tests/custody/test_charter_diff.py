"""What changed, in words; and who must sign it."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings

from escrow import record as r
from escrow.custody.charter_diff import changes, who_signs
from tests.custody.test_charter_toml import charters
from tests.custody.test_policy import GOOD, LA, seated
from tests.trust import world as w

VENDOR = r.Processor(name="Vendor Ltd", role="processor", purpose="MIS")
HOST = r.Processor(name="Host plc", role="sub-processor", purpose="hosts it")
CONTACTS = (r.Contact(role="DPO", text="1"), r.Contact(role="DPO", text="2"))
BASE = replace(w.CHARTER, processors=(VENDOR, HOST), contacts=CONTACTS)


@pytest.mark.parametrize(
    ("change", "lines"),
    [
        ({}, []),
        ({"n": 2, "prev": "00" * 32, "created": datetime(2027, 1, 1, tzinfo=UTC)}, []),
        ({"cap_days": 400}, ["longest lock in days: 500 becomes 400"]),
        ({"review": datetime(2027, 9, 1, tzinfo=UTC)}, ["review date: new: 2027-09-01"]),
        ({"school": r.School(name="Ysgol Newydd")}, ["the school: name: Ysgol Bro Tegid becomes Ysgol Newydd"]),
        (
            {"processors": (VENDOR,)},
            ["processors: gone: name Host plc, role sub-processor, purpose hosts it"],
        ),
        ({"processors": (HOST, VENDOR)}, ["processors: in another order"]),
        (
            {"processors": (replace(VENDOR, purpose="meals"), HOST)},
            ["processors: Vendor Ltd: purpose: MIS becomes meals"],
        ),
        ({"contacts": CONTACTS[1:]}, ["contacts: gone: role DPO, text 1"]),
        (
            {"agents": (replace(w.CHARTER.agents[0], revoked_after=7), w.CHARTER.agents[1])},
            ["nightly machines: server: revoked after: new: 7"],
        ),
        ({"forbidden": ("marketing",)}, ["forbidden uses: new: marketing"]),
        ({"ext": {"a": {}}}, ["extensions: new: a "]),
    ],
)
def test_each_change_is_a_sentence(change: dict[str, object], lines: list[str]) -> None:
    assert changes(BASE, replace(BASE, **change)) == lines  # type: ignore[arg-type]


@settings(max_examples=40, deadline=None)
@given(charters(), charters())
def test_two_charters_differ_in_words_exactly_when_they_differ(one: r.Charter, other: r.Charter) -> None:
    assert changes(one, one) == []
    assert bool(changes(one, other)) == (one != other)
    assert bool(changes(other, one)) == (one != other)


def test_keys_are_never_shown_in_full() -> None:
    assert "escrow-sig-1:" not in "".join(changes(w.CHARTER, GOOD))
    assert "age1pq1" not in "".join(changes(w.CHARTER, GOOD))


def test_who_must_sign() -> None:
    assert who_signs(None, w.CHARTER) == "at least 2 of 2 holders"
    assert who_signs(w.CHARTER, replace(w.CHARTER, contacts=CONTACTS)) == (
        "one holder, as only contacts and processors change"
    )
    staff = "staff (2 of 3), governors (2 of 2), authority (1 of 1)"
    assert who_signs(GOOD, replace(GOOD, cap_days=1)) == (
        f"at least 3 of 6 holders that fill 2 of the groups {staff}, and the custodian Council"
    )
    assert who_signs(w.CHARTER, replace(seated("simple", None), n=2)) == (
        "at least 2 of 2 holders of version 1, and at least 2 of 3 holders of version 2"
    )
    other = replace(LA, name="Next Council")
    assert who_signs(GOOD, replace(GOOD, custodian=other)).endswith(
        ", and the custodian Council, and the custodian Next Council"
    )
