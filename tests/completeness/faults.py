"""Every fault that completeness must find, put into a good night: a function each, named by the code that tells it."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from random import Random

from escrow.completeness import Column, Expected, Night, Profile, Seen, Terms
from escrow.completeness.terms import school_days_of

from .school import DAY, UPN

Fault = Callable[[Random, Night, Night, str, Expected, Terms], Night | None]
"""Of a night and the one before it: the night with the fault in one dataset; None where that cannot have it."""

RESTARTABLE = 0.8
"""Most that a table of the year loses here: over 85 % from 25 August to 20 September is its yearly restart."""


def _with(night: Night, key: str, **changes: object) -> Night:
    seen = night.datasets[key]
    made = replace(seen, sha256="f" * 64, profile=replace(seen.profile, **changes))  # type: ignore[arg-type]
    return replace(night, datasets={**night.datasets, key: made})


def _columns(seen: Seen, name: str, change: Callable[[Column], Column | None]) -> tuple[Column, ...]:
    changed = (change(one) if one.name == name else one for one in seen.profile.columns)
    return tuple(one for one in changed if one is not None)


def dataset_missing(
    random: Random, night: Night, last: Night, key: str, expected: Expected, terms: Terms
) -> Night | None:
    return replace(night, datasets={name: seen for name, seen in night.datasets.items() if name != key})


def column_missing(
    random: Random, night: Night, last: Night, key: str, expected: Expected, terms: Terms
) -> Night | None:
    seen = night.datasets[key]
    names = [one.name for one in seen.profile.columns if one.name not in expected.ids]
    return _with(night, key, columns=_columns(seen, random.choice(names), lambda one: None)) if names else None


def column_empty(random: Random, night: Night, last: Night, key: str, expected: Expected, terms: Terms) -> Night | None:
    seen = night.datasets[key]
    names = [one.name for one in seen.profile.columns if one.name not in expected.ids]
    if not names or seen.rows < 200:
        return None
    emptied = _columns(seen, random.choice(names), lambda one: Column(one.name, nulls=seen.rows))
    return _with(night, key, columns=emptied)


def ids_gone(random: Random, night: Night, last: Night, key: str, expected: Expected, terms: Terms) -> Night | None:
    seen = night.datasets[key]
    if UPN not in expected.ids or not seen.rows:
        return None
    share = random.uniform(0.2, 1.0)
    ways: list[Callable[[Column], Column | None]] = [
        lambda one: None,
        lambda one: replace(one, nulls=round(seen.rows * share), distinct=round(one.distinct * (1 - share))),
        lambda one: replace(one, distinct=1),
    ]
    return _with(night, key, columns=_columns(seen, UPN, random.choice(ways)))


def rows_fell(random: Random, night: Night, last: Night, key: str, expected: Expected, terms: Terms) -> Night | None:
    seen = night.datasets[key]
    allowed = (expected.rollover_fall if terms.in_rollover(night.day) else expected.max_fall) / 100
    left = round(
        last.datasets[key].rows * (1 - random.uniform(allowed + 0.05, RESTARTABLE if expected.restarts else 1.0))
    )
    if min(seen.rows, last.datasets[key].rows) < 50:
        return None
    columns = tuple(
        replace(one, nulls=min(left, round(one.nulls * left / seen.rows)), distinct=min(one.distinct, left))
        for one in seen.profile.columns
    )
    return _with(night, key, rows=left, columns=columns)


def counts_differ(
    random: Random, night: Night, last: Night, key: str, expected: Expected, terms: Terms
) -> Night | None:
    if key not in night.counts:
        return None
    return replace(night, counts={key: night.datasets[key].rows + random.randint(1, 50)})


def unreadable(random: Random, night: Night, last: Night, key: str, expected: Expected, terms: Terms) -> Night | None:
    seen = night.datasets[key]
    broken = [
        Profile("empty", 0, notes=("empty",)),
        Profile("opaque"),
        replace(seen.profile, rows=seen.rows // 2, notes=("truncated",)),
        replace(seen.profile, rows=seen.rows // 3, notes=("quote-unclosed",)),
    ]
    made = replace(seen, sha256="e" * 64, profile=random.choice(broken))
    return replace(night, datasets={**night.datasets, key: made}) if "!" not in key else None


def encoding_differs(
    random: Random, night: Night, last: Night, key: str, expected: Expected, terms: Terms
) -> Night | None:
    if night.datasets[key].profile.encoding != "utf-8":
        return None
    return _with(night, key, encoding=random.choice(("windows-1252", "utf-16-le")))


def password_column(
    random: Random, night: Night, last: Night, key: str, expected: Expected, terms: Terms
) -> Night | None:
    return _with(night, key, notes=("password-column",))


def key_in_url(random: Random, night: Night, last: Night, key: str, expected: Expected, terms: Terms) -> Night | None:
    return _with(night, key, notes=("key-in-url",))


def rows_multiplied(
    random: Random, night: Night, last: Night, key: str, expected: Expected, terms: Terms
) -> Night | None:
    seen = night.datasets[key]
    times = random.randint(2, 6)
    if UPN not in expected.ids or not seen.rows or (expected.restarts and terms.may_restart(night.day)):
        return None  # in the first days of a table of the year nothing tells how fast it grows
    columns = tuple(replace(one, nulls=one.nulls * times) for one in seen.profile.columns)
    return replace(_with(night, key, rows=seen.rows * times, columns=columns), counts={})


ANY_NIGHT: Mapping[str, Fault] = {
    "dataset-missing": dataset_missing,
    "column-missing": column_missing,
    "column-empty": column_empty,
    "ids-gone": ids_gone,
    "rows-fell": rows_fell,
    "counts-differ": counts_differ,
    "unreadable": unreadable,
    "encoding-differs": encoding_differs,
    "password-column": password_column,
    "key-in-url": key_in_url,
    "rows-multiplied": rows_multiplied,
}
"""By code; on any night of the year."""


def identical(random: Random, night: Night, last: Night, key: str, expected: Expected, terms: Terms) -> Night | None:
    if not expected.changes:
        return None
    return replace(night, datasets={**night.datasets, key: last.datasets[key]})


def stopped_growing(
    random: Random, night: Night, last: Night, key: str, expected: Expected, terms: Terms
) -> Night | None:
    if not expected.grows:
        return None
    return _with(night, key, rows=last.datasets[key].rows, columns=last.datasets[key].profile.columns)


def newest_old(random: Random, night: Night, last: Night, key: str, expected: Expected, terms: Terms) -> Night | None:
    seen = night.datasets[key]
    if not expected.newest or not seen.rows:
        return None
    days = [*school_days_of(terms, night.day - 120 * DAY, night.day)]
    newest = days[-1 - random.randint(expected.newest_days + 1, expected.newest_days + 10)].isoformat()
    return _with(night, key, columns=_columns(seen, expected.newest, lambda one: replace(one, most=newest)))


SCHOOL_DAYS: Mapping[str, Fault] = {
    "identical": identical,
    "stopped-growing": stopped_growing,
    "newest-old": newest_old,
}
"""By code; on school days."""
