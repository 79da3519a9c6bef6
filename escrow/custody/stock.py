"""More series keys for a vault that lives on: a new compartment, or a stock that runs low (docs/format.md, 4.2). Pure
but for the random bytes of new keys."""

from collections.abc import Collection, Mapping
from datetime import datetime

from escrow.custody.newvault import YEARS, keys_for, series_key
from escrow.custody.quorum import next_stock
from escrow.errors import WrongKeyError
from escrow.record import Charter, Stock, StockKey, key_name
from escrow.seal import HybridIdentity


def wanted_keys(
    charter: Charter, keys: Mapping[str, StockKey], used: Collection[str], years: int = YEARS
) -> dict[str, int]:
    """How many keys each compartment lacks to have unused ones for `years`; compartments that lack none are left out.

    `keys` are the stock's by id, `used` the ids of those that have a series already.
    """
    unused = [key.compartment for key in keys.values() if key.id not in used]
    counts = {one.name: keys_for(one, years) - unused.count(one.name) for one in charter.compartments}
    return {name: count for name, count in counts.items() if count > 0}


def more_stock(
    charter: Charter,
    before: Stock,
    keys: Mapping[str, StockKey],
    counts: Mapping[str, int],
    *,
    custody: HybridIdentity,
    now: datetime,
) -> tuple[Stock, dict[str, bytes]]:
    """The stock after `before`, to be signed: its `keys` and `counts` new ones by compartment; the new sealed objects.

    Each new key is sealed to the charter's recipient, opened again by `custody` and checked. WrongKeyError
    `key-other-recipient` when `custody` is not that recipient's; IntegrityError.
    """
    if str(custody.recipient()) not in charter.recipients:
        hint = "open with the key file or the sheets of the charter in force"
        detail = "the custody identity is not the one to which this charter's series keys are sealed"
        raise WrongKeyError("key-other-recipient", detail, hint=hint)
    found = dict(keys)
    sealed: dict[str, bytes] = {}
    for compartment, count in counts.items():
        for _ in range(count):
            key, data = series_key(charter.vault, compartment, custody)
            found[key.id] = key
            sealed[key_name(key.id, key.sha256)] = data
    return next_stock(before, found, now), sealed
