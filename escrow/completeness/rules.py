"""The rules for one dataset: each looks at one thing and says, in a sentence without values, what is amiss."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from escrow.completeness.expectation import Expected
from escrow.completeness.findings import Severity
from escrow.completeness.night import Seen
from escrow.completeness.profile import BROKEN, Column, Profile
from escrow.completeness.terms import Terms, as_day

Told = tuple[str, Severity, str]
"""Code, severity and detail."""

_FEW_ROWS = 5
_MANY_ROWS = 20
_FEW_INVALID = 4
_SURELY = 14
"""Filled cells to be expected when none is there: by chance that is rarer than one in a million."""
_ID_LOSS = 0.1
_ID_SLACK = 0.05
_JUMP = 1.5
_RESTART = 0.15
_FORM = frozenset({"dates-mixed", "header-duplicate", "line-ends-mixed", "ragged"})


@dataclass(frozen=True, slots=True)
class Case:
    """One dataset tonight. `last`: last night's; `good`: when it was last as it should be; `filled`: and had rows.

    `days`: school days since last night's data. `largest`: most rows that it gained between two nights. `changing`: it
    differed every school day.
    """

    key: str
    now: Seen
    last: Seen | None
    good: Seen | None
    filled: Seen | None
    expected: Expected | None
    day: date
    days: int
    largest: int
    changing: bool
    terms: Terms
    count: int | None

    @property
    def profile(self) -> Profile:
        """Tonight's."""
        return self.now.profile

    @property
    def restarting(self) -> bool:
        """Whether the dataset begins anew tonight, as it may once a year: next to nothing is left of it."""
        may = self.expected is not None and self.expected.restarts and self.terms.may_restart(self.day)
        return may and self.good is not None and self.now.rows <= _RESTART * self.good.rows


def broken(case: Case) -> Iterator[Told]:
    """Cut off, damaged, or of another format than before."""
    was = case.good.profile if case.good else None
    notes = sorted(BROKEN & set(case.profile.notes))
    if notes:
        yield "unreadable", "fail", f"{', '.join(notes)}"
    elif "empty" in case.profile.notes and not (was and "empty" in was.notes):
        yield "unreadable", "fail", "the file has no bytes"
    elif was and was.format != case.profile.format and "empty" not in was.notes:
        yield "unreadable", "fail", f"was {was.format}, is {case.profile.format}"


def encoding(case: Case) -> Iterator[Told]:
    """Other bytes than declared, expected or usual."""
    found = case.profile.encoding
    wanted = case.expected.encoding if case.expected else ""
    before = wanted or (case.good.profile.encoding if case.good else "")
    if "encoding-differs" in case.profile.notes:
        yield "encoding-differs", "warn", f"declared {case.profile.declared or 'utf-8'}, found {found}"
    elif before and found and not _alike(found, before):
        yield "encoding-differs", "warn", f"expected {before}, found {found}"


def _alike(found: str, before: str) -> bool:
    """ASCII is part of all encodings but UTF-16."""
    return found == before or ("ascii" in {found, before} and not (found + before).count("utf-16"))


def secrets(case: Case) -> Iterator[Told]:
    """Passwords and keys."""
    if "password-column" in case.profile.notes:
        yield "password-column", "warn", "a column holds passwords that can be read"
    if "key-in-url" in case.profile.notes:
        yield "key-in-url", "warn", "a column holds addresses with a key in them"


def form(case: Case) -> Iterator[Told]:
    """Ragged rows, doubled headings and the like, where there were none."""
    if case.good:
        new = sorted(_FORM & set(case.profile.notes) - set(case.good.profile.notes))
        if new:
            yield "form-changed", "warn", ", ".join(new)


def _ids(case: Case) -> set[str]:
    if case.expected and case.expected.ids:
        return set(case.expected.ids)
    known = case.filled.profile if case.filled else case.profile
    return {column.name for column in known.columns if column.identifier in {"upn", "uln"}}


def columns(case: Case) -> Iterator[Told]:
    """Columns that are gone, or hold nothing."""
    was = case.filled.profile if case.filled else None
    wanted = case.expected.columns if case.expected else tuple(column.name for column in was.columns) if was else ()
    have = {column.name for column in case.profile.columns}
    if not have:
        return
    missing = [name for name in wanted if name not in have and name not in _ids(case)]
    if missing:
        yield "column-missing", "fail", f"{len(missing)} columns: {', '.join(missing[:5])}"
    empty = [column.name for column in case.profile.columns if _is_emptied(case, column)]
    if empty:
        yield "column-empty", "fail", f"{len(empty)} columns: {', '.join(empty[:5])}"


def _is_emptied(case: Case, column: Column) -> bool:
    rows = case.now.rows
    if not rows or column.nulls < rows or column.name in _ids(case):
        return False
    if case.expected and column.name in case.expected.may_be_empty:
        return False
    before = case.filled.profile.column(column.name) if case.filled else None
    if case.filled is None or before is None:
        return bool(case.expected and column.name in case.expected.columns) and rows >= _FEW_ROWS
    filled = case.filled.rows - before.nulls
    if not filled:
        return False
    if rows * 2 >= case.filled.rows:
        return filled >= min(_FEW_ROWS, case.filled.rows)
    return rows * filled >= _SURELY * case.filled.rows


