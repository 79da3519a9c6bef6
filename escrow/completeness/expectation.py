"""What a school expects of its exports: learned from good nights, confirmed by a person."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from escrow.completeness.terms import Terms

ALIAS = re.compile(r"[a-z0-9][a-z0-9-]{0,31}")
"""What an alias may be: it stands in the signed notice, so it names no person."""

_DATED = re.compile(r"(?<![0-9])(?:19|20)[0-9]{2}[-_.]?[01][0-9][-_.]?[0-3][0-9](?:[T_.-]?[0-9]{4,6})?(?![0-9])")


@dataclass(frozen=True, slots=True)
class Expected:
    """One dataset. Falls are in percent; `newest` is a date column that may be `newest_days` school days behind.

    `grows`: gains rows on every school day; `changes`: differs on every school day; `restarts`: begins anew each year.
    `accept`: codes that are known and not told any more.
    """

    path: str
    alias: str
    required: bool = True
    columns: tuple[str, ...] = ()
    may_be_empty: tuple[str, ...] = ()
    ids: tuple[str, ...] = ()
    least: int = 0
    max_fall: int = 10
    rollover_fall: int = 40
    grows: bool = False
    changes: bool = False
    restarts: bool = False
    newest: str = ""
    newest_days: int = 0
    encoding: str = ""
    accept: tuple[str, ...] = ()

    def matches(self, key: str) -> bool:
        """Whether this is about the dataset of that key."""
        return key == self.path or fnmatchcase(key, self.path)


@dataclass(frozen=True, slots=True)
class Expectation:
    """`confirmed`: when and by whom; while it is empty nothing fails, it only warns."""

    confirmed: str = ""
    terms: Terms = field(default_factory=Terms)
    datasets: tuple[Expected, ...] = ()

    def of(self, key: str) -> Expected | None:
        """What is expected of the dataset of a key: the first entry that matches."""
        return next((one for one in self.datasets if one.matches(key)), None)


def key_of(path: str) -> str:
    """The name of a dataset over the nights: a date in a file's name becomes `*`."""
    return _DATED.sub("*", path)


def newest_by_key(paths: Iterable[str]) -> dict[str, str]:
    """For each key the path that is the last of its kind, as dated exports sort."""
    found: dict[str, str] = {}
    for path in paths:
        key = key_of(path)
        found[key] = max(path, found.get(key, path))
    return found
