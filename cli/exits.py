"""The exit codes: one table, and one map from errors to it."""

from collections.abc import Iterable
from enum import IntEnum

from escrow.errors import (
    BusyError,
    DeniedError,
    EscrowError,
    FormatError,
    IntegrityError,
    RefusedError,
    RollbackError,
    SourceError,
    StateError,
    StoreError,
    TellError,
    UsageError,
    WrongKeyError,
)


class Exit(IntEnum):
    """What a run tells the scheduler. Names in lower case stand in `--json` as `result`."""

    OK = 0
    INTERNAL = 1
    USAGE = 2
    PARTIAL = 3
    SUSPICIOUS = 4
    STALE = 5
    INTEGRITY = 6
    ROLLBACK = 7
    WRONG_KEY = 8
    STORE = 9
    DENIED = 10
    BUSY = 11
    STATE = 12
    REFUSED = 13
    UNFINISHED = 14
    SERIES_CHURN = 15
    SOURCE = 16
    COPIES = 17
    CHARTER = 18
    INCOMPLETE = 19
    OVERDUE = 20
    INTERRUPTED = 130

    @property
    def word(self) -> str:
        """The result's name: `ok`, `wrong-key`, ..."""
        return self.name.lower().replace("_", "-")


MEANING: dict[Exit, str] = {
    Exit.OK: "done, and nothing is amiss",
    Exit.INTERNAL: "a fault in escrow itself: please report it",
    Exit.USAGE: "the command line or escrow.toml is wrong",
    Exit.PARTIAL: "done, but some files could not be read or restored",
    Exit.SUSPICIOUS: "the night was deposited and looks wrong",
    Exit.STALE: "the last night is older than it may be",
    Exit.INTEGRITY: "what was deposited is damaged, missing or not signed as it should be",
    Exit.ROLLBACK: "the store shows an older or another history than was seen before",
    Exit.WRONG_KEY: "the key or the passphrase does not fit",
    Exit.STORE: "the store does not answer, has no room or fails",
    Exit.DENIED: "the store refuses the credential",
    Exit.BUSY: "another run is at work",
    Exit.STATE: "this machine's state, disk or clock is in the way",
    Exit.REFUSED: "escrow refuses: a key in the wrong place, a store that lies, a machine unknown to the charter",
    Exit.UNFINISHED: "time was up: what was sent is kept, the next run goes on",
    Exit.SERIES_CHURN: "new series begin too often: the state folder gets lost",
    Exit.SOURCE: "a source cannot be read at all; the others are deposited",
    Exit.COPIES: "too few copies, or one that lags: see escrow status",
    Exit.CHARTER: "all is well but the charter: its review date is past",
    Exit.INCOMPLETE: "the night was deposited, and data that it should hold is missing or old",
    Exit.OVERDUE: "something that had to be done by a date is past it: see escrow vendor status",
    Exit.INTERRUPTED: "stopped from the keyboard",
}

_BY_CODE = {
    "key-file": Exit.WRONG_KEY,
    "share-word": Exit.WRONG_KEY,
    "share-length": Exit.WRONG_KEY,
    "share-checksum": Exit.WRONG_KEY,
    "share-secret": Exit.WRONG_KEY,
    "rollback": Exit.ROLLBACK,
    "rollback-other": Exit.ROLLBACK,
    "store-lies": Exit.REFUSED,
    "store-away": Exit.STORE,
    "keys-one-domain": Exit.COPIES,
    "copy-unseen": Exit.COPIES,
    "copy-away": Exit.COPIES,
    "copy-lags": Exit.COPIES,
    "copy-lacks": Exit.COPIES,
    "charter-expired": Exit.CHARTER,
}
_BY_CLASS: tuple[tuple[type[EscrowError], Exit], ...] = (
    (UsageError, Exit.USAGE),
    (RollbackError, Exit.ROLLBACK),
    (IntegrityError, Exit.INTEGRITY),
    (FormatError, Exit.INTEGRITY),
    (WrongKeyError, Exit.WRONG_KEY),
    (RefusedError, Exit.REFUSED),
    (DeniedError, Exit.DENIED),
    (StoreError, Exit.STORE),
    (SourceError, Exit.SOURCE),
    (StateError, Exit.STATE),
    (BusyError, Exit.BUSY),
    (TellError, Exit.USAGE),
)
_WORST_FIRST = (
    Exit.ROLLBACK,
    Exit.INTEGRITY,
    Exit.REFUSED,
    Exit.DENIED,
    Exit.STORE,
    Exit.STATE,
    Exit.USAGE,
    Exit.STALE,
    Exit.SERIES_CHURN,
    Exit.INCOMPLETE,
    Exit.SUSPICIOUS,
    Exit.PARTIAL,
    Exit.COPIES,
    Exit.OVERDUE,
    Exit.CHARTER,
)


def exit_of(error: EscrowError) -> Exit:
    """The exit code of an error: by its code where that says more, else by its class."""
    found = _BY_CODE.get(error.code)
    return found if found is not None else next(exit for kind, exit in _BY_CLASS if isinstance(error, kind))


def exit_of_codes(codes: Iterable[str]) -> Exit:
    """The exit code of findings (those that are errors), by their codes; OK when there are none."""
    found = [Exit.REFUSED if code.startswith("probe-") else _BY_CODE.get(code, Exit.INTEGRITY) for code in codes]
    return worst(found)


def worst(exits: Iterable[Exit]) -> Exit:
    """The one of several results that a person should hear of first."""
    found = set(exits) - {Exit.OK}
    return next((one for one in _WORST_FIRST if one in found), max(found, default=Exit.OK))


def table() -> str:
    """The exit codes as text, one a line."""
    return "\n".join(f"{exit.value:>4}  {exit.word:<13} {MEANING[exit]}" for exit in Exit)
