"""A custodian's key file: opened, and what it opens of a vault."""

from pathlib import Path
from typing import TYPE_CHECKING

from escrow.errors import UsageError

from .unlock import ask_passphrase, read_key

if TYPE_CHECKING:
    from escrow.custody.custodian import Card, CustodianKey
    from escrow.engine.reading import SeriesOpener
    from escrow.store import Store
    from escrow.trust import History

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
