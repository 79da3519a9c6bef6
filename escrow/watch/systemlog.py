"""The system's own log: systemd's journal by its native protocol, and Windows' event log by eventcreate."""

import socket
import struct
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from escrow.errors import TellError
from escrow.watch.message import Message, subject, text

JOURNAL = Path("/run/systemd/journal/socket")
MESSAGE_ID = "5c1e9d4a7b0f4f0c9e3a6d2b8c7f1e05"
"""Names every message of ours in the journal (`journalctl MESSAGE_ID=...`)."""

_PRIORITY = {"heartbeat": 6, "alarm": 3}
_EVENT = {"heartbeat": ("INFORMATION", 100), "alarm": ("ERROR", 200)}
_MOST = 30_000


@dataclass(frozen=True, slots=True)
class Journal:
    """systemd's journal, with a field for each thing that a rule may ask for."""

    path: Path = JOURNAL
    name: str = "log"

    def begin(self) -> None:
        """Nothing: systemd notes when a service begins."""

    def tell(self, message: Message) -> None:
        """TellError `tell-log`: no journal on this system."""
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as journal:
                journal.sendto(journal_entry(message), str(self.path))
        except (OSError, AttributeError) as error:
            why = getattr(error, "strerror", None) or type(error).__name__
            hint = "this needs systemd; without it, take [tell.log] out of escrow.toml"
            raise TellError("tell-log", f"the journal at {self.path} does not answer ({why})", hint=hint) from None


@dataclass(frozen=True, slots=True)
class EventLog:
    """Windows' Application log, source `escrow`: event 100 when all is well, 200 when not. Not run by our CI."""

    name: str = "log"

    def begin(self) -> None:
        """Nothing."""

    def tell(self, message: Message) -> None:
        """TellError `tell-log`: only an administrator or SYSTEM may make a new source of events."""
        try:
            done = subprocess.run(event_command(message), capture_output=True, timeout=60, check=False)  # noqa: S603
        except (OSError, subprocess.TimeoutExpired) as error:
            raise TellError("tell-log", f"eventcreate cannot be run ({type(error).__name__})") from None
        if done.returncode != 0:
            hint = "run `escrow agent test --tell` once as administrator: that makes the source"
            raise TellError("tell-log", f"eventcreate ended with {done.returncode}", hint=hint)


def journal_entry(message: Message) -> bytes:
    """Pure: one entry in the journal's native protocol (systemd, Native Journal Protocol): values with their length."""
    fields = {
        "MESSAGE": subject(message),
        "MESSAGE_ID": MESSAGE_ID,
        "PRIORITY": str(_PRIORITY[message.urgency]),
        "SYSLOG_IDENTIFIER": "escrow",
        "ESCROW_RESULT": message.result,
        "ESCROW_EXIT": str(message.exit),
        "ESCROW_VAULT": message.vault,
        "ESCROW_SEQ": str(message.seq or ""),
        "ESCROW_HEAD": message.head or "",
        "ESCROW_CODES": " ".join(message.codes),
        "ESCROW_TEXT": text(message),
    }
    return b"".join(
        name.encode() + b"\n" + struct.pack("<Q", len(value.encode())) + value.encode() + b"\n"
        for name, value in fields.items()
    )


def event_command(message: Message) -> Sequence[str]:
    """Pure: the command line for Windows' event log."""
    kind, number = _EVENT[message.urgency]
    words = text(message).replace('"', "'")[:_MOST]
    return ["eventcreate", "/L", "APPLICATION", "/SO", "escrow", "/T", kind, "/ID", str(number), "/D", words]
