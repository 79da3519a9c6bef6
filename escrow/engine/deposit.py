"""Walks the sources and puts every file of a night into its compartment's packs."""

import hashlib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from escrow.engine.blocks import BLOCK, HEADROOM, Block, Reader, blocks_of
from escrow.engine.filecache import CacheReader, CacheWriter
from escrow.engine.packing import PackWriter
from escrow.engine.ports import Progress
from escrow.engine.profiling import Watch
from escrow.record import DirEntry, Entry, FileEntry, LinkEntry, ListRef, Totals, UnreadEntry, encode_line
from escrow.source import (
    Compartments,
    DirItem,
    FileItem,
    Item,
    LinkItem,
    Source,
    UnreadableError,
    UnreadItem,
    scan_all,
)

_TRIES = 3
LIST_DATASET = "\0file list"


@dataclass(slots=True)
class Lane:
    """One compartment's way through the night."""

    writer: PackWriter
    known: CacheReader
    cache: CacheWriter
    counts: Counter[str]

    def add(self, item: Item, line: bytes, kind: str, size: int = 0) -> None:
        self.cache.add(item, line)
        self.counts[kind] += 1
        self.counts["bytes"] += size

    def totals(self) -> Totals:
        count = self.counts
        return Totals(
            files=count["file"], bytes=count["bytes"], dirs=count["dir"], links=count["link"], unread=count["unread"]
        )

    def store_list(self) -> ListRef:
        """Deposit the file list itself."""
        digest = hashlib.sha256()
        size = 0

        def seen(data: memoryview) -> None:
            nonlocal size
            size += len(data)
            digest.update(data)

        extents = self.writer.store_file(LIST_DATASET, "table", blocks_of(self.cache.lines(), seen))
        return ListRef(size=size, sha256=digest.hexdigest(), extents=extents)


class Deadline(Exception):  # noqa: N818
    """The time given is over; what was acknowledged is kept for the next run."""


def deposit(
    sources: Sequence[Source],
    compartments: Compartments,
    lanes: dict[str, Lane],
    progress: Progress,
    each_block: Callable[[], None],
    *,
    watch: Watch | None = None,
) -> None:
    """Send every item of every source down its compartment's lane, in path order.

    `each_block` is called for each item and each block read, and may raise Deadline. SourceError when every source
    as a whole is unreadable; one of several is unread, and its notes tell why. `watch` profiles what is read.
    """
    with ThreadPoolExecutor(1, "read") as ahead:
        files = _Files(Reader(ahead), progress, each_block, watch)
        for source, item in scan_all(sources):
            each_block()
            lane = lanes[compartments.assign(item.path)]
            if isinstance(item, FileItem):
                files.deposit(source, item, lane)
            else:
                if watch and isinstance(item, UnreadItem):
                    watch.unread(item)
                entry = _small_entry(item)
                lane.add(item, encode_line(entry), entry.TYPE)
        failures = [source.notes.failure for source in sources if source.notes.failure]
        if failures and len(failures) == len(sources):
            raise failures[0]


def _small_entry(item: DirItem | LinkItem | UnreadItem) -> Entry:
    if isinstance(item, DirItem):
        return DirEntry(path=item.path, mtime=item.mtime_ns, mode=item.mode)
    if isinstance(item, LinkItem):
        return LinkEntry(path=item.path, mtime=item.mtime_ns, mode=item.mode, target=item.target)
    return UnreadEntry(path=item.path, reason=item.reason)


@dataclass(frozen=True, slots=True)
class _Files:
    reader: Reader
    progress: Progress
    each_block: Callable[[], None]
    watch: Watch | None

    def deposit(self, source: Source, item: FileItem, lane: Lane) -> None:
        line = lane.known.unchanged(item)
        if self.watch:
            line = self.watch.known(item, line)
        if line is not None:
            lane.counts["unchanged"] += 1
            size = item.size or 0
            lane.add(item, line, "file", size)
            self.progress.advance(size)
            return
        try:
            for attempt in range(_TRIES):
                try:
                    entry = self._read(source, item, lane)
                except UnreadableError as error:
                    if error.again and attempt < _TRIES - 1:
                        continue
                    raise
                now = source.recheck(item)
                if now is None:
                    break
                if attempt == _TRIES - 1:
                    lane.counts["changing"] += 1
                    break  # known by how it was before it was read, so that the next night reads it again
                item = now
        except UnreadableError as error:
            if self.watch:
                self.watch.unread(item)
            unread = UnreadItem(item.path, error.code)
            lane.add(unread, encode_line(_small_entry(unread)), "unread")
            return
        lane.counts["read"] += entry.size
        lane.add(item, encode_line(entry), "file", entry.size)
        self.progress.advance(entry.size)

    def _read(self, source: Source, item: FileItem, lane: Lane) -> FileEntry:
        digest = hashlib.sha256()
        size = 0

        def counted(blocks: Iterator[Block]) -> Iterator[Block]:
            nonlocal size
            for block in blocks:
                size += block.end - HEADROOM
                yield block
                self.each_block()

        watched = self.watch.begin(item, lane.known.before(item)) if self.watch else None

        def seen(data: memoryview) -> None:
            digest.update(data)
            if watched:
                watched.feed(data)

        with source.open(item) as raw:
            blocks = self.reader.blocks(raw, seen, large=item.size is None or item.size > BLOCK)
            extents = lane.writer.store_file(item.dataset, item.kind, counted(blocks))
        sha256 = digest.hexdigest()
        return FileEntry(
            path=item.path,
            mtime=item.mtime_ns,
            mode=item.mode,
            dataset=item.dataset,
            size=size,
            sha256=sha256,
            extents=extents,
            profile=self.watch.done(item, sha256, size, watched) if self.watch and watched else None,
        )
