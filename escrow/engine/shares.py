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


def next_share(expected: Sequence[Expected], cursor: Cursor, share: float) -> tuple[list[Expected], Cursor | None]:
    """The next `share` (0 to 1) of all objects in the cycle's secret order, and the cursor after them.

    None for the cursor: the cycle is complete, begin another with a new secret. An object that is deposited
    meanwhile is looked at in this cycle or the next.
    """
    ranked = sorted((_rank(cursor.secret, one.name), one) for one in expected)
    left = [pair for pair in ranked if pair[0] > cursor.reached]
    chosen = left[: math.ceil(share * len(ranked))]
    done = len(chosen) == len(left)
    return [one for _, one in chosen], None if done else Cursor(cursor.secret, chosen[-1][0])


def _rank(secret: str, name: str) -> str:
    return hashlib.sha256(bytes.fromhex(secret) + name.encode()).hexdigest()
