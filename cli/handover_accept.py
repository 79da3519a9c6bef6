"""`escrow handover accept` and `transfer`: the custodian's own verified copy, its receipt, and the end."""

import re
import shutil
import tempfile
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from escrow.errors import IntegrityError, RefusedError, UsageError

from .config import load_config
from .custodian_key import opener_for, read_custodian
from .exits import Exit
from .handover_parts import (
    CertificateOption,
    NeededCustodianOption,
    all_deeds,
    clock,
    own_store,
    parse_day,
    put_deeds,
    put_or_keep,
)
from .handover_release import OUT, DeedsOption
from .options import ConfigOption, JsonOption
from .output import Output
from .units import size_text
from .vault import OpenVault, anchor_of, read_vault

if TYPE_CHECKING:
    from escrow.custody.custodian import CustodianKey
    from escrow.custody.deeds import Named
    from escrow.engine.acceptance import Tested
    from escrow.record import NewPurpose, Receipt
    from escrow.store import Store
    from escrow.trust import Grant, History

_PURPOSE = re.compile(r"([a-z0-9][a-z0-9_-]{0,63})=([^\x00-\x1f]{1,1000})")
IntoOption = Annotated[
    str,
    typer.Option("--into", metavar="STORE", help="The custodian's own store: a folder, s3://.., an escrow.toml."),
]


