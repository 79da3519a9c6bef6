"""Pure: which series expire now, what must be whole first, and the event that tells it."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from escrow.custody.deeds import Named, next_event, sign_event
from escrow.errors import RefusedError
from escrow.retention.report import Report, SeriesEnd
from escrow.retention.scope import sealed_objects
from escrow.seal import SigningKey
from escrow.trust import History, Snapshot

_WHY = {
    "expired-early": "its lock in the store is not over",
    "expire-schedule": "the charter or the schedule keeps it",
    "expire-no-rule": "no rule says for how long it is kept",
    "hold-covers": "it is under a hold",
    "series-last": "it is the last of its compartment",
    "handover-phase": "a handover is under way",
}
_HINTS = {
    "expired-early": "wait until that day: nobody can delete it before",
    "expire-schedule": "wait until that day, or correct the schedule and give it with --schedule",
    "expire-no-rule": "say months for this compartment in the charter, or name it in a class of the schedule",
    "hold-covers": "escrow hold list shows them; enough holders clear one",
    "series-last": "wait for the next series; after a transfer, name it",
    "handover-phase": "wait for its end, or withdraw it",
}


@dataclass(frozen=True, slots=True)
class Expiry:
    """`chosen` are to expire; of `again` an event says so already, and what is left of them is deleted."""

    chosen: tuple[SeriesEnd, ...]
    again: tuple[SeriesEnd, ...]

    @property
    def all(self) -> tuple[SeriesEnd, ...]:
        """What is to be deleted."""
        return (*self.again, *self.chosen)


def plan_expiry(report: Report, wanted: Collection[str]) -> Expiry:
    """What is due, or of the series `wanted` all. The last of a compartment goes only when it is named.

    RefusedError for a named one that may not: `expired-early`, `expire-schedule`, `expire-no-rule`, `hold-covers`,
    `series-last`, `handover-phase`.
    """
    named = [one for one in report.ends if one.series in wanted]
    for one in named:
        code = one.stop(report.now)
        if code:
            when = one.locked_until if code == "expired-early" else one.due
            until = f", until {when:%Y-%m-%d}" if when and code in ("expired-early", "expire-schedule") else ""
            names = f" ({', '.join(one.holds)})" if code == "hold-covers" else ""
            found = f"series {one.series} of {one.compartment}: {_WHY[code]}{names}{until}; {one.why}"
            raise RefusedError(code, found, hint=_HINTS[code])
    due = named or [one for one in report.ends if one.state == "due" and not one.is_last]
    again = named or report.ends
    return Expiry(
        tuple(one for one in due if one.state == "due"), tuple(one for one in again if one.state == "expired")
    )


def successors(history: History, chosen: Sequence[SeriesEnd]) -> tuple[dict[str, int], list[tuple[Snapshot, str]]]:
    """What must be whole before these go: the objects of the series that come after, and their last nights, each with
    its compartment. Nothing for a compartment that ends altogether."""
    going = {one.series for one in chosen}
    after = {}
    for night in history.snapshots:
        for part in night.parts if night.on_main else ():
            if part.compartment in {one.compartment for one in chosen}:
                after[part.compartment] = (night, part.series)
    rest = {name: found for name, found in after.items() if found[1] not in going}
    objects = sealed_objects(history, {series for _, series in rest.values()})
    return objects, [(night, name) for name, (night, _) in sorted(rest.items())]


def draft_expiry(history: History, chosen: Sequence[SeriesEnd], signers: Sequence[SigningKey], now: datetime) -> Named:
    """The `expired` event. RefusedError with the code of the rule that forbids it."""
    event = next_event(history, "expired", signers, now)
    return sign_event(history, replace(event, series=tuple(sorted(one.series for one in chosen))), signers)
