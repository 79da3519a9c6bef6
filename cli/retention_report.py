"""`escrow retention report`: what is kept until when, and what is due."""

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from escrow.errors import StoreError, UsageError

from .config import load_config
from .exits import Exit
from .handover_parts import clock
from .options import ConfigOption, JsonOption
from .output import Output
from .units import size_text
from .vault import OpenVault, read_vault

if TYPE_CHECKING:
    from escrow.retention.report import Report, SeriesEnd

ScheduleOption = Annotated[
    Path | None, typer.Option(metavar="FILE", help="Your schedule, as TOML. Default: the one that comes with escrow.")
]


def report(
    schedule: ScheduleOption = None,
    html: Annotated[Path | None, typer.Option(metavar="FILE", help="Write a page for a browser.")] = None,
    pdf: Annotated[Path | None, typer.Option(metavar="FILE", help="Write a PDF.")] = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show how long each series of nights is kept, by lock, charter and schedule; what is due; what is under hold.

    Needs no key. The schedule is data with its sources and dates: --schedule FILE writes it to a FILE that is not there
    yet, to be corrected, and reads it where it is.

    \b
    Example: escrow retention report --schedule retention.toml --pdf retention.pdf
    """
    output = Output(as_json)
    vault = read_vault(load_config(config))
    vault.warn(output)
    found = read_report(output, vault, schedule)
    for one in found.ends:
        show(output, one)
    for kind in found.stale:
        output.note(f"{kind.id}: it was to be read again by {kind.review}: correct the schedule")
    _write(output, found, html, pdf)
    due = [one for one in found.ends if one.state == "due"]
    held = sum(one.state == "held" for one in found.ends)
    output.finish(
        Exit.OK,
        f"{len(found.ends)} series; {len(due)} due, {held} under hold",
        series=len(found.ends),
        due=len(due),
        held=held,
        now=f"{found.now:%Y-%m-%dT%H:%M:%SZ}",
        reviewed=f"{found.schedule.reviewed}",
    )


def read_report(output: Output, vault: OpenVault, schedule: Path | None) -> "Report":
    """The report by the store's clock; a schedule that is not there is written first. UsageError `schedule-file`."""
    from escrow.retention.report import make_report
    from escrow.retention.schedule import parse_schedule, shipped

    if schedule is not None and not schedule.exists():
        from .public_folder import write_whole

        write_whole(schedule, shipped())
        output.note(f"{schedule}: written; correct it, and give it with --schedule from now on")
    try:
        text = schedule.read_bytes() if schedule else shipped()
    except OSError as error:
        found = f"{schedule}: cannot be read ({error.strerror})"
        raise UsageError("schedule-file", found, hint="name a file") from error
    return make_report(vault.history, parse_schedule(text), store_clock(output, vault))


def store_clock(output: Output, vault: OpenVault) -> datetime:
    """The store's clock; this machine's where a folder may not be written to, and that is said."""
    try:
        return vault.store.now()
    except StoreError as error:
        output.note(f"{error.code}: by this machine's clock, the store does not tell its own")
        return clock()


def show(output: Output, one: "SeriesEnd") -> None:
    """A line for a series."""
    from escrow.retention.page import STATES

    nights = f"nights {one.nights[0]} to {one.nights[-1]}" if one.nights else "no whole night"
    when = f"may go from {one.due}" if one.due else one.why
    held = f" ({', '.join(one.holds)})" if one.holds else ""
    held += ", its key was destroyed" if one.destroyed else ""
    output.row(
        f"{one.series}  {one.compartment:<14} {nights:<22} {STATES[one.state]}{held}; {when}; {size_text(one.size)}",
        series=one.series,
        compartment=one.compartment,
        state=one.state,
        due=f"{one.due}" if one.due else None,
        why=one.why,
        classes=list(one.kinds),
        locked_until=f"{one.locked_until:%Y-%m-%dT%H:%M:%SZ}" if one.locked_until else None,
        first_night=one.nights[0] if one.nights else None,
        last_night=one.nights[-1] if one.nights else None,
        nights=len(one.nights),
        holds=list(one.holds),
        objects=one.objects,
        bytes=one.size,
        event=one.event,
        destroyed=one.destroyed,
    )


def _write(output: Output, found: "Report", html: Path | None, pdf: Path | None) -> None:
    from escrow.retention.page import report_page

    from .public_folder import write_whole

    if html:
        from escrow.paper.html import to_html

        foot = f"Made by escrow retention report on {found.now:%Y-%m-%d %H:%M} UTC; vault {found.vault}."
        write_whole(html, to_html(report_page(found), foot).encode())
        output.row(str(html), html=str(html))
    if pdf:
        from escrow.paper import pdf as paper

        write_whole(pdf, paper.pdf("page", report_page(found).values()))
        output.row(str(pdf), pdf=str(pdf))
