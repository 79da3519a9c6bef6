"""A holder's sheet as a page: what stands on it besides the words."""

from collections.abc import Sequence

from escrow.custody.paper import in_groups, pdf, qr
from escrow.custody.quorum import Draft
from escrow.custody.sheets import Sheet
from escrow.record import Charter, Custody


def policy_text(custody: Custody) -> str:
    """Which sheets open the vault, in words."""
    groups = [
        f"{group.needed} of the {group.members} sheets of {group.name}"
        if group.members > 1
        else f"that of {group.name}"
        for group in custody.groups
    ]
    return groups[0] if len(groups) == 1 else f"any {custody.groups_needed} of these: {'; '.join(groups)}"


def sheet_page(draft: Draft, sheet: Sheet, call: Sequence[str]) -> bytes:
    """The PDF of one sheet; `call` are lines of whom to call, empty for lines to be filled in by hand."""
    charter = draft.charter
    custody = charter.custody
    assert custody is not None
    words = sheet.share.words()
    return pdf(
        "sheet",
        {
            "title": "Key sheet",
            "school": charter.school.name,
            "role": sheet.holder.role,
            "place": f"sheet {sheet.holder.member} of {sheet.holder.group}",
            "policy": f"What opens the vault: {policy_text(custody)}. This sheet alone opens nothing.",
            "made": f"{charter.created:%d %B %Y}".lstrip("0"),
            "set": str(custody.set),
            "epoch": str(custody.epoch),
            "fingerprint": in_groups(draft.fingerprint, 8),
            "rescue": in_groups(charter.rescue, 8) if charter.rescue else "",
            "words": list(words),
            "qr": qr(" ".join(words).upper()),
            "call": [*call, *_contacts(charter)],
        },
    )


def _contacts(charter: Charter) -> list[str]:
    return [f"{contact.role}: {contact.text}" for contact in charter.contacts or ()]
