"""A charter as people write it: TOML with the members of the record, keys by short id or by card. Pure.

The grammar is the record's own, so that an error names the member as docs/format.md, section 4.1, does.
"""

import json
import re
import tomllib
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, date, datetime, time
from typing import cast

from escrow.custody.quorum import hash_of
from escrow.errors import FormatError, UsageError
from escrow.record import Charter, JsonObject, JsonValue, encode, from_payload, key_id_of, time_text, to_payload
from escrow.seal import VerifyKey

_OF_THE_RECORD = ("type", "version", "vault", "n", "prev", "created", "ext", "crit")
_KEPT = ("holders", "threshold", "custody", "recipients", "agents", "rescue")
"""What ceremonies and machines make: left out, it stays as it is."""
LoadCard = Callable[[str], Mapping[str, str]]
"""From the name of a card's file to its members."""


def amend(text: str, base: Charter, load_card: LoadCard) -> Charter:
    """`base` with what the text says instead. FormatError names the member; UsageError `charter-syntax`,
    `charter-key`, `charter-card`.

    Text without the members that ceremonies make keeps those of `base`; any other member that it lacks is dropped.
    """
    try:
        raw = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise UsageError("charter-syntax", f"expected whole TOML, found otherwise: {error}") from None
    said = {name: _value(value, f"charter.{name}") for name, value in raw.items()}
    own = next((name for name in said if name in _OF_THE_RECORD), None)
    if own:
        raise FormatError("field-unknown", f"charter.{own}: expected no such member, escrow writes it")
    before = members_of(base)
    kept = {name: before[name] for name in (*_OF_THE_RECORD, *_KEPT) if name in before}
    _put_keys(said, _known(base), load_card)
    return from_payload(encode(kept | said), Charter)


def following(charter: Charter, base: Charter, now: datetime) -> Charter:
    """The charter as the version after `base`."""
    members = members_of(charter) | {"n": base.n + 1, "prev": hash_of(base), "created": time_text(now)}
    return from_payload(encode(members), Charter)


def members_of(charter: Charter) -> JsonObject:
    """The record's members, as JSON says them."""
    return cast(JsonObject, json.loads(to_payload(charter)))


def _value(value: object, where: str) -> JsonValue:
    """A TOML value as JSON; dates as times."""
    if isinstance(value, dict):
        return {str(name): _value(one, f"{where}.{name}") for name, one in value.items()}
    if isinstance(value, list):
        return [_value(one, f"{where}[{at}]") for at, one in enumerate(value)]
    if isinstance(value, datetime):
        if value.tzinfo is None:
            raise FormatError("field-type", f"{where}: expected a date, or a time that ends in Z, found {value}")
        return time_text(value.astimezone(UTC))
    if isinstance(value, date):
        return time_text(datetime.combine(value, time(), UTC))
    if isinstance(value, bool | int | str):
        return value
    raise FormatError("field-type", f"{where}: expected a text, a whole number, a date or a list, found {value!r:.40}")


def owners(members: JsonObject) -> Iterator[JsonObject]:
    """Every object of a charter that may have a key of its own."""
    for name in ("holders", "agents"):
        found = members.get(name)
        yield from (one for one in (found if isinstance(found, list) else []) if isinstance(one, dict))
    custodian = members.get("custodian")
    if isinstance(custodian, dict):
        yield custodian


def _known(base: Charter) -> dict[str, str]:
    """Every key and recipient of a charter, by its short id."""
    keys = [one.key for one in base.holders] + [one.key for one in base.agents]
    recipients = list(base.recipients)
    if base.custodian:
        keys.append(base.custodian.key)
        recipients.append(base.custodian.recipient)
    return {VerifyKey.parse(key).id: key for key in keys} | {key_id_of(one): one for one in recipients}


def _put_keys(members: JsonObject, known: Mapping[str, str], load_card: LoadCard) -> None:
    """Keys in place of short ids and cards."""
    for owner in owners(members):
        card = owner.pop("card", None)
        if isinstance(card, str):
            if "key" in owner or "recipient" in owner:
                hint = "remove the lines key and recipient: the card has them"
                raise UsageError("charter-card", f"expected {card} or a key, found both", hint=hint)
            for name, value in load_card(card).items():
                owner.setdefault(name, value)
        for name in ("key", "recipient"):
            if isinstance(owner.get(name), str):
                owner[name] = _full(str(owner[name]), known)
    recipients = members.get("recipients")
    if isinstance(recipients, list):
        members["recipients"] = [_full(one, known) if isinstance(one, str) else one for one in recipients]


def _full(text: str, known: Mapping[str, str]) -> str:
    if not re.fullmatch("[0-9a-f]{16}", text):
        return text
    if text not in known:
        hint = "name the file of its card, or take the id from escrow charter new"
        raise UsageError("charter-key", f"no key {text} is in the charter in force", hint=hint)
    return known[text]
