"""`escrow custodian sign`: the first charter of a vault that names its custodian, after the ceremony."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from escrow.errors import IntegrityError, RefusedError, UsageError

from .charter_files import read_file, replace_file
from .charter_show import lines_of
from .custodian_key import read_custodian
from .exits import Exit
from .handover_parts import NeededCustodianOption
from .options import JsonOption
from .output import Output
from .units import eights

if TYPE_CHECKING:
    from escrow.record import Charter
    from escrow.seal import SigningKey


def sign(
    file: Annotated[Path, typer.Argument(metavar="CHARTER", help="charter-to-sign.json, as the ceremony left it.")],
    custodian: NeededCustodianOption,
    yes: Annotated[bool, typer.Option("--yes", help="Sign without being asked.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Show the first charter of a new vault, check it, and sign it. Send it back then: escrow keys complete.

    The fingerprint is the new vault's: compare it with the school's sheets, by telephone. Later versions: escrow
    charter sign.

    \b
    Example: escrow custodian sign charter-to-sign.json --custodian gwynedd.key
    """
    from escrow.custody.charter_page import charter_page
    from escrow.record import Charter
    from escrow.trust import add_signatures, peek_record

    output = Output(as_json)
    data = read_file(file)
    charter, fingerprint = peek_record(data, Charter)
    key = read_custodian(custodian).signing
    _check(charter, data, key)
    for line in lines_of(charter_page(charter, fingerprint, ())):
        output.note(line)
    output.row(f"school       {charter.school.name}", school=charter.school.name, vault=charter.vault)
    output.row(f"fingerprint  {eights(fingerprint)}", fingerprint=fingerprint)
    if not yes:
        from .desk import Terminal, confirm

        confirm(Terminal(), "Is all of this what was agreed, and the fingerprint that of the school's sheets?", "sign")
    replace_file(file, add_signatures(data, Charter, [key]))
    output.finish(Exit.OK, f"signed: send {file} back to the school, which runs escrow keys complete")


def _check(charter: "Charter", data: bytes, key: "SigningKey") -> None:
    """The holders have signed it, it names this custodian, and nothing in it is what no charter may say."""
    from datetime import UTC, datetime

    from escrow.custody.policy import judge_policy
    from escrow.record import Charter
    from escrow.trust import open_record
    from escrow.trust.quorum import shortfall, voices

    if charter.n != 1:
        hint = "sign it with escrow charter sign, against the version that is in force"
        raise UsageError(
            "charter-first", f"expected the first version of a charter, found version {charter.n}", hint=hint
        )
    if charter.custodian is None or charter.custodian.key != key.public().encode():
        named = charter.custodian.name if charter.custodian else "nobody"
        raise RefusedError("signer-unknown", f"expected a charter that names this custodian, found {named}")
    lacking = shortfall(charter, open_record(data, Charter, voices(charter)).signers)
    if lacking:
        raise IntegrityError("charter-threshold", lacking, hint="take the file that the ceremony left, unedited")
    for finding in judge_policy(charter, datetime.now(UTC)):
        if finding.severity == "error":
            raise RefusedError(
                finding.code, finding.detail, hint="the school holds another ceremony, with another text"
            )
