"""Telling by several channels: one that fails stops neither the others nor the night, and is remembered."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal, Protocol

from escrow.engine.memory import write_json
from escrow.errors import EscrowError
from escrow.record import time_text
from escrow.watch.message import Message

NAME = "told.json"
When = Literal["always", "trouble"]


class Channel(Protocol):
    """One way to tell somebody."""

    @property
    def name(self) -> str:
        """`mail`, `webhook`, `ping` or `log`."""

    def begin(self) -> None:
        """A night begins. Raises as `tell`."""

    def tell(self, message: Message) -> None:
        """Send it. TellError, or SourceError where a credential lacks."""


@dataclass(frozen=True, slots=True)
class Told:
    """What became of one channel: `code` is None when it went well."""

    channel: str
    code: str | None
    detail: str = ""


def begin_all(channels: Sequence[tuple[Channel, When]]) -> list[Told]:
    """Say that a night begins, to those who want to know."""
    return [_tried(one, one.begin) for one, _ in channels]


def tell_all(channels: Sequence[tuple[Channel, When]], message: Message) -> list[Told]:
    """Tell everybody whom it concerns: `trouble` hears of alarms and tests alone."""
    wanted = [one for one, when in channels if when == "always" or message.urgency == "alarm" or message.test]
    return [_tried(one, partial(one.tell, message)) for one in wanted]


def remember_told(folder: Path, message: Message, told: Sequence[Told]) -> None:
    """Keep what became of it in the state folder; a channel that was not tried is as it was before. StateError."""
    tried = {one.channel for one in told}
    failed = {channel: code for channel, code in not_told(folder).items() if channel not in tried}
    failed |= {one.channel: one.code for one in told if one.code}
    write_json(folder / NAME, {"time": time_text(message.time), "school": message.school, "failed": failed})


def not_told(folder: Path) -> dict[str, str]:
    """Channels that failed when they were tried last, each with its code. What cannot be read is no failure."""
    failed = _remembered(folder).get("failed")
    return {str(channel): str(code) for channel, code in failed.items()} if isinstance(failed, dict) else {}


def remembered_school(folder: Path) -> str | None:
    """The school's name as it was told last, None before that."""
    school = _remembered(folder).get("school")
    return school if isinstance(school, str) else None


def _remembered(folder: Path) -> dict[str, object]:
    try:
        data = json.loads((folder / NAME).read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return data if isinstance(data, dict) else {}


def _tried(one: Channel, action: Callable[[], None]) -> Told:
    try:
        action()
    except EscrowError as error:
        return Told(one.name, error.code, str(error))
    return Told(one.name, None)
