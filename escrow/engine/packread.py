"""Reads the raw bytes of one series' packs, whole or in part, and proves them on the way."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from itertools import pairwise
from threading import Lock

from escrow import limits
from escrow.engine.fetch import fetch_exact
from escrow.errors import IntegrityError
from escrow.pack.extents import Extent
from escrow.pack.frames import FOOTER_BYTES, Frame, decompress, read_table, table_size
from escrow.record import ObjectRef, pack_name
from escrow.seal import Identity, SealedReader, open_sealed
from escrow.store import Store

_TAIL = 4 * limits.KIB
_GAP = 128 * limits.KIB
_WHOLE = 0.6
_CACHED = 64


class SeriesPacks:
    """The packs of one series that one snapshot may use, by ordinal. `segments` is safe to use from several threads.

    Every method raises IntegrityError, FormatError, NotFoundError or another StoreError for a pack that is not what
    the notices say.
    """

    def __init__(self, store: Store, series: str, packs: Sequence[ObjectRef | None], identity: Identity) -> None:
        self._store = store
        self._series = series
        self._packs = packs
        self._identities = [identity]
        self._tables: dict[int, tuple[SealedReader, list[Frame]]] = {}
        self._recent: dict[tuple[int, int], bytes] = {}
        self._lock = Lock()

    def stream(self, extents: Sequence[Extent]) -> Iterator[bytes]:
        """The bytes of `extents`, in order. Small ones come through a cache of segments, so that a file whose changes
        lie scattered over many nights reads each segment about once."""
        for pack, offset, length in extents:
            end = offset + length
            few = length <= limits.MAX_SEGMENT_RAW
            for frame, data in self._cached(pack, offset, end) if few else self.segments(pack, [(offset, end)]):
                yield data[max(0, offset - frame.start) : end - frame.start]

    def _cached(self, pack: int, begin: int, end: int) -> Iterator[tuple[Frame, bytes]]:
        reader, frames = self._table(pack)
        for frame in _touched(pack, frames, [(begin, end)]):
            data = self._recent.pop((pack, frame.start), None)
            if data is None:
                data = decompress(reader.read(frame.at, frame.size), frame.raw)
                if len(self._recent) >= _CACHED:
                    del self._recent[next(iter(self._recent))]
            self._recent[pack, frame.start] = data
            yield frame, data

    def segments(self, pack: int, wanted: Sequence[tuple[int, int]]) -> Iterator[tuple[Frame, bytes]]:
        """The segments, in order, that the raw ranges (begin, end) touch, with their raw bytes.

        Reads the pack whole when most of it is wanted: then its SHA-256 is checked too.
        """
        reader, frames = self._table(pack)
        frames_wanted = _touched(pack, frames, wanted)
        if sum(frame.size for frame in frames_wanted) > _WHOLE * reader.size:
            plain = memoryview(self._open_whole(pack))
            for frame in frames_wanted:
                yield frame, decompress(plain[frame.at : frame.at + frame.size], frame.raw)
            return
        for group in _groups(frames_wanted):
            begin = group[0].at
            data = memoryview(reader.read(begin, group[-1].at + group[-1].size - begin))
            for frame in group:
                yield frame, decompress(data[frame.at - begin : frame.at - begin + frame.size], frame.raw)

    def all_segments(self, pack: int) -> Iterator[tuple[Frame, bytes]]:
        """Every segment of a pack, read whole."""
        plain = memoryview(self._open_whole(pack))
        for frame in _frames_of(plain):
            yield frame, decompress(plain[frame.at : frame.at + frame.size], frame.raw)

    def _open_whole(self, pack: int) -> bytes:
        ref = self._ref(pack)
        return open_sealed(fetch_exact(self._store, pack_name(self._series, ref.sha256), ref.sha256), self._identities)

    def _table(self, pack: int) -> tuple[SealedReader, list[Frame]]:
        with self._lock:
            known = self._tables.get(pack)
        if known is None:
            known = self._read_table(pack)
            with self._lock:
                self._tables[pack] = known
        return known

    def _ref(self, pack: int) -> ObjectRef:
        ref = self._packs[pack] if pack < len(self._packs) else None
        if ref is None:
            raise IntegrityError(
                "extent-range",
                f"a file lies in pack {pack}, which the history of {len(self._packs)} packs does not have",
                hint="a notice is missing: repair from another copy",
            )
        return ref

    def _read_table(self, pack: int) -> tuple[SealedReader, list[Frame]]:
        ref = self._ref(pack)
        name = pack_name(self._series, ref.sha256)

        def read_at(start: int, length: int) -> bytes:
            return self._store.get(name, start=start, length=length)

        reader = SealedReader(read_at, ref.size, self._identities, bytes.fromhex(ref.head_sha256))
        tail = reader.read(max(0, reader.size - _TAIL), min(_TAIL, reader.size))
        needed = table_size(tail)
        if _TAIL < needed <= reader.size:
            tail = reader.read(reader.size - needed, needed)
        return reader, read_table(tail, reader.size)


def _frames_of(plain: memoryview) -> list[Frame]:
    size = table_size(bytes(plain[-FOOTER_BYTES:]))
    return read_table(bytes(plain[-size:]), len(plain))


def _touched(pack: int, frames: list[Frame], wanted: Sequence[tuple[int, int]]) -> list[Frame]:
    end_of_pack = frames[-1].start + frames[-1].raw if frames else 0
    starts = [frame.start for frame in frames]
    touched: set[int] = set()
    for begin, end in wanted:
        if end > end_of_pack:
            raise IntegrityError("extent-range", f"a file reaches past the {end_of_pack} raw bytes of pack {pack}")
        touched.update(range(bisect_right(starts, begin) - 1, bisect_left(starts, end)))
    return [frames[number] for number in sorted(touched)]


def _groups(frames: list[Frame]) -> Iterator[list[Frame]]:
    """Neighbours that one ranged read should fetch together."""
    group: list[Frame] = frames[:1]
    for before, frame in pairwise(frames):
        if frame.at - (before.at + before.size) > _GAP or frame.at + frame.size - group[0].at > limits.MAX_PACK // 4:
            yield group
            group = []
        group.append(frame)
    if group:
        yield group
