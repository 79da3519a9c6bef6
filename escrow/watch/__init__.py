"""Watching over nights: when one is due, trying until it is in, and telling how it went."""

from escrow.watch.agent_status import AgentStatus, read_agent_status, write_agent_status
from escrow.watch.rounds import Duty, Machine, RoundResult, run_round
from escrow.watch.times import is_due, next_attempt, next_time, previous_time

__all__ = [
    "AgentStatus",
    "Duty",
    "Machine",
    "RoundResult",
    "is_due",
    "next_attempt",
    "next_time",
    "previous_time",
    "read_agent_status",
    "run_round",
    "write_agent_status",
]
