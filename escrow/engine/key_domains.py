"""Whether a vault's sealed series keys lie in two administrative domains, so that no one owner can lose them all."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from escrow.trust import Finding

REMEMBERED = timedelta(days=400)
"""A place that nobody has looked at for longer counts no more."""


@dataclass(frozen=True, slots=True)
class KeyPlace:
    """A place, who pays for it (None: nobody was named), the names of the key objects seen there, and when."""

    name: str
    payer: str | None
    keys: frozenset[str]
    seen: datetime


def judge_key_domains(keys: Collection[str], places: Sequence[KeyPlace], now: datetime) -> tuple[Finding, ...]:
    """Pure: `keys-one-domain` for the key objects that fewer than two payers hold; the first place is the store.

    Places of no named payer are of the store's domain.
    """
    home = places[0].payer
    counted = [place for place in places if now - place.seen <= REMEMBERED]
    short: dict[tuple[str, ...], list[str]] = {}
    for key in sorted(keys):
        holding = [place for place in counted if key in place.keys]
        if len({_domain(place.payer, home) for place in holding}) < 2:
            short.setdefault(tuple(place.name for place in holding), []).append(key)
    return tuple(
        Finding(
            "keys-one-domain",
            lacking[0],
            f"{len(lacking)} of {len(keys)} key objects are {_where(names)}: expected two places under two payers; "
            "name a [[copy]] with another payer in escrow.toml, then run escrow store copy",
        )
        for names, lacking in short.items()
    )


def _domain(payer: str | None, home: str | None) -> str:
    return (payer or home or "").strip().casefold()


def _where(names: tuple[str, ...]) -> str:
    return f"under one payer alone (in {' and '.join(names)})" if names else "in no place at all"
