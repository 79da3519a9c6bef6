"""One column's values, looked at one by one: dates, numbers, identifiers, passwords."""

import re
from datetime import date

from escrow.completeness.identifiers import CHECKS, KEY_IN_URL, identifier_of, is_sealed, names_a_password
from escrow.completeness.profile import Certainty, Column, Kind

_ISO = re.compile(rb"([0-9]{4})-([0-9]{2})-([0-9]{2})(?:[T ].*)?", re.DOTALL)
_SLASHED = re.compile(rb"([0-9]{1,2})[/.]([0-9]{1,2})[/.]([0-9]{4})(?:[T ].*)?", re.DOTALL)
_NUMBER = re.compile(rb"[-+]?(?:[0-9]{1,15}(?:\.[0-9]{0,6})?|\.[0-9]{1,6})")
_MOSTLY = 0.95
_LONGEST_NAME = 100


class Values:
    """Kinds and bounds of the values shown to `see`; give each distinct value once."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.identifier = identifier_of(name)
        self.invalid = 0
        self.seen = 0
        self.password = False
        self.key_in_url = False
        self._check = CHECKS.get(self.identifier)
        self._secret = names_a_password(name)
        self._dates = [0, 0]
        self._numbers = 0
        self._day_first: dict[bool, int] = {True: 0, False: 0}
        self._iso = ["9", ""]
        self._slashed: list[tuple[int, int, int]] = []
        self._least: float | None = None
        self._most: float | None = None

    def see(self, value: bytes) -> None:
        """One value, not blank."""
        self.seen += 1
        if self._check and not self._check(value.decode("utf-8", "replace").strip()):
            self.invalid += 1
        if self._secret and not is_sealed(value):
            self.password = True
        if b"=" in value and KEY_IN_URL.search(value):
            self.key_in_url = True
        if value[:1] > b"9":
            return
        if _NUMBER.fullmatch(value):
            self._number(float(value))
        elif found := _ISO.fullmatch(value):
            self._dates[0] += 1
            day = b"-".join(found.groups()).decode()
            self._iso = [min(self._iso[0], day), max(self._iso[1], day)]
        elif found := _SLASHED.fullmatch(value):
            self._slash(*(int(part) for part in found.groups()))

    def _number(self, number: float) -> None:
        self._numbers += 1
        self._least = number if self._least is None else min(self._least, number)
        self._most = number if self._most is None else max(self._most, number)

    def _slash(self, first: int, second: int, year: int) -> None:
        self._dates[1] += 1
        if first > 12 or second > 12:
            self._day_first[first > 12] += 1
        self._slashed += [(year, first, second)]
        if len(self._slashed) > 4096:
            self._slashed = self._bounds_of_slashed()

    def _bounds_of_slashed(self) -> list[tuple[int, int, int]]:
        orders = [sorted(self._slashed), sorted(self._slashed, key=lambda one: (one[0], one[2], one[1]))]
        return [order[place] for order in orders for place in (0, -1)]

    @property
    def date_form(self) -> str:
        """`iso`, `day-first`, `month-first` (where any date shows it), or "" where these are no dates."""
        if not self.seen or sum(self._dates) < _MOSTLY * self.seen:
            return ""
        if self._dates[0] >= self._dates[1]:
            return "iso"
        return "month-first" if self._day_first[False] > self._day_first[True] else "day-first"

    @property
    def mixed(self) -> bool:
        """Whether dates of several forms stand in the column, so that some mean another day than they seem to."""
        return bool(self.date_form) and (all(self._dates) or all(self._day_first.values()))

    @property
    def notes(self) -> set[str]:
        """Codes of what a person should know of these values."""
        wrong = {"password-column": self.password, "key-in-url": self.key_in_url, "dates-mixed": self.mixed}
        return {note for note, holds in wrong.items() if holds}

    def column(self, nulls: int, distinct: int, certainty: Certainty, newest: str = "") -> Column:
        """The column; `newest`: the last of its dates as found elsewhere, in ISO form."""
        kind, least, most = self._kind()
        return Column(
            name=clean_name(self.name),
            nulls=nulls,
            distinct=distinct,
            certainty=certainty,
            kind=kind,
            least=least,
            most=max(most, newest) if kind == "date" else most,
            identifier=self.identifier,
            invalid=self.invalid,
        )

    def _kind(self) -> tuple[Kind, str, str]:
        form = self.date_form
        if form:
            days = [] if self._dates[0] == 0 else list(self._iso)
            for year, first, second in self._bounds_of_slashed() if self._slashed else ():
                day, month = (second, first) if form == "month-first" else (first, second)
                days += [date(year, month, day).isoformat()] if _holds(year, month, day) else []
            return ("date", min(days), max(days)) if days else ("text", "", "")
        if self.seen and self._numbers >= _MOSTLY * self.seen and not self.identifier:
            assert self._least is not None
            assert self._most is not None
            return "number", f"{self._least:.15g}", f"{self._most:.15g}"
        return "text", "", ""


def _holds(year: int, month: int, day: int) -> bool:
    return year > 0 and 1 <= month <= 12 and 1 <= day <= 28 + (month != 2) * 2 + (month in {1, 3, 5, 7, 8, 10, 12})


def clean_name(name: str) -> str:
    """A heading as text of the format: printable, at most 100 characters."""
    return "".join(char if char.isprintable() else "\ufffd" for char in name.strip()[:_LONGEST_NAME])
