"""The nights of a vault in which a person is looked for: opened as asked for, each time with an event."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from escrow.errors import RefusedError, WrongKeyError

from .config import Config
from .key_use import Use, board_of, check_purpose, leave_event
from .output import Output
from .vault import read_vault

if TYPE_CHECKING:
    from escrow.engine.reading import CompartmentView
    from escrow.record import StockKey
    from escrow.seal import Identity
    from escrow.subject.index import Index
    from escrow.trust import Snapshot

PURPOSE = "subject-request"
_PLAIN = "restore"
"""The purpose where a charter names none, as for a vault of one key file."""
GUARDED = "safeguarding"
FOLDER = "people"
"""In the state folder: the sealed indexes."""
_MOST_INDEXES = 200


@dataclass(frozen=True, slots=True)
class Night:
    """A night, opened."""

    snapshot: "Snapshot"
    views: "tuple[CompartmentView, ...]"


class Opening:
    """Opens nights with one board. `released`: who has released the safeguarding records for this, if anybody has.

    UsageError, RefusedError `event-purpose`, `subject-safeguarding` before anything is opened; WrongKeyError.
    """

    def __init__(
        self, output: Output, config: Config, use: Use, compartments: Sequence[str], released: str | None
    ) -> None:
        if GUARDED in compartments and not released:
            hint = "say who has released them, and when, with --released-by, or in the request file"
            raise RefusedError(
                "subject-safeguarding", "expected a release of the safeguarding records for this request", hint=hint
            )
        self._output = output
        self._config = config
        self._asked = list(compartments)
        self._identities: dict[str, Identity] = {}
        self.vault = read_vault(config)
        self.vault.warn(output)
        charter = self.vault.history.charter
        if use.purpose == PURPOSE and charter is not None and charter.purposes is None:
            output.note(
                f"the charter names no purposes: recorded as {_PLAIN}, with what it was for sealed in the event"
            )
            use = replace(use, purpose=_PLAIN)
        check_purpose(self.vault, use)
        self._use = use
        self._board = board_of(self.vault, use)

    def nights(self, numbers: Sequence[str]) -> "list[Snapshot]":
        """The nights of these numbers, else the usual ones. UsageError `snapshot-unknown`."""
        from escrow.engine.reading import choose
        from escrow.subject.nights import usual_nights

        history = self.vault.history
        found = {one.sha256: one for number in numbers for one in (choose(history, number),)}
        if numbers:
            return sorted(found.values(), key=lambda one: -one.seq)
        usual = usual_nights(history.snapshots)
        return usual or [choose(history, "latest")]

    def open(self, snapshots: "Sequence[Snapshot]", details: str) -> list[Night]:
        """Open them; the event that tells of it holds `details`, sealed."""
        chosen = {one.sha256: self._compartments(one) for one in snapshots}
        if not any(chosen.values()):
            asked = ", ".join(self._asked) or "any"
            hint = "escrow list shows what there is, escrow handover status what was released to whom"
            raise WrongKeyError("subject-closed", f"expected a compartment that opens ({asked}), found none", hint=hint)
        found = [self.night(one) for one in snapshots if chosen[one.sha256]]
        self.tell(snapshots, details)
        return found

    def night(self, snapshot: "Snapshot") -> Night:
        """Open one night, which has been told of, or is told of next."""
        from escrow.engine.reading import open_snapshot

        names = self._compartments(snapshot)
        views = open_snapshot(self.vault.store, self.vault.history, snapshot, self._opened, names) if names else []
        return Night(snapshot, tuple(views))

    def tell(self, snapshots: "Sequence[Snapshot]", details: str) -> None:
        """Leave the event of an opening of these nights, `details` sealed in it."""
        used = {
            (part.key, part.series)
            for one in snapshots
            for part in one.parts
            if part.compartment in self._compartments(one)
        }
        leave_event(self._output, self.vault, self._use, self._board.keys, used, details)
        self.vault.remember()
        self.vault = read_vault(self._config)  # an event follows the one before it

    def _compartments(self, snapshot: "Snapshot") -> list[str]:
        """Those that were asked for and that this key opens; safeguarding only where it was named."""
        parts = {part.compartment: part.key for part in snapshot.parts}
        asked = self._asked or [name for name in parts if name != GUARDED]
        if self._use.custodian is not None:
            known = self.vault.history.handover.keys_of([key.public() for key in self._board.keys])
            return [name for name in asked if parts.get(name) in known]
        return [name for name in asked if name in parts]

    def _opened(self, sealed: bytes, key: "StockKey") -> "Identity":
        if key.id not in self._identities:
            self._identities[key.id] = self._board.opener(sealed, key)
        return self._identities[key.id]

    def indexes(self, night: Night) -> "list[Index]":
        """Who stands in a night, by compartment: from this machine's sealed indexes, else read and kept there."""
        from escrow.seal import parse_recipient
        from escrow.subject.index import index_of

        history = self.vault.history
        erasures = len(history.deeds.erasures)
        self._forget(erasures)
        parts = {part.compartment: part for part in night.snapshot.parts}
        found = []
        for view in night.views:
            key = history.keys[parts[view.name].key]
            name = f"{night.snapshot.sha256[:24]}-{key.id}-{erasures}.age"
            place = self._config.state / FOLDER / name
            found.append(index_of(view, place, parse_recipient(key.recipient), self._identities[key.id]))
            view.packs.forget()
        return found

    def _forget(self, erasures: int) -> None:
        """Remove indexes that were made before an erasure, and the oldest of many."""
        kept = sorted((self._config.state / FOLDER).glob("*.age"), key=lambda one: one.stat().st_mtime, reverse=True)
        for number, place in enumerate(kept):
            if number >= _MOST_INDEXES or not place.stem.endswith(f"-{erasures}"):
                place.unlink(missing_ok=True)
