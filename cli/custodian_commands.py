"""`escrow custodian`: an authority's or trust's identity for hundreds of schools, and what it watches."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from .custodian_key import read_card_file, read_custodian, tell_card, write_custodian
from .custodian_sign import sign
from .custodian_split import NoPassphraseOption, check, join, split
from .custodian_watch import watch
from .handover_parts import NeededCustodianOption
from .options import JsonOption
from .output import Output

app = typer.Typer(help="The LA or trust that takes over.", no_args_is_help=True, rich_markup_mode=None)

OutOption = Annotated[Path, typer.Option(help="The new key file; the card goes beside it.")]


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
    write_custodian(output, key, out, no_passphrase)
    tell_card(output, key.card())


@app.command()
def card(
    file: Annotated[Path, typer.Argument(metavar="CARD", help="A card.")],
    as_json: JsonOption = False,
) -> None:
    """Show a custodian's card and its fingerprint, to be compared over the telephone.

    \b
    Example: escrow custodian card gwynedd.key.card.json
    """
    tell_card(Output(as_json), read_card_file(file))


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
    write_custodian(output, fresh, out, no_passphrase)
    statement = out.with_name(out.name + ".rotation.json")
    write_private(statement, sign_rotation(old, fresh, datetime.now(UTC).replace(microsecond=0)))
    output.note(f"{statement} shows every school that the old identity names the new one")
    tell_card(output, fresh.card())


app.command()(split)
app.command()(check)
app.command()(join)
app.command()(sign)
app.command()(watch)
