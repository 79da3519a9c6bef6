"""From a vault's history and a custody identity to what a snapshot holds."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from escrow.engine.fetch import fetch_exact, public_objects
from escrow.engine.packread import SeriesPacks
from escrow.engine.register import NOTHING, LeftOut, open_register
from escrow.engine.sync import Anchor
from escrow.errors import IntegrityError, NotFoundError, UsageError
from escrow.pack.frames import unwrap_manifest
from escrow.record import (
    Entry,
    FileListReader,
    Manifest,
    NoticeSeries,
    StockKey,
    from_payload,
    key_name,
    manifest_name,
)
from escrow.seal import Identity, open_sealed
from escrow.store import Store
from escrow.trust import Head, History, Snapshot, accept

SeriesOpener = Callable[[bytes, StockKey], Identity]
"""Opens the sealed object of a series key: (sealed, what the stock says of it)."""


def load_history(store: Store, anchor: Anchor, remembered: Head | None = None) -> History:
    """Everything public in the store, accepted. Raises IntegrityError (`charter-missing`) when no charter holds."""
    history = accept(
        public_objects(store), vault=anchor.vault, fingerprint=anchor.fingerprint or None, remembered=remembered
    )
    if history.charter is None:
        raise IntegrityError(
            "charter-missing",
            f"{store.describe()}: expected a vault with a valid charter, found none",
            hint="check the store's address and the vault's id and fingerprint in the configuration",
        )
    return history


def choose(history: History, which: str) -> Snapshot:
    """The snapshot of a number, or `latest`. Of two of one number (a fork) the main branch's, or the one whose hash
    begins as `number-hash` says. Raises UsageError (`snapshot-unknown`)."""
    found = history.snapshots
    if which == "latest":
        found = tuple(snapshot for snapshot in found if snapshot.on_main)[-1:]
    else:
        number, _, digest = which.partition("-")
        found = tuple(one for one in found if str(one.seq) == number.lstrip("0") and one.sha256.startswith(digest))
    if not found:
        known = [snapshot.seq for snapshot in history.snapshots]
        raise UsageError(
            "snapshot-unknown",
            f"expected the number of a snapshot ({f'{known[0]} to {known[-1]}' if known else 'there is none'})"
            f" or 'latest', found {which!r}",
            hint="escrow list shows them",
        )
    return found[0]


@dataclass(frozen=True, slots=True)
class CompartmentView:
    """One compartment of one snapshot, opened. What `left_out` names must not be given out: ask it, or `check` it."""

    name: str
    manifest: Manifest
    packs: SeriesPacks
    left_out: LeftOut = NOTHING

    def without_register(self) -> "CompartmentView":
        """The same, with everything that was erased: for who was told that it is there."""
        return replace(self, left_out=NOTHING)

    def entries(self) -> Iterator[Entry]:
        """The file list, proven at its end: IntegrityError `list-hash` or `list-totals` otherwise."""
        reader = FileListReader(self.packs.stream(self.manifest.list.extents), self.manifest.list)
        yield from reader
        if reader.totals != self.manifest.totals:
            raise IntegrityError(
                "list-totals", f"expected {self.manifest.totals} in the file list, found {reader.totals}"
            )


def open_snapshot(
    store: Store, history: History, snapshot: Snapshot, opener: SeriesOpener, only: Sequence[str] = ()
) -> list[CompartmentView]:
    """Open the manifests of a snapshot's compartments (or `only` these).

    Raises UsageError (`compartment-unknown`), IntegrityError, WrongKeyError, NotFoundError.
    """
    names = {part.compartment for part in snapshot.parts}
    unknown = set(only) - names
    if unknown:
        raise UsageError("compartment-unknown", f"expected compartments of {sorted(names)}, found {sorted(unknown)}")
    return [
        _open_part(store, history, snapshot, part, opener)
        for part in snapshot.parts
        if not only or part.compartment in only
    ]


def _open_part(
    store: Store, history: History, snapshot: Snapshot, part: NoticeSeries, opener: SeriesOpener
) -> CompartmentView:
    """NotFoundError `series-expired` or `key-shredded` where what is missing was deleted, as an event says."""
    try:
        return _open(store, history, snapshot, part, opener)
    except NotFoundError as error:
        hint = "escrow list shows the nights that are there; --only leaves a compartment out"
        for code, n in (
            ("series-expired", history.ending.expired.get(part.series)),
            ("key-shredded", history.ending.shredded.get(part.key)),
        ):
            if n is not None:
                what = f"{part.compartment} of night {snapshot.seq} was deleted, event {n} says"
                raise NotFoundError(code, what, hint=hint) from error
        raise


def _open(
    store: Store, history: History, snapshot: Snapshot, part: NoticeSeries, opener: SeriesOpener
) -> CompartmentView:
    key = history.keys.get(part.key)
    if key is None or key.compartment != part.compartment:
        raise IntegrityError(
            "series-key", f"series {part.series} cites the key {part.key}, which no stock has for {part.compartment}"
        )
    identity = opener(fetch_exact(store, key_name(key.id, key.sha256), key.sha256), key)
    ref = part.manifest
    if ref is None:
        raise NotFoundError("manifest-absent", f"notice {snapshot.seq} names no manifest for {part.compartment}")
    sealed = fetch_exact(store, manifest_name(part.series, snapshot.seq, ref.sha256), ref.sha256)
    manifest = from_payload(unwrap_manifest(open_sealed(sealed, [identity])), Manifest)
    packs = snapshot.packs(part.series)
    said = (manifest.vault, manifest.series, manifest.compartment, manifest.seq, manifest.packs)
    wanted = (history.vault, part.series, part.compartment, snapshot.seq, len(packs))
    if said != wanted:
        raise IntegrityError("manifest-place", f"expected a manifest of {wanted}, found one of {said}")
    left_out = open_register(history, key.id, snapshot.seq, identity)
    return CompartmentView(part.compartment, manifest, SeriesPacks(store, part.series, packs, identity), left_out)
