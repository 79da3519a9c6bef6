"""Opens what was released, in a copy: of each series every night, down to its list of files (L2).

The last night of a series is read whole. Of an older one the manifest and the list of files are opened and proven, and
each file is held against the packs that it names; its own bytes are those of packs that L1b has hashed.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace

from escrow.engine.ahead import ahead
from escrow.engine.packread import SeriesPacks, past_the_end
from escrow.engine.ports import NoProgress, Progress
from escrow.engine.reading import CompartmentView, SeriesOpener, open_snapshot
from escrow.engine.verify import Checked, verify_open
from escrow.errors import EscrowError, FormatError, IntegrityError, NotFoundError, WrongKeyError
from escrow.record import Extent, FileEntry, ListRef, StockKey, Totals
from escrow.seal import Identity
from escrow.store import Store
from escrow.trust import Finding, History, Snapshot

SPOILT = (IntegrityError, FormatError, NotFoundError, WrongKeyError)
_PARALLEL = 4


@dataclass(frozen=True, slots=True)
class Opening:
    """What opens released series in a copy: the ids of the keys, and who opens them."""

    place: Store
    history: History
    keys: Collection[str]
    opener: SeriesOpener


@dataclass(frozen=True, slots=True)
class Run:
    """One released series: its nights on the main branch, in order."""

    series: str
    compartment: str
    nights: tuple[Snapshot, ...]


def released_runs(at: Opening) -> list[Run]:
    """Pure: every series under these keys that has nights, in the order of their first."""
    found: dict[tuple[str, str], list[Snapshot]] = {}
    for snapshot in at.history.snapshots:
        for part in snapshot.parts if snapshot.on_main else ():
            if part.key in at.keys and not at.history.gone([part]):
                found.setdefault((part.series, part.compartment), []).append(snapshot)
    return [Run(series, compartment, tuple(nights)) for (series, compartment), nights in found.items()]


def open_run(at: Opening, run: Run, progress: Progress) -> tuple[Checked, Checked]:
    """Its older nights' lists, and its last night's files. Packs are opened once for all nights.

    A night counts once, with the bytes of its list. Never raises for what the copy holds: each night that is not as it
    should be is a finding, whose subject is the night's number.
    """
    opener = _Once(at.opener)
    lists = _Lists()
    count = size = 0
    findings: list[Finding] = []
    last = Checked(0, 0, ())

    def view_of(night: Snapshot) -> CompartmentView | EscrowError:
        try:
            (view,) = open_snapshot(at.place, at.history, night, opener, [run.compartment])
        except SPOILT as error:
            return error
        return view

    packs: SeriesPacks | None = None
    for night, view in zip(run.nights, ahead(view_of, run.nights, _PARALLEL), strict=True):
        count += 1
        try:
            if isinstance(view, EscrowError):
                raise view
            known = at.history.series[run.series].packs
            packs = packs or SeriesPacks(at.place, run.series, known, opener.identity)
            size += view.manifest.list.size
            shared = replace(view, packs=packs)
            if night is run.nights[-1]:
                last = verify_open([shared], NoProgress())
            else:
                lists.prove(shared)
        except SPOILT as error:
            findings.append(Finding(error.code, str(night.seq), str(error)))
        progress.advance(1)
    return Checked(count, size, tuple(findings)), last


class _Once:
    """An opener that opens the one key of a series once."""

    def __init__(self, opener: SeriesOpener) -> None:
        self._opener = opener
        self._opened: Identity | None = None

    def __call__(self, sealed: bytes, key: StockKey) -> Identity:
        if self._opened is None:
            self._opened = self._opener(sealed, key)
        return self._opened

    @property
    def identity(self) -> Identity:
        assert self._opened is not None
        return self._opened


class _Lists:
    """Proves lists of one series, night after night; what stands as the night before is not looked at again."""

    def __init__(self) -> None:
        self._list: tuple[ListRef, Totals] | None = None
        self._files: dict[bytes, Sequence[Extent]] = {}

    def prove(self, view: CompartmentView) -> None:
        """IntegrityError list-hash, list-totals, extent-range; FormatError of a line; what a pack raises."""
        about = (view.manifest.list, view.manifest.totals)
        if about == self._list:
            return
        _check_extents(view, view.manifest.list.extents)
        files = dict(self._extents(view))
        self._list, self._files = about, files

    def _extents(self, view: CompartmentView) -> Iterator[tuple[bytes, Sequence[Extent]]]:
        for entry in view.entries():
            if isinstance(entry, FileEntry):
                if entry.extents != self._files.get(entry.path):
                    _check_extents(view, entry.extents)
                yield entry.path, entry.extents


def _check_extents(view: CompartmentView, extents: Sequence[Extent]) -> None:
    """Every extent lies in a pack that this night may use, and that opens."""
    sizes: dict[int, int] = {}
    for pack, offset, length in extents:
        if pack not in sizes:
            if pack >= view.manifest.packs:
                detail = f"a file lies in pack {pack}, of {view.manifest.packs} that its night may use"
                raise IntegrityError("extent-range", detail)
            sizes[pack] = view.packs.raw_size(pack)
        if offset + length > sizes[pack]:
            raise past_the_end(pack, sizes[pack])
