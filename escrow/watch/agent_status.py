"""`agent-status.json` in the state folder: how the last round went. Codes and counts; no names of files or people."""

import json
from dataclasses import dataclass, fields
from datetime import datetime
from pathlib import Path

from escrow.engine.memory import write_json
from escrow.errors import StateError
from escrow.record import time_text

NAME = "agent-status.json"
RUNNING = "running"
"""The outcome while a round is under way, or after one that was killed."""


@dataclass(frozen=True, slots=True)
class AgentStatus:
    """One round. `outcome` is the name of its exit code, `error` the code of what stopped it.

    `head` is the SHA-256 of notice `seq`, the last that is known to be in; `findings` counts by code;
    `left_out` are sampled objects that were not read because the morning came. `sampled_bytes` in bytes.
    """

    vault: str
    outcome: str
    last_attempt: datetime
    last_success: datetime | None
    next_due: datetime
    attempts: int = 0
    seq: int | None = None
    head: str | None = None
    error: str | None = None
    alarms: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    findings: dict[str, int] | None = None
    listed: int = 0
    sampled: int = 0
    sampled_bytes: int = 0
    left_out: int = 0


def write_agent_status(folder: Path, status: AgentStatus) -> None:
    """Replace the file as a whole. StateError."""
    values = {field.name: getattr(status, field.name) for field in fields(status)}
    shown = {
        name: time_text(value.replace(microsecond=0)) if isinstance(value, datetime) else value
        for name, value in values.items()
    }
    write_json(folder / NAME, shown)


def read_agent_status(folder: Path) -> AgentStatus | None:
    """The last round, None before the first. StateError `agent-status` when the file cannot be understood."""
    path = folder / NAME
    try:
        data = json.loads(path.read_text("utf-8"))
        return AgentStatus(
            **{
                **{field.name: data[field.name] for field in fields(AgentStatus)},
                "last_attempt": datetime.fromisoformat(data["last_attempt"]),
                "last_success": datetime.fromisoformat(data["last_success"]) if data["last_success"] else None,
                "next_due": datetime.fromisoformat(data["next_due"]),
                "alarms": tuple(data["alarms"]),
                "warnings": tuple(data["warnings"]),
            }
        )
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise StateError(
            "agent-status",
            f"{path}: expected the status of the last round, found something else ({type(error).__name__})",
            hint="remove it; the next round writes a new one",
        ) from error
