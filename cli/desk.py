"""Where a dialogue takes place: a port, so that tests drive the scripts, and the terminal behind it."""

import os
import subprocess
import sys
from typing import Protocol

from escrow.errors import UsageError

from .output import printable


class Desk(Protocol):
    """A screen and a keyboard that one person uses at a time."""

    def say(self, text: str = "") -> None:
        """Show lines of text."""

    def ask(self, prompt: str) -> str:
        """What is typed in answer, without blanks around it. UsageError `dialogue-ended` at the end of the input."""

    def clear(self) -> None:
        """Nothing of what was shown can be read any more."""


class Terminal:
    """The terminal, by stderr and stdin: nothing of a dialogue ever reaches stdout."""

    def __init__(self) -> None:
        if not (sys.stdin.isatty() and sys.stderr.isatty()):
            hint = "run it in a terminal window, with nothing redirected"
            raise UsageError("terminal-needed", "expected a person at a terminal, found none", hint=hint)

    def say(self, text: str = "") -> None:
        """Show lines of text."""
        for line in text.split("\n"):
            print(printable(line), file=sys.stderr, flush=True)

    def ask(self, prompt: str) -> str:
        """What is typed in answer."""
        print(printable(prompt), end="", file=sys.stderr, flush=True)
        line = sys.stdin.readline()
        if not line:
            raise UsageError("dialogue-ended", "expected an answer, found the end of the input")
        return line.strip()

    def clear(self) -> None:
        """Clear the screen, and what it scrolled away where the terminal can."""
        if os.name == "nt":
            subprocess.run([os.environ.get("COMSPEC", "cmd.exe"), "/c", "cls"], stdout=sys.stderr, check=False)  # noqa: S603
        print("\x1b[2J\x1b[3J\x1b[H", end="", file=sys.stderr, flush=True)


def confirm(desk: Desk, prompt: str, word: str) -> None:
    """Ask until `word` is typed. Whoever wants to stop presses Ctrl-C."""
    while desk.ask(f"{prompt} Type {word} and press Enter: ").lower() != word:
        desk.say(f"Expected the word {word}. To stop here press Ctrl-C.")
