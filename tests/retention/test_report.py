"""The report: where each series stands, by lock, charter, schedule, holds, handover, and its place in the sequence."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from escrow.paper.html import to_html
from escrow.retention.page import report_page
from escrow.retention.report import Report, make_report
from escrow.retention.schedule import parse_schedule, shipped
from tests.retention.kit import PAST, TWO, Ends

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)


@pytest.fixture
def ends(tmp_path: Path) -> Ends:
    return Ends(tmp_path)


def report(ends: Ends, now: datetime = NOW) -> Report:
    return make_report(ends.history(), parse_schedule(shipped()), now)


def states(ends: Ends, now: datetime = NOW, compartment: str = "records") -> list[str]:
    return [one.state for one in report(ends, now).ends if one.compartment == compartment]


def test_what_is_over_is_due_but_for_the_last(ends: Ends) -> None:
    found = [one for one in report(ends).ends if one.compartment == "records"]
    assert [one.series for one in found] == ends.series()
    assert [one.state for one in found] == ["due", "due", "last"]
    assert [one.nights for one in found] == [(1, 2), (3, 4), (5,)]
    assert found[0].why == "charter, rolling: 6 months"
    assert found[0].objects == len(ends.sealed(found[0].series)) > 0
    assert found[0].size == sum(path.stat().st_size for path in ends.sealed(found[0].series))


def test_the_lock_and_then_the_charter_must_be_over(ends: Ends) -> None:
    first = report(ends).ends[0]
    assert first.locked_until is not None
    assert states(ends, PAST + timedelta(days=20))[0] == "kept"
    assert report(ends, PAST + timedelta(days=20)).ends[0].stop(PAST + timedelta(days=20)) == "expired-early"
    later = first.locked_until + timedelta(days=1)
    assert (states(ends, later)[0], report(ends, later).ends[0].stop(later)) == ("kept", "expire-schedule")


def test_the_schedule_is_asked_where_the_charter_names_a_class(ends: Ends) -> None:
    found = [one for one in report(ends).ends if one.compartment == "safeguarding"]
    assert {(one.state, one.why) for one in found} == {("kept", "child-protection: DOB + 25 years")}
    assert found[0].due is not None
    assert found[0].due.year == PAST.year + 23
    much_later = NOW.replace(year=2060)
    assert states(ends, much_later, "safeguarding") == ["due", "due", "last"]


def test_a_hold_stops_its_series_and_a_handover_all(ends: Ends) -> None:
    ends.run(
        "hold",
        "new",
        "inquiry",
        "--reason",
        "r",
        "--authority",
        "a",
        "--series",
        ends.series()[0],
        *ends.shares("head"),
    )
    assert states(ends) == ["held", "due", "last"]
    letter = ends.root / "letter.pdf"
    letter.write_bytes(b"an order")
    begun = ends.run("handover", "start", "--trigger", "closure-order", "--evidence", letter, *ends.shares("head"))
    assert begun.code == 0, begun.err
    assert states(ends) == ["held", "handover", "last"]
    assert ends.run("handover", "withdraw", *ends.shares(*TWO)).code == 0
    assert states(ends) == ["held", "due", "last"]


def test_the_page_says_what_goes_and_by_which_rule(ends: Ends) -> None:
    text = to_html(report_page(report(ends)), "foot")
    for said in (
        "2 series are due",
        ends.series()[0],
        "1 to 2",
        "DOB + 25 years",
        "IRMS",
        "records",
        "None is in force",
    ):
        assert said in text, said


def test_the_command_writes_a_schedule_to_correct_and_pages(ends: Ends) -> None:
    schedule = ends.root / "ours.toml"
    pages = ("--html", ends.root / "r.html", "--pdf", ends.root / "r.pdf")
    done = ends.run("retention", "report", "--schedule", schedule, *pages, "--json")
    assert done.code == 0, done.err
    assert schedule.read_bytes() == shipped()
    assert done.lines[-1] | {"series": 6, "due": 2, "held": 0} == done.lines[-1]
    assert (ends.root / "r.pdf").read_bytes().startswith(b"%PDF")
    assert "2 series are due" in (ends.root / "r.html").read_text("utf-8")
    schedule.write_text(schedule.read_text("utf-8") + 'compartments = ["records"]\n', "utf-8")
    again = ends.run("retention", "report", "--schedule", schedule, "--json")
    assert again.lines[-1]["due"] == 0
    assert again.lines[0]["classes"] == ["admission-register"]
    schedule.write_text("nothing", "utf-8")
    assert "schedule-file" in ends.run("retention", "report", "--schedule", schedule).err
