"""`escrow handover`: begins, shows, withdraws; the other steps have files of their own."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from escrow.errors import IntegrityError, UsageError

from .config import load_config
from .exits import Exit
from .handover_accept import accept, transfer
from .handover_drill import drill
from .handover_parts import (
    CertificateOption,
    PurposeOption,
    Signers,
    clock,
    file_hash,
    put_deeds,
    put_or_keep,
)
from .handover_release import OUT, DeedsOption, pass_on, release
from .options import ConfigOption, CustodianOption, JsonOption, KeyOption, LetterboxOption, ShareOption, SheetsOption
from .output import Output
from .units import eights
from .unlock import Means
from .vault import OpenVault, anchor_of, connect, read_vault, store_of

if TYPE_CHECKING:
    from escrow.record import Event
    from escrow.seal import SigningKey

app = typer.Typer(help="A vault goes to its custodian.", no_args_is_help=True, rich_markup_mode=None)
_KINDS = ("event", "release", "receipt", "erasure", "released-key")
_LARGEST = 4 * 1024 * 1024


@app.command()
def start(
    trigger: Annotated[str, typer.Option(help="What has happened, as the charter names it: closure-order, ...")],
    evidence: Annotated[Path, typer.Option(help="The letter or order, as a file: its hash is signed.")],
    purpose: PurposeOption = "handover",
    details: Annotated[
        str | None, typer.Option(help="Words that may identify people: sealed to custody and custodian.")
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
    """Give notice of a handover: one holder signs, or the custodian. Two holders where no letter exists.

    Nothing is opened. The cooling-off of the charter runs from now; until the release it can be withdrawn.

    \b
    Example: escrow handover start --trigger closure-order --evidence order.pdf --share head.txt
    """
    from escrow.custody.deeds import next_event, seal_details
    from escrow.trust.handover import STATEMENT

    output = Output(as_json)
    vault = read_vault(load_config(config))
    vault.warn(output)
    signers = Signers(Means(key, tuple(share or ()), letterbox, sheets), custodian, alone=trigger != STATEMENT)
    keys = signers.keys(vault.history)
    event = replace(
        next_event(vault.history, "notice-given", keys, clock()),
        purpose=purpose,
        trigger=trigger,
        evidence=file_hash(evidence),
        sealed=seal_details(vault.history, details) if details else None,
    )
    _put(output, vault, event, keys, deeds)
    charter = vault.history.charter
    days = charter.cooling_off_days if charter else 0
    output.finish(
        Exit.OK, f"notice given: {trigger}; {days or 0} days of cooling off", trigger=trigger, cooling_off=days or 0
    )


@app.command()
def withdraw(
    key: KeyOption = None,
    share: ShareOption = None,
    letterbox: LetterboxOption = None,
    sheets: SheetsOption = False,
    deeds: DeedsOption = OUT,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Take a handover back that nobody has accepted yet. Enough holders sign. Keys already released stay known.

    \b
    Example: escrow handover withdraw --share head.txt --share chair.txt
    """
    from escrow.custody.deeds import next_event

    output = Output(as_json)
    vault = read_vault(load_config(config))
    keys = Signers(Means(key, tuple(share or ()), letterbox, sheets)).keys(vault.history)
    notice = vault.history.handover.notice
    event = replace(next_event(vault.history, "withdrawn", keys, clock()), notice=notice.sha256 if notice else "0" * 64)
    _put(output, vault, event, keys, deeds)
    output.finish(Exit.OK, "withdrawn")


@app.command()
def status(
    certificate: CertificateOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show where the handover stands: who gave notice, who got which keys, who has signed for them. Needs no key.

    --certificate writes it as a page for people: of custody before a handover, of the handover after its receipt.

    \b
    Example: escrow handover status --certificate certificate.pdf
    """
    output = Output(as_json)
    loaded = load_config(config)
    vault = read_vault(loaded)
    vault.warn(output)
    state, history = vault.history.handover, vault.history
    if state.notice:
        one = state.notice
        text = f"notice       {one.at:%Y-%m-%d}, {one.trigger}; cools off until {one.cools_until:%Y-%m-%d %H:%M} UTC"
        output.row(text, notice=one.sha256, trigger=one.trigger, evidence=one.evidence)
    for grant in state.grants:
        names = sorted({history.keys[key].compartment for key in grant.keys if key in history.keys})
        answer = "receipt signed" if grant.receipt else "no receipt yet"
        text = f"released     {grant.at:%Y-%m-%d}, {len(grant.keys)} keys of {', '.join(names)} to {grant.to.name}"
        output.row(f"{text}; {answer}", to=grant.to.name, compartments=list(names))
        prints = {f"release {grant.n}": grant.deed} | ({"its receipt": grant.receipt} if grant.receipt else {})
        for name, sha256 in prints.items():
            output.row(f"  {name:<10} {eights(sha256)}", record=name, sha256=sha256)
    if history.event_head:
        last = history.event_head
        output.row(f"last event   {last.n}: {eights(last.sha256)}", last_event=last.n, sha256=last.sha256)
    for link in history.events:
        if link.refused:
            output.row(f"refused      event {link.event.n}: {link.refused}", event=link.event.n, code=link.refused)
    if certificate:
        from .handover_paper import write_handover

        write_handover(certificate, vault.store, anchor_of(loaded))
    holder = f", with {state.custodian.name}" if state.custodian else ""
    output.finish(Exit.OK, f"state        {state.phase}{holder}", state=state.phase, events=len(history.events))


@app.command()
def post(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="The folder in which deeds were left.")],
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Put deeds that were signed elsewhere, with a credential that may (the registrar's). Needs no key.

    Of the vault it reads the charter alone.

    \b
    Example: escrow handover post handover-deeds
    """
    from escrow.engine.fetch import public_objects
    from escrow.record import parse_name
    from escrow.trust import accept as read

    output = Output(as_json)
    loaded = load_config(config)
    anchor, store = anchor_of(loaded), connect(store_of(loaded))
    history = read(public_objects(store, ("charter/",)), vault=anchor.vault, fingerprint=anchor.fingerprint)
    if history.charter is None:
        hint = "check the store's address, and vault and fingerprint in escrow.toml"
        raise IntegrityError("charter-missing", f"{store.describe()}: expected this vault's charter", hint=hint)
    order = {kind: place for place, kind in enumerate(("released-key", "release", "receipt", "erasure", "event"))}
    found = []
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        parsed = parse_name(name)
        if path.is_file() and parsed and parsed.kind in _KINDS and path.stat().st_size <= _LARGEST:
            found.append((order[parsed.kind], name, path.read_bytes()))
    if not found:
        raise UsageError("deeds-missing", f"expected deeds below {folder}, found none", hint="name the right folder")
    put_deeds(store, history, [(name, data) for _, name, data in sorted(found)])
    output.finish(Exit.OK, f"{len(found)} objects put", put=len(found))


def _put(output: Output, vault: OpenVault, event: "Event", keys: "list[SigningKey]", deeds: Path) -> None:
    from escrow.custody.deeds import sign_event

    put_or_keep(output, vault.config, vault.history, [sign_event(vault.history, event, keys)], deeds)


app.command("release")(release)
app.command("accept")(accept)
app.command("transfer")(transfer)
app.command("pass")(pass_on)
app.command("drill")(drill)
