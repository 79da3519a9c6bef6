"""`escrow store ...`: the place where a vault lies."""

import typer

from .store_copy import copy, repair
from .store_probe import probe

app = typer.Typer(help="Where the vault lies.", no_args_is_help=True, rich_markup_mode=None)
app.command("probe")(probe)
app.command("copy")(copy)
app.command("repair")(repair)
