"""What is told of a night: pure. Codes, counts and hashes; no names of files or people."""

import json
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from escrow.record import time_text

Urgency = Literal["heartbeat", "alarm"]
_MOST = 20


@dataclass(frozen=True, slots=True)
class Message:
    """One night, or one look at a vault. `result` names the exit code `exit`; `meaning` and `action` are its words.

    `head` is the SHA-256 of notice `seq`: whoever keeps the message can hold a vault against it later. `verdict` and
    `codes` are the notice's, `error` is the code of what stopped it, `findings` counts by code, `warnings` are
    sentences.
    """

    school: str
    vault: str
    time: datetime
    result: str
    exit: int
    urgency: Urgency
    meaning: str
    action: str
    seq: int | None = None
    head: str | None = None
    verdict: str | None = None
    codes: tuple[str, ...] = ()
    error: str | None = None
    alarms: tuple[str, ...] = ()
    findings: dict[str, int] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    next_due: datetime | None = None
    test: bool = False


def subject(message: Message) -> str:
    """One line, the word that matters first."""
    word = "TEST" if message.test else "ALARM" if message.urgency == "alarm" else "ok"
    night = f"night {message.seq}" if message.seq else "no night"
    return f"escrow {word}: {' '.join(message.school.split())}: {night}: {message.result}"


def text(message: Message) -> str:
    """The message for people, plain, ending with a line end."""
    lines = [subject(message), ""]
    if message.test:
        lines += ["This is a test: the channel works. Nothing was deposited.", ""]
    lines += [f"{message.result}: {message.meaning}."]
    if message.action:
        lines += [f"What to do: {message.action}"]
    rows = (
        ("vault", message.vault),
        ("night", message.seq and str(message.seq)),
        ("head", message.head),
        ("verdict", " ".join((message.verdict, *message.codes)) if message.verdict else None),
        ("error", message.error),
        ("alarms", " ".join(message.alarms)),
        ("findings", " ".join(f"{code}({count})" for code, count in sorted(message.findings.items()))),
        ("told at", time_text(message.time)),
        ("next due", time_text(message.next_due) if message.next_due else None),
    )
    lines += ["", *(f"{name:<9} {value}" for name, value in rows if value)]
    lines += _listed(message.warnings)
    if message.head:
        lines += ["", f"Keep this message: notice {message.seq} of this vault has this head, now and in twenty years."]
    return "\n".join(lines) + "\n"


def payload(message: Message) -> bytes:
    """The message for programs: one JSON object; `text` is the subject, as chat services want it."""
    return json.dumps(
        {
            "text": subject(message),
            "school": message.school,
            "vault": message.vault,
            "time": time_text(message.time),
            "test": message.test,
            "urgency": message.urgency,
            "result": message.result,
            "exit": message.exit,
            "meaning": message.meaning,
            "action": message.action,
            "seq": message.seq,
            "head": message.head,
            "verdict": message.verdict,
            "codes": message.codes,
            "error": message.error,
            "alarms": message.alarms,
            "findings": message.findings,
            "warnings": message.warnings[:_MOST],
            "next_due": time_text(message.next_due) if message.next_due else None,
        }
    ).encode()


def _listed(warnings: tuple[str, ...]) -> list[str]:
    if not warnings:
        return []
    left = len(warnings) - _MOST
    return ["", "warnings", *(f"  {one}" for one in warnings[:_MOST]), *([f"  and {left} more"] if left > 0 else [])]
