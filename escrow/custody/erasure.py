"""Drafts the erasures of a list of entries, and the events that make them count (docs/format.md, section 13.7)."""

import tomllib
from base64 import b64encode
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from escrow.custody.deeds import Named, identity_of, next_event, sign_event
from escrow.errors import FormatError, UsageError
from escrow.record import (
    Erased,
    Erasure,
    JsonObject,
    JsonValue,
    encode,
    erasure_name,
    erasure_text,
    parse_erasure,
)
from escrow.record.grammar import BLANKS
from escrow.seal import SigningKey, parse_recipient, seal
from escrow.trust import History, ToldErasure, sign_record

_AT_ONCE = 100
_LARGEST = 500 * 1024
"""Bytes of entries in one erasure, which holds 768 KiB with what its keys open it by."""
_KINDS = ("file", "rows")


@dataclass(frozen=True, slots=True)
class Wish:
    """What a file of erasures says: entries, compartments (none: all), the clause of the charter that it rests on."""

    entries: tuple[Erased, ...]
    compartments: frozenset[str]
    clause: str | None


def parse_wish(text: bytes) -> Wish:
    """The wish in a TOML file. UsageError `erasure-file`."""
    try:
        value = tomllib.loads(text.decode())
        strange = value.keys() - {"entry", "compartments", "clause"}
        entries, compartments, clause = value.get("entry"), value.get("compartments", []), value.get("clause")
        if strange or not isinstance(entries, list) or not isinstance(compartments, list):
            raise _bad("[[entry]] tables; compartments and clause may stand before them")
        if not all(isinstance(one, str) for one in (*compartments, clause or "")):
            raise _bad("texts as compartments and clause")
        if any(not isinstance(one, dict) or one.get("kind") not in _KINDS for one in entries):
            raise _bad('kind = "file" or kind = "rows" in each entry')
        found = parse_erasure(encode({"entries": [_entry(one) for one in entries]}))
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise _bad(f"TOML in UTF-8 ({error})") from None
    except FormatError as error:
        raise _bad(f"what docs/format.md takes, section 13.7 ({error})") from None
    return Wish(tuple(dict.fromkeys(found)), frozenset(compartments), clause)


def erasable_keys(history: History, compartments: Collection[str]) -> frozenset[str]:
    """Pure: the keys of the series that have nights, of these compartments (none: of all). UsageError."""
    ending = history.ending
    known = {one.compartment for one in history.series.values()}
    strange = set(compartments) - known
    if strange:
        found = f"expected compartments of {', '.join(sorted(known))}, found {', '.join(sorted(strange))}"
        raise UsageError("compartment-unknown", found)
    return frozenset(
        one.key
        for one in history.series.values()
        if one.notices and one.series not in ending.expired and one.key not in ending.shredded
        if one.key in history.keys and (not compartments or one.compartment in compartments)
    )


def keys_lacking(
    history: History,
    keys: Collection[str],
    entries: Collection[Erased],
    opened: Callable[[ToldErasure, str], Collection[Erased]],
) -> list[str]:
    """The keys whose series some entry is not left out of yet, up to the last night.

    `opened` gives the entries of an erasure by one of its keys, none where it cannot be read.
    """
    last = history.head.seq if history.head else 0
    lacking = []
    for key in sorted(keys):
        done: set[Erased] = set()
        for told in history.deeds.erasures:
            if told.applies(key, last):
                done.update(opened(told, key))
        if not done.issuperset(entries):
            lacking.append(key)
    return lacking


def draft_erasures(
    history: History, wish: Wish, keys: Sequence[str], signers: Sequence[SigningKey], now: datetime
) -> list[Named]:
    """The objects in the order of their putting: erasures of at most a hundred keys each, then their events.

    They are about the nights so far. Raises UsageError `erasure-size`, RefusedError `event-signers`, IntegrityError.
    """
    text = erasure_text(wish.entries)
    if len(text) > _LARGEST:
        hint = "make two files of it"
        raise UsageError("erasure-size", f"{len(wish.entries)} entries are too many for one erasure", hint=hint)
    assert history.charter is not None
    assert history.head is not None
    erasures: list[Named] = []
    events: list[Named] = []
    event = next_event(history, "erased", signers, now)
    for at in range(0, len(keys), _AT_ONCE):
        some = tuple(sorted(keys[at : at + _AT_ONCE]))
        recipients = [*(history.keys[key].recipient for key in some), *history.charter.recipients]
        erasure = Erasure(
            vault=history.vault,
            n=event.n,
            created=event.created,
            charter=event.charter,
            keys=some,
            sealed=b64encode(seal(text, [parse_recipient(one) for one in recipients])).decode(),
            until=history.head.seq,
            clause=wish.clause,
        )
        envelope = sign_record(erasure, signers)
        erasures.append((erasure_name(erasure.n, envelope), envelope))
        event = replace(event, keys=some, deed=identity_of(erasure), clause=wish.clause)
        events.append(sign_event(history, event, signers))
        event = replace(event, n=event.n + 1, prev=identity_of(event))
    return [*erasures, *events]


def _entry(given: dict[str, object]) -> JsonObject:
    """An entry as JSON has it; TOML's other values are nothing that parse_erasure takes."""
    members: dict[str, JsonValue] = {name: value if isinstance(value, str) else None for name, value in given.items()}
    for name in ("column", "value"):
        value = members.get(name)
        if isinstance(value, str):
            members[name] = value.strip(BLANKS)
    return members


def _bad(expected: str) -> UsageError:
    hint = "escrow retention erase --help shows such a file"
    return UsageError("erasure-file", f"expected {expected}", hint=hint)
