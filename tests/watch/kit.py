"""What tests of rounds share: a machine of the engine's small school, a duty, and a store that is away."""

from collections.abc import Callable
from datetime import datetime, timedelta
from random import Random

from escrow.engine.ports import NoProgress
from escrow.errors import EscrowError, UnreachableError
from escrow.source import FolderSource
from escrow.store import Store
from escrow.watch import AgentStatus, Duty, Machine, RoundResult, read_agent_status, run_round
from tests.engine.kit import AGENT, RULES, School

HOUR = timedelta(hours=1)


def machine(one: School, open_store: Callable[[], Store] | None = None) -> Machine:
    sources = [FolderSource("school", one.source)]
    return Machine(open_store or (lambda: one.store), one.state, AGENT, one.anchor, sources, RULES, one.clock)


def duty(one: School, share: float = 1.0, hours: float = 5) -> Duty:
    now = one.clock.at
    return Duty(now + hours * HOUR, now + 24 * HOUR, share, Random(7).random)


def outcome(result: RoundResult) -> str:
    if result.error:
        return result.error.code
    return "integrity" if any(one.severity == "error" for one in result.findings) else "ok"


def go(one: School, parts: Machine | None = None, tonight: Duty | None = None) -> RoundResult:
    return run_round(parts or machine(one), tonight or duty(one), NoProgress(), outcome)


def status(one: School) -> AgentStatus:
    found = read_agent_status(one.state)
    assert found
    return found


class Away:
    """Raises on the first `times` calls; afterwards the store is there. Notes the time of each call."""

    def __init__(self, one: School, times: int, error: EscrowError | None = None) -> None:
        self.one, self.times = one, times
        self.error = error or UnreachableError("store-unreachable", "the folder does not answer")
        self.calls: list[datetime] = []

    def __call__(self) -> Store:
        self.calls.append(self.one.clock.at)
        if len(self.calls) <= self.times:
            raise self.error
        return self.one.store
