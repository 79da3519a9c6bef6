"""`escrow hold`: what nobody may delete while an inquiry asks for it."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from escrow.errors import DeniedError, StoreError, UsageError

from .config import load_config
from .exits import Exit
from .handover_parts import Signers, clock, put_or_keep
from .handover_release import DeedsOption
from .options import ConfigOption, CustodianOption, JsonOption, KeyOption, LetterboxOption, ShareOption, SheetsOption
from .output import Output
from .unlock import Means
from .vault import OpenVault, bare_store, read_vault, store_of

if TYPE_CHECKING:
    from collections.abc import Collection

    from escrow.store import ObjectInfo
    from escrow.store.warden import LegalHolds

app = typer.Typer(help="What nobody may delete.", no_args_is_help=True, rich_markup_mode=None)
OUT = Path("hold-deeds")
_AT_ONCE = 8
NameArgument = Annotated[
    str, typer.Argument(metavar="NAME", help="What people call the hold by, such as inquiry-2026.")
]


@app.command()
def new(
    name: NameArgument,
    reason: Annotated[str, typer.Option(help="Why. Sealed to custody and custodian.")],
    authority: Annotated[str, typer.Option(help="Who asks for it, and by which right. Sealed too.")],
    series: Annotated[
        list[str] | None,
        typer.Option(metavar="ID", help="A series that it covers. May be repeated. Default: the vault."),
    ] = None,
    key: KeyOption = None,
    share: ShareOption = None,
    letterbox: LetterboxOption = None,
    sheets: SheetsOption = False,
    custodian: CustodianOption = None,
    deeds: DeedsOption = OUT,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Place a hold: nothing that it covers is deleted until it is cleared. One holder signs, or the custodian.

    Where a place of the vault has legal holds (S3 with Object Lock), it gets them too, as far as this credential may
    set them. Run again, as later nights arrive or with a credential that may: nothing is signed twice.

    \b
    Example: escrow hold new inquiry-2026 --reason "independent inquiry" --authority "letter of 3 May" --share head.txt
    """
    from escrow.custody.deeds import next_event, seal_details, sign_event
    from escrow.retention.scope import held_in, named_series

    output = Output(as_json)
    vault = read_vault(load_config(config))
    vault.warn(output)
    history = vault.history
    about = named_series(history, series or ())
    known = [hold for hold in history.ending.holds if hold.name == name]
    signed = not known
    if any(hold.series != (frozenset(about) or None) for hold in known):
        hint = "choose another name, or clear that one first"
        raise UsageError("hold-name", f"expected a new name, found a hold {name} that covers other series", hint=hint)
    if signed:
        keys = Signers(Means(key, tuple(share or ()), letterbox, sheets), custodian, alone=True).keys(history)
        event = replace(
            next_event(history, "held", keys, clock()),
            hold=name,
            series=about or None,
            sealed=seal_details(history, f"reason: {reason}\nauthority: {authority}"),
        )
        put_or_keep(output, vault.config, history, [sign_event(history, event, keys)], deeds)
    covered = held_in(history, known[0]) if known else frozenset(about or history.series)
    locked = _on_places(output, vault, covered, on=True)
    output.finish(
        Exit.OK,
        f"hold {name} {'placed' if signed else 'stands'}: {len(covered)} series; legal holds on {locked} objects",
        hold=name,
        signed=int(signed),
        series=len(covered),
        objects=locked,
    )


@app.command("list")
def list_(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """List the holds in force: since when, by whom, on which series. Needs no key; escrow event show opens the reason.

    \b
    Example: escrow hold list
    """
    output = Output(as_json)
    vault = read_vault(load_config(config))
    vault.warn(output)
    events = {link.sha256: link.event for link in vault.history.events}
    for hold in vault.history.ending.holds:
        by = events[hold.sha256].by
        scope = "the whole vault" if hold.series is None else ", ".join(sorted(hold.series))
        output.row(
            f"{hold.name:<24} {hold.at:%Y-%m-%d}  event {hold.n}  {', '.join(by)}: {scope}",
            hold=hold.name,
            since=f"{hold.at:%Y-%m-%dT%H:%M:%SZ}",
            event=hold.n,
            by=list(by),
            series=None if hold.series is None else [*sorted(hold.series)],
        )
    count = len(vault.history.ending.holds)
    output.finish(Exit.OK, f"{count} holds in force", holds=count)


@app.command()
def clear(
    name: NameArgument,
    key: KeyOption = None,
    share: ShareOption = None,
    letterbox: LetterboxOption = None,
    sheets: SheetsOption = False,
    custodian: CustodianOption = None,
    deeds: DeedsOption = OUT,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Clear a hold. Enough holders sign, or after a transfer the custodian. Run again, it only lifts the store's holds.

    \b
    Example: escrow hold clear inquiry-2026 --share head.txt --share chair.txt
    """
    from escrow.custody.deeds import next_event, sign_event
    from escrow.retention.scope import held_in

    output = Output(as_json)
    vault = read_vault(load_config(config))
    vault.warn(output)
    history = vault.history
    known = [hold for hold in history.ending.holds if hold.name == name]
    was = [one.event for one in history.events if one.event.kind == "held" and one.event.hold == name]
    if not was:
        raise UsageError("hold-name", f"expected the name of a hold, found {name!r}", hint="escrow hold list")
    if known:
        keys = Signers(Means(key, tuple(share or ()), letterbox, sheets), custodian).keys(history)
        event = replace(next_event(history, "hold-cleared", keys, clock()), deed=known[0].sha256)
        put_or_keep(output, vault.config, history, [sign_event(history, event, keys)], deeds)
    rest = [held_in(history, hold) for hold in history.ending.holds if hold.name != name]
    about = {series for event in was for series in event.series or history.series}
    lifted = _on_places(output, vault, about.difference(*rest), on=False)
    output.finish(
        Exit.OK,
        f"hold {name} {'cleared' if known else 'was cleared before'}; legal holds lifted on {lifted} objects",
        hold=name,
        signed=len(known[:1]),
        objects=lifted,
    )


def _on_places(output: Output, vault: OpenVault, series: "Collection[str]", *, on: bool) -> int:
    """Set or lift the legal holds of every place that has them; how many versions that was."""
    from escrow.store.warden import legal_holds

    places = [("the store", store_of(vault.config)), *((copy.name, copy.store) for copy in vault.config.copies)]
    count = 0
    for name, where in places:
        try:
            store = bare_store(where)
            warden = legal_holds(store)
            if warden is None:
                output.note(f"{name}: {store.describe()} has no legal holds; the signed hold is what stops a deletion")
                continue
            count += _set(warden, list(_versions(store.list(versions=True), vault, series)), on=on)
        except DeniedError as error:
            word = "set" if on else "lifted"
            output.note(f"{name}: {error.code}: legal holds are not {word}; run this again as who may (the owner)")
        except StoreError as error:
            output.note(f"{name} is away ({error.code}): run this again once it is there")
    return count


def _versions(
    listed: "Iterator[ObjectInfo]", vault: OpenVault, series: "Collection[str]"
) -> "Iterator[tuple[str, str]]":
    from escrow.record import parse_name
    from escrow.retention.scope import covered

    for info in listed:
        name = parse_name(info.key)
        if name and not info.delete_marker and covered(vault.history, name, series):
            yield info.key, info.version


def _set(warden: "LegalHolds", versions: list[tuple[str, str]], *, on: bool) -> int:
    with ThreadPoolExecutor(_AT_ONCE, "hold") as pool:
        done = [pool.submit(warden.hold, key, version, on=on) for key, version in versions]
        for one in done:
            one.result()
    return len(versions)
