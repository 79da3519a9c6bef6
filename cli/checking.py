"""`escrow verify`: looks at what was deposited, as deep as it is told."""

import secrets
from typing import TYPE_CHECKING, Annotated

import typer

from escrow.errors import UsageError

from .config import load_config
from .exits import exit_of_codes
from .options import ConfigOption, JsonOption, KeyOption
from .output import Output
from .restoring import open_views
from .units import parse_share, size_text
from .vault import read_vault

if TYPE_CHECKING:
    from collections.abc import Sequence

    from escrow.engine.verify import Checked
    from escrow.trust import Finding

_SHOWN = 100


def verify(
    read: Annotated[
        str | None, typer.Option(metavar="SHARE", help="Download and hash this share of all objects: 1/30, or 1.")
    ] = None,
    deep: Annotated[
        str | None, typer.Option(metavar="SNAPSHOT", help="Open every file of this night too. Needs --key.")
    ] = None,
    key: KeyOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Check the vault: the chain of notices, and the store's listing against it. Needs no key.

    The listing is the store's own word; --read looks at the bytes. --deep opens files, with a key.

    \b
    Example: escrow verify --read 1/30
    """
    from escrow.engine.verify import expected_objects, sample, verify_bytes, verify_listing, verify_open

    share = parse_share(read) if read else None
    if (deep is None) != (key is None):
        raise UsageError("verify-options", "expected --deep SNAPSHOT and --key FILE together, found one")
    output = Output(as_json)
    vault = read_vault(load_config(config))
    findings = list(vault.history.findings)
    with output.progress() as progress:
        checked = [("L1a listing", verify_listing(vault.store, vault.history, progress))]
        if share:
            chosen = sample(expected_objects(vault.history), share, secrets.SystemRandom().random)
            checked.append(("L1b bytes", verify_bytes(vault.store, chosen, progress)))
        if deep and key:
            checked.append(("L2 files", verify_open(open_views(vault, deep, key, []), progress)))
    for level, result in checked:
        _show_level(output, level, result)
        findings += result.findings
    exit = exit_of_codes(finding.code for finding in findings if finding.severity == "error")
    show_findings(output, findings)
    vault.remember()
    nights = len(vault.history.snapshots)
    words = f"{nights} nights, {len(findings)} findings"
    output.finish(exit, f"{output.paint(exit.word, exit)}: {words}", nights=nights, findings=len(findings))


def _show_level(output: Output, level: str, result: "Checked") -> None:
    text = f"{level}: {result.count} checked, {size_text(result.size)}, {len(result.findings)} findings"
    output.row(
        text, level=level.split(maxsplit=1)[0], checked=result.count, bytes=result.size, findings=len(result.findings)
    )


def show_findings(output: Output, findings: "Sequence[Finding]") -> None:
    """Findings, errors first; for people at most a hundred."""
    ordered = sorted(findings, key=lambda finding: finding.severity)
    for finding in ordered if output.as_json else ordered[:_SHOWN]:
        output.row(
            f"{finding.severity} {finding.code}: {finding.subject}: {finding.detail}",
            finding=finding.code,
            severity=finding.severity,
            subject=finding.subject,
            detail=finding.detail,
        )
    if len(ordered) > _SHOWN and not output.as_json:
        output.note(f"and {len(ordered) - _SHOWN} more; --json shows all")
