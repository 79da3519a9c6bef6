"""`escrow custodian`: an authority's or trust's identity for hundreds of schools, and what it watches."""

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from escrow.errors import UsageError

from .agent_folders import refuse_agent_folder
from .config import load_config
from .custodian_key import read_card_file, read_custodian
from .custodian_sign import sign
from .exits import Exit, exit_of_codes
from .handover_parts import NeededCustodianOption, clock
from .options import ConfigOption, JsonOption, ShareOption, SheetsOption
from .output import Output
from .units import eights

if TYPE_CHECKING:
    from escrow.custody.custodian import Card, CustodianKey
    from escrow.custody.watchfile import Watch
    from escrow.seal.shares import Share

app = typer.Typer(help="The LA or trust that takes over.", no_args_is_help=True, rich_markup_mode=None)

CARD = ".card.json"
OutOption = Annotated[Path, typer.Option(help="The new key file; the card goes beside it.")]
NoPassphraseOption = Annotated[
    bool, typer.Option("--no-passphrase", help="Do not seal the key file: its medium is protected itself.")
]


@app.command()
def new(
    name: Annotated[str, typer.Option(help="The authority's or trust's name.")],
    out: OutOption,
    kind: Annotated[str, typer.Option(help="la, trust, diocese or other.")] = "la",
    no_passphrase: NoPassphraseOption = False,
    as_json: JsonOption = False,
) -> None:
    """Make a custodian's identity: one key file for all its schools, and a public card to give to them.

    Read the fingerprint to each school over the telephone. The key file is sealed with a passphrase, which is asked
    for or taken from ESCROW_PASSPHRASE.

    \b
    Example: escrow custodian new --name "Cyngor Gwynedd" --kind la --out /media/stick/gwynedd.key
    """
    from escrow.custody.custodian import CustodianKey

    output = Output(as_json)
    key = CustodianKey.new(name, kind)
    _write(output, key, out, no_passphrase)
    _tell(output, key.card())


@app.command()
def card(
    file: Annotated[Path, typer.Argument(metavar="CARD", help="A card.")],
    as_json: JsonOption = False,
) -> None:
    """Show a custodian's card and its fingerprint, to be compared over the telephone.

    \b
    Example: escrow custodian card gwynedd.key.card.json
    """
    _tell(Output(as_json), read_card_file(file))


@app.command()
def rotate(
    custodian: NeededCustodianOption,
    out: OutOption,
    name: Annotated[str | None, typer.Option(help="The successor's name, where it changes.")] = None,
    kind: Annotated[str | None, typer.Option(help="The successor's kind, where it changes.")] = None,
    no_passphrase: NoPassphraseOption = False,
    as_json: JsonOption = False,
) -> None:
    """Make a new identity, and a statement by the old one that it follows.

    Charters name the new card from their next version on; vaults already handed over pass with escrow handover pass.

    \b
    Example: escrow custodian rotate --custodian gwynedd.key --out gwynedd-2.key
    """
    from escrow.custody.custodian import CustodianKey, sign_rotation

    from .agent_key import write_private

    output = Output(as_json)
    old = read_custodian(custodian)
    fresh = CustodianKey.new(name or old.name, kind or old.kind)
    _write(output, fresh, out, no_passphrase)
    statement = out.with_name(out.name + ".rotation.json")
    write_private(statement, sign_rotation(old, fresh, datetime.now(UTC).replace(microsecond=0)))
    output.note(f"{statement} shows every school that the old identity names the new one")
    _tell(output, fresh.card())


