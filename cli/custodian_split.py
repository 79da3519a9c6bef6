"""`escrow custodian split`, `check` and `join`: the authority's own ceremony, and its sheets afterwards."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from escrow.errors import UsageError

from .agent_folders import refuse_agent, refuse_agent_folder
from .ceremony import check_offline, hand_sheet, say_how, to_sign
from .custodian_key import CARD, read_card_file, read_custodian, tell_card, write_custodian
from .desk import Desk, confirm
from .exits import Exit
from .handover_parts import NeededCustodianOption, clock
from .online import is_online
from .options import JsonOption, ShareOption, SheetsOption
from .output import Output
from .shares import read_share, type_share
from .units import eights

if TYPE_CHECKING:
    from escrow.custody.custodian import Card, CustodianKey
    from escrow.custody.custodian_sheets import SheetList
    from escrow.seal.shares import Share

LIST = ".sheets.json"
CardOption = Annotated[Path, typer.Option(metavar="CARD", help="The custodian's card.")]
NoPassphraseOption = Annotated[
    bool, typer.Option("--no-passphrase", help="Do not seal the key file: its medium is protected itself.")
]
_LARGEST = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Split:
    """The sheets of one ceremony: one share a role. `pages`: where PDFs are printed from, or None to copy by hand."""

    key: "CustodianKey"
    shares: "Sequence[Share]"
    roles: Sequence[str]
    pages: Path | None


def split(
    custodian: NeededCustodianOption,
    role: Annotated[list[str], typer.Option(help="Who gets a sheet, by role. At least 2, at most 16.")],
    needed: Annotated[int, typer.Option(min=2, max=16, help="How many sheets make the key file again.")] = 2,
    out: Annotated[
        Path | None, typer.Option(help="The signed list of the sheets. Default: KEYFILE.sheets.json, beside the card.")
    ] = None,
    pages: Annotated[
        Path | None, typer.Option("--print", metavar="DIR", help="Print sheets by way of PDFs in this folder.")
    ] = None,
    online_minuted: Annotated[
        str | None, typer.Option("--online-minuted", metavar="REASON", help="Why this machine is on a network.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Split the identity into sheets of words, for people of the authority. A dialogue for one room, off the network.

    Each person, alone at the screen, copies or prints a sheet and types it back. Every way to join them is tried. It
    leaves a signed list, by which each sheet can be checked alone, and minutes to sign by hand; neither holds a secret.

    \b
    Example: escrow custodian split --custodian gwynedd.key --role archivist --role "head of legal" --role director
    """
    from escrow.custody.custodian import split_key
    from escrow.custody.custodian_sheets import sign_list

    from .desk import Terminal
    from .public_folder import write_whole

    output = Output(as_json)
    refuse_agent()
    target = _target(out, custodian)
    if len(set(role)) != len(role):
        raise UsageError("policy", "two people have one role", hint="tell them apart, such as archivist A, archivist B")
    online = is_online()
    check_offline(online, online_minuted)
    desk = Terminal()
    key = read_custodian(custodian)
    began = clock()
    desk.say(f"This makes {len(role)} sheets of the key of {key.name}, for: {', '.join(role)}.")
    desk.say(f"Any {needed} of them will make it again. Sheets of an earlier split still do: burn them afterwards.")
    desk.say("You need: pens, an envelope for each sheet, and half an hour. If you stop after this, it is void.")
    confirm(desk, f"Are all here ({', '.join(role)}), and nobody else?", "begin")
    made = Split(key, split_key(key, needed, len(role)), role, pages)
    say_how(desk, pages)
    for number in range(len(role)):
        _one_person(desk, made, number)
    write_whole(target, sign_list(key, made.shares, role, clock()))
    minutes = target.with_name(f"{target.name}.minutes.txt")
    write_whole(minutes, _minutes(made, began, online_minuted if online else None).encode())
    desk.say(f"Every way to join them was tried. {minutes} is to be signed by hand; {target} goes beside the card.")
    words = f"{len(role)} sheets, of which {needed} make the key again"
    output.finish(Exit.OK, words, sheets=len(role), needed=needed, list=str(target))


def _target(out: Path | None, custodian: str) -> Path:
    if out is None and custodian == "-":
        raise UsageError("split-out", "expected --out where the key file comes from stdin, found none")
    target = out or Path(custodian + LIST)
    refuse_agent_folder(target.parent)
    if target.exists():
        hint = "move it away with the minutes of its sheets, or choose another --out"
        raise UsageError("keys-exist", f"expected a new file, found {target}", hint=hint)
    return target


def _one_person(desk: Desk, made: Split, number: int) -> None:
    hand_sheet(
        desk,
        made.roles[number],
        made.shares[number].words(),
        about=lambda: desk.say(f"{made.key.name}, card {eights(made.key.card().fingerprint)}\n"),
        page=lambda: _page(made, number),
        path=made.pages / f"sheet-{number + 1}.pdf" if made.pages else None,
    )


