"""Turns one series' raw bytes into sealed packs, streaming: chunk, look up, compress, seal, put, journal.

The calling thread cuts and seals; compression and puts run in the executors of `Workers`. Memory: one pack being
built, at most `UPLOADS` being put.
"""

import hashlib
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from io import BytesIO

from escrow import limits
from escrow.engine.blocks import HEADROOM, Block
from escrow.engine.indexes import DatasetIndexes
from escrow.engine.state import State
from escrow.pack.chunks import DOCUMENT, TABLE, Chunker, page_size
from escrow.pack.extents import Extent, ExtentList
from escrow.pack.frames import close_pack, compress
from escrow.pack.index import Places, pack_record
from escrow.record import ObjectRef, pack_name
from escrow.seal import Recipient, Sealer
from escrow.source import Kind
from escrow.store import Store

UPLOADS = 2
_SIZES = {"table": TABLE, "document": DOCUMENT}
_LEVEL = 3
_IN_FLIGHT = 3
_RAW_AT_MOST = limits.MAX_PACK_RAW - 8 * limits.MIB


@dataclass(frozen=True, slots=True)
class Workers:
    """The threads that a night uses."""

    compress: ThreadPoolExecutor
    upload: ThreadPoolExecutor


@contextmanager
def workers() -> Iterator[Workers]:
    """Threads for one run; what is queued is dropped when the run fails."""
    made = Workers(ThreadPoolExecutor(2, "compress"), ThreadPoolExecutor(UPLOADS, "upload"))
    try:
        yield made
    finally:
        for pool in (made.compress, made.upload):
            pool.shutdown(wait=True, cancel_futures=True)


@dataclass(frozen=True, slots=True)
class _Upload:
    ordinal: int
    chunks: dict[str, bytes]
    done: Future[ObjectRef]


