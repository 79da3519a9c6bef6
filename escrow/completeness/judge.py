"""Tonight's profiles, what is expected, and the last nights: what is amiss. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise

from escrow.completeness.expectation import Expectation, Expected
from escrow.completeness.findings import Finding
from escrow.completeness.night import Night, Seen, last_good, last_seen
from escrow.completeness.rules import RULES, Case
from escrow.completeness.terms import Terms

_TELLING = 5
"""School days on which a dataset must have differed before a night that does not is told without an expectation."""
_WORTH = 20
"""Rows that a table inside a file must have had before its absence is told without an expectation."""


def judge(tonight: Night, nights: Sequence[Night], expectation: Expectation | None = None) -> tuple[Finding, ...]:
    """Everything that is amiss, by dataset. `nights`: earlier ones, the oldest first.

    Without an expectation, or with one that nobody confirmed, nothing is worse than a warning.
    """
    known = expectation or Expectation()
    found = [*_missing(tonight, nights, known)]
    for key, seen in sorted(tonight.datasets.items()):
        expected = known.of(key)
        case = _case(key, seen, tonight, nights, expected, known.terms)
        accepted = expected.accept if expected else ()
        for rule in RULES:
            found += [
                Finding(code, severity, key, expected.alias if expected else "", detail)
                for code, severity, detail in rule(case)
                if code not in accepted
            ]
    if known.confirmed:
        return tuple(one if known.of(one.dataset) else replace(one, severity="warn") for one in _without_echo(found))
    return tuple(replace(one, severity="warn", alias="") for one in _without_echo(found))


def _case(  # noqa: PLR0917
    key: str, seen: Seen, tonight: Night, nights: Sequence[Night], expected: Expected | None, terms: Terms
) -> Case:
    series = [(night.day, night.datasets[key]) for night in nights if key in night.datasets]
    gains = [max(later.rows - earlier.rows, 0) for (_, earlier), (_, later) in pairwise(series)]
    moves = [
        later.sha256 != earlier.sha256
        for (before, earlier), (after, later) in pairwise(series)
        if after > before and terms.is_school_day(after)
    ]
    return Case(
        key=key,
        now=seen,
        last=last_seen(key, nights),
        good=last_good(key, nights),
        filled=last_good(key, nights, filled=True),
        expected=expected,
        day=tonight.day,
        days=terms.school_days(nights[-1].day, tonight.day) if nights else 0,
        largest=max(gains, default=0),
        changing=expected.changes if expected else _always(moves) and "!" not in key,
        terms=terms,
        count=tonight.counts.get(key),
    )


def _always(moves: Sequence[bool]) -> bool:
    return len(moves) >= _TELLING and all(moves[-_TELLING:])


def _missing(tonight: Night, nights: Sequence[Night], known: Expectation) -> Iterator[Finding]:
    for key in sorted(tonight.unread):
        expected = known.of(key)
        yield Finding("unreadable", "fail", key, expected.alias if expected else "", "the file could not be read")
    for expected in known.datasets:
        there = any(expected.matches(key) for key in (*tonight.datasets, *tonight.unread))
        if expected.required and not there and "dataset-missing" not in expected.accept:
            yield Finding("dataset-missing", "fail", expected.path, expected.alias, "it is expected, and not there")
    listed = {*tonight.datasets, *tonight.unread}
    for key, seen in sorted((nights[-1].datasets if nights else {}).items()):
        if key not in listed and known.of(key) is None and (not known.datasets or not known.confirmed):
            inside = key.partition("!")[0]
            if inside == key or (inside in tonight.datasets and seen.rows >= _WORTH):
                yield Finding("dataset-missing", "warn", key, "", "it was there last night")


def _without_echo(found: Sequence[Finding]) -> list[Finding]:
    """Of a file that cannot be read, what follows from that is not told too."""
    unreadable = {one.dataset for one in found if one.code == "unreadable"}
    echoes = {"column-empty", "column-missing", "ids-gone", "rows-fell", "counts-differ", "form-changed", "newest-old"}
    return [one for one in found if not (one.code in echoes and one.dataset in unreadable)]
