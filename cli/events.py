"""`escrow event`: what was done with keys, as the signed chain says it."""

import csv
import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from escrow.errors import UsageError

from .config import load_config
from .exits import Exit, exit_of_codes
from .key_use import Use, check_purpose, leave_event, with_keys
from .options import ConfigOption, JsonOption
from .output import Output
from .vault import OpenVault, read_vault

if TYPE_CHECKING:
    from escrow.record import JsonObject
    from escrow.trust import EventLink


app = typer.Typer(help="What was done with keys.", no_args_is_help=True, rich_markup_mode=None)
_COLUMNS = (
    *("n", "created", "kind", "by", "purpose", "why", "clause", "trigger", "about", "hold", "evidence", "to", "deed"),
    *("keys", "series"),
    *("refused", "sha256"),
)


@app.command("list")
def list_(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """List every event: what, when, by whom, for which purpose. Needs no key; identifying details stay sealed.

    \b
    Example: escrow event list
    """
    output = Output(as_json)
    vault = read_vault(load_config(config))
    for link in vault.history.events:
        one = link.event
        about = one.purpose or one.trigger or one.why or one.about or one.hold or ""
        told = f"{one.n:>5}  {one.created:%Y-%m-%d %H:%M}  {one.kind:<12}  {', '.join(one.by)}"
        text = f"{told}  {about}" + (f"  REFUSED: {link.refused}" if link.refused else "")
        output.row(text.rstrip(), **_row(link))
    errors = [one for one in vault.history.findings if one.severity == "error" and one.code.startswith("event-")]
    for finding in errors:
        output.row(f"error {finding.code}: {finding.subject}: {finding.detail}", finding=finding.code)
    count = len(vault.history.events)
    output.finish(exit_of_codes(one.code for one in errors), f"{count} events", events=count)


@app.command()
@with_keys("check")
def show(
    number: Annotated[int, typer.Argument(metavar="NUMBER", help="The event's number.")],
    *,
    use: Use,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show all of one event. With keys, the details too that were sealed because they may identify people;
    that leaves an event.

    \b
    Example: escrow event show 4 --custodian gwynedd.key
    """
    output = Output(as_json)
    vault = read_vault(load_config(config))
    links = [link for link in vault.history.events if link.event.n == number]
    if not links:
        hint = "escrow event list shows them"
        raise UsageError("event-unknown", f"expected the number of an event, found {number}", hint=hint)
    for link in links:
        for name, value in _row(link).items():
            if value:
                output.row(f"{name:<10} {_cell(value)}", **{name: value})
    sealed = [link.event.sealed for link in links if link.event.sealed]
    if sealed and use:
        _show_details(output, vault, use, sealed)
    elif sealed:
        output.note("it has details, which are sealed to custody and custodian")
    output.finish(Exit.OK)


def _show_details(output: Output, vault: OpenVault, use: Use, sealed: list[str]) -> None:
    """Opened by the custodian or the holders, who leave an event of it. WrongKeyError, RefusedError."""
    from base64 import b64decode

    from escrow.seal import open_sealed

    from .custodian_key import read_custodian
    from .handover_parts import open_custody

    check_purpose(vault, use)
    if use.custodian:
        custodian = read_custodian(use.custodian)
        identity, signers = custodian.identity, [custodian.signing]
    else:
        identity, signers = open_custody(use.means, vault.history)
    for one in sealed:
        text = open_sealed(b64decode(one), [identity]).decode("utf-8", "replace")
        output.row(f"details    {text}", details=text)
    leave_event(output, vault, use, signers, set())


@app.command()
def export(
    out: Annotated[Path, typer.Option(help="A new file: .csv for a spreadsheet, else JSON lines.")],
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write every event to a file for an auditor. Needs no key.

    \b
    Example: escrow event export --out events.csv
    """
    output = Output(as_json)
    vault = read_vault(load_config(config))
    rows = [_row(link) for link in vault.history.events]
    try:
        with out.open("x", encoding="utf-8", newline="") as file:
            if out.suffix.lower() == ".csv":
                writer = csv.writer(file)
                writer.writerow(_COLUMNS)
                writer.writerows([_cell(row[name]) for name in _COLUMNS] for row in rows)
            else:
                file.writelines(json.dumps(row, sort_keys=True) + "\n" for row in rows)
    except OSError as error:
        raise UsageError(
            "out-unwritable", f"{out}: cannot be written ({error.strerror})", hint="name a new file"
        ) from error
    output.finish(Exit.OK, f"{len(rows)} events in {out}", events=len(rows))


def _row(link: "EventLink") -> "JsonObject":
    one = link.event
    return {
        "n": one.n,
        "created": f"{one.created:%Y-%m-%dT%H:%M:%SZ}",
        "kind": one.kind,
        "by": list(one.by),
        "purpose": one.purpose,
        "why": one.why,
        "clause": one.clause,
        "trigger": one.trigger,
        "about": one.about,
        "hold": one.hold,
        "evidence": one.evidence,
        "to": one.to.name if one.to else None,
        "deed": one.deed,
        "keys": list(one.keys or ()),
        "series": list(one.series or ()),
        "refused": link.refused or None,
        "sha256": link.sha256,
    }


def _cell(value: object) -> str:
    """A cell that no spreadsheet takes for a formula."""
    text = "; ".join(map(str, value)) if isinstance(value, list) else "" if value is None else str(value)
    return f"'{text}" if text[:1] in "=+-@\t" and text else text
