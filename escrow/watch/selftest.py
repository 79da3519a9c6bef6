"""What a night needs, tried in the place and by the account of the night. Deposits nothing."""

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from escrow.engine.state import State
from escrow.engine.sync import find_footing
from escrow.errors import BusyError, EscrowError, StateError
from escrow.source import Source
from escrow.watch.rounds import Machine

_TEMP = "test-"


@dataclass(frozen=True, slots=True)
class Check:
    """One line of the checklist; `error` is None when all is well."""

    check: str
    detail: str
    error: EscrowError | None = None

    @property
    def result(self) -> str:
        """`ok`, or the error's code."""
        return self.error.code if self.error else "ok"


def try_machine(machine: Machine) -> list[Check]:
    """The state folder, each source, the store, and what a night looks at first: clocks, charter, this machine's key.

    Every check is made, whatever fails before it. The store's answer to a real deposit is left to the first night.
    """
    return [
        attempt("state", lambda: _try_state(machine.state_folder)),
        *(attempt(f"source {source.name}", partial(_try_source, source)) for source in machine.sources),
        attempt("store", lambda: _try_store(machine)),
        attempt("charter", lambda: _try_footing(machine)),
    ]


def attempt(check: str, action: Callable[[], str]) -> Check:
    """The outcome of `action`, which gives a detail or raises an EscrowError."""
    try:
        return Check(check, action())
    except EscrowError as error:
        return Check(check, str(error), error)


def _try_state(folder: Path) -> str:
    """Makes no state where there is none: it would belong to whoever runs the test."""
    with _told(folder), TemporaryDirectory(prefix=_TEMP, dir=folder):
        if not (folder / "state.db").exists():
            return "can be written; no night yet"
    try:
        State.open(folder).close()
    except BusyError:
        return "can be written; another run is at work"
    return "can be written"


def _try_source(source: Source) -> str:
    next(iter(source.scan()), None)
    return "can be listed"


def _try_store(machine: Machine) -> str:
    store = machine.open_store()
    next(store.list("charter/"), None)
    return f"{store.describe()} answers"


def _try_footing(machine: Machine) -> str:
    """As a night does, with a state of its own that is thrown away."""
    with (
        _told(machine.state_folder),
        TemporaryDirectory(prefix=_TEMP, dir=machine.state_folder) as folder,
        closing(State.open(Path(folder))) as state,
    ):
        key = machine.key.public()
        footing = find_footing(machine.open_store(), state, key, machine.clock, machine.anchor)
    last = f"last notice {footing.head.seq}" if footing.head else "no night yet"
    return f"{footing.charter.school.name} names this machine {key.id}; clocks agree; {last}"


@contextmanager
def _told(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        hint = "make the folder, and let the agent's account write there"
        raise StateError("state-unusable", f"{folder}: cannot be written ({error.strerror})", hint=hint) from error
