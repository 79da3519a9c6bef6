"""What a command says: results to stdout, messages to stderr, both as plain text or as JSON lines."""

import json
import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, NoReturn

import typer

from .exits import Exit

if TYPE_CHECKING:
    from escrow.engine.ports import Progress
    from escrow.record import JsonValue

_RED, _GREEN, _YELLOW = 31, 32, 33
_PAINT = re.compile("(\x1b\\[(?:0|31|32|33)m)")


class Output:
    """One command's voice. With `as_json` each row is an object on a line, and the last has `result` and `exit`.

    `aside`: stdout carries data (a tar), so that rows go to stderr.
    """

    def __init__(self, as_json: bool, *, aside: bool = False) -> None:
        self.as_json = as_json
        self._stream = sys.stderr if aside else sys.stdout
        old_console = os.name == "nt" and "WT_SESSION" not in os.environ
        self._colours = self._stream.isatty() and "NO_COLOR" not in os.environ and not old_console

    def row(self, text: str, **fields: "JsonValue") -> None:
        """One result: `text` for people, `fields` for programs."""
        if self.as_json:
            self._write(json.dumps(fields))
        else:
            self._write(printable(text, colours=self._colours))

    def note(self, text: str) -> None:
        """A message beside the results."""
        print(printable(text), file=sys.stderr)

    def finish(self, exit: Exit, text: str = "", **fields: "JsonValue") -> NoReturn:
        """The last line, and the end of the command."""
        if self.as_json:
            self._write(json.dumps({"result": exit.word, "exit": exit.value, **fields}))
        elif text:
            self._write(printable(text, colours=self._colours))
        raise typer.Exit(exit)

    def paint(self, text: str, exit: Exit) -> str:
        """`text` in green, yellow or red on a terminal that likes colours."""
        if (
            not self._stream.isatty()
            or "NO_COLOR" in os.environ
            or (os.name == "nt" and "WT_SESSION" not in os.environ)
        ):
            return text
        colour = {Exit.OK: _GREEN, Exit.PARTIAL: _YELLOW, Exit.SUSPICIOUS: _YELLOW}.get(exit, _RED)
        return f"\x1b[{colour}m{text}\x1b[0m"

    @contextmanager
    def progress(self) -> Iterator["Progress"]:
        """Bars on a terminal, nothing anywhere else."""
        if self.as_json or not sys.stderr.isatty():
            from escrow.engine.ports import NoProgress

            yield NoProgress()
            return
        from .bars import Bars

        with Bars() as bars:
            yield bars

    def _write(self, line: str) -> None:
        print(line, file=self._stream, flush=True)


def printable(text: str, *, colours: bool = False) -> str:
    """Text without control characters and lone surrogates: file names and a store's words may hold anything.

    `colours`: the four sequences of `Output.paint` stay.
    """
    if colours:
        parts = _PAINT.split(text)
        return "".join(part if number % 2 else printable(part) for number, part in enumerate(parts))
    return "".join(char if char.isprintable() else ascii(char)[1:-1] for char in text)


def shown(path: bytes) -> str:
    """A path of a vault for people."""
    return path.decode("utf-8", "backslashreplace")
