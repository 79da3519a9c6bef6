"""The ceremony's script, over a port: hand out sheets, have each typed back, prove every quorum, write the minutes.

Until the sheets are typed back nothing is written but pages to print, which are removed whatever happens: a ceremony
that stops after its beginning is void.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from escrow.errors import IntegrityError, RefusedError, UsageError

from .agent_key import write_private
from .desk import Desk, confirm
from .shares import show_vault, type_words
from .units import eights

if TYPE_CHECKING:
    from escrow.custody.quorum import Draft
    from escrow.custody.sheets import Sheet
    from escrow.record import JsonValue

MINUTES = "application/vnd.escrow.minutes+json"
_COLUMNS = 3


@dataclass(frozen=True, slots=True)
class Room:
    """How sheets are handed out. `pages`: folder for PDFs, or None to copy from the screen.

    `post`: recipients of holders who are not in the room, by role; `call`: lines for the sheet; `online`: why a network
    was accepted.
    """

    out: Path
    pages: Path | None = None
    post: Mapping[str, str] = field(default_factory=dict)
    call: Sequence[str] = ()
    online: str | None = None


def check_offline(online: bool, accepted: str | None) -> None:
    """RefusedError `machine-online` unless the machine is off every network, or the minutes say why not."""
    if online and accepted is None:
        raise RefusedError(
            "machine-online",
            "this machine has a route to the internet: no secret is made on it",
            hint="pull the cable, switch the wireless off, or give a reason for the minutes: --online-minuted REASON",
        )


def begin(desk: Desk, draft_of: "Callable[[], Draft]", roles: Sequence[str], room: Room) -> "Draft":
    """Say what comes, and make the secret only when everybody is there."""
    present = [role for role in roles if role not in room.post]
    if len(set(roles)) != len(roles):
        raise UsageError("policy", "two holders have one role", hint="tell them apart, such as governor A, governor B")
    draft_of()  # thrown away: a policy that is refused is refused before anybody begins
    unknown = set(room.post) - set(roles)
    if unknown:
        known = ", ".join(roles)
        raise UsageError("post-role", f"no holder is called {', '.join(sorted(unknown))}", hint=f"say one of {known}")
    desk.say(f"This ceremony makes {len(roles)} key sheets, for: {', '.join(roles)}.")
    if room.post:
        desk.say(f"Not in the room, by sealed file: {', '.join(room.post)}.")
    desk.say("You need: pens, an envelope for each sheet, and half an hour without a break.")
    say_how(desk, room.pages)
    desk.say("You may still leave. After the next step an unfinished ceremony is void, and you begin again from here.")
    confirm(desk, f"Are all here ({', '.join(present)}), and nobody else?", "begin")
    return draft_of()


def say_how(desk: Desk, pages: Path | None) -> None:
    """How sheets come onto paper, and what a printer risks."""
    if pages:
        desk.say(
            "Sheets are printed: a printer and its spool may keep what it prints. Use one with a cable, and no other."
        )
    else:
        desk.say("Sheets are copied by hand from the screen: bring paper for each sheet.")


def hand_out(desk: Desk, draft: "Draft", room: Room) -> None:
    """Each holder gets the sheet, alone, and types it back; those not in the room get a sealed file.

    IntegrityError `share-secret` when a quorum of sheets does not give the secret.
    """
    from escrow.custody.quorum import prove

    for sheet in draft.sheets:
        if sheet.holder.role in room.post:
            desk.say(f"Send {_post(draft, sheet, room)} to the {sheet.holder.role}.")
            continue
        _one_holder(desk, draft, sheet, room)
    count = prove(draft)
    desk.say(f"All sheets are on paper. Each of the {count} ways to open was tried: every one gives the secret.")


def _post(draft: "Draft", sheet: "Sheet", room: Room) -> Path:
    """The sealed file of a holder who is not in the room."""
    from escrow.seal import parse_recipient, seal

    path = room.out / "sealed" / f"sheet-{draft.sheets.index(sheet) + 1}.age"
    recipient = parse_recipient(room.post[sheet.holder.role])
    write_private(path, seal(f"{' '.join(sheet.share.words())}\n".encode(), [recipient]))
    return path


def _one_holder(desk: Desk, draft: "Draft", sheet: "Sheet", room: Room) -> None:
    from escrow.custody.sheetpage import sheet_page

    hand_sheet(
        desk,
        sheet.holder.role,
        sheet.share.words(),
        about=lambda: show_vault(desk, draft.charter, draft.fingerprint),
        page=lambda: sheet_page(draft, sheet, room.call),
        path=room.pages / f"sheet-{draft.sheets.index(sheet) + 1}.pdf" if room.pages else None,
    )


def hand_sheet(
    desk: Desk,
    role: str,
    words: Sequence[str],
    *,
    about: Callable[[], None],
    page: Callable[[], bytes],
    path: Path | None,
) -> None:
    """One person, alone at the screen, gets a sheet and types it back; nothing of it stays, whatever happens.

    It is copied by hand below what `about` says; or printed, where `path` names the PDF that `page` makes.
    """
    try:
        desk.clear()
        confirm(desk, f"Only the {role} looks at this screen now. All others turn away.", "alone")
        desk.clear()
        if path:
            _printed(desk, role, page, path)
        else:
            about()
            desk.say(f"Sheet of the {role}. Write all of this down, the words with their numbers:\n")
            desk.say(columns(words))
            desk.say()
            confirm(desk, "Is all of it on your paper?", "written")
        desk.clear()
        desk.say(f"Now from your paper, {role}: the first four letters of each word.")
        type_words(desk, [], len(words), lambda place, word: word == words[place])
        desk.say("Every word is right. Put the paper into your envelope now, and close it.")
        desk.ask("Press Enter, and the screen is cleared: ")
    finally:
        desk.clear()


def _printed(desk: Desk, role: str, page: Callable[[], bytes], path: Path) -> None:
    try:
        write_private(path, page())
        desk.say(f"The sheet of the {role} is {path}. Open it and print it, once; take it from the printer.")
        confirm(desk, "Is it in your hand, and the window closed?", "printed")
    finally:
        _remove(desk, path)
    desk.say("The file is removed.")


def _remove(desk: Desk, path: Path) -> None:
    """Windows does not remove what a window has open."""
    while True:
        try:
            path.unlink(missing_ok=True)
        except PermissionError:
            desk.ask(f"{path} is still open: close its window, then press Enter: ")
        else:
            return


def columns(words: Sequence[str]) -> str:
    """Numbered words in columns, read downwards."""
    rows = -(-len(words) // _COLUMNS)
    cells = [f"{number:>2} {word:<10}" for number, word in enumerate(words, 1)]
    return "\n".join("   ".join(cells[row::rows]).rstrip() for row in range(rows))


def minutes(draft: "Draft", what: str, event: bytes, times: tuple[datetime, datetime], room: Room) -> bytes:
    """The minutes as a DSSE envelope, signed by all new holders. Roles, what, when, fingerprints; no secret."""
    from escrow import __version__
    from escrow.custody.quorum import hash_of
    from escrow.custody.sheetpage import policy_text
    from escrow.record import Event, encode, time_text
    from escrow.seal import VerifyKey, sign_envelope
    from escrow.trust import peek_record

    charter = draft.charter
    assert charter.custody is not None
    told, sha256 = peek_record(event, Event)
    record: dict[str, JsonValue] = {
        "what": what,
        "vault": charter.vault,
        "school": charter.school.name,
        "fingerprint": draft.fingerprint,
        "charter": {"n": charter.n, "sha256": hash_of(charter)},
        "event": {"n": told.n, "sha256": sha256},
        "epoch": charter.custody.epoch,
        "set": charter.custody.set,
        "policy": policy_text(charter.custody),
        "holders": [{"role": one.role, "key": VerifyKey.parse(one.key).id} for one in charter.holders],
        "began": time_text(times[0]),
        "ended": time_text(times[1]),
        "software": f"escrow {__version__}",
        "sheets": _by(room),
        "online": room.online,
    }
    return sign_envelope(encode(record), MINUTES, draft.keys)


def minutes_text(draft: "Draft", what: str, event: bytes, times: tuple[datetime, datetime], room: Room) -> str:
    """The minutes for people, to be signed by hand too."""
    from escrow import __version__
    from escrow.custody.quorum import hash_of
    from escrow.custody.sheetpage import policy_text
    from escrow.record import Event
    from escrow.trust import peek_record

    charter = draft.charter
    assert charter.custody is not None
    told, sha256 = peek_record(event, Event)
    began, ended = (f"{one:%d %B %Y, %H:%M} UTC" for one in times)
    rows = {
        "School": charter.school.name,
        "Vault": charter.vault,
        "Fingerprint": eights(draft.fingerprint),
        "Charter": f"version {charter.n}, {hash_of(charter)}",
        "Event": f"number {told.n}, {sha256}",
        "Sheets": f"epoch {charter.custody.epoch}, set {charter.custody.set}, {_by(room)}",
        "Opened by": policy_text(charter.custody),
        "Checked": "every word typed back by its holder; every way to open tried; every series key opened again",
        "Network": f"on, because: {room.online}" if room.online else "off",
        "Began": began,
        "Ended": ended,
        "Program": f"escrow {__version__}",
    }
    return to_sign(f"Minutes of a key ceremony: {what}", rows, [holder.role for holder in charter.holders])


def to_sign(title: str, rows: Mapping[str, str], roles: Sequence[str]) -> str:
    """Minutes with a line for each hand, and for a witness."""
    told = [f"{name:<12} {text}" for name, text in rows.items()]
    signed = [f"  {role:<32} ______________________" for role in (*roles, "witness")]
    return "\n".join([title, "", *told, "", "Signed by hand:", "", *signed, ""])


def _by(room: Room) -> str:
    away = f"; sealed and sent: {', '.join(room.post)}" if room.post else ""
    return f"{'printed' if room.pages else 'copied by hand'}{away}"


def check_public(folder: Path, draft: "Draft") -> None:
    """What was written is read again and held against the draft. IntegrityError `ceremony-written`."""
    from escrow.custody.quorum import hash_of

    from .public_folder import load_public

    _, history = load_public(folder)
    if history.charter_sha256 != hash_of(draft.charter) or history.fingerprint != draft.fingerprint:
        hint = "use another disk, and begin again"
        raise IntegrityError("ceremony-written", f"{folder} does not say what was written into it", hint=hint)
