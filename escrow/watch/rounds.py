"""One round of the agent: a night, tried until morning, then a sampled check without keys, and a status file."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TypeVar

from escrow.engine.memory import (
    keep_cursor,
    new_cursor,
    remember_head,
    remembered_head,
    verify_cursor,
    write_report,
)
from escrow.engine.night import Agent, NightReport, Work, run_night
from escrow.engine.ports import Clock, Progress
from escrow.engine.profiling import Watch
from escrow.engine.reading import load_history
from escrow.engine.shares import next_share
from escrow.engine.state import State
from escrow.engine.sync import Anchor
from escrow.engine.verify import Checked, expected_objects, verify_bytes, verify_listing
from escrow.errors import BusyError, DeniedError, EscrowError, StateError, UnreachableError, UsageError
from escrow.seal import SigningKey
from escrow.source import Rule, Source
from escrow.store import Store
from escrow.trust import Finding, Head, History
from escrow.watch.agent_status import RUNNING, AgentStatus, read_agent_status, write_agent_status
from escrow.watch.probing import monthly
from escrow.watch.times import next_attempt

_PASSES = frozenset(
    {"store-io", "store-short", "store-checksum", "source-missing", "http-away", "http-busy", "http-server"}
)
_BATCH = 16
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Machine:
    """The nightly machine's parts. `open_store` is asked anew for each attempt: a share may come back.

    `open_bare` gives the store itself, unwrapped, for its monthly probe; None for no probe. `new_watch` gives what
    profiles and judges an attempt; None for no judgement.
    """

    open_store: Callable[[], Store]
    state_folder: Path
    key: SigningKey
    anchor: Anchor
    sources: Sequence[Source]
    rules: Sequence[Rule]
    clock: Clock
    open_bare: Callable[[], Store] | None = None
    new_watch: Callable[[], Watch] | None = None


@dataclass(frozen=True, slots=True)
class Duty:
    """What to do tonight: nothing is begun at `until` or later; `share` (0 to 1) of the objects is read again.

    `random` gives numbers in [0, 1), for the waits between attempts; `next_due` is for the status file.
    """

    until: datetime
    next_due: datetime
    share: float
    random: Callable[[], float]


@dataclass(slots=True)
class RoundResult:
    """How it went, as far as it came. `deposited`: when the night was in, after `attempts`; `error`: what stopped it.

    `left_out` counts sampled objects that were not read because the morning came; `school` is the charter's name of it.
    """

    attempts: int = 0
    night: NightReport | None = None
    deposited: datetime | None = None
    head: Head | None = None
    school: str | None = None
    listing: Checked | None = None
    sampled: Checked | None = None
    left_out: int = 0
    findings: list[Finding] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    error: EscrowError | None = None


def run_round(machine: Machine, duty: Duty, progress: Progress, outcome: Callable[[RoundResult], str]) -> RoundResult:
    """One night: deposit, verify, and write `agent-status.json`, also when it fails. `outcome` names the exit code.

    Raises UsageError `round-until` when the night is over already, StateError when the status cannot be written.
    """
    begun = machine.clock.now()
    if begun >= duty.until:
        raise UsageError("round-until", f"expected an end in the future, found {duty.until} at {begun}")
    result = RoundResult()
    known = _known_status(machine.state_folder, result)
    before = AgentStatus(
        vault=machine.anchor.vault,
        outcome=RUNNING,
        last_attempt=begun,
        last_success=known.last_success if known else None,
        next_due=duty.next_due,
        seq=known.seq if known else None,
        head=known.head if known else None,
    )
    write_agent_status(machine.state_folder, before)
    only_deposits = False
    try:
        result.night = _until_morning(lambda: _deposit(machine, duty, progress, result), machine.clock, duty)
        if result.night.finished:
            _until_morning(lambda: _check(machine, duty, progress, result), machine.clock, duty)
    except DeniedError as error:
        if result.deposited is None or error.code != "store-denied":
            result.error = error
        else:
            only_deposits = True
            result.warnings.append("nothing was verified: this credential may only deposit; verify with the watcher's")
    except EscrowError as error:
        result.error = error
    if result.deposited:
        _probe(machine, duty, result, only_deposits=only_deposits)
    write_agent_status(machine.state_folder, _status(before, result, outcome(result)))
    return result


def is_transient(error: EscrowError) -> bool:
    """Pure: whether it is worth trying again: the store or a share is away, or another run is at work."""
    return isinstance(error, UnreachableError | BusyError) or error.code in _PASSES


def _until_morning(action: Callable[[], _T], clock: Clock, duty: Duty) -> _T:
    failures = 0
    while True:
        try:
            return action()
        except EscrowError as error:
            failures += 1
            again = next_attempt(failures, clock.now(), duty.until, duty.random) if is_transient(error) else None
            if again is None:
                raise
            clock.sleep((again - clock.now()).total_seconds())
            if clock.now() >= duty.until:  # the machine slept, or its clock was set
                raise


def _deposit(machine: Machine, duty: Duty, progress: Progress, result: RoundResult) -> NightReport:
    result.attempts += 1
    store = machine.open_store()
    with closing(State.open(machine.state_folder)) as state:
        agent = Agent(store, state, machine.key, machine.clock, machine.anchor)
        watch = machine.new_watch() if machine.new_watch else None
        work = Work(machine.sources, machine.rules, lambda: machine.clock.now() < duty.until, watch)
        night = run_night(agent, work, progress)
        result.head = state.head()
    now = machine.clock.now()
    if night.finished:
        result.deposited = now
    write_report(machine.state_folder, night, now)
    return night


def _check(machine: Machine, duty: Duty, progress: Progress, result: RoundResult) -> None:
    """L1a, then L1b of the next share in an order that nobody can foresee; the shares add up to everything."""
    store = machine.open_store()
    remembered = remembered_head(machine.state_folder, machine.anchor.vault)
    history = load_history(store, machine.anchor, remembered)
    result.school = history.charter.school.name if history.charter else None
    result.findings = [*history.findings, *_lost_head(history, result.head)]
    result.listing = verify_listing(store, history, progress)
    result.findings += result.listing.findings
    cursor = verify_cursor(machine.state_folder)
    chosen = next_share(expected_objects(history), cursor, new_cursor(), duty.share)
    read = [Checked(0, 0, ())]
    while chosen and machine.clock.now() < duty.until:
        batch, chosen = chosen[:_BATCH], chosen[_BATCH:]
        read.append(verify_bytes(store, [one for one, _ in batch], progress))
        result.findings += read[-1].findings
        cursor = batch[-1][1]
    result.left_out = len(chosen)
    keep_cursor(machine.state_folder, cursor)
    result.sampled = Checked(
        sum(one.count for one in read),
        sum(one.size for one in read),
        tuple(finding for one in read for finding in one.findings),
    )
    if history.head and not any(finding.code.startswith("rollback") for finding in result.findings):
        remember_head(machine.state_folder, machine.anchor.vault, history.head)


def _probe(machine: Machine, duty: Duty, result: RoundResult, *, only_deposits: bool) -> None:
    """After everything else: whatever becomes of it, the night is in."""
    if machine.open_bare is None or machine.clock.now() >= duty.until:
        return
    findings, warning = monthly(machine.open_bare, machine.state_folder, machine.clock, only_deposits=only_deposits)
    result.findings += findings
    result.warnings += [warning] if warning else []


def _lost_head(history: History, head: Head | None) -> Iterator[Finding]:
    """The notice that was put just now must be there: a head remembered from earlier does not show that."""
    if head and all(link.sha256 != head.sha256 for link in history.main):
        yield Finding("rollback", f"notices/{head.seq:08d}", "the store does not show the notice that was just put")


def _known_status(folder: Path, result: RoundResult) -> AgentStatus | None:
    try:
        return read_agent_status(folder)
    except StateError as error:
        result.warnings.append(f"the status of earlier rounds is lost ({error.code})")
        return None


def _status(before: AgentStatus, result: RoundResult, outcome: str) -> AgentStatus:
    night = result.night
    return AgentStatus(
        vault=before.vault,
        outcome=outcome,
        last_attempt=before.last_attempt,
        last_success=result.deposited or before.last_success,
        next_due=before.next_due,
        attempts=result.attempts,
        seq=result.head.seq if result.head else before.seq,
        head=result.head.sha256 if result.head else before.head,
        error=result.error.code if result.error else None,
        alarms=night.alarms if night else (),
        warnings=(*result.warnings, *(night.warnings if night else ())),
        findings=dict(Counter(finding.code for finding in result.findings)),
        listed=result.listing.count if result.listing else 0,
        sampled=result.sampled.count if result.sampled else 0,
        sampled_bytes=result.sampled.size if result.sampled else 0,
        left_out=result.left_out,
    )
