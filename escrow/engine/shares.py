"""Which objects to download tonight, so that a month covers everything and nobody can foresee the order. Pure."""

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass

from escrow.engine.verify import Expected


@dataclass(frozen=True, slots=True)
class Cursor:
    """Where a cycle through all objects stands: its secret (64 hex digits), and the rank reached ("" at first)."""

    secret: str
    reached: str


def next_share(
    expected: Sequence[Expected], cursor: Cursor, following: Cursor, share: float
) -> list[tuple[Expected, Cursor]]:
    """The next `share` (0 to 1) of all objects in the cycle's secret order, each with the cursor after it.

    Where the cycle ends first, the `following` one begins. An object that is deposited meanwhile is looked at in this
    cycle or the next.
    """
    chosen: dict[str, tuple[Expected, Cursor]] = {}
    wanted = math.ceil(share * len(expected))
    for cycle in (cursor, following):
        for rank, one in sorted((_rank(cycle.secret, one.name), one) for one in expected):
            if len(chosen) < wanted and rank > cycle.reached and one.name not in chosen:
                chosen[one.name] = (one, Cursor(cycle.secret, rank))
    return list(chosen.values())


def _rank(secret: str, name: str) -> str:
    return hashlib.sha256(bytes.fromhex(secret) + name.encode()).hexdigest()