def ids(case: Case) -> Iterator[Told]:
    """Identifiers that are gone, blank or fewer, though the rows are there."""
    if not case.now.rows or not case.profile.columns:
        return
    for name in sorted(_ids(case)):
        column = case.profile.column(name)
        before = case.filled.profile.column(name) if case.filled else None
        if column is None:
            yield "ids-gone", "fail", f"column {name} is not there"
        elif column.nulls / case.now.rows > _blank_before(case, before, column) + _ID_LOSS:
            yield "ids-gone", "fail", f"column {name}: {column.nulls} of {case.now.rows} rows are blank"
        elif column.distinct == 1 and case.now.rows >= _MANY_ROWS and not (before and before.distinct == 1):
            yield "ids-gone", "fail", f"column {name}: one value in {case.now.rows} rows"
        elif case.filled and before and _counted(column, before):
            kept_rows = min(case.now.rows / case.filled.rows, 1.0) if case.filled.rows else 0.0
            if column.distinct < before.distinct * kept_rows * (1 - _loss(case)) and not case.restarting:
                yield "ids-gone", "fail", f"column {name}: {column.distinct} values, were {before.distinct}"


def _loss(case: Case) -> float:
    """The share of identifiers that may be lost beside what is lost in rows."""
    rollover_fall = case.expected.rollover_fall if case.expected else 40
    return rollover_fall / 100 if case.terms.in_rollover(case.day) else 2 * _ID_LOSS


def _blank_before(case: Case, before: Column | None, column: Column) -> float:
    """The share of blanks that is usual. Where nothing is known, only a column that is expected and all blank tells."""
    if before and case.filled and case.filled.rows:
        return before.nulls / case.filled.rows
    return 0.0 if case.expected and case.expected.ids and column.nulls == case.now.rows else 1.0


def _counted(*columns: Column) -> bool:
    return all(column.certainty != "at-least" for column in columns)


def invalid(case: Case) -> Iterator[Told]:
    """More identifiers fail their check than did before."""
    for column in case.profile.columns:
        before = case.filled.profile.column(column.name) if case.filled else None
        usual = before.invalid / before.distinct if before and before.distinct else 0.0
        more = column.invalid > (before.invalid if before else _FEW_INVALID - 1)
        if more and column.invalid / column.distinct > usual + _ID_SLACK:
            yield "ids-invalid", "warn", f"column {column.name}: {column.invalid} of {column.distinct} values"


def rows(case: Case) -> Iterator[Told]:
    """Fewer rows than before, than may be, or than the source says."""
    if case.profile.rows is None:
        return
    now = case.now.rows
    if case.count is not None and case.count != now:
        yield "counts-differ", "fail" if now < case.count else "warn", f"the source counts {case.count}, found {now}"
    expected = case.expected
    rollover = case.terms.in_rollover(case.day)
    allowed = 10 if expected is None else expected.max_fall
    if rollover:
        allowed = max(allowed, 40 if expected is None else expected.rollover_fall)
    least = expected.least if expected and not case.restarting else 0
    if case.good and not case.restarting and _fell(case.good.rows, now, allowed):
        yield "rows-fell", "fail", f"{now} rows, were {case.good.rows}; {allowed} % fewer are allowed"
    elif now < least:
        yield "rows-fell", "fail", f"{now} rows, at least {least} are expected"


def _fell(before: int, now: int, allowed: int) -> bool:
    lost = before - now
    return lost * 100 > before * allowed and (lost >= _FEW_ROWS or now == 0)


def multiplied(case: Case) -> Iterator[Told]:
    """More rows for each identifier than can be: a join of two lists."""
    good, now = case.good, case.now.rows
    if good is None or not good.rows or now - good.rows <= max(good.rows * (_JUMP - 1), 4 * case.largest):
        return
    if case.expected and case.expected.grows and now - good.rows <= 4 * case.largest * max(case.days, 1):
        return
    for name in sorted(_ids(case)):
        column, before = case.profile.column(name), good.profile.column(name)
        if column and before and column.distinct and before.distinct and _counted(column, before):
            if now / column.distinct > _JUMP * good.rows / before.distinct:
                yield "rows-multiplied", "fail", f"{now} rows for {column.distinct} values of {name}, were {good.rows}"
            return
    yield "rows-multiplied", "warn", f"{now} rows, were {good.rows}"


def stale(case: Case) -> Iterator[Told]:
    """Nothing new where there should be."""
    today = case.terms.is_school_day(case.day) and case.days > 0
    last = case.last
    if today and last and case.changing and last.sha256 == case.now.sha256:
        yield "identical", "fail", "byte for byte as last night, on a school day"
    elif today and last and case.expected and case.expected.grows and case.now.rows == last.rows:
        yield "stopped-growing", "fail", f"{last.rows} rows, as last night, on a school day"
    newest = case.profile.column(case.expected.newest) if case.expected else None
    day = as_day(newest.most) if newest else None
    if newest and day and case.expected:
        behind, allowed = case.terms.school_days(day, case.day), case.expected.newest_days
        if behind > allowed:
            yield "newest-old", "fail", f"{newest.name}: the newest is {behind} school days old, {allowed} allowed"


RULES = (broken, encoding, secrets, form, columns, ids, invalid, rows, multiplied, stale)
"""All of them, in the order in which a person reads them."""
INTRINSIC = (broken, encoding, secrets)
"""Those that need no expectation and no other night."""
