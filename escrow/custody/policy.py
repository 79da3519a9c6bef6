"""What no charter may agree to, and what it should still say: judged from its text alone. Pure."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import datetime

from escrow.record import Charter, Holder, JsonValue, decode, to_payload
from escrow.seal import VerifyKey
from escrow.trust import Finding, Severity
from escrow.trust.quorum import shortfall

_SUBJECT = "charter"
_WRITTEN = ("controller", "processors", "forbidden", "purposes", "triggers", "retention", "contacts", "review")
_LONGEST_MONTH, _LONGEST_REVIEW = 31, 3 * 366


def judge_policy(charter: Charter, now: datetime) -> tuple[Finding, ...]:
    """Findings with codes `policy-...`: an error is a charter that nobody should sign, a warning a reminder."""
    return tuple(
        Finding(code, _SUBJECT, detail, severity)
        for judge in (_opening, _lasting, _sealing, _compartments, _retention)
        for code, detail, severity in judge(charter)
    ) + tuple(_reminders(charter, now))


Concerns = Iterator[tuple[str, str, Severity]]


def _keys(holders: Iterable[Holder]) -> list[VerifyKey]:
    return [VerifyKey.parse(holder.key) for holder in holders]


def _opens(charter: Charter, holders: Iterable[Holder]) -> bool:
    """Whether the shares of these holders give the custody secret."""
    return not shortfall(replace(charter, threshold=1), _keys(holders))


def _opening(charter: Charter) -> Concerns:
    """Nobody alone, the custodian included."""
    if charter.custody is None:
        if len(charter.holders) == 1:
            yield (
                "policy-alone",
                f"one key file opens the vault, and the {charter.holders[0].role} has it alone: "
                "hold a key ceremony (escrow keys ceremony)",
                "warning",
            )
        elif charter.threshold == 1:
            yield "policy-alone", "one holder alone could change this charter: demand at least two (threshold)", "error"
        return
    for holder in charter.holders:
        if _opens(charter, [holder]):
            yield "policy-alone", f"the {holder.role} alone opens the vault: demand at least two holders", "error"
    theirs = [holder for holder in charter.holders if holder.party == "custodian"]
    if len(theirs) > 1 and _opens(charter, theirs):
        yield (
            "policy-custodian-alone",
            "the custodian's people alone open the vault: demand somebody else beside them",
            "error",
        )


def _lasting(charter: Charter) -> Concerns:
    """Never nobody: any one holder may be lost, and with a custodian all of the school's people."""
    if charter.custody is not None:
        for lost in charter.holders:
            rest = [holder for holder in charter.holders if holder is not lost]
            if shortfall(charter, _keys(rest)):
                yield (
                    "policy-fragile",
                    f"when the {lost.role}'s sheet is lost nobody can open the vault or change this charter",
                    "error",
                )
    if charter.custodian is None:
        yield (
            "policy-no-custodian",
            "no custodian is named: nobody takes over when the school closes; ask the LA or the trust to join",
            "warning",
        )
        return
    outside = [holder for holder in charter.holders if holder.party in ("custodian", "other")]
    if shortfall(charter, _keys(outside)):
        yield (
            "policy-dies-with-school",
            "when all of the school's own people have left, nobody can open the vault: "
            "give shares to people outside it (party), so that two of those groups suffice",
            "error",
        )


def _sealing(charter: Charter) -> Concerns:
    """Every recipient opens alone what is sealed to it."""
    if len(charter.recipients) > 1:
        yield (
            "policy-recipients",
            f"series keys would be sealed to {len(charter.recipients)} recipients, each of which opens all alone: "
            "name the custody secret's alone",
            "error",
        )
    if charter.custodian and charter.custodian.recipient in charter.recipients:
        yield "policy-custodian-alone", "series keys would be sealed to the custodian, which could open alone", "error"


def _compartments(charter: Charter) -> Concerns:
    """Safeguarding never shares keys with the rest."""
    if len(charter.compartments) == 1:
        yield (
            "policy-compartment",
            f"everything shares the keys of {charter.strictest}: "
            "name a second compartment, so that safeguarding has keys of its own",
            "error",
        )


def _retention(charter: Charter) -> Concerns:
    """What the store's locks do must fit what is promised."""
    for one in charter.compartments:
        locked = one.nights + one.keep_days
        if locked > charter.cap_days:
            yield (
                "policy-cap",
                f"{one.name} would be locked {locked} days, but cap_days is {charter.cap_days}: raise one, lower one",
                "warning",
            )
        months = [kept.months for kept in charter.retention or () if kept.compartment == one.name and kept.months]
        if charter.retention is not None and not any(kept.compartment == one.name for kept in charter.retention):
            yield "policy-retention", f"no retention class says how long {one.name} is kept", "warning"
        if months and locked > max(months) * _LONGEST_MONTH:
            yield (
                "policy-retention",
                f"{one.name} is to be kept {max(months)} months, but stays locked {locked} days: lower keep_days",
                "warning",
            )


def _placeholders(value: JsonValue) -> Iterator[str]:
    """Texts that are still those of the template: <in angle brackets>."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        yield from (text for one in value for text in _placeholders(one))
    elif isinstance(value, str) and value.startswith("<") and value.endswith(">"):
        yield value


def _reminders(charter: Charter, now: datetime) -> Iterator[Finding]:
    for text in _placeholders(decode(to_payload(charter))):
        detail = f"{text} is still the template's: write what it asks for, or remove it"
        yield Finding("policy-placeholder", _SUBJECT, detail)
    missing = [name for name in _WRITTEN if getattr(charter, name) is None]
    if missing:
        detail = f"not written yet: {', '.join(missing)}; what is not written does not happen"
        yield Finding("policy-unwritten", _SUBJECT, detail, "warning")
    if charter.review is not None and not 0 < (charter.review - now).days <= _LONGEST_REVIEW:
        detail = f"the review date {charter.review:%Y-%m-%d} is past, or over three years away"
        yield Finding("policy-review", _SUBJECT, detail, "warning")
