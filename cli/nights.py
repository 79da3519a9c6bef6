"""`escrow snapshot`: deposits one night."""

from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from . import agent_key
from .completeness import show_findings, watch_of
from .config import Config, load_config
from .exits import Exit
from .options import ConfigOption, JsonOption
from .output import Output
from .units import next_clock, parse_rate, size_text
from .vault import anchor_of, connect, rules_of, sources_of, store_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from escrow.engine.night import NightReport
    from escrow.engine.ports import Progress


def snapshot(
    until: Annotated[str | None, typer.Option(metavar="HH:MM", help="Stop then; the next run goes on.")] = None,
    limit_upload: Annotated[str | None, typer.Option(metavar="RATE", help="At most this fast: 2 MiB/s.")] = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Deposit one night: everything of every source, as far as it is not in the vault yet.

    \b
    Example: escrow snapshot --until 07:00 --limit-upload "2 MiB/s"
    """
    output = Output(as_json)
    loaded = load_config(config)
    limit = parse_rate(limit_upload) if limit_upload else None
    stop = next_clock(until, datetime.now().astimezone()) if until else None
    with output.progress() as progress:
        report = deposit_night(loaded, progress, stop, limit)
    show_report(output, report)
    exit = judge_night(report)
    verdict = report.verdict.status if report.verdict else "unfinished"
    output.finish(
        exit, f"night {report.seq}: {verdict}" if report.seq else "unfinished: run again to go on", seq=report.seq
    )


def deposit_night(
    config: Config, progress: "Progress", stop: datetime | None = None, limit_upload: float | None = None
) -> "NightReport":
    """One night with this machine's key and state; leaves last-night.json and the remembered head behind.

    `stop`: when to leave off; `limit_upload`: bytes per second. Raises every EscrowError but those of single files.
    """
    from contextlib import closing

    from escrow.engine.memory import remember_head, write_report
    from escrow.engine.night import Agent, Work, run_night
    from escrow.engine.ports import SystemClock
    from escrow.engine.state import State

    anchor = anchor_of(config)
    key = agent_key.load(config.state)
    clock = SystemClock()
    sources = sources_of(config)
    store = connect(store_of(config), limit_upload=limit_upload)
    with closing(State.open(config.state)) as state:
        work = Work(sources, rules_of(config), lambda: stop is None or clock.now() < stop, watch_of(config))
        report = run_night(Agent(store, state, key, clock, anchor), work, progress)
        write_report(config.state, report, datetime.now(UTC))
        head = state.head()
        if head:
            remember_head(config.state, anchor.vault, head)
    return report


def judge_night(report: "NightReport") -> Exit:
    """What a night's report means for the scheduler."""
    if {"store-rolled-back", "charter-rolled-back"} & set(report.alarms):
        return Exit.ROLLBACK
    if "series-churn" in report.alarms:
        return Exit.SERIES_CHURN
    if not report.finished or report.verdict is None:
        return Exit.UNFINISHED
    return judge_verdict(report.verdict.status, report.verdict.codes)


def judge_verdict(status: str, codes: "Sequence[str]") -> Exit:
    """What a night's verdict means."""
    if not codes:
        return Exit.OK
    if "source-failed" in codes:
        return Exit.SOURCE
    if set(codes) == {"charter-expired"}:
        return Exit.CHARTER
    if status == "fail":
        return Exit.INCOMPLETE
    return Exit.PARTIAL if "unread" in codes else Exit.SUSPICIOUS


def show_report(output: Output, report: "NightReport") -> None:
    """Counts by compartment to stdout; alarms and warnings to stderr."""
    for name, one in report.compartments.items():
        text = f"{name:<14} {one.files:>7} files, {size_text(one.bytes)}; {size_text(one.bytes_put)} new"
        if one.new_series:
            text += f"; new series ({one.new_series})"
        if one.unread:
            text += f"; {one.unread} UNREAD"
        output.row(text, compartment=name, **asdict(one))
    show_findings(output, report.findings)
    for alarm in report.alarms:
        output.note(f"alarm: {alarm}")
    for warning in report.warnings:
        output.note(f"warning: {warning}")
