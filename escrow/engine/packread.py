"""Reads the raw bytes of one series' packs, whole or in part, and proves them on the way."""

import hashlib
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from itertools import pairwise
from threading import Lock

from escrow import limits
from escrow.engine.fetch import find_exact
from escrow.errors import FormatError, IntegrityError, LimitError, NotFoundError, StoreError
from escrow.pack.extents import Extent
from escrow.pack.frames import Frame, decompress, read_table, table_size
from escrow.record import ObjectRef, pack_name
from escrow.seal import Identity, SealedReader, head_of
from escrow.store import Store
from escrow.store.base import reads_at_once
from escrow.trust import Packs

_TAIL = 4 * limits.KIB
_GAP = 128 * limits.KIB
_READ = 2 * limits.MIB
_CACHE = 64 * limits.MIB


class _Pack:
    """One pack: its table, and ranges of its plaintext.

    Ranges come from the newest version of the object; when that is not ours, from the version whose hash is right.
    """

    def __init__(self, store: Store, name: str, ref: ObjectRef, identity: Identity) -> None:
        self._store = store
        self._name = name
        self._ref = ref
        self._identity = identity
        self._proven = False
        if ref.size > limits.MAX_PACK:
            raise LimitError("pack-size", f"{name}: a pack of {ref.size} bytes; at most {limits.MAX_PACK} are allowed")
        try:
            self._reader, self.frames = self._open(None, ref.size, bytes.fromhex(ref.head_sha256))
        except (IntegrityError, FormatError, NotFoundError):
            self._reader, self.frames = self._open_proven()

    @property
    def size(self) -> int:
        """Plaintext bytes."""
        return self._reader.size

    def _open(self, version: str | None, size: int, head_sha256: bytes) -> tuple[SealedReader, list[Frame]]:
        def read_at(start: int, length: int) -> bytes:
            try:
                return self._store.get(self._name, start=start, length=length, version=version)
            except StoreError as error:
                if error.code == "store-short":
                    raise IntegrityError("object-short", str(error)) from error
                raise

        reader = SealedReader(read_at, size, [self._identity], head_sha256)
        tail = reader.read(max(0, reader.size - _TAIL), min(_TAIL, reader.size))
        needed = table_size(tail)
        if _TAIL < needed <= reader.size:
            tail = reader.read(reader.size - needed, needed)
        return reader, read_table(tail, reader.size)

    def _open_proven(self) -> tuple[SealedReader, list[Frame]]:
        """From the version whose hash is right, whatever else the notice says of it."""
        self._proven = True
        data, version = find_exact(self._store, self._name, self._ref.sha256)
        return self._open(version, len(data), hashlib.sha256(head_of(data) or b"").digest())

    def read(self, offset: int, length: int) -> bytes:
        """A range of the plaintext."""
        try:
            return self._reader.read(offset, length)
        except (IntegrityError, NotFoundError):
            if self._proven:
                raise
            self._reader, self.frames = self._open_proven()
            return self._reader.read(offset, length)


class SeriesPacks:
    """The packs of one series that one snapshot may use, by ordinal. `segments` is safe to use from several threads.

    `at_once` packs are best read in parallel.

    Every method raises IntegrityError, FormatError, WrongKeyError, NotFoundError or another StoreError for a pack
    that is not what the notices say.
    """

    def __init__(self, store: Store, series: str, packs: Packs, identity: Identity) -> None:
        self._store = store
        self._series = series
        self._packs = packs
        self._identity = identity
        self._open: dict[int, _Pack] = {}
        self._recent: dict[tuple[int, int], bytes] = {}
        self._recent_bytes = 0
        self._lock = Lock()
        self.at_once = reads_at_once(store)

    def stream(self, extents: Sequence[Extent]) -> Iterator[bytes]:
        """The bytes of `extents`, in order. Small ones come through a cache of segments, so that a file whose changes
        lie scattered over many nights reads each segment about once."""
        for pack, offset, length in extents:
            end = offset + length
            few = length <= limits.MAX_SEGMENT_RAW
            for frame, data in self._cached(pack, offset, end) if few else self.segments(pack, [(offset, end)]):
                yield data[max(0, offset - frame.start) : end - frame.start]

    def _cached(self, ordinal: int, begin: int, end: int) -> Iterator[tuple[Frame, bytes]]:
        pack = self._pack(ordinal)
        for frame in _touched(ordinal, pack.frames, [(begin, end)]):
            data = self._recent.pop((ordinal, frame.start), None)
            if data is None:
                data = decompress(pack.read(frame.at, frame.size), frame.raw)
                self._recent_bytes += frame.raw
                while self._recent and self._recent_bytes > _CACHE:
                    self._recent_bytes -= len(self._recent.pop(next(iter(self._recent))))
            self._recent[ordinal, frame.start] = data
            yield frame, data

    def segments(self, ordinal: int, wanted: Sequence[tuple[int, int]]) -> Iterator[tuple[Frame, bytes]]:
        """The segments, in order, that the raw ranges (begin, end) touch, with their raw bytes."""
        pack = self._pack(ordinal)
        for group in _groups(_touched(ordinal, pack.frames, wanted)):
            begin = group[0].at
            data = memoryview(pack.read(begin, group[-1].at + group[-1].size - begin))
            for frame in group:
                yield frame, decompress(data[frame.at - begin : frame.at - begin + frame.size], frame.raw)

    def raw_size(self, ordinal: int) -> int:
        """Raw bytes of a pack."""
        return _raw_size(self._pack(ordinal).frames)

    def forget(self) -> None:
        """Give back the memory of the segments that `stream` keeps."""
        self._recent.clear()
        self._recent_bytes = 0

    def _pack(self, ordinal: int) -> _Pack:
        with self._lock:
            known = self._open.get(ordinal)
        if known is None:
            ref = self._packs[ordinal] if ordinal < len(self._packs) else None
            if ref is None:
                raise IntegrityError(
                    "extent-range",
                    f"a file lies in pack {ordinal}, which the history of {len(self._packs)} packs does not have",
                    hint="if a notice is missing, repair from another copy",
                )
            known = _Pack(self._store, pack_name(self._series, ref.sha256), ref, self._identity)
            with self._lock:
                self._open[ordinal] = known
        return known


def past_the_end(pack: int, end_of_pack: int) -> IntegrityError:
    """The error for an extent that its pack does not have."""
    return IntegrityError("extent-range", f"a file reaches past the {end_of_pack} raw bytes of pack {pack}")


def _raw_size(frames: list[Frame]) -> int:
    return frames[-1].start + frames[-1].raw if frames else 0


def _touched(pack: int, frames: list[Frame], wanted: Sequence[tuple[int, int]]) -> list[Frame]:
    end_of_pack = _raw_size(frames)
    starts = [frame.start for frame in frames]
    touched: set[int] = set()
    for begin, end in wanted:
        if end > end_of_pack:
            raise past_the_end(pack, end_of_pack)
        touched.update(range(bisect_right(starts, begin) - 1, bisect_left(starts, end)))
    return [frames[number] for number in sorted(touched)]


def _groups(frames: list[Frame]) -> Iterator[list[Frame]]:
    """Neighbours that one ranged read should fetch together."""
    group: list[Frame] = frames[:1]
    for before, frame in pairwise(frames):
        if frame.at - (before.at + before.size) > _GAP or frame.at + frame.size - group[0].at > _READ:
            yield group
            group = []
        group.append(frame)
    if group:
        yield group
