"""A holder's sheet as a page: what stands on it besides the words."""

from collections.abc import Sequence

from escrow.custody.quorum import Draft
from escrow.custody.sheets import Sheet
from escrow.paper.pdf import in_groups, pdf, qr
from escrow.record import Charter, Custody


def policy_text(custody: Custody) -> str:
    """Which sheets open the vault, in words."""
    if len(custody.groups) == 1:
        (group,) = custody.groups
        return f"any {group.needed} of the {group.members} sheets of {group.name}"
    groups = [
        f"{group.name} ({group.needed} of its {group.members} sheets)"
        if group.members > 1
        else f"{group.name} (its sheet)"
        for group in custody.groups
    ]
    return f"any {custody.groups_needed} of these groups: {', '.join(groups)}"


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
