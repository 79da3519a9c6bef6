"""The erasure register as it applies to one compartment of one night (docs/format.md, section 13.7)."""

from base64 import b64decode
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import chain

from escrow.engine.rows import RowRule
from escrow.errors import EscrowError, FormatError, IntegrityError, WrongKeyError
from escrow.record import Erased, ErasedRows, parse_erasure
from escrow.seal import Identity, open_sealed
from escrow.trust import History, ToldErasure

_HINT = (
    "nothing is restored beside the register: look in older versions and other copies (escrow store repair), "
    "or say --without-erasures and answer for it"
)


@dataclass(frozen=True, slots=True)
class LeftOut:
    """What is left out: whole entries with all below them, and rows of tables. Numbers are those of erasures.

    `faults` are erasures that apply and cannot be read: what they leave out is not known.
    """

    paths: Mapping[bytes, int] = field(default_factory=dict)
    rows: Mapping[bytes, tuple[RowRule, ...]] = field(default_factory=dict)
    faults: tuple[EscrowError, ...] = ()

    def check(self) -> None:
        """Raises the first fault: IntegrityError `erasure-missing`, `erasure-damaged`."""
        if self.faults:
            raise self.faults[0]

    def whole(self, path: bytes) -> int | None:
        """The first erasure that leaves out the entry of this path; None when none does."""
        if not self.paths:
            return None
        above = (path[:at] for at, byte in enumerate(path) if byte == 0x2F)
        found = [self.paths[one] for one in chain(above, (path,)) if one in self.paths]
        return min(found, default=None)

    def erasure_of(self, path: bytes) -> int | None:
        """The first erasure that leaves out the entry of this path or rows of it; None when none does."""
        rules = [rule.n for rule in self.rows.get(path, ())]
        whole = self.whole(path)
        return min(rules if whole is None else [*rules, whole], default=None)


NOTHING = LeftOut()


def open_register(history: History, key: str, seq: int, identity: Identity) -> LeftOut:
    """What is left out of night `seq` of a series under the key `key`, which `identity` opens."""
    found: list[tuple[int, Erased]] = []
    faults: list[EscrowError] = []
    for told in sorted(history.deeds.erasures, key=lambda one: one.n):
        if told.applies(key, seq):
            try:
                found += [(told.n, entry) for entry in open_erasure(told, identity)]
            except IntegrityError as error:
                faults.append(error)
    return left_out_by(found, faults)


def left_out_by(entries: Iterable[tuple[int, Erased]], faults: Iterable[EscrowError] = ()) -> LeftOut:
    """Pure: what these entries leave out, each with its erasure's number, the lowest first."""
    paths: dict[bytes, int] = {}
    rows: dict[bytes, list[RowRule]] = {}
    for n, entry in entries:
        if isinstance(entry, ErasedRows):
            rows.setdefault(entry.path, []).append(RowRule(entry.column, entry.value, n))
        else:
            paths.setdefault(entry.path, n)
    return LeftOut(paths, {path: tuple(rules) for path, rules in rows.items()}, tuple(faults))


def open_erasure(told: ToldErasure, identity: Identity) -> tuple[Erased, ...]:
    """The entries of an erasure. IntegrityError `erasure-missing`, `erasure-damaged`."""
    if told.record is None:
        detail = f"erasure {told.n}: expected the record {told.sha256[:16]}…, found none"
        raise IntegrityError("erasure-missing", detail, hint=_HINT)
    try:
        return parse_erasure(open_sealed(b64decode(told.record.sealed), [identity]))
    except (FormatError, IntegrityError, WrongKeyError) as error:
        detail = f"erasure {told.n}: expected entries that this key opens, found otherwise ({error.args[0]})"
        raise IntegrityError("erasure-damaged", detail, hint=_HINT) from None


def entries_of(told: ToldErasure, identity: Identity) -> tuple[Erased, ...]:
    """The entries of an erasure; none where it cannot be read."""
    try:
        return open_erasure(told, identity)
    except IntegrityError:
        return ()
