"""Options that several commands share."""

from pathlib import Path
from typing import Annotated

import typer

ConfigOption = Annotated[
    Path | None, typer.Option("--config", help="Configuration; else ESCROW_CONFIG, ./escrow.toml, the system's.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="JSON lines; the last has the result and the exit code.")]
KeyOption = Annotated[
    str | None, typer.Option("--key", metavar="FILE", help="The holder's custody.key, or - for stdin.")
]
ShareOption = Annotated[
    list[Path] | None, typer.Option("--share", metavar="FILE", help="A sheet's words in a file. May be repeated.")
]
LetterboxOption = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="What opens sealed sheets: of escrow keys letterbox, or a custodian's."),
]
CustodianOption = Annotated[
    str | None, typer.Option("--custodian", metavar="FILE", help="The custodian's key file, in place of holders' keys.")
]
SheetsOption = Annotated[bool, typer.Option("--sheets", help="Type the holders' sheets, word by word.")]
