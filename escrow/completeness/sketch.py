"""How many distinct values a column has: exact up to a cap, then reckoned from the values with the smallest hashes.

(Bar-Yossef and others, 2002: the share of the hash space that still fits the cap tells how many there are in all.)
"""

import numpy as np
from numpy.typing import NDArray

from escrow.completeness.profile import Certainty

Hashes = NDArray[np.uint64]
CAP = 4096
_SPACE = 1 << 64
_SLOTS = 1 << 15
_SHIFT = np.uint64(64 - 15)


class Sketch:
    """A set of hashes under a falling limit."""

    def __init__(self) -> None:
        self._kept: set[int] = set()
        self._limit = _SPACE - 1
        self._slots: Hashes | None = None
        self.partial = False
        """Set when a part of the rows was left out."""

    def add(self, hashes: Hashes) -> NDArray[np.intp]:
        """Take hashes in; gives the places in `hashes` of those not seen before, each once."""
        if self._slots is None:
            self._slots = np.zeros(_SLOTS, np.uint64)
        places = np.flatnonzero(self._slots[hashes >> _SHIFT] != hashes)
        if self._limit < _SPACE - 1:
            places = places[hashes[places] <= np.uint64(self._limit)]
        if not len(places):
            return places
        values, first = np.unique(hashes[places], return_index=True)
        self._slots[values >> _SHIFT] = values
        listed = values.tolist()
        fresh = [n for n, value in enumerate(listed) if value not in self._kept]
        self._keep(listed)
        return places[first[fresh]]

    def add_one(self, value: int) -> bool:
        """Take one hash in; whether it was not seen before."""
        if value > self._limit or value in self._kept:
            return False
        self._keep([value])
        return True

    def _keep(self, values: list[int]) -> None:
        self._kept.update(values)
        if len(self._kept) > CAP:
            while len(self._kept) > CAP:
                self._limit //= 2
                self._kept = {value for value in self._kept if value <= self._limit}

    @property
    def distinct(self) -> int:
        """The number of distinct values, as far as it is known."""
        return len(self._kept) * (_SPACE // (self._limit + 1))

    @property
    def certainty(self) -> Certainty:
        """What that number is worth."""
        return "at-least" if self.partial else "exact" if self._limit == _SPACE - 1 else "estimate"