def accept(
    custodian: NeededCustodianOption,
    into: IntoOption,
    keep_until: Annotated[str, typer.Option(metavar="DATE", help="Until when the own copy is locked.")],
    despite_differences: Annotated[
        bool, typer.Option("--despite-differences", help="Sign although something differs; the receipt lists it.")
    ] = False,
    restore_to: Annotated[
        Path | None, typer.Option(help="Keep the test restore here; it is personal data in the clear.")
    ] = None,
    certificate: CertificateOption = None,
    deeds: DeedsOption = OUT,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Answer a release: copy the vault into a store of one's own, read all of it, open and restore what was released.

    Only then the receipt is signed. What does not agree is listed, and stops it unless --despite-differences.
    An interrupted run goes on when it is run again.

    \b
    Example: escrow handover accept --custodian gwynedd.key --into /archive/fernhill --keep-until 2051-08-31
    """
    from escrow.custody.deeds import open_grant

    output = Output(as_json)
    loaded = load_config(config)
    vault = read_vault(loaded)
    key = read_custodian(custodian)
    own = own_store(into, create=True)
    grant = open_grant(vault.history, key.signing)
    until = parse_day(keep_until)
    if _has_receipt(vault, own, grant):
        put_or_keep(output, loaded, vault.history, all_deeds(own, anchor_of(loaded)), deeds)
        output.finish(Exit.OK, f"accepted before; the receipt is in {into}, and goes to the school's store")
    tested, history = _copy_and_prove(output, vault, own, key, grant, until, restore_to)
    tell_tested(output, tested)
    if tested.differences and not despite_differences:
        hint = "mend the vault from another copy, or sign with --despite-differences: the receipt lists them"
        raise IntegrityError("accept-differs", f"{len(tested.differences)} differences were found", hint=hint)
    receipt, objects = sign_receipt(history, key, grant, tested, until, clock())
    put_deeds(own, history, objects, until)
    put_or_keep(output, loaded, history, all_deeds(own, anchor_of(loaded)), deeds)
    if certificate:
        from .handover_paper import write_handover

        write_handover(certificate, own, anchor_of(loaded))
    output.finish(
        Exit.OK,
        f"accepted: notice {receipt.head.seq}, {tested.copied.count} objects in {into} until {until:%Y-%m-%d}",
        head=receipt.head.seq,
        copied=tested.copied.count,
        differences=len(tested.differences),
        receipt=objects[0][0],
    )


def transfer(
    custodian: NeededCustodianOption,
    purpose: Annotated[
        list[str], typer.Option(metavar="NAME=TEXT", help="What the custodian will use the keys for. May be repeated.")
    ],
    into: Annotated[
        str | None, typer.Option("--into", metavar="STORE", help="The custodian's own store: it gets the deed too.")
    ] = None,
    certificate: CertificateOption = None,
    deeds: DeedsOption = OUT,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Take the vault over, after a receipt: adds the custodian's purposes, and nothing more is deposited from then on.

    \b
    Example: escrow handover transfer --custodian gwynedd.key --purpose "pupil-files=answer requests of former pupils"
    """
    from escrow.custody.deeds import next_event, sign_event
    from escrow.engine.reading import load_history
    from escrow.record import NoticeHead
    from escrow.store.copies import Copies

    output = Output(as_json)
    loaded = load_config(config)
    vault = read_vault(loaded)
    key = read_custodian(custodian)
    both = Copies([vault.store, own_store(into)]) if into else vault.store
    history = load_history(both, anchor_of(loaded))
    mine = key.signing.public().encode()
    done = [one for one in history.handover.grants if one.to.key == mine and one.receipt]
    head = history.head
    taken = history.handover.custodian
    if taken and taken.key == mine and vault.history.handover.custodian != taken:
        put_or_keep(output, loaded, history, all_deeds(both, anchor_of(loaded)), deeds)
        output.finish(Exit.OK, f"transferred before to {key.name}; the deed goes to the school's store")
    if not done or head is None:
        hint = "run escrow handover accept first"
        raise UsageError("transfer-receipt", "expected a release with a receipt by this key, found none", hint=hint)
    event = replace(
        next_event(history, "transferred", [key.signing], clock()),
        release=done[-1].deed,
        purposes=_purposes(purpose),
        final=NoticeHead(seq=head.seq, sha256=head.sha256),
    )
    objects = [*all_deeds(both, anchor_of(loaded)), sign_event(history, event, [key.signing])]
    if into:
        receipt = history.deeds.receipts.get(done[-1].receipt or "")
        put_deeds(own_store(into), history, objects, receipt.keep_until if receipt else None)
    put_or_keep(output, vault.config, history, objects, deeds)
    if certificate:
        from .handover_paper import write_handover

        write_handover(certificate, vault.store, anchor_of(loaded))
    words = f"transferred to {key.name}: night {head.seq} is the last, and nothing more is deposited"
    output.finish(Exit.OK, words, to=key.name, final=head.seq)


def _has_receipt(vault: OpenVault, own: "Store", grant: "Grant") -> bool:
    """Whether a run that was cut off has signed for it in the own copy already."""
    from escrow.engine.reading import load_history
    from escrow.store.copies import Copies

    known = load_history(Copies([vault.store, own]), anchor_of(vault.config)).handover.grant(grant.deed)
    return known is not None and known.receipt is not None


def _purposes(given: list[str]) -> "tuple[NewPurpose, ...]":
    from escrow.record import NewPurpose

    found = []
    for text in given:
        match = _PURPOSE.fullmatch(text)
        if match is None:
            hint = 'such as "pupil-files=answer requests of former pupils"'
            raise UsageError("purpose", f"expected NAME=TEXT, found {text!r}", hint=hint)
        found.append(NewPurpose(name=match[1], text=match[2]))
    return tuple(sorted(found, key=lambda one: one.name))


def _copy_and_prove(
    output: Output,
    vault: OpenVault,
    own: "Store",
    key: "CustodianKey",
    grant: "Grant",
    until: datetime,
    restore_to: Path | None,
) -> "tuple[Tested, History]":
    from escrow.engine.acceptance import prove_copy, take_copy
    from escrow.engine.copying import read_original
    from escrow.engine.memory import remembered_head
    from escrow.engine.released import Opening

    anchor = anchor_of(vault.config)
    folder = restore_to or Path(tempfile.mkdtemp(prefix="escrow-accept-"))
    try:
        with output.progress() as progress:
            original = read_original(vault.store, anchor, remembered_head(vault.config.state, anchor.vault))
            copied = take_copy(original, own, anchor, until, progress)
            at = Opening(own, copied.history, grant.keys, opener_for(key, copied.history, own))
            return prove_copy(copied, at, folder, progress), copied.history
    finally:
        if restore_to is None:
            shutil.rmtree(folder, ignore_errors=True)


def sign_receipt(
    history: "History", key: "CustodianKey", grant: "Grant", tested: "Tested", until: datetime, now: datetime
) -> "tuple[Receipt, list[Named]]":
    """The receipt of what was found, and its objects: the receipt, then the event that tells it.

    RefusedError `receipt-early` when it would be dated before its release.
    """
    from escrow.custody.deeds import identity_of, next_event, sign_deed, sign_event, with_nights
    from escrow.record import Receipt

    event = next_event(history, "accepted", [key.signing], now)
    if event.created < grant.at:
        found = (
            f"expected a date after the release, {grant.at:%Y-%m-%d %H:%M} UTC, found {event.created:%Y-%m-%d %H:%M}"
        )
        raise RefusedError(
            "receipt-early", found, hint="set this machine's clock right; or the holders' was wrong: wait"
        )
    receipt = Receipt(
        vault=history.vault,
        n=event.n,
        created=event.created,
        release=grant.deed,
        head=tested.head,
        keep_until=until,
        copied=tested.copied,
        read=tested.read,
        opened=tested.opened,
        restored=tested.restored,
        differences=tested.differences,
    )
    receipt = with_nights(receipt, tested.nights)
    event = replace(event, release=grant.deed, deed=identity_of(receipt))
    return receipt, [sign_deed(receipt, [key.signing]), sign_event(history, event, [key.signing])]


def tell_tested(output: Output, tested: "Tested") -> None:
    """What was copied, read, opened and restored, and what differs."""
    proofs = {
        "copied": tested.copied,
        "L1b read": tested.read,
        "L2 nights and their lists": tested.nights,
        "L2 files of the last ones": tested.opened,
    }
    for level, proof in proofs.items():
        text = f"{level}: {proof.count}, {size_text(proof.bytes)}, {proof.wrong} wrong"
        output.row(text, level=level, count=proof.count, bytes=proof.bytes, wrong=proof.wrong)
    for one in tested.restored:
        text = f"restored {one.compartment}, night {one.seq}: {one.files} of {one.listed_files} files"
        output.row(
            f"{text}, {size_text(one.bytes)} of {size_text(one.listed_bytes)}",
            compartment=one.compartment,
            night=one.seq,
            files=one.files,
            listed_files=one.listed_files,
            bytes=one.bytes,
            listed_bytes=one.listed_bytes,
        )
    for text in tested.differences:
        output.row(f"difference: {text}", difference=text)
