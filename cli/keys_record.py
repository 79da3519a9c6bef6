"""`escrow keys record`: the event of custody that was cut off, or came too late for the vault's chain."""

from pathlib import Path
from typing import Annotated

import typer

from escrow.errors import IntegrityError

from .exits import Exit
from .options import JsonOption, KeyOption, LetterboxOption, ShareOption, SheetsOption
from .output import Output


def record(
    public: Annotated[Path, typer.Option(help="The vault's newest public parts, its events among them.")],
    key: KeyOption = None,
    share: ShareOption = None,
    letterbox: LetterboxOption = None,
    sheets: SheetsOption = False,
    as_json: JsonOption = False,
) -> None:
    """Sign the event of a ceremony, new sheets, a new secret or more stock that no event tells yet.

    They sign it themselves; this is for one that was interrupted, or whose place another event took meanwhile. Enough
    holders sign. It goes into PUBLIC: run escrow init with it.

    \b
    Example: escrow keys record --public public --share head.txt --share chair.txt
    """
    from escrow.custody.deeds import identity_of, in_force, sign_custody, untold
    from escrow.custody.quorum import last_stock
    from escrow.record import Event, EventHead
    from escrow.trust import peek_record

    from .agent_folders import refuse_agent_folder
    from .handover_parts import Signers, clock
    from .public_folder import load_public, write_public
    from .unlock import Means

    output = Output(as_json)
    refuse_agent_folder(public)
    objects, history = load_public(public)
    charter, stock = in_force(history), last_stock(objects)[0]
    wanted = untold(history, stock)
    if not wanted:
        output.finish(Exit.OK, "nothing to record: events tell of every charter and stock", events=0)
    keys = Signers(Means(key, tuple(share or ()), letterbox, sheets)).keys(history)
    head = history.event_head
    for why, deed in wanted:
        name, event = sign_custody(charter, head, why, deed, keys=keys, now=clock())
        told = peek_record(event, Event)[0]
        head = EventHead(n=told.n, sha256=identity_of(told))
        write_public(public, {name: event})
        output.row(f"event {told.n}   {why}", event=told.n, why=why, deed=deed)
    if untold(load_public(public)[1], stock):
        raise IntegrityError("ceremony-written", f"readers of {public} would not take what was signed")
    output.note(f"take {public} to the nightly machine and run escrow init there")
    output.finish(Exit.OK, f"{len(wanted)} events are signed", events=len(wanted))
