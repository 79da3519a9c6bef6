"""`escrow agent ...`: the nightly machine."""

import secrets
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from escrow.errors import EscrowError, StateError, TellError

from . import agent_key
from .agent_card import card
from .agent_install import clock_time, install
from .completeness import watch_of
from .config import Config, load_config
from .exits import Exit, exit_of, exit_of_codes, worst
from .nights import judge_night, show_report
from .options import ConfigOption, JsonOption
from .output import Output
from .telling import Teller
from .units import parse_share, size_text, time_label
from .vault import anchor_of, bare_store, connect, rules_of, sources_of, store_of

if TYPE_CHECKING:
    from escrow.watch import Machine, RoundResult
    from escrow.watch.selftest import Check
    from escrow.watch.tell import Told

REPORT = "agent-test.json"
_DAY = timedelta(hours=24)

app = typer.Typer(help="The nightly machine.", no_args_is_help=True, rich_markup_mode=None)
app.command("card")(card)
app.command("install")(install)


@app.command()
def run(
    until: Annotated[
        str, typer.Option(metavar="HH:MM", help="Begin nothing after this; the next run goes on.")
    ] = "07:00",
    read: Annotated[str, typer.Option(metavar="SHARE", help="Read this share of the vault again: 1/30, 0.1.")] = "1/30",
    due: Annotated[
        str | None, typer.Option(metavar="HH:MM", help="Only when no night has been deposited since this time.")
    ] = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Deposit one night, trying until morning; then check the vault without keys. For the system's scheduler.

    agent-status.json in the state folder tells how it went.

    Example: escrow agent run --until 07:00 --due 02:00
    """
    from escrow.watch import Duty, is_due, next_time, previous_time, run_round

    output = Output(as_json)
    loaded = load_config(config)
    teller = Teller(output, loaded)
    try:
        machine = _machine(loaded)
    except EscrowError as error:
        teller.failed(error, datetime.now(UTC))
        raise
    now = machine.clock.now()
    next_due = now + _DAY
    if due:
        at = clock_time(due)
        next_due = next_time(now, at)
        last = _last_success(loaded.state)
        if not is_due(last, previous_time(now, at)):
            output.finish(Exit.OK, f"nothing is due before {time_label(next_due)} UTC", deposited=False)
    duty = Duty(next_time(now, clock_time(until)), next_due, parse_share(read), secrets.SystemRandom().random)
    teller.begin()
    try:
        with output.progress() as progress:
            result = run_round(machine, duty, progress, lambda result: judge_round(result).word)
    except EscrowError as error:
        teller.failed(error, machine.clock.now())
        raise
    _show_round(output, result)
    exit = judge_round(result)
    teller.night(result, exit, machine.clock.now(), next_due)
    seq = result.night.seq if result.night else None
    if result.error:
        output.note(f"{result.error.code}: {result.error}")
    text = f"night {seq} is in" if seq else "no night tonight"
    output.finish(exit, output.paint(f"{text}: {exit.word}", exit), seq=seq, attempts=result.attempts)


@app.command()
def test(
    tell: Annotated[bool, typer.Option("--tell", help="Send a test message to everybody of [tell], too.")] = False,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Try what a night needs, as the account that runs this. Deposits nothing; agent-test.json keeps the result.

    Example: sudo -u escrow escrow agent test
    """
    from escrow.engine.memory import write_json
    from escrow.watch.selftest import Check, try_machine

    output = Output(as_json)
    loaded = load_config(config)
    try:
        machine = _machine(loaded)
    except EscrowError as error:
        checks = [Check("config", str(error), error)]
    else:
        checks = [Check("config", str(loaded.file)), *try_machine(machine)]
    if tell:
        checks += [_told(one) for one in Teller(output, loaded).test(datetime.now(UTC))]
    rows = [{"check": one.check, "result": one.result, "detail": one.detail} for one in checks]
    for one, row in zip(checks, rows, strict=True):
        output.row(f"{one.check:<20} {one.result:<18} {one.detail}", **row)
    write_json(loaded.state / REPORT, {"checks": rows})
    exit = worst(exit_of(one.error) for one in checks if one.error)
    output.finish(exit, output.paint("ready for the night" if exit == Exit.OK else "not ready", exit))


def _told(one: "Told") -> "Check":
    from escrow.watch.selftest import Check

    error = TellError(one.code, one.detail) if one.code else None
    return Check(f"tell {one.channel}", one.detail or "a test message was sent", error)


def judge_round(result: "RoundResult") -> Exit:
    """What a round means for the scheduler."""
    return worst(
        [
            exit_of_codes(one.code for one in result.findings if one.severity == "error"),
            judge_night(result.night) if result.night else Exit.OK,
            exit_of(result.error) if result.error else Exit.OK,
        ]
    )


def _machine(config: Config) -> "Machine":
    from escrow.engine.ports import SystemClock
    from escrow.watch import Machine

    where = store_of(config)
    return Machine(
        open_store=lambda: connect(where),
        state_folder=config.state,
        key=agent_key.load(config.state),
        anchor=anchor_of(config),
        sources=sources_of(config),
        rules=rules_of(config),
        clock=SystemClock(),
        open_bare=lambda: bare_store(where),
        new_watch=lambda: watch_of(config),
    )


def _last_success(state: Path) -> datetime | None:
    """An unreadable status is none: better a night too many."""
    from escrow.watch import read_agent_status

    try:
        status = read_agent_status(state)
    except StateError:
        return None
    return status.last_success if status else None


def _show_round(output: Output, result: "RoundResult") -> None:
    if result.night:
        show_report(output, result.night)
    for level, checked in (("L1a listing", result.listing), ("L1b bytes", result.sampled)):
        if checked:
            text = f"{level:<14} {checked.count:>7} objects, {size_text(checked.size)}"
            output.row(text, level=level.partition(" ")[0], count=checked.count, size=checked.size)
    for finding in result.findings:
        output.note(f"{finding.severity}: {finding.code} {finding.subject}: {finding.detail}")
    for warning in result.warnings:
        output.note(f"warning: {warning}")
    if result.left_out:
        output.note(f"{result.left_out} sampled objects were left out: the morning came")
