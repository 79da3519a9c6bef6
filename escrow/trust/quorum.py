"""Whether enough holders signed (docs/format.md, section 4.1). Pure."""

from collections.abc import Collection
from dataclasses import replace
from typing import Literal

from escrow.record import Charter
from escrow.seal import VerifyKey


def board(charter: Charter) -> frozenset[VerifyKey]:
    """The keys of a charter's holders."""
    return frozenset(VerifyKey.parse(holder.key) for holder in charter.holders)


def voices(charter: Charter) -> frozenset[VerifyKey]:
    """Whose signature under a charter counts: its holders' and its custodian's."""
    return board(charter) | ({VerifyKey.parse(charter.custodian.key)} if charter.custodian else set())


def is_minor(before: Charter, charter: Charter) -> bool:
    """Whether a charter changes contacts and processors alone, so that one holder suffices."""
    same = replace(before, n=charter.n, prev=charter.prev, created=charter.created)
    return charter == replace(same, contacts=charter.contacts, processors=charter.processors)


def lacking(before: Charter | None, charter: Charter, signers: Collection[VerifyKey]) -> tuple[str, str] | None:
    """Code and sentence of what lacks for a charter to follow `before` by the full rule; None when nothing does."""
    for demand in [charter] if before is None else [before, charter]:
        missing = shortfall(demand, signers)
        if missing:
            return "charter-threshold", missing
        custodian = demand.custodian
        if custodian and VerifyKey.parse(custodian.key) not in signers:
            return "charter-custodian", f"expected the custodian of charter {demand.n}, {custodian.name}, to sign"
    return None


def rule_of(
    before: Charter | None, charter: Charter, signers: Collection[VerifyKey]
) -> Literal["full", "minor"] | None:
    """By which rule these signers make a charter follow `before`: enough of all, or one holder; None when by none."""
    if lacking(before, charter, signers) is None:
        return "full"
    if before is not None and is_minor(before, charter) and not board(before).isdisjoint(signers):
        return "minor"
    return None


def shortfall(charter: Charter, signers: Collection[VerifyKey]) -> str:
    """What these signers lack to speak for the charter's holders, for a finding; "" when nothing.

    `threshold` distinct holders, and with `custody` its number of groups, each by as many members as it needs.
    """
    keys = {key.encode() for key in signers}
    signed = [holder for holder in charter.holders if holder.key in keys]
    if len(signed) < charter.threshold:
        return f"expected {charter.threshold} holders of charter {charter.n} to sign, found {len(signed)}"
    if charter.custody is None:
        return ""
    groups = [
        group.name
        for group in charter.custody.groups
        if sum(holder.group == group.name for holder in signed) >= group.needed
    ]
    needed = charter.custody.groups_needed
    if len(groups) < needed:
        found = ", ".join(groups) or "none"
        return f"expected {needed} whole groups of charter {charter.n} to sign, found {found}"
    return ""
