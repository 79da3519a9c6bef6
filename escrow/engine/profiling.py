"""Profiles a night's tables from the bytes that are read for the vault anyway, and judges them.

Nothing here stops a night: a file that defeats its reader is opaque, and that is said.
"""

import hashlib
from collections.abc import Callable, Collection, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Protocol

from escrow.completeness import (
    SPOILS,
    Expectation,
    Finding,
    Night,
    Profile,
    Seen,
    data_day,
    datasets_of,
    from_json,
    judge,
    key_of,
    to_json,
)
from escrow.errors import FormatError
from escrow.record import FileEntry, JsonObject, decode_line
from escrow.source import FileItem, Source, UnreadableError, UnreadItem, scan_all
from escrow.source.datasets import dataset_of, kind_of

_ARCHIVES = (b".zip", b".gz")
_AT_MOST = 2000
_BLOCK = 1 << 20
_SMALL = 4 << 20
_FAULTS = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    LookupError,
    MemoryError,
    RuntimeError,
    TypeError,
    ValueError,
)
"""What a fault of a reader, or of a rule, may raise for data that nobody foresaw."""


class TableReader(Protocol):
    """What profiles one file, as `escrow.completeness.reader.FileReader` does."""

    def take(self, data: memoryview) -> None:
        """The next bytes; they are not kept."""

    def finish(self) -> Profile:
        """The end."""


class FileWatch:
    """Profiles one reading of one file. `before`: its line of last night's list, whatever the file was like then.

    A small file is held until its end: where its bytes are last night's, so is its profile.
    """

    def __init__(self, reader: Callable[[], TableReader], before: bytes | None = None) -> None:
        self._open = reader
        self._reader: TableReader | None = None
        self._failed = False
        self._before = before
        self._held = bytearray()

    def feed(self, data: memoryview) -> None:
        """The next bytes; they are not kept."""
        if self._before is None:
            self._take(data)
        elif len(self._held) + len(data) <= _SMALL:
            self._held += data
        else:
            self._read_held()
            self._take(data)

    def _read_held(self) -> None:
        held, self._held, self._before = self._held, bytearray(), None
        self._take(memoryview(held))

    def _take(self, data: memoryview) -> None:
        if self._failed:
            return
        try:
            self._reader = self._reader or self._open()
            self._reader.take(data)
        except _FAULTS:
            self._failed = True

    def finish(self, sha256: str) -> Profile:
        """What the file holds, whose bytes have this SHA-256."""
        if self._before is not None:
            if known := _profile_of(self._before, sha256):
                return known
            self._read_held()
        if self._reader is not None and not self._failed:
            with suppress(*_FAULTS):
                return self._reader.finish()
        return Profile("opaque", notes=("not-understood",))


def _profile_of(line: bytes, sha256: str) -> Profile | None:
    """The profile in a line of the list, where it speaks of these bytes."""
    if sha256.encode() not in line:
        return None
    entry = decode_line(line)
    if not isinstance(entry, FileEntry) or entry.profile is None or entry.sha256 != sha256:
        return None
    with suppress(FormatError):
        return from_json(entry.profile)
    return None


