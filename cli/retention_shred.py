"""`escrow retention shred`: destroys the keys of series, where the charter allows it."""

import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from escrow.errors import DeniedError

from .config import load_config
from .exits import Exit
from .handover_parts import Signers, all_deeds, clock, put_or_keep
from .handover_release import DeedsOption
from .options import ConfigOption, CustodianOption, JsonOption, KeyOption, LetterboxOption, ShareOption, SheetsOption
from .output import Output
from .removing import Removal, end_of, remove_everywhere
from .unlock import Means
from .vault import OpenVault, anchor_of, bare_store, read_vault

if TYPE_CHECKING:
    from escrow.retention.shred import Shred
    from escrow.seal import SigningKey
    from escrow.store import Store

OUT = Path("shred-deeds")


def shred(
    series: Annotated[list[str], typer.Argument(metavar="SERIES", help="The series whose keys go, by their ids.")],
    clause: Annotated[str, typer.Option(help="The id of the charter's [[retention]] that allows it: shred-...")],
    certificate: Annotated[Path, typer.Option(metavar="PDF", help="Where the certificate is written.")] = Path(
        "destruction.pdf"
    ),
    yes: Annotated[bool, typer.Option("--yes", help="Do it. Without, only what would go is shown.")] = False,
    key: KeyOption = None,
    share: ShareOption = None,
    letterbox: LetterboxOption = None,
    sheets: SheetsOption = False,
    custodian: CustodianOption = None,
    deeds: DeedsOption = OUT,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Destroy the keys of series before their data may be deleted: nobody can open those nights any more. No way back.

    Only where a clause of the charter allows it, and two holders at least sign. Every known sealing is deleted in
    every place; until each is confirmed gone it is pending, and run again. A key under a COMPLIANCE lock stays until
    its date. Once all are gone, one holder or the custodian signs the certificate.

    \b
    Example: escrow retention shred 1f8c3dccb81b6fac --clause shred-records --yes --share head.txt --share chair.txt
    """
    from escrow.retention.scope import named_series
    from escrow.retention.shred import draft_shred, plan_shred

    output = Output(as_json)
    vault = read_vault(load_config(config))
    vault.warn(output)
    plan = plan_shred(vault.history, named_series(vault.history, series), clause, clock())
    _show(output, plan)
    if not yes:
        text = f"{len(plan.keys)} keys would be destroyed and {plan.nights} nights not open any more: say --yes"
        output.finish(Exit.OK, text, keys=len(plan.keys), nights=plan.nights, deleted=0)
    who = Signers(Means(key, tuple(share or ()), letterbox, sheets), custodian)
    signers = who.keys(vault.history) if plan.fresh or who.means or custodian else []
    if plan.fresh:
        event = draft_shred(vault.history, plan.fresh, clause, signers, clock())
        put_or_keep(output, vault.config, vault.history, [event], deeds)
        vault = read_vault(vault.config)
    if not set(plan.keys) <= vault.history.ending.shredded.keys():
        text = "nothing is deleted before the event is in the store: run this again once it is posted"
        output.finish(Exit.UNFINISHED, text, keys=0, deleted=0)
    removals = remove_everywhere(
        output,
        vault.config,
        [f"{folder}/{one}-" for folder in ("stock", "releases") for one in plan.keys],
        lambda name: name.kind in ("key", "released-key"),
        deeds=all_deeds(vault.store, anchor_of(vault.config)),
        history=vault.history,
        connect=bare_store,
        remove=_lift,
    )
    count = sum(one.gone for one in removals)
    exit = end_of(removals)
    if exit is not Exit.OK:
        text = f"pending: {count} sealings deleted, what is left is told above; no certificate before all are gone"
        output.finish(exit, text, keys=len(plan.keys), deleted=count, certificate=None)
    _certify(output, vault, plan, removals, signers, certificate, deeds)


def _show(output: Output, plan: "Shred") -> None:
    for one in plan.series:
        nights = [notice.seq for notice in one.notices if notice.kind == "snapshot"]
        until = one.record.retain_until if one.record else None
        span = f"nights {nights[0]} to {nights[-1]}" if nights else "no whole night"
        left = f"stay sealed until {until:%Y-%m-%d} at least" if until else "stay sealed"
        output.row(
            f"{one.series}  {one.compartment:<14} key {one.key}: {span} {left}",
            series=one.series,
            compartment=one.compartment,
            key=one.key,
            nights=len(nights),
            sealed_until=f"{until:%Y-%m-%dT%H:%M:%SZ}" if until else None,
        )
    for grant in plan.given:
        output.note(f"release {grant.n} gave {grant.to.name} keys of these: whether it still has them, nobody knows")
    output.note(f"{len(plan.sealings)} sealings are known")


def _lift(store: "Store", key: str, version: str | None) -> None:
    """Delete a version; one under a GOVERNANCE lock by the officer's right to lift it."""
    from escrow.store.warden import Guarded

    try:
        store.delete(key, version=version)
    except DeniedError:
        if version is None or not isinstance(store, Guarded):
            raise
        store.warden().remove(key, version, bypass=True)


def _certify(
    output: Output,
    vault: OpenVault,
    plan: "Shred",
    removals: Sequence[Removal],
    signers: "Sequence[SigningKey]",
    path: Path,
    deeds: Path,
) -> None:
    """The certificate as PDF, and the event that has its hash; one that is on record already is not made again."""
    from escrow.paper.pdf import pdf
    from escrow.retention.destruction import Confirmed, destruction_certificate
    from escrow.retention.shred import certified, draft_certificate

    from .public_folder import write_whole

    count = sum(one.gone for one in removals)
    done = certified(vault.history, plan.keys)
    if done:
        text = f"{len(plan.keys)} keys are gone from every place; certificate on record, event {done.event.n}"
        output.finish(Exit.OK, text, keys=len(plan.keys), deleted=count, certificate=done.event.evidence)
    if not signers:
        text = (
            "all are gone from every place; run it again with a holder's or the custodian's key to sign the certificate"
        )
        output.finish(Exit.UNFINISHED, text, keys=len(plan.keys), deleted=count, certificate=None)
    at = datetime.now(UTC)
    page = destruction_certificate(vault.history, plan, [Confirmed(one.place, at, one.gone) for one in removals])
    data = pdf("page", page.values())
    digest = hashlib.sha256(data).hexdigest()
    write_whole(path, data)
    event = draft_certificate(vault.history, plan.keys, digest, signers, clock())
    put_or_keep(output, vault.config, vault.history, [event], deeds)
    text = f"{len(plan.keys)} keys destroyed, {count} sealings deleted and confirmed gone; certificate in {path}"
    output.finish(Exit.OK, text, keys=len(plan.keys), deleted=count, certificate=digest)
