"""The end of things: holds, series that expired, keys that were destroyed (docs/format.md, section 13.8). Pure."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from escrow.errors import RefusedError
from escrow.record import Charter, Event, Notice, Series

SHRED = "shred"
"""How the id of a charter's retention begins that allows keys of its compartment to be destroyed."""
_SHOWN = 3


@dataclass(frozen=True, slots=True)
class Hold:
    """A hold in force, known by its event's hash. `series`: those that it covers, None for all of the vault."""

    sha256: str
    n: int
    name: str
    series: frozenset[str] | None
    at: datetime

    def covers(self, series: str) -> bool:
        """Whether nothing of this series may be deleted."""
        return self.series is None or series in self.series


@dataclass(frozen=True, slots=True)
class Ending:
    """The holds in force; which series expired and which keys were destroyed, each with its event's number."""

    holds: tuple[Hold, ...] = ()
    expired: Mapping[str, int] = field(default_factory=dict)
    shredded: Mapping[str, int] = field(default_factory=dict)

    def after(self, event: Event, sha256: str) -> "Ending":
        """With one more event. RefusedError `hold-unknown`."""
        match event.kind:
            case "held":
                series = None if event.series is None else frozenset(event.series)
                hold = Hold(sha256, event.n, event.hold or "", series, event.created)
                return replace(self, holds=(*self.holds, hold))
            case "hold-cleared":
                holds = tuple(one for one in self.holds if one.sha256 != event.deed)
                if holds == self.holds:
                    raise RefusedError(
                        "hold-unknown",
                        f"expected a hold in force, found {(event.deed or '')[:16]}",
                        hint="escrow hold list shows them",
                    )
                return replace(self, holds=holds)
            case "expired":
                return replace(self, expired={**dict.fromkeys(event.series or (), event.n), **self.expired})
            case "shredded":
                return replace(self, shredded={**dict.fromkeys(event.keys or (), event.n), **self.shredded})
        return self


@dataclass(frozen=True, slots=True)
class Kept:
    """What the rules ask of a series. `retain_until` is None where no accepted record says it; `last`: no later night
    of its compartment is in another series."""

    compartment: str
    key: str
    retain_until: datetime | None
    last: bool


def kept_series(records: Mapping[str, tuple[str, str, Series | None]], notices: Collection[Notice]) -> dict[str, Kept]:
    """What is known of each series: compartment, key and record given, and the notices of the main branch."""
    named: dict[str, int] = {}
    nights: dict[str, int] = {}
    for notice in notices:
        for part in notice.series:
            named[part.series] = notice.seq
            if notice.kind == "snapshot":
                nights[part.compartment] = notice.seq
    return {
        series: Kept(
            compartment,
            key,
            record.retain_until if record else None,
            last=nights.get(compartment, 0) <= named.get(series, 0),
        )
        for series, (compartment, key, record) in records.items()
    }


def check_end(
    event: Event,
    charter: Charter,
    *,
    phase: str,
    ending: Ending,
    kept: Mapping[str, Kept],
    notices: Iterable[Notice],
) -> None:
    """The rules of an `expired` or `shredded` event; `phase` is the handover's before it, `notices` the main branch.

    RefusedError `handover-phase`, `shred-clause`, `hold-covers`, `expired-early`, `series-last`.
    """
    if event.kind not in ("expired", "shredded"):
        return
    if phase in ("notice-given", "released"):
        hint = "wait for its end, or withdraw it"
        raise _refused("handover-phase", "a vault without a handover under way", phase, hint)
    keys = frozenset(event.keys or ())
    if event.kind == "shredded":
        _check_clause(event, charter, keys, kept)
        about = {series for series, one in kept.items() if one.key in keys}
    else:
        about = set(event.series or ())
    holding = [hold.name for hold in ending.holds if any(map(hold.covers, about))]
    if holding:
        raise _refused("hold-covers", "no hold", ", ".join(sorted(holding)), "escrow hold list; escrow hold clear")
    if event.kind == "expired":
        early = sorted(about.difference(_ripe(event, kept, notices)))
        if early:
            found = f"an earlier one of {_few(early)}"
            raise _refused("expired-early", "an end after the series' retain-until", found, "wait until that date")
    last = sorted(series for series in about if kept[series].last)
    if last and phase != "transferred":
        found = f"{_few(last)}, the last of its compartment"
        raise _refused("series-last", "a series with a later night in another", found, "wait for the next series")


def _check_clause(event: Event, charter: Charter, keys: Collection[str], kept: Mapping[str, Kept]) -> None:
    allowed = {
        one.compartment for one in charter.retention or () if one.id == event.clause and one.id.startswith(SHRED)
    }
    used = {one.key for one in kept.values() if one.compartment in allowed}
    if not allowed or not used.issuperset(keys):
        hint = f"amend the charter first: a [[retention]] whose id begins with {SHRED}, for this compartment"
        expected = f"a clause of the charter, {SHRED}…, that allows to destroy keys of these series' compartment"
        raise _refused("shred-clause", expected, str(event.clause), hint)


def _ripe(event: Event, kept: Mapping[str, Kept], notices: Iterable[Notice]) -> set[str]:
    """The series whose retain-until was past when the event was made, by its own word and by the nights that saw it."""
    times = [notice.store_time for notice in notices if notice.events and notice.events.n >= event.n]
    at = min([event.created, *times])
    return {series for series, one in kept.items() if one.retain_until is not None and one.retain_until <= at}


def _few(series: list[str]) -> str:
    more = f" and {len(series) - _SHOWN} more" if len(series) > _SHOWN else ""
    return ", ".join(series[:_SHOWN]) + more


def _refused(code: str, expected: str, found: str, hint: str) -> RefusedError:
    return RefusedError(code, f"expected {expected}, found {found}", hint=hint)
