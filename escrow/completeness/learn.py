"""What good nights teach to expect. Pure; a person confirms it."""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise

from escrow.completeness.expectation import ALIAS, Expected
from escrow.completeness.identifiers import names_a_thing
from escrow.completeness.night import Night, Seen
from escrow.completeness.terms import Terms, as_day

_MOVES = 2
"""School days on which a dataset must have grown or differed to be expected to."""
_NEWEST_AT_MOST = 5
_INSIDE = 20


@dataclass(frozen=True, slots=True)
class _Series:
    key: str
    seen: tuple[tuple[date, Seen], ...]
    terms: Terms

    @property
    def last(self) -> Seen:
        return self.seen[-1][1]

    def moves(self) -> list[tuple[Seen, Seen]]:
        """Pairs of nights with a school day between them."""
        return [
            (earlier, later)
            for (before, earlier), (after, later) in pairwise(self.seen)
            if self.terms.school_days(before, after)
        ]


def learn(nights: Sequence[Night], terms: Terms, known: Collection[Expected] = ()) -> list[Expected]:
    """What is expected of each dataset that `known` does not speak of. `nights`: the oldest first."""
    keys = dict.fromkeys(key for night in nights for key in night.datasets)
    taken = {one.alias for one in known}
    found = []
    for key in sorted(keys):
        seen = tuple((night.day, night.datasets[key]) for night in nights if key in night.datasets)
        if any(one.matches(key) for one in known) or ("!" in key and seen[-1][1].rows < _INSIDE):
            continue
        alias = _alias(key, taken)
        taken.add(alias)
        found.append(_expected(_Series(key, seen, terms), alias, always=len(seen) == len(nights)))
    return found


def _alias(key: str, taken: Collection[str]) -> str:
    name = key.rpartition("!")[2] if "!" in key else key.rpartition("/")[2].partition(".")[0]
    plain = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:24] or "data"
    plain = plain if ALIAS.fullmatch(plain) else "data"
    return next(one for one in (plain, *(f"{plain}-{n}" for n in range(2, 10_000))) if one not in taken)


def _expected(series: _Series, alias: str, *, always: bool) -> Expected:
    moves = series.moves()
    profiles = [seen.profile for _, seen in series.seen]
    columns = [column for column in profiles[-1].columns if all(one.column(column.name) for one in profiles)]
    grows = len(moves) >= _MOVES and all(later.rows > earlier.rows for earlier, later in moves)
    newest, newest_days = _newest(series)
    rows = [seen.rows for _, seen in series.seen]
    return Expected(
        path=series.key,
        alias=alias,
        required=always,
        columns=tuple(column.name for column in columns),
        may_be_empty=tuple(column.name for column in columns if _was_empty(series, column.name)),
        ids=_ids(series),
        least=0 if grows else min(rows) // 2,
        grows=grows,
        changes="!" not in series.key
        and len(moves) >= _MOVES
        and all(later.sha256 != earlier.sha256 for earlier, later in moves),
        restarts=grows,
        newest=newest,
        newest_days=newest_days,
        encoding=_encoding(series),
    )


def _was_empty(series: _Series, name: str) -> bool:
    columns = [(seen.rows, seen.profile.column(name)) for _, seen in series.seen]
    return any(column is not None and column.nulls >= rows for rows, column in columns)


def _ids(series: _Series) -> tuple[str, ...]:
    """Columns by UPN or ULN; else the first that by its name and its values tells the rows apart."""
    columns = series.last.profile.columns
    people = tuple(column.name for column in columns if column.identifier in {"upn", "uln"} and column.distinct)
    if people:
        return people
    rows = series.last.rows
    return tuple(one.name for one in columns if rows and names_a_thing(one.name) and one.distinct >= 0.9 * rows)[:1]


def _newest(series: _Series) -> tuple[str, int]:
    """The date column that is nearest to each night, and how many school days it may be behind."""
    best = ("", _NEWEST_AT_MOST + 1)
    for column in series.last.profile.columns:
        lags = [_lag(series, day, seen, column.name) for day, seen in series.seen]
        known = [lag for lag in lags if lag is not None]
        if len(known) == len(lags) >= _MOVES and max(known) < best[1]:
            best = (column.name, max(known))
    return (best[0], best[1] + 1) if best[0] else ("", 0)


def _lag(series: _Series, day: date, seen: Seen, name: str) -> int | None:
    column = seen.profile.column(name)
    newest = as_day(column.most) if column else None
    return None if newest is None or newest > day else series.terms.school_days(newest, day)


def _encoding(series: _Series) -> str:
    found = {seen.profile.encoding for _, seen in series.seen} - {"ascii", ""}
    return found.pop() if len(found) == 1 else ""
