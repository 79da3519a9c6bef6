"""Rules one by one, where the simulated year says too little; and the calendar."""

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from escrow.completeness import Column, Expectation, Expected, Night, Profile, Seen, Terms, data_day, judge, key_of
from escrow.completeness.terms import school_days_of, usual_year

MONDAY = date(2026, 11, 9)
ROWS = Profile("csv", 100, (Column("UPN", 0, 100, identifier="upn"), Column("Form", 3, 9)), "utf-8")


def night(day: int, profile: Profile | None = ROWS, sha256: str = "", **more: object) -> Night:
    seen = {} if profile is None else {"mis/a.csv": Seen(sha256 or f"{day:064}", 10, profile)}
    return Night(date(2026, 11, day), seen, **more)  # type: ignore[arg-type]


def codes(tonight: Night, *before: Night, expected: Expected | None = None) -> list[str]:
    known = Expectation("yes", Terms(), (expected,)) if expected else None
    return [one.code for one in judge(tonight, before, known)]


def test_what_was_accepted_is_not_told() -> None:
    noted = replace(ROWS, notes=("password-column",))
    expected = Expected("mis/a.csv", "a")
    assert codes(night(9, noted), expected=expected) == ["password-column"]
    assert codes(night(9, noted), expected=replace(expected, accept=("password-column",))) == []
    assert codes(night(9, None), expected=replace(expected, required=False)) == []


def test_a_file_that_cannot_be_read_is_told_once() -> None:
    broken = Profile("csv", 3, ROWS.columns[:1], notes=("truncated",))
    assert codes(night(10, broken), night(9)) == ["unreadable"]
    assert codes(night(10, None, unread=frozenset({"mis/a.csv"})), night(9)) == ["unreadable"]


def test_counts_of_the_source() -> None:
    assert codes(night(9, counts={"mis/a.csv": 100})) == []
    assert codes(night(9, counts={"mis/a.csv": 101})) == ["counts-differ"]


def test_identical_without_an_expectation_needs_five_school_days() -> None:
    before = [night(day) for day in (2, 3, 4, 5, 6, 9)]
    assert codes(night(10, sha256=f"{9:064}"), *before) == ["identical"]
    assert codes(night(10, sha256=f"{9:064}"), *before[2:]) == []
    assert codes(night(14, sha256=f"{9:064}"), *before) == [], "a Saturday"


def test_a_new_dataset_is_no_fault_and_a_few_rows_less_neither() -> None:
    assert codes(night(9)) == []
    small = replace(ROWS, rows=8)
    assert codes(night(10, replace(small, rows=5)), night(9, small)) == []
    assert codes(night(10, replace(small, rows=0)), night(9, small)) == ["rows-fell"]


def test_nothing_fails_before_somebody_confirmed_it() -> None:
    expectation = Expectation("", Terms(), (Expected("mis/a.csv", "a"),))
    (one,) = judge(night(9, None), (), expectation)
    assert (one.severity, one.public) == ("warn", "dataset-missing")
    (one,) = judge(night(9, None), (), replace(expectation, confirmed="now by me"))
    assert (one.severity, one.public) == ("fail", "dataset-missing_a")


@pytest.mark.parametrize(
    ("path", "key"),
    [
        ("mis/pupils.csv", "mis/pupils.csv"),
        ("mis/marks-2026-11-09.csv", "mis/marks-*.csv"),
        ("mis/20261109/marks.csv", "mis/*/marks.csv"),
        ("mis/dump_20261109T0200.sql", "mis/dump_*.sql"),
        ("mis/820LLLL_CTF_8201234_001.xml", "mis/820LLLL_CTF_8201234_001.xml"),
        ("mis/year2026.csv", "mis/year2026.csv"),
    ],
)
def test_dates_in_names_are_no_part_of_a_dataset(path: str, key: str) -> None:
    assert key_of(path) == key
    assert Expected(key, "a").matches(key)


def test_a_night_tells_of_the_school_day_before_it() -> None:
    assert data_day(datetime(2026, 11, 10, 2, 0, tzinfo=UTC)) == MONDAY
    assert data_day(datetime(2026, 11, 9, 19, 0, tzinfo=UTC)) == MONDAY
    assert data_day(datetime(2026, 11, 10, 11, 59, tzinfo=UTC)) == MONDAY


@pytest.mark.parametrize("year", range(2020, 2040))
def test_a_usual_year_is_a_school_year(year: int) -> None:
    terms, holidays = usual_year(year)
    assert all(first.weekday() < 5 and last.weekday() < 5 for first, last in (*terms, *holidays))
    assert 186 <= sum(1 for _ in school_days_of(Terms(), date(year, 9, 1), date(year + 1, 8, 31))) <= 198
    assert not Terms().is_school_day(date(year, 12, 25))
    assert not Terms().is_school_day(date(year, 8, 10))
    assert Terms().school_days(terms[0][1], terms[1][0]) == 1
