"""What a scheduler is told: which command, when, and which folders it touches."""

from dataclasses import dataclass
from datetime import time


@dataclass(frozen=True, slots=True)
class Job:
    """One machine's nightly task. `command` calls escrow; paths are absolute, in the target system's own writing.

    `store` is the store's folder, None where it is reached over the network; `network`: sources or those who are told
    are; `at` and `until` by the wall clock.
    """

    command: tuple[str, ...]
    config: str
    state: str
    store: str | None
    at: time
    until: time
    network: bool = False

    def run(self) -> list[str]:
        """The night's command line."""
        times = ("--until", f"{self.until:%H:%M}", "--due", f"{self.at:%H:%M}")
        return [*self.command, "agent", "run", *times, "--config", self.config]

    def test(self) -> list[str]:
        """The self-test's command line."""
        return [*self.command, "agent", "test", "--config", self.config]
