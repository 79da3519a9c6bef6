"""What is done with keys, and who got them: events, releases and receipts (docs/format.md, sections 13.1 to 13.3)."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from escrow.errors import FormatError
from escrow.record.canonical import JsonObject
from escrow.record.grammar import (
    NAME,
    Count,
    Hex16,
    Hex64,
    Items,
    Name,
    Number,
    RecipientText,
    Text,
    VerifyKeyText,
    Word,
    one_of,
)
from escrow.record.schema import Record, check_first

_BASE64 = re.compile(r"(?:[A-Za-z0-9+/]{4})+(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?", re.ASCII)

Sealed = Annotated[
    str,
    Word("base64 of an age file, at most 1 MiB", lambda text: len(text) <= 1 << 20 and _BASE64.fullmatch(text)),
]
_NEEDS = {
    "key-use": frozenset({"purpose"}),
    "notice-given": frozenset({"purpose", "trigger", "evidence"}),
    "withdrawn": frozenset({"notice"}),
    "released": frozenset({"purpose", "notice", "deed", "to", "keys"}),
    "accepted": frozenset({"deed", "release"}),
    "transferred": frozenset({"release", "purposes", "final"}),
    "drill": frozenset({"purpose"}),
    "custody": frozenset({"why", "deed"}),
    "erased": frozenset({"deed", "keys"}),
    "evidence": frozenset({"evidence", "about"}),
    "held": frozenset({"hold"}),
    "hold-cleared": frozenset({"deed"}),
    "expired": frozenset({"series"}),
    "shredded": frozenset({"keys", "clause"}),
}
EVENT_KINDS = frozenset(_NEEDS)
"""The kinds of events that this reader knows; another is skipped (section 13.1)."""
_MAY = frozenset({"clause", "keys", "series", "sealed"})
_OWN = frozenset().union(*_NEEDS.values()) | _MAY
_COMMON = frozenset({"vault", "ext", "crit", "n", "prev", "kind", "created", "charter", "by"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Party:
    """Who gets keys: a name, the key that signs for it, and the recipient that keys are sealed to."""

    name: Text
    key: VerifyKeyText
    recipient: RecipientText


@dataclass(frozen=True, slots=True, kw_only=True)
class NewPurpose:
    """What a custodian will use the keys for, once the vault is its own."""

    name: Name
    text: Text


@dataclass(frozen=True, slots=True, kw_only=True)
class NoticeHead:
    """A place in the chain of notices."""

    seq: Number
    sha256: Hex64


@dataclass(frozen=True, slots=True, kw_only=True)
class Event(Record):
    """One link of the chain of events, section 13.1. `sealed`: details that could identify a person.

    One whose `kind` is none of EVENT_KINDS has the members of every event alone.
    """

    TYPE = "event"

    n: Number
    prev: Hex64 | None
    kind: Name
    created: datetime
    charter: Hex64
    by: Annotated[tuple[Text, ...], Items(1, key="")]
    purpose: Name | None = None
    why: Annotated[str, one_of("ceremony", "reshare", "rekey", "stock")] | None = None
    clause: Text | None = None
    trigger: Name | None = None
    evidence: Hex64 | None = None
    notice: Hex64 | None = None
    deed: Hex64 | None = None
    release: Hex64 | None = None
    to: Party | None = None
    keys: Annotated[tuple[Hex16, ...], Items(1, key="")] | None = None
    series: Annotated[tuple[Hex16, ...], Items(1, key="")] | None = None
    purposes: Annotated[tuple[NewPurpose, ...], Items(1, key="name")] | None = None
    final: NoticeHead | None = None
    about: Name | None = None
    hold: Name | None = None
    sealed: Sealed | None = None

    @classmethod
    def known(cls, members: JsonObject) -> JsonObject:
        """Of an event of an unknown kind, the members that every event has."""
        kind = members.get("kind")
        if not isinstance(kind, str) or not NAME.matches(kind) or kind in EVENT_KINDS:
            return members
        return {name: value for name, value in members.items() if name in _COMMON}

    def check(self) -> None:
        """Members that must agree with each other."""
        check_first(self.n, self.prev, "event.prev")
        if self.kind not in EVENT_KINDS:
            return
        needed = _NEEDS[self.kind]
        found = frozenset(name for name in _OWN if getattr(self, name) is not None)
        _check_members(needed - found, found - needed - _MAY, self.kind)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleasedKey:
    """A series key sealed again, to whom it is released: the hash and size of `releases/<id>-<sha16>.age`."""

    id: Hex16
    compartment: Name
    sha256: Hex64
    size: Count


@dataclass(frozen=True, slots=True, kw_only=True)
class Release(Record):
    """The deed that gives a party the keys of some series, section 13.2; `n` is that of the event that tells it."""

    TYPE = "release"

    n: Number
    created: datetime
    charter: Hex64
    notice: Hex64
    trigger: Name
    purpose: Name
    to: Party
    keys: Annotated[tuple[ReleasedKey, ...], Items(1, key="id")]
    series: Annotated[tuple[Hex16, ...], Items(key="")]
    clause: Text | None = None
    final: NoticeHead | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """What was looked at: how many, how many bytes, and how many of them were not as they should be."""

    count: Count
    bytes: Count
    wrong: Count


@dataclass(frozen=True, slots=True, kw_only=True)
class Returned:
    """One compartment of the test restore: its files and bytes by the school's own list, and those that came back."""

    compartment: Name
    seq: Number
    listed_files: Count
    listed_bytes: Count
    files: Count
    bytes: Count


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt(Record):
    """The countersigned answer to a release, section 13.3; `n` is that of the event that tells it."""

    TYPE = "receipt"

    n: Number
    created: datetime
    release: Hex64
    head: NoticeHead
    keep_until: datetime
    copied: Proof
    read: Proof
    opened: Proof
    restored: Annotated[tuple[Returned, ...], Items(key="compartment")]
    differences: Annotated[tuple[Text, ...], Items(key="")]


def _check_members(missing: Iterable[str], unknown: Iterable[str], kind: str) -> None:
    for name in sorted(missing):
        raise FormatError("field-missing", f"event.{name}: expected in one of kind {kind}, found none")
    for name in sorted(unknown):
        raise FormatError("field-unknown", f"event.{name}: expected none in one of kind {kind}, found one")
