"""When an answer is due, what a request must say, which nights are looked through."""

from datetime import UTC, date, datetime
from types import SimpleNamespace
from typing import cast

import pytest

from escrow.completeness.terms import Terms
from escrow.errors import UsageError
from escrow.subject.law import due, holidays, rule, stale
from escrow.subject.nights import between, usual_nights
from escrow.subject.request import check_request, parse_request, template
from escrow.trust import Snapshot

TERMS = Terms(
    terms=((date(2026, 9, 2), date(2026, 12, 18)), (date(2027, 1, 4), date(2027, 3, 25))),
    holidays=((date(2026, 10, 26), date(2026, 10, 30)),),
    inset=frozenset({date(2026, 11, 2)}),
)


@pytest.mark.parametrize(
    ("received", "day"),
    [
        (date(2026, 9, 3), date(2026, 10, 5)),  # 3 October is a Saturday
        (date(2026, 11, 25), date(2026, 12, 29)),  # Christmas, a weekend, a substitute day
        (date(2027, 1, 31), date(2027, 3, 1)),  # no 31 February; the 28th is a Sunday
        (date(2026, 12, 10), date(2027, 1, 11)),
        (date(2026, 11, 24), date(2026, 12, 24)),
    ],
)
def test_a_month_ends_on_the_same_day_or_the_next_working_one(received: date, day: date) -> None:
    assert due("subject-access", received, TERMS).day == day


def test_two_more_months_where_it_is_extended() -> None:
    assert due("subject-access", date(2026, 9, 3), TERMS, extended=True).day == date(2026, 12, 3)


def test_fifteen_school_days_skip_weekends_half_term_and_inset() -> None:
    found = due("educational-record", date(2026, 10, 19), TERMS)
    assert found.day == date(2026, 11, 17)  # 4 before half term, then 3 to 6, 9 to 13, 16 and 17 November
    assert found.how == "15 school days"


def test_what_the_law_says_is_cited_dated_and_reviewed() -> None:
    for name in ("competence", "subject-access", "educational-record", "professional", "third-party"):
        assert rule(name).source
        assert rule(name).reviewed < rule(name).review
    assert stale(date(2026, 11, 24)) == []
    assert "competence" in stale(date(2027, 12, 1))
    assert all(day.weekday() < 5 for day in holidays())


REQUEST = """
right = "subject-access"
received = 2026-11-02
requester = "Jo Bell"
relation = "mother"
authority = "parental responsibility"
"""


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("2026-11-02", '"2 November"'), "received: expected a date"),
        (("2026-11-02", "2026-11-02T10:00:00"), "received: expected a date"),
        (('"Jo Bell"', '" "'), "all to be filled in"),
        (("subject-access", "curiosity"), "right: expected subject-access or educational-record"),
        (("relation", "relatoin"), "relatoin: expected one of"),
        (('"Jo Bell"', "3"), "requester: expected a text"),
        (("received =", "received ="), ""),
    ],
)
def test_a_request_is_read_strictly(change: tuple[str, str], said: str) -> None:
    text = REQUEST.replace(*change)
    if not said:
        assert parse_request(text, "r").requester == "Jo Bell"
        return
    with pytest.raises(UsageError, match=said) as caught:
        parse_request(text, "r")
    assert caught.value.code == "subject-request"


def test_the_form_is_refused_until_it_is_filled_in() -> None:
    with pytest.raises(UsageError, match="filled in"):
        parse_request(template(), "r")
    assert "asked from 12 on" in template()


TODAY = date(2026, 11, 24)


@pytest.mark.parametrize(
    ("more", "kind", "born", "said"),
    [
        ("", "pupil", date(2018, 1, 1), "court_orders"),
        ('court_orders = "none known"', "pupil", date(2018, 1, 1), None),
        ('court_orders = "none known"', "pupil", date(2013, 1, 1), "somebody aged 13"),
        ('court_orders = "none known"', "pupil", None, "age is not known"),
        ('court_orders = "none known"\ncompetence_age = 14', "pupil", date(2013, 1, 1), None),
        ('court_orders = "none known"\nchild_view = "content"', "pupil", date(2013, 1, 1), None),
        ("", "staff", None, None),
        ("clock_from = 2026-10-01", "staff", None, "clock_from"),
    ],
)
def test_courts_and_the_childs_own_view_are_asked_for(
    more: str, kind: str, born: date | None, said: str | None
) -> None:
    request = parse_request(REQUEST + more, "r")
    if said is None:
        assert check_request(request, kind, born, "r", TODAY) == []  # type: ignore[arg-type]
    else:
        with pytest.raises(UsageError, match=said):
            check_request(request, kind, born, "r", TODAY)  # type: ignore[arg-type]


def test_a_parent_of_an_adult_is_asked_for_an_authority() -> None:
    request = parse_request(REQUEST + 'court_orders = "none known"\nchild_view = "agrees"', "r")
    (note,) = check_request(request, "pupil", date(2008, 11, 24), "r", TODAY)
    assert "an adult" in note


def night(seq: int, day: str) -> Snapshot:
    at = datetime.fromisoformat(f"{day}T19:00:00").replace(tzinfo=UTC)
    return cast("Snapshot", SimpleNamespace(seq=seq, agent_time=at, on_main=True))


def test_the_last_night_and_those_of_school_years_are_looked_through() -> None:
    nights = [night(1, "2024-07-19"), night(2, "2024-09-02"), night(3, "2025-08-31"), night(4, "2025-09-01")]
    nights += [night(5, "2026-07-20"), night(6, "2026-09-03"), night(7, "2026-11-24")]
    assert [one.seq for one in usual_nights(nights)] == [7, 5, 3, 1]
    assert [one.seq for one in between(nights, 3, 6)] == [4, 5]
    assert usual_nights([]) == []