class PackWriter:
    """Writes one series' packs during one run. `secret`: the series' 40 bytes, chunk key and gear seed."""

    def __init__(  # noqa: PLR0917
        self,
        series: str,
        secret: bytes,
        recipient: Recipient,
        retain_until: datetime,
        state: State,
        store: Store,
        threads: Workers,
    ) -> None:
        self.series = series
        self.bytes_put = 0
        self.acknowledged = 0
        self._key, self._seed = secret[:32], int.from_bytes(secret[32:40], "little") >> 1
        self._recipient = recipient
        self._retain_until = retain_until
        self._state = state
        self._store = store
        self._threads = threads
        self._indexes = DatasetIndexes(lambda dataset: state.chunks(series, dataset))
        journalled = state.packs(series)
        self._ordinal = journalled[-1].ordinal + 1 if journalled else 0
        self.fresh = not any(pack.seq is None for pack in journalled)
        self._dataset = ""
        self._places: Places = {}
        self._segment = bytearray()
        self._frames: deque[tuple[int, Future[bytes]]] = deque()
        self._uploads: deque[_Upload] = deque()
        self._begin_pack()

    def _begin_pack(self) -> None:
        self._sealer = Sealer([self._recipient])
        self._body = BytesIO()
        self._body.write(self._sealer.head)
        self._sizes: list[tuple[int, int]] = []
        self._compressed = 0
        self._raw = 0
        self._fresh = bytearray()
        self._chunks: dict[str, bytearray] = {self._dataset: self._fresh}
        self._base = self._ordinal << 32

    def store_file(self, dataset: str, kind: Kind, blocks: Iterator[Block]) -> tuple[Extent, ...]:
        """Deposit the bytes of one file of `dataset`; gives its extents. Constant memory but for the extents."""
        self._turn_to(dataset)
        extents = ExtentList()
        chunker: Chunker | None = None
        rest = b""
        for block in blocks:
            if chunker is None:
                page = page_size(bytes(block.buffer[HEADROOM : HEADROOM + 18]))
                chunker = Chunker(self._key, self._seed, dataset, _SIZES[kind], page)
            window = block.window(rest)
            rest = bytes(window[self._store_window(chunker, window, final=False, extents=extents) :])
        if chunker is not None:
            self._store_window(chunker, memoryview(rest), final=True, extents=extents)
        return extents.finish()

    def _turn_to(self, dataset: str) -> None:
        if dataset == self._dataset:
            return
        self._close_segment()
        self._dataset = dataset
        under_way = [(upload.ordinal, upload.chunks.get(dataset, b"")) for upload in self._uploads]
        under_way.append((self._ordinal, bytes(self._chunks.get(dataset, b""))))
        self._places = self._indexes.of(dataset, under_way)
        self._fresh = self._chunks.setdefault(dataset, bytearray())

    def _store_window(self, chunker: Chunker, window: memoryview, *, final: bool, extents: ExtentList) -> int:
        known = self._places.get
        start = run = run_start = 0
        for end, chunk_id in zip(*chunker.cut(window, final), strict=True):
            place = known(chunk_id)
            if place is None:
                place = self._append(window, start, end, chunk_id)
            if place - run != start - run_start:
                if start > run_start:
                    extents.add(run, start - run_start)
                run, run_start = place, start
            start = end
        if start > run_start:
            extents.add(run, start - run_start)
        return start

    def _append(self, window: memoryview, start: int, end: int, chunk_id: bytes) -> int:
        if len(self._segment) + end - start > limits.SEGMENT_RAW:
            self._close_segment()
        segment = self._segment
        offset = self._raw + len(segment)
        segment += window[start:end]
        self._fresh += pack_record(chunk_id, offset)
        place = self._places[chunk_id] = self._base | offset
        return place

    def _close_segment(self) -> None:
        if not self._segment:
            return
        raw, self._segment = self._segment, bytearray()
        self._raw += len(raw)
        self._frames.append((len(raw), self._threads.compress.submit(compress, raw, _LEVEL)))
        while len(self._frames) > _IN_FLIGHT:
            self._seal_frame()
        if self._compressed >= limits.PACK_TARGET or self._raw >= _RAW_AT_MOST:
            self._close_pack()

    def _seal_frame(self) -> None:
        raw, future = self._frames.popleft()
        frame = future.result()
        self._sizes.append((len(frame), raw))
        self._compressed += len(frame)
        self._body.write(self._sealer.update(frame))

    def _close_pack(self) -> None:
        while self._frames:
            self._seal_frame()
        self._body.write(self._sealer.update(close_pack(self._sizes)))
        self._body.write(self._sealer.finish())
        body = self._body.getvalue()  # its own buffer: nothing is copied
        head = hashlib.sha256(self._sealer.head).hexdigest()
        chunks = {dataset: bytes(records) for dataset, records in self._chunks.items() if records}
        ordinal = self._ordinal
        self._ordinal += 1
        self._begin_pack()
        while len(self._uploads) >= UPLOADS:
            self._acknowledge()
        self._uploads.append(_Upload(ordinal, chunks, self._threads.upload.submit(self._send, body, head)))
        self.fresh = False

    def _send(self, body: bytes, head_sha256: str) -> ObjectRef:
        ref = ObjectRef(sha256=hashlib.sha256(body).hexdigest(), size=len(body), head_sha256=head_sha256)
        self._store.put(pack_name(self.series, ref.sha256), body, retain_until=self._retain_until)
        return ref

    def _acknowledge(self) -> None:
        upload = self._uploads.popleft()
        ref = upload.done.result()
        self._state.journal_pack(self.series, upload.ordinal, ref, upload.chunks)
        self.bytes_put += ref.size
        self.acknowledged += 1

    def drain(self) -> None:
        """Wait until every closed pack is acknowledged and journalled."""
        while self._uploads:
            self._acknowledge()

    def finish(self) -> None:
        """Close what is open. Every night leaves at least one new pack, if only of padding."""
        self._close_segment()
        if self._sizes or self._frames or self.fresh:
            self._close_pack()
        self.drain()