def _page(made: Split, number: int) -> bytes:
    from escrow.paper.pdf import in_groups, pdf, qr

    share = made.shares[number]
    return pdf(
        "custodian-sheet",
        {
            "title": "Custodian's key sheet",
            "name": made.key.name,
            "role": made.roles[number],
            "number": str(number + 1),
            "of": str(len(made.roles)),
            "needed": str(share.needed),
            "made": f"{clock():%d %B %Y}".lstrip("0"),
            "set": str(share.set),
            "fingerprint": in_groups(made.key.card().fingerprint, 8),
            "words": list(share.words()),
            "qr": qr(" ".join(share.words()).upper()),
            "others": [role for role in made.roles if role != made.roles[number]],
        },
    )


def _minutes(made: Split, began: datetime, online: str | None) -> str:
    from escrow import __version__

    rows = {
        "Custodian": made.key.name,
        "Card": eights(made.key.card().fingerprint),
        "Sheets": f"set {made.shares[0].set}, any {made.shares[0].needed} of {len(made.roles)}, "
        + ("printed" if made.pages else "copied by hand"),
        "Checked": "every word typed back by its holder; every way to join the sheets tried",
        "Network": f"on, because: {online}" if online else "off",
        "Began": f"{began:%d %B %Y, %H:%M} UTC",
        "Ended": f"{clock():%d %B %Y, %H:%M} UTC",
        "Program": f"escrow {__version__}",
    }
    return to_sign("Minutes: a custodian's key is split", rows, made.roles)


def check(
    card: CardOption,
    sheets: Annotated[
        Path | None, typer.Option("--list", metavar="FILE", help="The list of split. Default: beside the card.")
    ] = None,
    share: Annotated[Path | None, typer.Option(metavar="FILE", help="The sheet's words; else they are typed.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Check one sheet of the custodian's key, alone: every word, and that it is the one on the signed list.

    \b
    Example: escrow custodian check --card gwynedd.key.card.json
    """
    from escrow.custody.custodian_sheets import whose

    output = Output(as_json)
    refuse_agent()
    known = read_card_file(card)
    listed = _read_list(sheets or card.with_name(card.name.removesuffix(CARD) + LIST), known)
    found = read_share(share, None) if share else _typed(known)
    role = whose(found, listed, known)
    output.row(
        f"whole       sheet of the {role}, any {listed.needed} of {len(listed.sheets)}, set {listed.set}",
        role=role,
        needed=listed.needed,
        set=listed.set,
    )
    output.finish(Exit.OK, f"fingerprint {eights(known.fingerprint)}", fingerprint=known.fingerprint)


def _read_list(path: Path, card: "Card") -> "SheetList":
    from escrow.custody.custodian_sheets import open_list

    try:
        with path.open("rb") as file:
            return open_list(file.read(_LARGEST), card)
    except OSError as error:
        hint = "name the list that escrow custodian split made, with --list"
        raise UsageError("list-unreadable", f"{path}: cannot be read ({error.strerror})", hint=hint) from error


def _typed(card: "Card") -> "Share":
    from .desk import Terminal

    desk = Terminal()
    desk.clear()
    try:
        return _sheet(desk, card, "Alone at the screen? Press Enter: ")
    finally:
        desk.clear()


def _sheet(desk: Desk, card: "Card", prompt: str) -> "Share":
    desk.say(f"{card.name}. Compare with your sheet before you type a word:\n  {eights(card.fingerprint)}")
    desk.ask(prompt)
    return type_share(desk)


def join(
    card: CardOption,
    out: Annotated[Path, typer.Option(help="The new key file; the card goes beside it.")],
    share: ShareOption = None,
    sheets: SheetsOption = False,
    no_passphrase: NoPassphraseOption = False,
    as_json: JsonOption = False,
) -> None:
    """Make the key file again from sheets, typed word by word or from files, and hold it against the card.

    \b
    Example: escrow custodian join --card gwynedd.key.card.json --sheets --out gwynedd-again.key
    """
    from escrow.custody.custodian import join_key

    from .desk import Terminal

    output = Output(as_json)
    known = read_card_file(card)
    found = [read_share(path, None) for path in share or ()]
    desk = Terminal() if sheets else None
    while desk and (not found or len(found) < found[0].needed):
        found.append(_sheet(desk, known, "The next person, alone at the screen, presses Enter: "))
        desk.clear()
    if not found:
        raise UsageError("key-missing", "expected sheets, found none", hint="say --sheets, or --share for each")
    key = join_key(found, known)
    write_custodian(output, key, out, no_passphrase)
    tell_card(output, key.card())
