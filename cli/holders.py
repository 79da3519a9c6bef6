"""From options and a desk to policies, rooms, sheets and opened secrets."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from escrow.errors import FormatError, UsageError

from .agent_folders import refuse_agent, refuse_agent_folder
from .ceremony import Room, check_offline
from .desk import Desk
from .keys import check_free
from .online import is_online
from .shares import read_sheets, type_quorum
from .unlock import read_secret

if TYPE_CHECKING:
    from escrow.custody.policies import Bench, Policy
    from escrow.custody.quorum import Draft
    from escrow.custody.sheets import Sheet
    from escrow.record import Charter
    from escrow.seal import HybridRecipient, Secret, SigningKey
    from escrow.trust import History

_GROUP = re.compile(r"([a-z0-9][a-z0-9_-]{0,63}):([0-9]{1,2}):(.+)")


def policy_from(name: str | None, groups: Sequence[str], groups_needed: int) -> "Policy | None":
    """The policy that options name; None when they name none. UsageError `policy`."""
    from escrow.custody.policies import POLICIES, Policy

    if name and groups:
        raise UsageError("policy", "expected --policy or --group, found both", hint="leave one out")
    if groups:
        return Policy(groups_needed, tuple(_bench(text) for text in groups))
    if name is not None and name not in POLICIES:
        raise UsageError("policy", f"no policy is called {name}", hint=f"say one of {', '.join(POLICIES)}")
    return POLICIES[name] if name else None


def _bench(text: str) -> "Bench":
    from escrow.custody.policies import Bench, Seat

    match = _GROUP.fullmatch(text)
    seats = [role.strip().partition("@") for role in match[3].split(",")] if match else []
    if match is None or any(not role or party not in ("", "custodian", "other") for role, _, party in seats):
        hint = 'such as "staff:2:head,deputy head,business manager" or "authority:1:LA records officer@custodian"'
        raise UsageError("policy", f"expected a group, found {text!r}", hint=hint)
    return Bench(match[1], int(match[2]), tuple(Seat(role, party or None) for role, _, party in seats))


def next_policy(history: "History", name: str | None, groups: Sequence[str], groups_needed: int) -> "Policy":
    """The policy that options name, else the charter's. UsageError `policy` when there is neither."""
    from escrow.custody.policies import policy_of

    assert history.charter is not None
    policy = policy_from(name, groups, groups_needed) or policy_of(history.charter)
    if policy is None:
        raise UsageError("policy", "the vault has a key file and no policy yet", hint="say --policy simple, or another")
    return policy


def room_of(
    out: Path, pages: Path | None, post: Sequence[str], call: Sequence[str], minuted: str | None, *, again: bool = False
) -> Room:
    """Where the ceremony takes place. UsageError (`keys-exist`, `post-role`), RefusedError (`machine-online`, ...).

    `again`: an interrupted rekey goes on in `out`.
    """
    refuse_agent()
    refuse_agent_folder(out)
    if not again:
        check_free(out)
    online = is_online()
    check_offline(online, minuted)
    recipients = {}
    for text in post:
        role, _, recipient = text.partition("=")
        recipients[role] = str(recipient_of(recipient))
    return Room(out, pages, recipients, tuple(call), minuted if online else None)


def recipient_of(text: str) -> "HybridRecipient":
    """The recipient of a letterbox, or of the custodian whose card is in the file `text`. UsageError `recipient`."""
    from escrow.seal import HybridRecipient, parse_recipient

    from .custodian_key import read_card_file

    try:
        recipient = parse_recipient(text if text.startswith("age1") else read_card_file(Path(text)).recipient)
    except FormatError:
        recipient = None
    if not isinstance(recipient, HybridRecipient):
        hint = "copy the whole line that escrow keys letterbox printed, or name a custodian's card"
        raise UsageError("recipient", "expected a recipient age1pq1.., found other text", hint=hint)
    return recipient


def collect_sheets(
    desk: Desk | None, history: "History", files: Sequence[Path], letterbox: Path | None
) -> "list[Sheet]":
    """Sheets from files, and from people at the desk until the vault can be opened. WrongKeyError, FormatError."""
    sheets = read_sheets(files, letterbox, history.charters) if files else []
    return type_quorum(desk, history.charters, history.fingerprint, sheets) if desk else sheets


def open_old(
    desk: Desk, history: "History", key: str | None, files: Sequence[Path], letterbox: Path | None
) -> "tuple[Secret, list[SigningKey]]":
    """The custody secret and the keys of those who gave it: of the key file, or of a quorum of sheets."""
    from escrow.custody import signing_key
    from escrow.custody.sheets import combine_sheets

    assert history.charter is not None
    if key is not None:
        secret = read_secret(key, history.vault)
        return secret, [signing_key(secret, history.vault)]
    sheets = collect_sheets(desk, history, files, letterbox)
    return combine_sheets(sheets, history.charter), [sheet.key for sheet in sheets]


def new_sheets(desk: Desk, history: "History", charter: "Charter") -> "Draft":
    """A quorum of the sheets of a charter that is not published yet."""
    from escrow.custody.quorum import Draft
    from escrow.custody.sheets import combine_sheets

    sheets = type_quorum(desk, (*history.charters, charter), history.fingerprint, ())
    return Draft(charter, history.fingerprint, combine_sheets(sheets, charter), tuple(sheets))
