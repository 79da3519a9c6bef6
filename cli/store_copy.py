"""`escrow store copy` and `repair`: fill the copies, and mend one place from the others. Ciphertext, no key."""

import secrets
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from escrow.errors import RefusedError, StoreError, UsageError

from .checking import show_findings
from .config import Config, load_config
from .exits import Exit, exit_of, exit_of_codes, worst
from .keys import KEY_FILE
from .options import ConfigOption, JsonOption
from .output import Output
from .places import Attached, attach, read_as_one
from .units import parse_share, size_text
from .vault import anchor_of

if TYPE_CHECKING:
    from escrow.engine.copying import Original, Plan
    from escrow.engine.places import Place
    from escrow.store import Store


def copy(
    name: Annotated[str | None, typer.Argument(metavar="NAME", help="Only this copy; else all that are there.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be copied, and copy nothing.")] = False,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Copy what is new to the copies that escrow.toml names: sealed objects, as they are. Needs no key.

    An interrupted copy goes on when it is run again. An offline disk that is not there is left out.

    \b
    Example: escrow store copy usb
    """
    output = Output(as_json)
    loaded = load_config(config)
    places = attach(loaded)
    exits = [Exit.OK]
    original = None
    if name == places[0].place.name:
        hint = "escrow store repair mends it from the copies"
        raise UsageError("copy-unknown", f"expected a copy, found {name!r}, the store itself", hint=hint)
    for target in _choose(loaded, places, name):
        if target.error and target.place.offline and name is None:
            text = f"{target.place.name}: not attached, left out (its folder is made once, by hand)"
            output.row(text, place=target.place.name, attached=False)
            continue
        try:
            store = _there(target)
            original = original or _original(loaded, places)
            exits.append(_copy_to(output, loaded, original, target.place, store, dry_run=dry_run))
        except (StoreError, RefusedError) as error:
            exits.append(exit_of(error))
            text = f"{target.place.name}: {error.code}: {error}"
            output.row(text, place=target.place.name, code=error.code, message=str(error))
    output.finish(worst(exits))


def repair(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The copy to mend, or store.")] = "store",
    read: Annotated[
        str | None, typer.Option(metavar="SHARE", help="Download and hash this share of it first: 1 for all.")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do it. Without this it only says what it would do.")] = False,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Mend one place from the others: what is missing, altered or hidden there is put anew.

    Other bytes under an object's name are replaced, or hidden where there are versions.

    \b
    Example: escrow store repair store --read 1 --yes
    """
    from escrow.engine.copying import check_place, find_bad, find_damaged, plan_copy, whole_vault

    share = parse_share(read) if read else None
    output = Output(as_json)
    loaded = load_config(config)
    places = attach(loaded)
    (target,) = _choose(loaded, places, name)
    store = _there(target)
    original = _original(loaded, places)
    check_place(store, original.history)
    items = whole_vault(original, target.place.holds)
    with output.progress() as progress:
        bad = list(find_bad(original, store, target.place.holds, progress))
        if share:
            random = secrets.SystemRandom().random
            bad += find_damaged([item for item in items if random() < share], store, progress)
    plan = plan_copy(items, {info.key: info for info in store.list()}, {one.subject for one in bad})
    if yes or not plan.count:
        output.finish(_fill(output, loaded, original, target.place, store, plan))
    show_findings(output, bad)
    text = f"{name}: would put {plan.count} objects, {size_text(plan.size)}: --yes does it"
    exit = exit_of_codes(one.code for one in bad) if bad else Exit.COPIES
    output.finish(exit, text, place=name, would_put=plan.count, bytes=plan.size, already=plan.already)


def _choose(config: Config, places: list[Attached], name: str | None) -> list[Attached]:
    known = {one.place.name: one for one in places}
    if name is not None and name not in known:
        raise UsageError("copy-unknown", f"expected one of {', '.join(known)}, found {name!r}")
    if not places[1:]:
        hint = "give it a [[copy]] with a name, a url and a payer"
        raise UsageError("copy-none", f"{config.file}: expected a [[copy]], found none", hint=hint)
    return places[1:] if name is None else [known[name]]


def _there(target: Attached) -> "Store":
    if target.store is None:
        assert target.error is not None
        raise target.error
    return target.store


def _original(config: Config, places: list[Attached]) -> "Original":
    """The vault as it should be, from the store and all full copies that are there."""
    from escrow.engine.copying import read_original
    from escrow.engine.memory import remembered_head

    anchor = anchor_of(config)
    return read_original(read_as_one(places), anchor, remembered_head(config.state, anchor.vault))


def _copy_to(
    output: Output, config: Config, original: "Original", place: "Place", store: "Store", *, dry_run: bool
) -> Exit:
    from escrow.engine.copying import check_place, plan_copy, whole_vault

    check_place(store, original.history)
    _refuse_secret(next(copy.store.url for copy in config.copies if copy.name == place.name))
    plan = plan_copy(whole_vault(original, place.holds), {info.key: info for info in store.list()})
    if not dry_run:
        return _fill(output, config, original, place, store, plan)
    output.row(
        f"{place.name}: would put {plan.count} objects, {size_text(plan.size)}; {plan.already} are there",
        place=place.name,
        would_put=plan.count,
        bytes=plan.size,
        already=plan.already,
    )
    return Exit.OK


def _refuse_secret(url: str) -> None:
    """The holder's `public` may be here, the key beside it may not. RefusedError `secret-on-agent`."""
    from escrow.store import folder_of

    folder = folder_of(url)
    if folder and (folder.resolve().parent / KEY_FILE).exists():
        raise RefusedError(
            "secret-on-agent",
            f"{folder.resolve().parent / KEY_FILE} is the secret key: it never comes near a machine that copies",
            hint="unplug it, and use a stick that has the folder public alone",
        )


def _fill(output: Output, config: Config, original: "Original", place: "Place", store: "Store", plan: "Plan") -> Exit:
    """Copy, tell, and remember what the place holds now."""
    from escrow.engine.copying import copy_vault
    from escrow.engine.memory import remember_copies
    from escrow.engine.places import STORE, glance, sight

    with output.progress() as progress:
        moved = copy_vault(original, store, plan, progress)
    lacking = len(moved.findings)
    text = f"{place.name}: {moved.put} objects put, {size_text(moved.size)}; {plan.already} were there"
    output.row(
        f"{text}; {lacking} LACKING" if lacking else text,
        place=place.name,
        put=moved.put,
        bytes=moved.size,
        already=plan.already,
        lacking=lacking,
    )
    show_findings(output, moved.findings)
    if place.name != STORE:
        seen = sight(original.history, place.holds, glance(store), datetime.now(UTC))
        remember_copies(config.state, original.history.vault, {place.name: replace(seen, lacking=lacking)})
    return exit_of_codes(one.code for one in moved.findings)
