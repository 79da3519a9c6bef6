"""When a compartment's series goes on and when a new one begins; with which key and until when it is kept. Pure."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from escrow.engine.state import OpenSeries
from escrow.engine.sync import Footing, Tail
from escrow.errors import RefusedError
from escrow.record import Charter, Compartment, StockKey

UNPLANNED_AT_MOST = 3
UNPLANNED_WITHIN = timedelta(days=30)
_STOCK_WARNING = timedelta(days=90)


@dataclass(frozen=True, slots=True)
class Begin:
    """A new series: why, with which key, its planned end and its retain-until. `reused`: the stock is used up."""

    why: str
    key: StockKey
    ends: datetime
    retain_until: datetime
    reused: bool


def plan_series(
    compartment: Compartment,
    current: OpenSeries | None,
    footing: Footing,
    agent: str,
    used: Collection[str],
    *,
    named: bool,
) -> Begin | None:
    """None to go on with `current`; `used` are the ids of keys that already have a series.

    `named`: a notice names packs of `current`, so that it may need what a rolled-back store has lost.

    Raises RefusedError (`stock-empty`) when the stock has no key at all for the compartment.
    """
    why = _why(current, footing, agent, named)
    if why is None:
        return None
    keys = keys_of(compartment, footing)
    if not keys:
        raise RefusedError(
            "stock-empty",
            f"the stock has no key for the compartment {compartment.name}",
            hint="ask the key holders to make some (escrow keys stock), and run escrow init with what they give",
        )
    fresh = [key for key in keys if key.id not in used]
    ends = footing.now + timedelta(days=compartment.nights)
    cap = footing.now + timedelta(days=footing.charter.cap_days)
    return Begin(
        why=why,
        key=fresh[0] if fresh else keys[-1],
        ends=ends,
        retain_until=min(ends + timedelta(days=compartment.keep_days), cap),
        reused=not fresh,
    )


def _why(current: OpenSeries | None, footing: Footing, agent: str, named: bool) -> str | None:
    if footing.tail is Tail.STORE_ROLLED_BACK and (current is None or named):
        return Tail.STORE_ROLLED_BACK.value
    if current is None:
        return "first" if footing.head is None and footing.tail is Tail.EXPECTED else _lost(footing)
    if _rests_on(footing.charters.get(current.charter), current) != _rests_on(footing.charter, current):
        return "charter-changed"
    if current.agent != agent:
        return "agent-changed"
    if footing.now.timestamp() >= current.ends:
        return "planned"
    return None


def _rests_on(charter: Charter | None, series: OpenSeries) -> tuple[object, ...]:
    """What of a charter a series rests on: other changes leave it alone."""
    if charter is None:
        return ()
    lengths = [(one.nights, one.keep_days) for one in charter.compartments if one.name == series.compartment]
    return (charter.recipients, charter.cap_days, lengths)


def keys_of(compartment: Compartment, footing: Footing) -> list[StockKey]:
    """The stock's keys for a compartment, in the order in which they are used."""
    keys = (key for key in footing.keys.values() if key.compartment == compartment.name)
    return sorted(keys, key=lambda key: key.id)


def _lost(footing: Footing) -> str:
    return footing.tail.value if footing.tail is not Tail.EXPECTED else "charter-changed"


def stock_warning(compartment: Compartment, footing: Footing, used: Collection[str]) -> str | None:
    """A sentence when the compartment's unused keys last less than 90 days."""
    left = sum(key.compartment == compartment.name and key.id not in used for key in footing.keys.values())
    days = left * compartment.nights
    if timedelta(days=days) >= _STOCK_WARNING:
        return None
    more = "ask the key holders for more (escrow keys stock)"
    return f"compartment {compartment.name}: {left} series keys are left, for {days} days; {more}"
