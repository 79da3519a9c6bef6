"""Holders' sheets, typed word by word or read from files; each is held against the charter before it is used."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from escrow.errors import FormatError, UsageError, WrongKeyError

from .desk import Desk
from .units import eights

if TYPE_CHECKING:
    from escrow.custody.sheets import Sheet
    from escrow.record import Charter
    from escrow.seal import Identity
    from escrow.seal.shares import Share

_LARGEST = 64 * 1024
_SEALED = b"age-encryption.org/"
_CUSTODIAN = b"# escrow custodian key"


def read_share(path: Path, letterbox: Path | None) -> "Share":
    """The share in a file: its words, or those sealed to the letterbox. UsageError, FormatError, WrongKeyError."""
    from escrow.seal import open_sealed
    from escrow.seal.shares import parse_share

    data = _read(path, "name a file that holds the words of one sheet")
    if data.startswith(_SEALED):
        if letterbox is None:
            hint = "name the file of escrow keys letterbox, or the custodian's key file, with --letterbox"
            raise UsageError("letterbox-missing", f"{path} is sealed to a letterbox, and none was given", hint=hint)
        data = open_sealed(data, _identities(letterbox))
    return parse_share(data.decode("ascii", "replace"))


def _identities(letterbox: Path) -> "Sequence[Identity]":
    """Of a letterbox, or of a custodian's key file: its sheets are sealed to it."""
    from escrow.custody.opening import is_sealed
    from escrow.seal import parse_identities

    from .custodian_key import read_custodian

    data = _read(letterbox, "name the file that escrow keys letterbox made")
    if is_sealed(data) or data.startswith(_CUSTODIAN):
        return [read_custodian(str(letterbox)).identity]
    return parse_identities(data)


def _read(path: Path, hint: str) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(_LARGEST)
    except OSError as error:
        raise UsageError("share-unreadable", f"{path}: cannot be read ({error.strerror})", hint=hint) from error


def read_sheets(files: Sequence[Path], letterbox: Path | None, charters: "Sequence[Charter]") -> "list[Sheet]":
    """The sheets in files, one a file. WrongKeyError as `escrow.custody.sheets.identify_all`."""
    from escrow.custody.sheets import identify_all

    return identify_all([read_share(path, letterbox) for path in files], charters)


def type_quorum(desk: Desk, charters: "Sequence[Charter]", fingerprint: str, have: "Sequence[Sheet]") -> "list[Sheet]":
    """Holder after holder types a sheet until the vault can be opened; wrong sheets are named and asked for again."""
    from escrow.custody.sheets import missing

    custody = charters[-1].custody
    sheets = list(have)
    if custody is None:
        raise WrongKeyError("share-unused", "this vault has no sheets: its holder has a key file", hint="say --key")
    while missing(sheets, custody):
        desk.clear()
        show_vault(desk, charters[-1], fingerprint)
        desk.say(f"Here so far: {', '.join(sheet.holder.role for sheet in sheets) or 'nobody'}.")
        desk.say(f"To open: {missing(sheets, custody)}.")
        desk.ask("The next holder, alone at the screen, presses Enter: ")
        sheets.append(_next_sheet(desk, charters, sheets))
        desk.clear()
    return sheets


def _next_sheet(desk: Desk, charters: "Sequence[Charter]", have: "Sequence[Sheet]") -> "Sheet":
    from escrow.custody.sheets import identify_all

    while True:
        try:
            return identify_all([*(sheet.share for sheet in have), type_share(desk)], charters)[-1]
        except WrongKeyError as error:
            desk.clear()
            desk.say(f"{error}.\nType another sheet, or press Ctrl-C to stop.")


def show_vault(desk: Desk, charter: "Charter", fingerprint: str) -> None:
    """What a holder compares with the sheet before typing."""
    desk.say(f"Vault of {charter.school.name}\n")
    desk.say("Compare with your sheet before you type a word:")
    desk.say(f"  fingerprint  {eights(fingerprint)}")
    if charter.rescue:
        desk.say(f"  rescue kit   {eights(charter.rescue)}")
    desk.say()


def type_share(desk: Desk) -> "Share":
    """One sheet, word by word, until its checksum holds: no mistake leaves this dialogue."""
    from escrow.seal.shares import WORDS, parse_share

    desk.say("The first four letters of each word are enough. < goes back to the word before.")
    words: list[str] = []
    while True:
        type_words(desk, words, WORDS)
        try:
            return parse_share(" ".join(words))
        except FormatError as error:
            desk.say(f"{error}.")
            number = desk.ask("Number of a word to type again (Enter: all of them): ")
            if number.isascii() and number.isdigit() and 1 <= int(number) <= WORDS:
                words[int(number) - 1] = _word(desk, int(number)) or words[int(number) - 1]
            else:
                words.clear()


def type_words(desk: Desk, words: list[str], count: int, right: Callable[[int, str], bool] | None = None) -> None:
    """Ask for words until there are `count`; `right` says whether a word is the one at its place."""
    while len(words) < count:
        word = _word(desk, len(words) + 1)
        if word is None:
            del words[-1:]
        elif right is None or right(len(words), word):
            words.append(word)
        else:
            desk.say(f"That is not word {len(words) + 1} of your sheet: look at the number on the paper.")


def _word(desk: Desk, number: int) -> str | None:
    """A whole word of the list; None to go back."""
    from escrow.seal.shares import LETTERS, complete

    while True:
        typed = desk.ask(f"word {number:>2}: ")
        if typed == "<":
            return None
        word = complete(typed)
        if word is not None:
            return word
        desk.say(f"Not in the list of words: type its first {LETTERS} letters, as on the sheet.")
