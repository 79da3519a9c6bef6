"""What a probe found, as a value (docs/stores.md says what each check tries)."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, TypeAlias

Outcome: TypeAlias = Literal["enforced", "allowed", "not-supported", "denied", "unknown"]
"""enforced: the store holds what it should. allowed: it does not. denied: this credential lacks the right to try, so
nothing is proven. not-supported: the store has no such thing. unknown: the answer proves nothing either way."""

Lock: TypeAlias = Literal["COMPLIANCE", "none", "unknown"]
"""COMPLIANCE: a lock was seen to be kept. unknown: the credential may not look."""

FOLDER = "probe"
"""Where the probe's objects lie."""

LOCK = timedelta(days=1)
"""How long the probe's objects stay locked."""


@dataclass(frozen=True, slots=True)
class Check:
    """One thing tried. `name` is a key of escrow.store.probe_judge.CHECKS."""

    name: str
    outcome: Outcome
    detail: str = ""


@dataclass(frozen=True, slots=True)
class ProbeReport:
    """What a store does, as tried at `at` (its own clock).

    A `folder` has no lock and promises none. `left` are the keys of objects that stay until their lock ends.
    """

    store: str
    at: datetime
    folder: bool
    lock: Lock
    checks: tuple[Check, ...]
    left: tuple[str, ...] = ()

    def outcome(self, name: str) -> Outcome | None:
        """The outcome of the check of this name, None if it was not made."""
        return next((check.outcome for check in self.checks if check.name == name), None)
