"""The schedule: what ships is whole and cited, days are counted by the calendar, a spoilt file is refused."""

from datetime import UTC, date, datetime

import pytest

from escrow.errors import UsageError
from escrow.retention.schedule import months_after, parse_schedule, shipped, years_after
from tests.retention.kit import drafted

ONE = b"""
reviewed = 2026-11-24
[[class]]
id = "pupil-file"
title = "Pupil file"
counts_from = "birth"
years = 25
youngest = 2
source = "the toolkit"
as_of = "2026-11-24"
review = "2027-11-24"
practice = "differs"
"""


def test_what_ships_is_cited_and_dated_and_says_the_domains_rules() -> None:
    schedule = parse_schedule(shipped())
    rules = {one.id: one.rule for one in schedule.kinds}
    assert rules == {
        "pupil-file": "DOB + 25 years",
        "sen": "DOB + 31 years",
        "child-protection": "DOB + 25 years",
        "abuse": "entry + 75 years",
        "attendance-register": "entry + 6 years",
        "admission-register": "entry + 6 years",
    }
    assert all(one.source and one.practice and one.as_of < one.review for one in schedule.kinds)


def test_a_class_is_due_when_the_youngest_is_old_enough() -> None:
    (kind,) = parse_schedule(ONE).kinds
    assert kind.due(datetime(2026, 8, 31, tzinfo=UTC)) == date(2049, 8, 31)


def test_a_class_counts_where_it_or_the_charter_says_so() -> None:
    charter = drafted()[0].charter
    shown = parse_schedule(shipped())
    assert [one.id for one in shown.of("safeguarding", charter)] == ["child-protection"]
    assert shown.of("records", charter) == ()
    ours = parse_schedule(ONE + b'compartments = ["records"]\n')
    assert [one.id for one in ours.of("records", charter)] == ["pupil-file"]


def test_the_calendar() -> None:
    assert years_after(date(2024, 2, 29), 1) == date(2025, 2, 28)
    assert years_after(date(2024, 2, 29), 4) == date(2028, 2, 29)
    assert months_after(date(2025, 8, 31), 6) == date(2026, 2, 28)
    assert months_after(date(2025, 10, 15), 3) == date(2026, 1, 15)
    assert months_after(date(2025, 12, 31), 12) == date(2026, 12, 31)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b"years = 25", b"years = -1"),
        (b"years = 25", b"years = true"),
        (b"years = 25", b'years = "25"'),
        (b'"birth"', b'"wedding"'),
        (b'"birth"', b'"entry"'),
        (b"source", b"sauce"),
        (b"2027-11-24", b"next year"),
        (b'"pupil-file"', b'"Pupil File"'),
        (b"reviewed", b"seen"),
        (b"[[class]]", b"[class]"),
        (b'practice = "differs"', b"practice = 1"),
        (b'practice = "differs"', b'practice = "differs"\ncompartments = "records"'),
        (b"id =", b"id ="),
    ],
)
def test_a_spoilt_schedule_is_refused(before: bytes, after: bytes) -> None:
    text = ONE.replace(before, after, 1) if before != after else ONE + ONE[ONE.index(b"[[class]]") :]
    with pytest.raises(UsageError) as caught:
        parse_schedule(text)
    assert caught.value.code == "schedule-file"
