"""Tables that are sampled: faults put into them are found by their profiles, and good nights raise no alarm."""

from collections.abc import Callable, Iterator
from datetime import date, timedelta
from random import Random

import pytest

from escrow.completeness import Expectation, Expected, Finding, Night, Profile, Seen, Terms, judge
from escrow.completeness.reader import profile_bytes

PUPILS, DAYS, KEY = 660, 190, "mis/marks.csv"
MONDAY = date(2026, 1, 12)
RARE = (0, 1, 2, 4, 8, 16, 64, 512)
FEW = 64
"""A value that stands in fewer rows of a sampled table may be in none that is looked at (docs/completeness.md)."""
HEADER = ["Admission No", "Date", "Subject", "Teacher", "Mark", "Comment", *(f"Rare {count}" for count in RARE)]
Row = list[str]
Rows = list[Row]

TERMS = Terms(((date(2025, 9, 1), date(2026, 7, 20)),))
EXPECTED = Expected(
    KEY,
    "marks",
    columns=tuple(HEADER),
    may_be_empty=tuple(f"Rare {count}" for count in RARE if count < FEW),
    ids=("Admission No",),
    grows=True,
    newest="Date",
    newest_days=1,
)
EXPECTATION = Expectation("", TERMS, (EXPECTED,))


def marks(seed: str, night: int, *, by_day: bool) -> Rows:
    """The marks of all days up to a night, sorted by pupil and day, or by day and pupil."""
    random = Random(f"{seed} {night}")
    last = MONDAY + timedelta(night)
    rows = [
        [
            f"Z{pupil:012}",
            (last - timedelta(DAYS + night - 1 - day)).isoformat(),
            f"Subject {day % 7}",
            f"T{pupil % 40:02}",
            "/LN"[(pupil + day) % 3],
            "late, bus" if (pupil * day) % 70 == 0 else "",
            *[""] * len(RARE),
        ]
        for pupil in range(PUPILS)
        for day in range(DAYS + night)
    ]
    for number, count in enumerate(RARE):
        for row in random.sample(rows, count):
            row[6 + number] = "x"
    if by_day:
        rows.sort(key=lambda row: (row[1], row[0]))
    return rows


def profile(rows: Rows, *, quoted: bool = False) -> Profile:
    cell = '"%s"' if quoted else "%s"
    lines = (
        ",".join(f'"{one}"' if "," in one and not quoted else cell % one for one in row) for row in (HEADER, *rows)
    )
    data = "\r\n".join((*lines, "")).encode()
    assert len(data) > 4.4 * (1 << 20)
    return profile_bytes("marks.csv", data)


def night(number: int, found: Profile) -> Night:
    return Night(MONDAY + timedelta(number), {KEY: Seen(f"{number:064}", 1, found)})


def told(nights: list[Night]) -> tuple[Finding, ...]:
    return judge(nights[-1], nights[:-1], EXPECTATION)


def blank(rows: Rows, column: int) -> Rows:
    return [[*row[:column], "", *row[column + 1 :]] for row in rows]


FAULTS: dict[str, Callable[[Rows], Rows]] = {
    "column-empty": lambda rows: blank(rows, 4),
    "column-empty of a comment": lambda rows: blank(rows, 5),
    "column-empty of a rare value": lambda rows: blank(rows, 6 + RARE.index(512)),
    "ids-gone": lambda rows: blank(rows, 0),
    "ids-gone in a fifth of the rows": lambda rows: [
        ["", *row[1:]] if row[0] > "Z000000000528" else row for row in rows
    ],
    "ids-gone to one": lambda rows: [["Z000000000001", *row[1:]] for row in rows],
    "ids-gone by half": lambda rows: [[f"Z{int(row[0][1:]) // 2:012}", *row[1:]] for row in rows],
    "rows-fell": lambda rows: rows[: len(rows) * 17 // 20],
    "rows-multiplied": lambda rows: [row for row in rows for _ in range(2)],
    "newest-old": lambda rows: [[row[0], "2026-01-02", *row[2:]] if row[1] > "2026-01-02" else row for row in rows],
    "stopped-growing": lambda rows: rows[: PUPILS * DAYS],
}


@pytest.fixture(scope="module", params=["by pupil", "by day"])
def before(request: pytest.FixtureRequest) -> tuple[bool, Rows, Night]:
    by_day = request.param == "by day"
    return by_day, marks("school", 1, by_day=by_day), night(0, profile(marks("school", 0, by_day=by_day)))


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_found(before: tuple[bool, Rows, Night], fault: str) -> None:
    _, rows, last = before
    broken = profile(FAULTS[fault](rows))
    assert fault.split(maxsplit=1)[0] in {finding.code for finding in told([last, night(1, broken)])}


def good_nights(by_day: bool, quoted: bool) -> Iterator[Night]:
    for number in range(4):
        yield night(number, profile(marks("good", number, by_day=by_day), quoted=quoted))


@pytest.mark.parametrize("quoted", [False, True])
@pytest.mark.parametrize("by_day", [False, True])
def test_good_nights_are_silent_and_their_rows_exact(by_day: bool, quoted: bool) -> None:
    nights = list(good_nights(by_day, quoted))
    for number, one in enumerate(nights):
        found = one.datasets[KEY].profile
        assert found.notes == ("sampled",)
        assert (found.rows, found.columns[0].distinct) == (PUPILS * (DAYS + number), PUPILS)
        assert found.columns[1].most == one.day.isoformat()
        assert told(nights[: number + 1]) == ()
