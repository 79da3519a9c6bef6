"""The charter and its parts; a field's annotation is its grammar (docs/format.md, section 4.1)."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from escrow.record.grammar import (
    Digits6,
    Digits7,
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
from escrow.record.schema import Record, check_first, demand, distinct

SCHOOL_TYPES = ("community", "academy", "church", "other")
CUSTODIAN_KINDS = ("la", "trust", "diocese", "other")
PARTIES = ("school", "custodian", "other")
SILENCE = "silence"
TRIGGER_KINDS = (
    "closure-order",
    "vendor-notice",
    "vendor-insolvency",
    SILENCE,
    "school-instruction",
    "trust-transfer",
    "holders-statement",
)
_Days = Annotated[int, Range(1, 36_500)]


@dataclass(frozen=True, slots=True, kw_only=True)
class School:
    """Whose vault it is."""

    name: Text
    urn: Digits6 | None = None
    laestab: Digits7 | None = None
    type: Annotated[str, one_of(*SCHOOL_TYPES)] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """Who signs charters and stocks. With shares: its group and its place in it. `party`: whose person; absent: the
    school's."""

    role: Text
    key: VerifyKeyText
    group: Name | None = None
    member: Annotated[int, Range(1, 16)] | None = None
    party: Annotated[str, one_of(*PARTIES)] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Agent:
    """Who signs series and notices; `revoked_after` is the last good notice (0: none is)."""

    key: VerifyKeyText
    name: Text
    revoked_after: Annotated[int, Range(0, 99_999_999)] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Compartment:
    """A part of the data with keys and retention of its own; `about` says whose data and which."""

    name: Name
    nights: Annotated[int, Range(1, 400)]
    keep_days: Annotated[int, Range(0, 36_500)]
    about: Text | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Holders of whom `needed` of `members` stand for the group."""

    name: Name
    needed: Annotated[int, Range(1, 16)]
    members: Annotated[int, Range(1, 16)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Custody:
    """How the custody secret is split (SLIP-39). `epoch` counts share sets; `set` is the identifier on each share.

    `stock` is the last stock that the holders before this epoch signed: no later one of theirs counts.
    """

    epoch: Number
    set: Annotated[int, Range(0, 32_767)]
    groups_needed: Annotated[int, Range(1, 16)]
    groups: Annotated[tuple[Group, ...], Items(1)]
    stock: Hex64 | None = None

    def check(self) -> None:
        """Members that must agree with each other."""
        distinct((group.name for group in self.groups), "charter.custody.groups", "name")
        demand(self.groups_needed <= len(self.groups) <= 16, "charter.custody", "groups_needed of at most 16 groups")
        for group in self.groups:
            where = f"charter.custody.groups {group.name}"
            demand(group.needed <= group.members, where, "at most all members needed")
            demand(group.needed > 1 or group.members == 1, where, "one member where one is needed")


@dataclass(frozen=True, slots=True, kw_only=True)
class Controller:
    """Who answers for the data (UK GDPR Art 4(7)); `ico` is its registration with the ICO."""

    name: Text
    ico: Text | None = None
    lawful_basis: Text | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Processor:
    """Who handles the data for the controller (UK GDPR Art 28), and what is agreed about the end."""

    name: Text
    role: Annotated[str, one_of("processor", "sub-processor")]
    purpose: Text
    contract_end: datetime | None = None
    export: Text | None = None
    deletion: Text | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Custodian:
    """The LA or trust that takes over; once named, it signs every version."""

    name: Text
    kind: Annotated[str, one_of(*CUSTODIAN_KINDS)]
    key: VerifyKeyText
    recipient: RecipientText


@dataclass(frozen=True, slots=True, kw_only=True)
class Purpose:
    """What keys may be used for; events cite `id`."""

    id: Name
    text: Text


@dataclass(frozen=True, slots=True, kw_only=True)
class Trigger:
    """What may begin a handover; `days` of silence."""

    kind: Annotated[str, one_of(*TRIGGER_KINDS)]
    days: _Days | None = None

    def check(self) -> None:
        """Members that must agree with each other."""
        demand((self.kind == SILENCE) == (self.days is not None), "charter.triggers", "days with silence and no other")


@dataclass(frozen=True, slots=True, kw_only=True)
class Retention:
    """How long a class of a compartment's data is kept: rolling `months`, or by `schedule`."""

    id: Name
    compartment: Name
    months: Annotated[int, Range(1, 1200)] | None = None
    schedule: Text | None = None

    def check(self) -> None:
        """Members that must agree with each other."""
        demand((self.months is None) != (self.schedule is None), "charter.retention", "months or a schedule, not both")


@dataclass(frozen=True, slots=True, kw_only=True)
class Contact:
    """Whom to ask."""

    role: Text
    text: Text


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
    cap_days: _Days
    custody: Custody | None = None
    controller: Controller | None = None
    processors: Annotated[tuple[Processor, ...], Items(1)] | None = None
    forbidden: Annotated[tuple[Text, ...], Items(1)] | None = None
    custodian: Custodian | None = None
    purposes: Annotated[tuple[Purpose, ...], Items(1)] | None = None
    triggers: Annotated[tuple[Trigger, ...], Items(1)] | None = None
    cooling_off_days: Annotated[int, Range(0, 366)] | None = None
    cooling_off_except: Annotated[tuple[Annotated[str, one_of(*TRIGGER_KINDS)], ...], Items(1)] | None = None
    retention: Annotated[tuple[Retention, ...], Items(1)] | None = None
    contacts: Annotated[tuple[Contact, ...], Items(1)] | None = None
    review: datetime | None = None
    rescue: Hex64 | None = None

    def check(self) -> None:
        """Members that must agree with each other."""
        check_first(self.n, self.prev, "charter.prev")
        groups = self.custody.groups if self.custody else ()
        places = {(group.name, member) for group in groups for member in range(1, group.members + 1)}
        held = [(holder.group, holder.member) for holder in self.holders if holder.group or holder.member]
        demand(set(held) == places and len(held) == len(places), "charter.holders", "each member of each group once")
        keys = [holder.key for holder in self.holders]
        distinct(keys, "charter.holders", "key")
        own = self.custodian is None or self.custodian.key not in keys
        demand(own, "charter.custodian.key", "a key that is no holder's")
        distinct((agent.key for agent in self.agents), "charter.agents", "key")
        distinct(self.recipients, "charter.recipients", "recipient")
        names = [compartment.name for compartment in self.compartments]
        distinct(names, "charter.compartments", "name")
        demand(self.strictest in names, "charter.strictest", "the name of one of its compartments")
        demand(self.threshold <= len(self.holders), "charter.threshold", "at most the number of holders")
        distinct((purpose.id for purpose in self.purposes or ()), "charter.purposes", "id")
        kinds = [trigger.kind for trigger in self.triggers or ()]
        distinct(kinds, "charter.triggers", "kind")
        distinct(self.cooling_off_except or (), "charter.cooling_off_except", "kind")
        excepted = set(self.cooling_off_except or ())
        demand(
            not excepted or (self.cooling_off_days is not None and excepted <= set(kinds)),
            "charter.cooling_off_except",
            "kinds of its triggers, and cooling_off_days",
        )
        distinct((one.id for one in self.retention or ()), "charter.retention", "id")
        kept = {one.compartment for one in self.retention or ()}
        demand(kept <= set(names), "charter.retention", "names of its compartments")
