"""The report of what is kept until when, as a page for people. Pure."""

from collections.abc import Mapping
from datetime import date

from escrow.custody.certificate import size_words
from escrow.custody.charter_page import day
from escrow.paper.page import Block, Facts, Grid, Page, Points, Section, Words
from escrow.retention.report import Report, SeriesEnd, State

STATES: Mapping[State, str] = {
    "due": "due",
    "kept": "kept",
    "held": "under a hold",
    "last": "due, but the last of its part",
    "handover": "due, after the handover",
    "no-rule": "no rule says when",
    "expired": "expired",
}
_NIGHTS = "Night numbers are those of escrow list."


def report_page(report: Report) -> Page:
    """What is due, what is held, what an expiry would take, and by which rules."""
    due = [one for one in report.ends if one.state == "due"]
    lead = (
        f"How long the nights in the sealed archive of {report.school} are kept, and what is due to go.",
        f"By the storage's clock, {_day(report.now)}: {_count(len(due), 'series is', 'series are')} due.",
    )
    sections = (
        Section("Due now", _due(due)),
        Section("Every series", _series(report)),
        Section("Holds", _holds(report)),
        Section("The rules", _rules(report)),
        Section("What this page does not say", (Points(_LIMITS),)),
    )
    return Page(f"Retention report: {report.school}", lead, sections)


_LIMITS = (
    "It is made without opening anything: the day is the one from which a rule is over for all who can be in it.",
    "It is no legal advice. Practice differs by local authority; the schedule says where each rule was read, and when.",
    "It says nothing of other systems: the school's own, its vendors', exports and papers have schedules of their own.",
)


def _due(due: list[SeriesEnd]) -> tuple[Block, ...]:
    if not due:
        return (Words("Nothing is due."),)
    rows = tuple(
        (
            one.series,
            one.compartment,
            _span(one),
            f"{len(one.nights):,}",
            f"{one.objects:,} objects, {size_words(one.size)}",
        )
        for one in due
    )
    head = ("Series", "Part", "Nights from and to", "Nights", "Deleted in each place")
    return (
        Grid("What an expiry would take along", head, rows),
        Words(f"Those nights cannot be restored any more, nor any night that needs the same series. {_NIGHTS}"),
    )


def _series(report: Report) -> tuple[Block, ...]:
    if not report.ends:
        return (Words("There is none yet."),)
    rows = tuple(
        (
            one.series,
            one.compartment,
            _span(one),
            _day(one.locked_until),
            _day(one.due),
            STATES[one.state] + (", its key was destroyed" if one.destroyed else ""),
        )
        for one in report.ends
    )
    why = tuple(dict.fromkeys(f"{one.compartment}: {one.why}" for one in report.ends))
    head = ("Series", "Part", "Nights from and to", "Locked until", "May go from", "State")
    return (Grid("Series of nights under one key", head, rows), Words("What decides:"), Points(why))


def _holds(report: Report) -> tuple[Block, ...]:
    held: dict[str, list[str]] = {}
    for one in report.ends:
        for name in one.holds:
            held.setdefault(name, []).append(one.series)
    if not held:
        return (Words("None is in force."),)
    return (
        Facts(tuple((name, f"{len(series)} series: {', '.join(series)}") for name, series in sorted(held.items()))),
    )


def _rules(report: Report) -> tuple[Block, ...]:
    used = {one.id: one for kinds in report.kinds.values() for one in kinds}
    rows = tuple(
        (
            one.id,
            one.rule,
            ", ".join(sorted(name for name, kinds in report.kinds.items() if one in kinds)),
            f"{one.source}. Read {_day(one.as_of)}.",
            _day(one.review),
            one.practice,
        )
        for one in used.values()
    )
    without = sorted(name for name, kinds in report.kinds.items() if not kinds)
    blocks: list[Block] = []
    if rows:
        head = ("Class", "Rule", "Part", "Source", "Review by", "Practice")
        blocks.append(Grid("Classes of the schedule", head, rows))
    if without:
        blocks.append(
            Words(f"No class of the schedule is about: {', '.join(without)}. There, the charter alone decides.")
        )
    if report.stale:
        names = ", ".join(one.id for one in report.stale)
        blocks.append(Words(f"These classes should have been read again by now: {names}."))
    return tuple(blocks) or (Words("None."),)


def _span(one: SeriesEnd) -> str:
    if not one.nights or one.first is None or one.last is None:
        return "no whole night"
    return f"{one.nights[0]} to {one.nights[-1]}, {_day(one.first)} to {_day(one.last)}"


def _day(when: date | None) -> str:
    """A datetime is a date too."""
    return day(when) if when else "not said"


def _count(number: int, one: str, more: str) -> str:
    return f"{number:,} {one if number == 1 else more}"
