"""Every error this library raises on purpose.

Each says what was expected, what was found and what to do next, and carries a stable `code` (kebab-case; the
codes of the format's MUSTs stand in docs/format.md). Exit codes are the command line's business.
"""


class EscrowError(Exception):
    """Base of all errors that escrow raises. `code` is stable, `hint` says what to do next ("" when nothing)."""

    def __init__(self, code: str, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.hint = hint

    def __str__(self) -> str:
        message = super().__str__()
        return f"{message}: {self.hint}" if self.hint else message


class UsageError(EscrowError):
    """The command line, the configuration or the arguments of a call are wrong."""


class FormatError(EscrowError):
    """Bytes do not have the form that docs/format.md gives them."""


class LimitError(FormatError):
    """A value is over a limit of escrow.limits: hostile or absurd, never processed further."""


class IntegrityError(EscrowError):
    """Authenticated content does not match: a hash, a MAC, a size or a place in the chain."""


class SignatureError(IntegrityError):
    """A signature is missing, wrong, or by a key that the charter does not name."""


class RollbackError(IntegrityError):
    """The store shows an older or another history than the one remembered."""


class WrongKeyError(EscrowError):
    """The key, passphrase or identity given does not open this object."""


class RefusedError(EscrowError):
    """The charter forbids it: revoked agent, transferred vault, key in the agent's own folder."""


class StoreError(EscrowError):
    """The store could not do what was asked. Subclasses say why."""


class NotFoundError(StoreError):
    """No such object (or version) in the store."""


class ExistsError(StoreError):
    """An object of this name is already there, with other content."""


class DeniedError(StoreError):
    """The credential may not do this, or the object is locked."""


class UnreachableError(StoreError):
    """The store does not answer, or failed more often than was worth retrying."""


class FullError(StoreError):
    """The store has no room left."""


class SourceError(EscrowError):
    """A source cannot be read at all (single unreadable files are findings, not errors)."""


class StateError(EscrowError):
    """The agent's local state cannot be read or written: disk full, no rights, foreign or damaged."""


class BusyError(EscrowError):
    """Another run holds the agent's lock."""


class TellError(EscrowError):
    """Somebody could not be told. It never stops a night."""
