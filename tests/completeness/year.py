"""A school year judged night by night: false alarms, and faults of every kind at random dates.

python -m tests.completeness.year          prints the table of docs/completeness.md
ESCROW_SEED=7 python -m tests.completeness.year
"""

import os
import sys
from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import date
from random import Random

from escrow.completeness import Expectation, Expected, Finding, Night, Terms, judge
from escrow.completeness.findings import SPOILS
from escrow.completeness.learn import learn

from .faults import ANY_NIGHT, SCHOOL_DAYS
from .school import nights

SEED = 20_260_901
FIRST = date(2026, 9, 21)
LEARNING, NIGHTS, KEPT, EACH = 10, 365, 15, 8


def seed() -> int:
    """ESCROW_SEED, else a fixed one."""
    return int(os.environ.get("ESCROW_SEED", SEED))


@dataclass
class Result:
    """`alarms`: nights told of without a fault, with their codes. By code: faults injected, and missed."""

    seed: int
    alarms: dict[date, list[str]] = field(default_factory=dict)
    injected: Counter[str] = field(default_factory=Counter)
    missed: list[tuple[str, str, date]] = field(default_factory=list)

    @property
    def misses(self) -> Counter[str]:
        """Missed faults by code."""
        return Counter(code for code, _, _ in self.missed)


@dataclass(frozen=True)
class _Moment:
    """A night, with the remembered ones before it and what was amiss without any fault."""

    night: Night
    before: tuple[Night, ...]
    found: tuple[Finding, ...]


def run(number: int) -> Result:
    """One year: ten nights to learn from, 365 to judge."""
    terms, series = nights(number, FIRST, LEARNING + NIGHTS)
    remembered = [next(series) for _ in range(LEARNING)]
    expectation = Expectation("2026-10-01 by a test", terms, tuple(learn(remembered, terms)))
    result = Result(number)
    moments = []
    for night in series:
        found = judge(night, remembered, expectation)
        moments.append(_Moment(night, tuple(remembered), found))
        if found:
            result.alarms[night.day] = sorted({one.code for one in found})
        failed = frozenset(one.dataset for one in found if one.code in SPOILS)
        remembered = [*remembered, replace(night, failed=failed)][-KEPT:]
    _inject(Random(number + 1), result, moments, expectation, terms)
    return result


def _inject(random: Random, result: Result, moments: list[_Moment], expectation: Expectation, terms: Terms) -> None:
    school = [one for one in moments if terms.is_school_day(one.night.day) and not one.found]
    for code, fault in {**ANY_NIGHT, **SCHOOL_DAYS}.items():
        while result.injected[code] < EACH:
            moment = random.choice(school if code in SCHOOL_DAYS else moments)
            expected = random.choice(expectation.datasets)
            faulty = fault(random, moment.night, moment.before[-1], expected.path, expected, terms)
            _judge(result, code, expected, moment, faulty, expectation)


def _judge(
    result: Result, code: str, expected: Expected, moment: _Moment, faulty: Night | None, expectation: Expectation
) -> None:
    if faulty is None:
        return
    result.injected[code] += 1
    found = judge(faulty, moment.before, expectation)
    if not any(one.code == code and one.dataset == expected.path for one in found):
        result.missed.append((code, expected.path, moment.night.day))


def table(results: list[Result]) -> str:
    """What the runs found, as Markdown."""
    lines = ["| fault | injected | missed |", "|---|---|---|"]
    for code in (*ANY_NIGHT, *SCHOOL_DAYS):
        injected, missed = sum(one.injected[code] for one in results), sum(one.misses[code] for one in results)
        lines.append(f"| `{code}` | {injected} | {missed} |")
    lines += ["", "| seed | nights judged | false alarms | when |", "|---|---|---|---|"]
    for one in results:
        when = "; ".join(f"{day}: {', '.join(codes)}" for day, codes in one.alarms.items())
        lines.append(f"| {one.seed} | {NIGHTS} | {len(one.alarms)} | {when} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.stdout.write(table([run(seed() + n) for n in range(5)]))