@app.command()
def watch(
    file: Annotated[Path, typer.Option(help="The watch file of all vaults; made when there is none.")],
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Hold a vault against what was seen of it, and note its heads. Needs no key; run it for each vault.

    \b
    Example: escrow custodian watch --file heads.json --config fernhill.toml
    """
    from escrow.custody.watchfile import look

    from .checking import show_findings
    from .vault import read_vault

    output = Output(as_json)
    vault = read_vault(load_config(config))
    known = read_watch(file)
    seen, findings = look(known, vault.history, vault.store.describe(), datetime.now(UTC))
    if findings:
        show_findings(output, findings)
        output.finish(exit_of_codes(one.code for one in findings), "the vault shows less, or other, than before")
    write_watch(file, seen)
    one = seen.of(vault.history.vault)
    assert one is not None
    head = one.head.seq if one.head else 0
    events = one.events.n if one.events else 0
    text = f"{one.school}: notice {head}, event {events}; {len(seen.vaults)} vaults are watched"
    output.finish(Exit.OK, text, vault=one.vault, notice=head, event=events)


@app.command()
def split(
    custodian: NeededCustodianOption,
    out: Annotated[Path, typer.Option(help="New folder for the sheets, as PDFs to print: on a protected medium.")],
    needed: Annotated[int, typer.Option(min=2, max=16, help="How many sheets make the key file again.")] = 2,
    of: Annotated[int, typer.Option("--of", min=2, max=16, help="How many sheets there are.")] = 3,
    as_json: JsonOption = False,
) -> None:
    """Split the identity into sheets of words, for people of the authority, so that the key file may be lost.

    Print each, let its person take it, delete the folder. Each way to join them was tried.

    \b
    Example: escrow custodian split --custodian gwynedd.key --needed 2 --of 3 --out /media/stick/sheets
    """
    from escrow.custody.custodian import split_key
    from escrow.custody.paper import in_groups, pdf, qr

    from .agent_key import write_private

    output = Output(as_json)
    refuse_agent_folder(out)
    if out.exists():
        raise UsageError("keys-exist", f"expected a new folder, found {out}", hint="choose another --out")
    key = read_custodian(custodian)
    shares = split_key(key, needed, of)
    for number, share in enumerate(shares, 1):
        words = share.words()
        page = pdf(
            "custodian-sheet",
            {
                "title": "Custodian's key sheet",
                "name": key.name,
                "number": str(number),
                "of": str(of),
                "needed": str(needed),
                "made": f"{clock():%d %B %Y}".lstrip("0"),
                "set": str(share.set),
                "fingerprint": in_groups(key.card().fingerprint, 8),
                "words": list(words),
                "qr": qr(" ".join(words).upper()),
            },
        )
        write_private(out / f"sheet-{number}.pdf", page)
    output.note(f"print the pages in {out}, on a printer that keeps nothing, then delete the folder")
    output.finish(Exit.OK, f"{of} sheets, of which {needed} make the key again", sheets=of, needed=needed)


@app.command()
def join(
    card: Annotated[Path, typer.Option(metavar="CARD", help="The custodian's card.")],
    out: OutOption,
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

    from .shares import read_share

    output = Output(as_json)
    known = read_card_file(card)
    found = [read_share(path, None) for path in share or ()]
    if sheets:
        found = _typed(found, known)
    if not found:
        raise UsageError("key-missing", "expected sheets, found none", hint="say --sheets, or --share for each")
    key = join_key(found, known)
    _write(output, key, out, no_passphrase)
    _tell(output, key.card())


def _typed(found: "list[Share]", card: "Card") -> "list[Share]":
    """Sheets from the keyboard, until there are as many as the first one says."""
    from .desk import Terminal
    from .shares import type_share

    desk = Terminal()
    while not found or len(found) < found[0].needed:
        desk.say(f"{card.name}. Compare with your sheet before you type a word:\n  {eights(card.fingerprint)}")
        desk.ask("The next person, alone at the screen, presses Enter: ")
        found.append(type_share(desk))
        desk.clear()
    return found


app.command()(sign)


def read_watch(file: Path) -> "Watch":
    """The watch file; an empty one when there is none. FormatError `watch-file`."""
    from escrow.custody.watchfile import EMPTY, parse_watch

    try:
        return parse_watch(file.read_bytes())
    except FileNotFoundError:
        return EMPTY
    except OSError as error:
        raise UsageError("watch-file", f"{file}: cannot be read ({error.strerror})") from error


def write_watch(file: Path, watch: "Watch") -> None:
    """Replace the watch file as a whole. UsageError `watch-file`."""
    from .public_folder import write_whole

    write_whole(file, watch.text() + b"\n")


def _write(output: Output, key: "CustodianKey", out: Path, no_passphrase: bool) -> None:
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


def _tell(output: Output, card: "Card") -> None:
    output.row(f"custodian    {card.name} ({card.kind})", name=card.name, kind=card.kind)
    output.finish(Exit.OK, f"fingerprint  {eights(card.fingerprint)}", fingerprint=card.fingerprint)
