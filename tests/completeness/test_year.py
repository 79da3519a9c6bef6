"""A school year: few false alarms, no missed fault, and the table in the documentation is what is found."""

from importlib import import_module
from pathlib import Path

import pytest

from . import year

DOC = Path(__file__).parents[2] / "docs/completeness.md"


@pytest.mark.parametrize("number", range(year.seed(), year.seed() + 5))
def test_a_year_has_few_false_alarms_and_no_missed_fault(number: int) -> None:
    found = year.run(number)
    shown = f"ESCROW_SEED={number}: {found.alarms} {found.missed}"
    assert len(found.alarms) <= 3, shown
    assert not found.missed, shown
    assert set(found.injected) == {*year.ANY_NIGHT, *year.SCHOOL_DAYS}
    assert min(found.injected.values()) >= 5


def test_the_table_in_the_documentation_is_what_is_found() -> None:
    assert year.table([year.run(year.SEED + n) for n in range(5)]) in DOC.read_text("utf-8")


def test_a_judge_that_looks_away_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    module = import_module("escrow.completeness.judge")
    monkeypatch.setattr(module, "RULES", module.RULES[:-2])
    assert {"identical", "stopped-growing", "newest-old", "rows-multiplied"} == {
        code for code, _, _ in year.run(year.SEED).missed
    }