@dataclass(slots=True)
class Watch:
    """One night's profiles. `reader` begins a file of a name; `nights`: what is remembered, the oldest first.

    `trouble`: why there is no expectation although one was written.
    """

    reader: Callable[[str], TableReader]
    expectation: Expectation | None = None
    nights: Sequence[Night] = ()
    trouble: str = ""
    _paths: dict[str, bytes] = field(default_factory=dict)
    _seen: dict[str, Seen] = field(default_factory=dict)
    _unread: set[str] = field(default_factory=set)
    _counts: dict[str, int] = field(default_factory=dict)

    def begin(self, item: FileItem, before: bytes | None = None) -> FileWatch | None:
        """What to feed with the item's bytes; None where its kind is not looked into. `before`: last night's line."""
        name = item.path.rpartition(b"/")[2].decode("utf-8", "replace")
        return FileWatch(partial(self.reader, name), before) if self._wanted(item) else None

    def _wanted(self, item: FileItem) -> bool:
        return item.kind == "table" or item.path.lower().endswith(_ARCHIVES)

    def known(self, item: FileItem, line: bytes | None) -> bytes | None:
        """The line of a file that did not change, where it can be taken: with the profile that it had last night."""
        if line is None or not self._wanted(item):
            return line
        entry = decode_line(line)
        if not isinstance(entry, FileEntry) or entry.profile is None:
            return None
        try:
            self._take(item, entry.sha256, entry.size, from_json(entry.profile))
        except FormatError:
            return None
        return line

    def done(self, item: FileItem, sha256: str, size: int, watched: FileWatch) -> JsonObject:
        """The profile of a file that was read to its end, for its line."""
        profile = watched.finish(sha256)
        self._take(item, sha256, size, profile)
        return to_json(profile)

    def _take(self, item: FileItem, sha256: str, size: int, profile: Profile) -> None:
        key = self._key(item)
        if (key in self._seen and item.path < self._paths[key]) or len(self._seen) >= _AT_MOST:
            return
        self._paths[key] = item.path
        self._seen[key] = Seen(sha256, size, profile)

    def unread(self, item: FileItem | UnreadItem) -> None:
        """A file that is there and could not be read."""
        if isinstance(item, UnreadItem):
            item = FileItem(item.path, None, 0, 0, 0, None, dataset_of(item.path), kind_of(item.path))
        if self._wanted(item):
            self._unread.add(self._key(item))

    def _key(self, item: FileItem) -> str:
        if item.kind == "table":
            return key_of(item.dataset)
        return key_of(item.path.decode("utf-8", "replace"))

    def count(self, sources: Iterable[Source]) -> None:
        """The sources' own counts, when all is read."""
        for source in sources:
            self._counts |= {key_of(dataset): rows for dataset, rows in source.notes.rows.items()}

    def judge(self, now: datetime) -> tuple[Night, tuple[Finding, ...]]:
        """The night as it is remembered, and what is amiss with it."""
        datasets: dict[str, Seen] = {}
        for key, seen in self._seen.items():
            datasets |= datasets_of(key, seen)
        day = data_day(now)
        counts = _of_files(self._counts, datasets)
        tonight = Night(day, datasets, unread=frozenset(self._unread - self._seen.keys()), counts=counts)
        earlier = [night for night in self.nights if night.day < day]
        try:
            findings = judge(tonight, earlier, self.expectation)
        except _FAULTS as fault:
            findings = (Finding("not-judged", "warn", "", "", type(fault).__name__),)
        if self.trouble:
            findings = (Finding("expectation", "warn", "", "", self.trouble), *findings)
        failed = frozenset(finding.dataset for finding in findings if finding.code in SPOILS)
        return Night(day, datasets, failed, tonight.unread, counts), findings


def look(sources: Sequence[Source], watch: Watch, each: Callable[[int], None]) -> None:
    """Profile all that the sources have, and deposit nothing; `each` hears of bytes read.

    SourceError when every source as a whole is unreadable.
    """
    buffer = bytearray(_BLOCK)
    for source, item in scan_all(sources):
        if isinstance(item, UnreadItem):
            watch.unread(item)
        watched = watch.begin(item) if isinstance(item, FileItem) else None
        if isinstance(item, FileItem) and watched:
            try:
                watch.done(item, *_read(source, item, watched, buffer, each), watched)
            except UnreadableError:
                watch.unread(item)
    watch.count(sources)
    failures = [source.notes.failure for source in sources if source.notes.failure]
    if failures and len(failures) == len(sources):
        raise failures[0]


def _read(
    source: Source, item: FileItem, watched: FileWatch, buffer: bytearray, each: Callable[[int], None]
) -> tuple[str, int]:
    digest, size = hashlib.sha256(), 0
    with source.open(item) as raw:
        while count := raw.readinto(buffer):
            data = memoryview(buffer)[:count]
            digest.update(data)
            watched.feed(data)
            size += count
            each(count)
    return digest.hexdigest(), size


def _of_files(counts: dict[str, int], datasets: Collection[str]) -> dict[str, int]:
    return {key: count for key, count in counts.items() if key in datasets}
