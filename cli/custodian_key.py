"""A custodian's key file: opened, and what it opens of a vault."""

from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from escrow.errors import UsageError

from .agent_folders import refuse_agent_folder
from .exits import Exit
from .output import Output
from .units import eights
from .unlock import ask_passphrase, read_key

if TYPE_CHECKING:
    from escrow.custody.custodian import Card, CustodianKey
    from escrow.engine.reading import SeriesOpener
    from escrow.store import Store
    from escrow.trust import History

CARD = ".card.json"
_LARGEST = 64 * 1024


def read_custodian(given: str) -> "CustodianKey":
    """The custodian's key in the file `given` (`-`: stdin). UsageError, WrongKeyError, FormatError."""
    from escrow.custody.custodian import open_custodian
    from escrow.custody.opening import is_sealed

    data = read_key(given)
    return open_custodian(data, ask_passphrase() if is_sealed(data) else None)


def read_card_file(path: Path) -> "Card":
    """A custodian's public card. UsageError `card-unreadable`, FormatError `card`."""
    from escrow.custody.custodian import parse_card

    try:
        with path.open("rb") as file:
            return parse_card(file.read(_LARGEST))
    except OSError as error:
        hint = "name the file that escrow custodian new made"
        raise UsageError("card-unreadable", f"{path}: cannot be read ({error.strerror})", hint=hint) from error


def opener_for(key: "CustodianKey", history: "History", store: "Store") -> "SeriesOpener":
    """What opens the series that were released to this custodian."""
    from escrow.custody.release import released_opener
    from escrow.engine.fetch import fetch_exact

    mine = key.signing.public().encode()
    grants = [one for one in (*history.handover.past, *history.handover.grants) if one.to.key == mine]
    return released_opener(history, grants, lambda name, sha256: fetch_exact(store, name, sha256), key.identity)


def write_custodian(output: Output, key: "CustodianKey", out: Path, no_passphrase: bool) -> None:
    """The key file and the card; the key file is opened again before anything is said to be done."""
    from escrow.custody.custodian import open_custodian
    from escrow.seal import ScryptRecipient, seal

    from .agent_key import write_private
    from .unlock import new_passphrase

    refuse_agent_folder(out.parent)
    beside = out.with_name(out.name + CARD)
    for path in (out, beside):
        if path.exists():
            raise UsageError("keys-exist", f"expected a new file, found {path}", hint="choose another --out")
    passphrase = None if no_passphrase else new_passphrase()
    text = key.text().reveal()
    write_private(out, seal(text, [ScryptRecipient(passphrase)]) if passphrase else text)
    assert open_custodian(out.read_bytes(), passphrase).card() == key.card()
    write_private(beside, key.card().text())
    output.note(f"keep {out} as you keep the authority's seal; give {beside} to everybody")


def tell_card(output: Output, card: "Card") -> NoReturn:
    """A card, to be read over the telephone; the end of a command."""
    output.row(f"custodian    {card.name} ({card.kind})", name=card.name, kind=card.kind)
    output.finish(Exit.OK, f"fingerprint  {eights(card.fingerprint)}", fingerprint=card.fingerprint)
