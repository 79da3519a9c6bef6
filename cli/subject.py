"""`escrow subject`: who is in the vault, and one person's record out of it."""

import json
from datetime import datetime
from typing import Annotated

import typer

from escrow.errors import UsageError

from .config import load_config
from .exits import Exit
from .key_use import Use, with_keys
from .options import ConfigOption, JsonOption
from .output import Output
from .subject_export import CompartmentOption, SnapshotOption, export
from .subject_found import Found, show
from .subject_opening import PURPOSE, Opening

app = typer.Typer(
    help="A person's record: who is in the vault, and what it holds of one person.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
app.command()(export)


@app.command()
@with_keys(PURPOSE)
def find(
    who: Annotated[
        str, typer.Argument(metavar="WHO", help="A name or a part of it; a UPN, ULN, other number, email or telephone.")
    ] = "",
    born: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d", "%d/%m/%Y"], metavar="DATE", help="Born on this day.")
    ] = None,
    snapshot: SnapshotOption = None,
    compartment: CompartmentOption = None,
    released_by: Annotated[
        str | None, typer.Option(metavar="WHO", help="Who released the safeguarding records for this, and when.")
    ] = None,
    *,
    use: Use,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Find a pupil, a member of staff or a parent. Each line begins with what `export` takes, and says why it fits.

    Names are compared without case, accents and punctuation, in whatever order, by sound and by spelling. It looks in
    the last night and in the last of each school year (to 31 August). What it reads of people is kept for the next
    search in the state folder, sealed; who opens the vault opens it. It leaves an event in the vault.

    \b
    Example: escrow subject find "O'Brien, Sian" --born 2013-06-24 --share head.txt --share chair.txt
    """
    from escrow.subject.persons import the_one

    output = Output(as_json)
    if not who.strip() and born is None:
        raise UsageError("subject-who", "expected a name, a number or --born, found nothing")
    opening = Opening(output, load_config(config), use, compartment or [], released_by)
    day = born.date().isoformat() if born else ""
    details = json.dumps({"subject find": who, "born": day, "released by": released_by or ""}, ensure_ascii=False)
    found = Found(opening, opening.open(opening.nights(snapshot or []), details))
    hits = found.search(who, day)
    for hit in hits:
        show(output, found, hit)
    found.tell_unread(output)
    if not hits:
        the_one(hits)
    output.finish(Exit.OK, f"{len(hits)} fit", found=len(hits))
