"""Erasures in a school's vault, signed by its one holder, honest or not."""

import base64
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta

from escrow import record as r
from escrow.custody import signing_key
from escrow.custody.deeds import identity_of, next_event, sign_event
from escrow.seal import Secret, parse_recipient, seal
from escrow.trust import sign_record
from tests.engine.kit import School


def erase(
    place: School,
    *entries: r.Erased,
    compartments: Sequence[str] = ("records", "safeguarding"),
    until: int | None = None,
    text: bytes | None = None,
    change: Callable[[bytes], bytes] = lambda sealed: sealed,
    strangers: bool = False,
    lost: bool = False,
    locked: bool = True,
) -> str:
    """Puts an erasure of these entries and its event; gives the erasure's name.

    `text` stands for the entries' plaintext, `change` alters what is sealed, `strangers`: the series keys do not open
    it; `lost`: it is not put, its event is.
    """
    history = place.history()
    assert history.charter is not None
    signer = signing_key(Secret(place.vault.key_file.secret), history.vault)
    keys = tuple(sorted({one.key for one in history.series.values() if one.compartment in compartments}))
    recipients = list(history.charter.recipients)
    if not strangers:
        recipients += [history.keys[key].recipient for key in keys]
    event = next_event(history, "erased", [signer], place.clock.now())
    plain = r.erasure_text(entries) if text is None else text
    sealed = change(seal(plain, [parse_recipient(one) for one in recipients]))
    erasure = r.Erasure(
        vault=history.vault,
        n=event.n,
        created=event.created,
        charter=event.charter,
        keys=keys,
        sealed=base64.b64encode(sealed).decode(),
        until=until,
    )
    envelope = sign_record(erasure, [signer])
    name = r.erasure_name(erasure.n, envelope)
    until_when = place.clock.now().replace(microsecond=0) + timedelta(days=900)
    if not lost:
        place.store.put(name, envelope, retain_until=until_when if locked else None)
    event = replace(event, keys=keys, deed=identity_of(erasure))
    place.store.put(*sign_event(history, event, [signer]), retain_until=until_when)
    return name
