"""Deadlines: what is due when, for whom, and what a wrong rule is called."""

from dataclasses import replace
from datetime import date

import pytest

from escrow.errors import UsageError
from escrow.vendor.case import Case, entry
from escrow.vendor.plan import Step, due_again, parse_rules, plan, rules_text
from tests.vendor.exits import RULES, TODAY, case


def steps(one: Case, today: date = TODAY, *nights: date) -> dict[str, Step]:
    return {f"{step.rule.id}{f' {step.about}' if step.about else ''}": step for step in plan(RULES, one, today, nights)}


def done(one: Case, step: str, on: date = TODAY, about: str | None = None) -> Case:
    return one.with_entry(entry(on, date(2027, 12, 31), step, step=step, about=about))


def test_every_step_says_its_source_and_its_day() -> None:
    for rule, _ in RULES.steps:
        assert rule.source
        assert date.fromisoformat(rule.as_of) >= date(2026, 11, 1)


def test_days_count_from_what_the_rule_names() -> None:
    found = steps(case())
    assert found["return"].due == date(2026, 11, 27)
    assert found["dump"].due == date(2026, 12, 31)
    assert found["deletion Acme MIS"].due == found["deletion Acme Hosting"].due == date(2027, 1, 30)
    assert "breach" not in found
    assert steps(case("access-lost"))["breach"].due == date(2026, 11, 23)


def test_what_is_past_its_day_is_overdue_until_it_is_done() -> None:
    assert steps(case(), date(2026, 11, 27))["return"].state == "open"
    assert steps(case(), date(2026, 11, 28))["return"].state == "overdue"
    late = steps(done(case(), "return"), date(2026, 11, 28))["return"]
    assert (late.state, late.done_on) == ("done", TODAY)


def test_without_an_end_of_the_contract_nothing_is_due_by_it_and_nothing_is_hidden() -> None:
    found = steps(replace(case(), contract_end=None))
    assert (found["dump"].state, found["dump"].due) == ("open", None)


def test_a_good_night_since_the_beginning_closes_the_deposit() -> None:
    assert steps(case(), TODAY, date(2026, 11, 19))["deposit"].state == "overdue"
    found = steps(case(), TODAY, date(2026, 11, 19), date(2026, 11, 20))["deposit"]
    assert (found.state, found.done_on) == ("done", date(2026, 11, 20))


def test_the_complaint_opens_after_thirty_days_and_is_moot_when_all_came() -> None:
    assert steps(case())["complaint"].state == "waiting"
    sent = done(case(), "return", date(2026, 11, 30))
    assert steps(sent, date(2026, 12, 29))["complaint"].state == "waiting"
    found = steps(sent, date(2026, 12, 30))["complaint"]
    assert (found.state, found.due) == ("open", date(2027, 2, 28))
    assert steps(sent, date(2027, 3, 1))["complaint"].state == "overdue"
    one = done(done(sent, "dump"), "deletion", about="Acme MIS")
    assert steps(one, date(2027, 3, 1))["complaint"].state == "overdue"
    both = done(one, "deletion", about="Acme Hosting")
    assert steps(both, date(2027, 3, 1))["complaint"].state == "not-needed"


def test_rules_may_be_edited_and_faults_are_named() -> None:
    longer = parse_rules(rules_text().replace("days = 14", "days = 21"))
    found = {step.rule.id: step for step in plan(longer, case(), TODAY, ())}
    assert found["parents"].due == date(2026, 12, 11)
    for old, new in (
        ('from = "return"', 'from = "nowhere"'),
        ("days = 14", "days = -1"),
        ("days = 14", 'days = 14\nweeks = "2"'),
        ("days = 14", "days = 14\nmonths = 1"),
        ("each = true", "each = 1"),
        ("[reasons]", "reasons"),
        ('reviewed = "2026-11-24"', 'reviewed = "last week"'),
    ):
        with pytest.raises(UsageError) as caught:
            parse_rules(rules_text().replace(old, new))
        assert caught.value.code == "vendor-rules"


def test_rules_are_looked_at_again_after_a_year() -> None:
    assert not due_again(RULES, date(2027, 11, 24))
    assert due_again(RULES, date(2027, 11, 25))
