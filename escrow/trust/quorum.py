"""Whether enough holders signed (docs/format.md, section 4.1). Pure."""

from collections.abc import Collection

from escrow.record import Charter
from escrow.seal import VerifyKey


def board(charter: Charter) -> frozenset[VerifyKey]:
    """The keys of a charter's holders."""
    return frozenset(VerifyKey.parse(holder.key) for holder in charter.holders)


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
