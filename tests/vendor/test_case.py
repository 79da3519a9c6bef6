"""The case: whom it is about, what it refuses, and that the file says all of it."""

import json
from dataclasses import replace
from datetime import date

import pytest

from escrow.errors import FormatError, UsageError
from escrow.vendor.case import begin, case_text, entry, open_case, processor_of
from tests.vendor.exits import CHARTER, RULES, TODAY, case


def test_a_case_names_the_processor_its_sub_processors_and_the_end_of_the_contract() -> None:
    made = case()
    assert made.processor == "Acme MIS"
    assert made.sub_processors == ("Acme Hosting",)
    assert made.contract_end == "2026-12-31"
    assert made.entries[0].text == RULES.reasons["vendor-notice"]


def test_the_file_is_read_as_it_was_written_and_strictly() -> None:
    made = case().with_entry(entry(TODAY, TODAY, "sent", step="return", file="a.pdf", sha256="ab" * 32))
    text = case_text(made)
    assert open_case(text) == made
    said = json.loads(text)
    for wrong in ({**said, "more": 1}, {**said, "began": "20.11.2026"}, {**said, "began": "2026-02-30"}):
        with pytest.raises(FormatError) as caught:
            open_case(json.dumps(wrong).encode())
        assert "case." in str(caught.value)


def test_a_name_may_be_its_beginning_but_must_mean_one() -> None:
    assert processor_of(CHARTER, "store").name == "Store Ltd"
    assert processor_of(CHARTER, "acme mis").name == "Acme MIS"
    for wrong in ("acme", "Birch"):
        with pytest.raises(UsageError, match="Acme MIS, Acme Hosting, Store Ltd") as caught:
            processor_of(CHARTER, wrong)
        assert caught.value.code == "vendor-processor"


def test_a_charter_without_processors_says_so() -> None:
    with pytest.raises(UsageError, match="none") as caught:
        processor_of(replace(CHARTER, processors=None), "Acme")
    assert "charter" in caught.value.hint


def test_reasons_are_the_rules_and_days_lie_behind() -> None:
    with pytest.raises(UsageError) as caught:
        case("boredom")
    assert caught.value.code == "vendor-reason"
    with pytest.raises(UsageError) as caught:
        case(began=date(2026, 11, 25))
    assert caught.value.code == "vendor-date"
    with pytest.raises(UsageError) as caught:
        entry(date(2026, 11, 25), TODAY, "sent")
    assert caught.value.code == "vendor-date"
    with pytest.raises(UsageError) as caught:
        entry(TODAY, TODAY, "two\nlines")
    assert caught.value.code == "vendor-text"


def test_what_is_said_goes_before_the_charter() -> None:
    made = begin(
        CHARTER,
        "ab" * 16,
        "Store",
        reason="dispute",
        reasons=RULES.reasons,
        began=TODAY,
        today=TODAY,
        contract_end=date(2026, 1, 31),
        sub_processors=("Acme H",),
    )
    assert (made.contract_end, made.sub_processors) == ("2026-01-31", ("Acme Hosting",))


def test_a_closed_case_takes_no_entry() -> None:
    with pytest.raises(UsageError) as caught:
        replace(case(), closed="2026-11-24").with_entry(entry(TODAY, TODAY, "late"))
    assert caught.value.code == "vendor-closed"
