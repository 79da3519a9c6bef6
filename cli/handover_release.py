"""`escrow handover release` and `pass`: the keys of some series, sealed again for a party."""

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from escrow.errors import RefusedError

from .config import load_config
from .custodian_key import read_card_file, read_custodian
from .exits import Exit
from .handover_parts import (
    NeededCustodianOption,
    PurposeOption,
    clock,
    custodian_board,
    open_board,
    parse_day,
    put_or_keep,
)
from .options import ConfigOption, JsonOption, KeyOption, LetterboxOption, ShareOption, SheetsOption
from .output import Output
from .unlock import Means
from .vault import OpenVault, read_vault

if TYPE_CHECKING:
    from escrow.custody.release import Board, Chosen, Scope, Terms
    from escrow.record import Party

OUT = Path("handover-deeds")
CompartmentOption = Annotated[list[str], typer.Option(help="A compartment to release. May be repeated.")]
SeriesOption = Annotated[list[str] | None, typer.Option(help="Only this series. May be repeated.")]
SinceOption = Annotated[str | None, typer.Option(metavar="DATE", help="Only series with nights on or after this day.")]
UntilOption = Annotated[str | None, typer.Option(metavar="DATE", help="Only series with nights before this day.")]
LaterOption = Annotated[
    bool, typer.Option("--and-later", help="Unused keys of the stock too: coming series are open to the party.")
]
FinalOption = Annotated[bool, typer.Option("--final", help="The last night there is now is the final one.")]
DeedsOption = Annotated[Path, typer.Option("--deeds", help="Where deeds are left when they may not be put from here.")]


def release(
    compartment: CompartmentOption,
    to: Annotated[
        Path | None, typer.Option(metavar="CARD", help="Whom to: a card. Default: the charter's custodian.")
    ] = None,
    series: SeriesOption = None,
    since: SinceOption = None,
    until: UntilOption = None,
    and_later: LaterOption = False,
    final: FinalOption = False,
    purpose: PurposeOption = "handover",
    clause: Annotated[
        str | None, typer.Option(help="The clause of the charter that excepts this trigger from cooling off.")
    ] = None,
    key: KeyOption = None,
    share: ShareOption = None,
    letterbox: LetterboxOption = None,
    sheets: SheetsOption = False,
    deeds: DeedsOption = OUT,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Give a party the keys of compartments' series. Needs the holder's key file, or as many sheets as open the vault.

    Each key is held against the signed stock and its series first. A series has one key: whoever gets it reads all its
    nights, so a period is only as sharp as series are. What was read cannot be taken back.

    \b
    Example: escrow handover release --compartment records --share head.txt --share chair.txt
    """
    output = Output(as_json)
    vault = read_vault(load_config(config))
    vault.warn(output)
    party = read_card_file(to).party if to else _named(vault)
    scope = _scope(compartment, series, since, until, later=and_later)
    _tell_scope(output, vault, scope, party)
    board = open_board(Means(key, tuple(share or ()), letterbox, sheets), vault.history)
    _release(output, vault, scope, party, board, _terms(purpose, clause, final=final), deeds)


def pass_on(
    custodian: NeededCustodianOption,
    to: Annotated[Path, typer.Option(metavar="CARD", help="The successor's card.")],
    compartment: CompartmentOption,
    purpose: PurposeOption = "handover",
    deeds: DeedsOption = OUT,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Give a successor authority the keys that were released to this custodian, after a transfer.

    The successor then runs escrow handover accept and transfer. Signed by the custodian; no holder need come.

    \b
    Example: escrow handover pass --custodian gwynedd.key --to conwy.card.json --compartment records
    """
    output = Output(as_json)
    vault = read_vault(load_config(config))
    key = read_custodian(custodian)
    scope = _scope(compartment, None, None, None, later=False)
    board = custodian_board(key, vault.history, vault.store)
    _release(output, vault, scope, read_card_file(to).party, board, _terms(purpose, None, final=False), deeds)


def _terms(purpose: str, clause: str | None, *, final: bool) -> "Terms":
    from escrow.custody.release import Terms

    return Terms(purpose, clause, final)


def _scope(
    compartments: list[str], series: list[str] | None, since: str | None, until: str | None, *, later: bool
) -> "Scope":
    from escrow.custody.release import Scope

    def day(text: str | None) -> datetime | None:
        return parse_day(text) if text else None

    return Scope(frozenset(compartments), frozenset(series or ()), day(since), day(until), later)


def _named(vault: OpenVault) -> "Party":
    from escrow.record import Party

    charter = vault.history.charter
    if charter is None or charter.custodian is None:
        hint = "name its card with --to; only a custodian that the charter names can take the vault over"
        raise RefusedError("release-party", "the charter names no custodian", hint=hint)
    one = charter.custodian
    return Party(name=one.name, key=one.key, recipient=one.recipient)


def _tell_scope(output: Output, vault: OpenVault, scope: "Scope", party: "Party") -> None:
    from escrow.custody.release import choose_keys

    _tell(output, choose_keys(vault.history, scope, party), party)


def _tell(output: Output, chosen: "Chosen", party: "Party") -> None:
    for one in chosen.series:
        first, last = (f"{one.notices[at].store_time:%Y-%m-%d}" for at in (0, -1))
        text = f"{one.compartment}: series {one.series}, nights of {first} to {last}"
        output.row(text, compartment=one.compartment, series=one.series, first=first, last=last)
    later = len(chosen.keys) - len({one.key for one in chosen.series})
    if later:
        output.row(f"and {later} keys of series to come", later=later)
    output.note(f"to {party.name}, which reads every night of these series")


def _release(
    output: Output, vault: OpenVault, scope: "Scope", party: "Party", board: "Board", terms: "Terms", deeds: Path
) -> None:
    from escrow.custody.release import draft_release
    from escrow.engine.fetch import fetch_exact

    objects = draft_release(
        vault.history,
        scope,
        party,
        board,
        terms=terms,
        fetch=lambda name, sha256: fetch_exact(vault.store, name, sha256),
        now=clock(),
    )
    put_or_keep(output, vault.config, vault.history, objects, deeds)
    count = len(objects) - 2
    output.finish(Exit.OK, f"released {count} keys to {party.name}", keys=count, to=party.name, event=objects[-1][0])
