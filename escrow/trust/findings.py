"""What a reader tells about a vault beside its history."""

from dataclasses import dataclass
from typing import Literal, TypeAlias

Severity: TypeAlias = Literal["error", "warning"]


@dataclass(frozen=True, slots=True)
class Finding:
    """Something amiss: `code` of docs/format.md, `subject` the object's name, `detail` a sentence.

    A warning is junk that costs nothing; an error wants a person.
    """

    code: str
    subject: str
    detail: str
    severity: Severity = "error"


class Findings:
    """Collects findings in the order in which they were made, each once."""

    def __init__(self) -> None:
        self._found: dict[Finding, None] = {}

    def add(self, code: str, subject: str, detail: str, severity: Severity = "error") -> None:
        """Notes one finding."""
        self._found[Finding(code, subject, detail, severity)] = None

    def all(self) -> tuple[Finding, ...]:
        """Every finding so far."""
        return tuple(self._found)
