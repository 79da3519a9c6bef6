"""The records but the charter, one dataclass each; a field's annotation is its grammar (docs/format.md, 4 and 7)."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, ClassVar

from escrow.errors import FormatError
from escrow.record.canonical import JsonObject
from escrow.record.grammar import (
    Count,
    Hex16,
    Hex32,
    Hex64,
    Items,
    Name,
    Number,
    RecipientText,
    Text,
    one_of,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """What every record has: the vault, and extensions. `crit` names the members of `ext` one must know."""

    TYPE: ClassVar[str]

    vault: Hex32
    ext: JsonObject | None = None
    crit: Annotated[tuple[Name, ...], Items(1, key="")] | None = None

    @classmethod
    def known(cls, members: JsonObject) -> JsonObject:
        """Those of `members` that a reader has to understand: all, but in records that a minor may extend."""
        return members


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
        check_first(self.n, self.prev, "stock.prev")
        distinct((key.id for key in self.keys), "stock.keys", "id")


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
        check_first(self.seq, self.prev, "notice.prev")
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


def check_first(n: int, prev: str | None, where: str) -> None:
    """Only number 1 has no predecessor. FormatError field-type."""
    demand((n == 1) == (prev is None), where, "null in number 1 and in no other")


def distinct(values: Iterable[str], where: str, what: str) -> None:
    """No value stands twice. FormatError field-type."""
    found = list(values)
    demand(len(set(found)) == len(found), where, f"each {what} once")


def demand(holds: bool, where: str, expected: str) -> None:
    """What must hold of a record at `where`. FormatError field-type."""
    if not holds:
        raise FormatError("field-type", f"{where}: expected {expected}, found otherwise")
