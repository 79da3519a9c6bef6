"""Deeds that come with public parts, held against the chain of events that a store has."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from .public_folder import is_deed

if TYPE_CHECKING:
    from escrow.store import Store
    from escrow.trust import Finding

_READ = ("charter/", "stock/", "events/", "releases/", "receipts/")


def fitting_deeds(store: "Store", objects: Mapping[str, bytes]) -> "tuple[dict[str, bytes], tuple[Finding, ...]]":
    """Those that the store lacks and that follow its chain; none, and a finding `event-late`, where they do not.

    A chain goes on in the store while holders meet: an event that took the same place meanwhile must not be forked.
    """
    from escrow.engine.fetch import public_objects
    from escrow.trust import Finding, accept

    brought = {name: data for name, data in objects.items() if is_deed(name)}
    if not brought:
        return {}, ()
    there = dict(public_objects(store, _READ))
    new = {name: data for name, data in brought.items() if there.get(name) != data}
    base = [*there.items(), *((name, data) for name, data in objects.items() if not is_deed(name))]
    known = frozenset(accept(base).findings)
    wrong = [one for one in accept([*base, *new.items()]).findings if one not in known]
    if not wrong:
        return new, ()
    found = "; ".join(f"{one.code}: {one.subject}" for one in wrong[:3])
    detail = f"the event that tells of this is not put: the vault's own events do not go on with it ({found}). "
    hint = "Bring the vault's newest public parts to the holders, who run escrow keys record"
    return {}, (Finding("event-late", wrong[0].subject, detail + hint, "warning"),)
