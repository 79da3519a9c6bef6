"""`escrow agent card`: this machine's public key, for the key holder."""

import json
import os
import socket
from pathlib import Path
from typing import Annotated

import typer

from .config import find_config, load_config
from .exits import Exit
from .options import ConfigOption, JsonOption
from .output import Output


def card(
    name: Annotated[str, typer.Option(help="What the charter calls this machine. Default: its host name.")] = "",
    out: Annotated[Path | None, typer.Option(help="Write the card to this file too.")] = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Print this machine's card, which the key holder needs for `escrow keys new`. Makes its signing key at first.

    The card is public. The key beside it (agent.key in the state folder) signs nights, and opens nothing.

    \b
    Example: escrow agent card --out server.card
    """
    from escrow.engine.memory import write_json

    from . import agent_key

    output = Output(as_json)
    state = state_folder(config)
    key, made = agent_key.load_or_create(state)
    public = {"name": name or socket.gethostname(), "key": key.public().encode()}
    if made:
        output.note(f"made this machine's signing key in {state}; keep this folder private")
        if os.name == "nt":
            output.note(
                f'let only the task\'s account read it: icacls "{state}" /inheritance:r /grant:r ACCOUNT:(OI)(CI)F'
            )
    if out:
        write_json(out, public)
    output.row(json.dumps(public), **public)
    output.finish(Exit.OK, id=key.public().id)


def state_folder(config: Path | None) -> Path:
    """The state folder, also before `escrow init` has made a configuration."""
    file = find_config(config)
    if file.exists():
        return load_config(config).state
    return file.parent / (os.environ.get("ESCROW_STATE") or "state")
