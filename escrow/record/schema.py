"""The records, one dataclass each; a field's annotation is its grammar (docs/format.md, sections 4 and 7)."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, ClassVar

from escrow.errors import FormatError
from escrow.record.canonical import JsonObject
from escrow.record.grammar import (
    Count,
    Digits6,
    Digits7,
    Hex16,
    Hex32,
    Hex64,
    Items,
    Name,
    Number,
    Range,
    RecipientText,
    Text,
    VerifyKeyText,
    one_of,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """What every record has: the vault, and extensions. `crit` names the members of `ext` one must know."""

    TYPE: ClassVar[str]

    vault: Hex32
    ext: JsonObject | None = None
    crit: Annotated[tuple[Name, ...], Items(1, key="")] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class School:
    """Whose vault it is."""

    name: Text
    urn: Digits6 | None = None
    laestab: Digits7 | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """Who signs charters and stocks. With shares: its group and its place in it."""

    role: Text
    key: VerifyKeyText
    group: Name | None = None
    member: Annotated[int, Range(1, 16)] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Agent:
    """Who signs series and notices; `revoked_after` is the last good notice (0: none is)."""

    key: VerifyKeyText
    name: Text
    revoked_after: Annotated[int, Range(0, 99_999_999)] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Compartment:
    """A part of the data with keys and retention of its own."""

    name: Name
    nights: Annotated[int, Range(1, 400)]
    keep_days: Annotated[int, Range(0, 36_500)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Holders of whom `needed` of `members` stand for the group."""

    name: Name
    needed: Annotated[int, Range(1, 16)]
    members: Annotated[int, Range(1, 16)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Custody:
    """How the custody secret is split (SLIP-39). `epoch` counts share sets; `set` is the identifier on each share."""

    epoch: Number
    set: Annotated[int, Range(0, 32_767)]
    groups_needed: Annotated[int, Range(1, 16)]
    groups: Annotated[tuple[Group, ...], Items(1)]

    def check(self) -> None:
        """Members that must agree with each other."""
        _distinct((group.name for group in self.groups), "charter.custody.groups", "name")
        _demand(self.groups_needed <= len(self.groups) <= 16, "charter.custody", "groups_needed of at most 16 groups")
        for group in self.groups:
            where = f"charter.custody.groups {group.name}"
            _demand(group.needed <= group.members, where, "at most all members needed")
            _demand(group.needed > 1 or group.members == 1, where, "one member where one is needed")


@dataclass(frozen=True, slots=True, kw_only=True)
class Charter(Record):
    """The agreement, section 4.1."""

    TYPE = "charter"

    n: Number
    prev: Hex64 | None
    created: datetime
    school: School
    holders: Annotated[tuple[Holder, ...], Items(1)]
    threshold: Annotated[int, Range(1, 16)]
    recipients: Annotated[tuple[RecipientText, ...], Items(1)]
    agents: tuple[Agent, ...]
    compartments: Annotated[tuple[Compartment, ...], Items(1)]
    strictest: Name
    cap_days: Annotated[int, Range(1, 36_500)]
    custody: Custody | None = None

    def check(self) -> None:
        """Members that must agree with each other."""
        _check_first(self.n, self.prev, "charter.prev")
        groups = self.custody.groups if self.custody else ()
        places = {(group.name, member) for group in groups for member in range(1, group.members + 1)}
        held = [(holder.group, holder.member) for holder in self.holders if holder.group or holder.member]
        _demand(set(held) == places and len(held) == len(places), "charter.holders", "each member of each group once")
        _distinct((holder.key for holder in self.holders), "charter.holders", "key")
        _distinct((agent.key for agent in self.agents), "charter.agents", "key")
        _distinct(self.recipients, "charter.recipients", "recipient")
        names = [compartment.name for compartment in self.compartments]
        _distinct(names, "charter.compartments", "name")
        _demand(self.strictest in names, "charter.strictest", "the name of one of its compartments")
        _demand(self.threshold <= len(self.holders), "charter.threshold", "at most the number of holders")


@dataclass(frozen=True, slots=True, kw_only=True)
class StockKey:
    """A series key made ahead: the public part, and the hash of its sealed object."""

    id: Hex16
    compartment: Name
    recipient: RecipientText
    sha256: Hex64
    size: Count


@dataclass(frozen=True, slots=True, kw_only=True)
class Stock(Record):
    """The signed list of series keys, section 4.2."""

    TYPE = "stock"

    n: Number
    prev: Hex64 | None
    created: datetime
    keys: tuple[StockKey, ...]

    def check(self) -> None:
        """Members that must agree with each other."""
        _check_first(self.n, self.prev, "stock.prev")
        _distinct((key.id for key in self.keys), "stock.keys", "id")


@dataclass(frozen=True, slots=True, kw_only=True)
class Series(Record):
    """A run of nights of one compartment, section 4.3."""

    TYPE = "series"

    series: Hex16
    compartment: Name
    key: Hex16
    agent: Hex16
    charter: Hex64
    started: datetime
    ends: datetime
    retain_until: datetime
    why: Annotated[
        str,
        one_of(
            "first",
            "planned",
            "state-lost",
            "state-rolled-back",
            "charter-changed",
            "agent-changed",
            "store-rolled-back",
        ),
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectRef:
    """A sealed object: its hash, its size in bytes, and the hash of its age header and nonce."""

    sha256: Hex64
    size: Count
    head_sha256: Hex64


@dataclass(frozen=True, slots=True, kw_only=True)
class NoticeSeries:
    """What one compartment deposited that night; `first_pack` is the ordinal of the first of `packs`."""

    compartment: Name
    series: Hex16
    record: Hex64
    key: Hex16
    first_pack: Count
    packs: tuple[ObjectRef, ...]
    manifest: ObjectRef | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EventHead:
    """The head of the event chain."""

    n: Number
    sha256: Hex64


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """How the night looked."""

    status: Annotated[str, one_of("pass", "warn", "fail")]
    codes: Annotated[tuple[Name, ...], Items(key="")]


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice(Record):
    """The commit: one link of the vault's chain, section 4.4."""

    TYPE = "notice"

    seq: Number
    prev: Hex64 | None
    kind: Annotated[str, one_of("snapshot", "progress")]
    charter: Hex64
    events: EventHead | None
    agent: Hex16
    agent_time: datetime
    store_time: datetime
    series: Annotated[tuple[NoticeSeries, ...], Items(key="compartment")]
    verdict: Verdict
    software: Text

    def check(self) -> None:
        """Members that must agree with each other."""
        _check_first(self.seq, self.prev, "notice.prev")
        snapshot = self.kind == "snapshot"
        for i, part in enumerate(self.series):
            where = f"notice.series[{i}].manifest"
            if snapshot and part.manifest is None:
                raise FormatError("field-missing", f"{where}: expected in a snapshot notice, found none")
            if not snapshot and part.manifest is not None:
                raise FormatError("field-unknown", f"{where}: expected none in a progress notice, found one")


@dataclass(frozen=True, slots=True, kw_only=True)
class ListRef:
    """Where the file list lies: its size in bytes, its hash, and its extents (pack, offset, length)."""

    size: Count
    sha256: Hex64
    extents: tuple[tuple[int, int, int], ...]

    def check(self) -> None:
        """Members that must agree with each other."""
        total = sum(length for _, _, length in self.extents)
        if total != self.size:
            raise FormatError("extent-sum", f"manifest.list: expected {self.size} bytes, found {total}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Totals:
    """Counts over the file list; `bytes` adds up the sizes of files."""

    files: Count
    bytes: Count
    dirs: Count
    links: Count
    unread: Count


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest(Record):
    """The root of one compartment's night, section 7. It has no envelope."""

    TYPE = "manifest"

    series: Hex16
    compartment: Name
    seq: Number
    created: datetime
    packs: Count
    list: ListRef
    totals: Totals


def _check_first(n: int, prev: str | None, where: str) -> None:
    _demand((n == 1) == (prev is None), where, "null in number 1 and in no other")


def _distinct(values: Iterable[str], where: str, what: str) -> None:
    found = list(values)
    _demand(len(set(found)) == len(found), where, f"each {what} once")


def _demand(holds: bool, where: str, expected: str) -> None:
    if not holds:
        raise FormatError("field-type", f"{where}: expected {expected}, found otherwise")
