"""`escrow charter ...`: the signed agreement of a vault."""

import typer

from .charter_new import check, diff, new
from .charter_show import show
from .charter_sign import sign

app = typer.Typer(help="The signed agreement.", no_args_is_help=True, rich_markup_mode=None)
app.command("new")(new)
app.command("check")(check)
app.command("sign")(sign)
app.command("show")(show)
app.command("diff")(diff)
