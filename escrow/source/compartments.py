"""Which compartment a path goes to: the first rule with a matching glob, else the strictest. Pure.

Globs have the language of .gitignore, which administrators know and the package `pathspec` implements; they are
matched against the full path, source's name first, without regard to case or composition.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from pathspec import GitIgnoreSpec

from escrow.errors import UsageError
from escrow.source.paths import fold


@dataclass(frozen=True, slots=True)
class Rule:
    """Paths that match any of `globs` go to `compartment`."""

    compartment: str
    globs: tuple[str, ...]


class Compartments:
    """The rules of one vault, in order."""

    def __init__(self, rules: Sequence[Rule], *, strictest: str) -> None:
        """`strictest` takes what matches no rule. UsageError `glob` for a glob that cannot be understood."""
        self._strictest = strictest
        self._rules = [(rule.compartment, compile_globs(fold(glob) for glob in rule.globs)) for rule in rules]

    def assign(self, path: bytes) -> str:
        """The compartment of a full path."""
        text = fold(path.decode("utf-8", "surrogateescape"))
        for compartment, spec in self._rules:
            if spec.match_file(text):
                return compartment
        return self._strictest


def compile_globs(globs: Iterable[str]) -> GitIgnoreSpec:
    """Patterns in the language of .gitignore. UsageError `glob` for one that is not of it, or holds a backslash."""
    lines = list(globs)
    for glob in lines:
        if "\\" in glob:
            raise UsageError("glob", f"pattern {glob!r} has a backslash", hint="separate folders with /")
    try:
        return GitIgnoreSpec.from_lines(lines, backend="simple")
    except (ValueError, re.error) as error:
        raise UsageError(
            "glob", f"a pattern cannot be understood: {error}", hint="write it as for .gitignore"
        ) from error
