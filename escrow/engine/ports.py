"""What the engine takes from outside: time, and somebody who watches it work."""

import time
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """The machine's clock."""

    def now(self) -> datetime:
        """Wall clock, UTC."""

    def sleep(self, seconds: float) -> None:
        """Wait."""


class SystemClock:
    """The real one."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)


class Progress(Protocol):
    """Watches long work. Calls come often and from one thread at a time."""

    def stage(self, name: str, total: int | None = None) -> None:
        """A new stage begins: `total` bytes or objects, when known."""

    def advance(self, count: int) -> None:
        """`count` more of them are done."""


class NoProgress:
    """Nobody watches."""

    def stage(self, name: str, total: int | None = None) -> None:
        pass

    def advance(self, count: int) -> None:
        pass
