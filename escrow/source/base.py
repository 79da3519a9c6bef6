"""What the engine sees of a source: items in the order of the file list, and a way to read them.

A source gives its items sorted by the bytes of their full path (docs/format.md, section 8), each path once, in
memory that does not grow with the number of files. What cannot be read is an item too: nothing is dropped silently.
"""

import heapq
import io
import re
from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from typing import Literal, Protocol

from escrow.errors import SourceError, UsageError

_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")

Kind = Literal["table", "document"]
"""The chunker's size class: tables and databases get small chunks, documents large ones."""


@dataclass(frozen=True, slots=True)
class FileItem:
    """A regular file, as it was when it was last looked at.

    `path` is the source's name, `/`, and the relative path with `/`, in raw bytes (WTF-8 on Windows). Times are
    nanoseconds since 1970, `mode` the permission bits (None where the source has none). `size` is None for a stream:
    its length is known only when it was read, it is read every night, and its `mtime_ns` is the time of what it shows.
    """

    path: bytes
    size: int | None
    mtime_ns: int
    ctime_ns: int
    inode: int
    mode: int | None
    dataset: str
    kind: Kind


def stream_item(path: bytes, time_ns: int, dataset: str, kind: Kind = "table") -> FileItem:
    """A stream of unknown size, as things stood at `time_ns` (nanoseconds since 1970)."""
    return FileItem(path, None, time_ns, time_ns, 0, None, dataset, kind)


@dataclass(frozen=True, slots=True)
class DirItem:
    """A folder with nothing in it (or nothing that is not ignored)."""

    path: bytes
    mtime_ns: int
    mode: int | None


@dataclass(frozen=True, slots=True)
class LinkItem:
    """A symbolic link or a Windows junction: recorded, never followed. `target` is in raw bytes."""

    path: bytes
    target: bytes
    mtime_ns: int
    mode: int | None


@dataclass(frozen=True, slots=True)
class UnreadItem:
    """Something that is there and could not be read. `reason` is a name of format.md, section 2."""

    path: bytes
    reason: str


Item = FileItem | DirItem | LinkItem | UnreadItem


class UnreadableError(SourceError):
    """One file cannot be read (any more). `code` is the `reason` for an UnreadItem.

    `permission`, `vanished`, `in-use`, `changing` (became another thing), `special`, `io-error`, and those of streams
    (`away`, `time-out`, `exit-code`, ...). `again`: opening it once more may help, and gives the whole from its start.
    """

    def __init__(self, code: str, message: str, *, hint: str = "", again: bool = False) -> None:
        super().__init__(code, message, hint=hint)
        self.again = again


_WARNINGS = {
    "own-folder": "folders that belong to escrow itself (vault or state) lie inside the source and were left out",
    "special": "pipes, sockets or devices cannot be deposited",
    "path-too-long": "paths are longer than 4,096 bytes and were left out",
    "ads": "files have alternate data streams, which are not deposited",
    "acl": "files have access control lists, which are not deposited",
    "xattr": "files have extended attributes, which are not deposited",
}


@dataclass(slots=True)
class ScanNotes:
    """What a scan saw beside its items: counts by code, for the source of this alias; no file names.

    Codes: those of `warnings`, and `ignored`, `hard-link`, `sparse`, `not-utf8`, `unread`. Complete once the scan is.
    `rows`: how many rows each dataset has by the source's own count, where it counts; complete once all is read.
    `told`: sentences about this night, without names of people. `failure`: why the source as a whole was not read.
    """

    alias: str
    counts: Counter[str] = field(default_factory=Counter)
    rows: dict[str, int] = field(default_factory=dict)
    told: list[str] = field(default_factory=list)
    failure: SourceError | None = None

    def warnings(self) -> list[str]:
        """Sentences about what a person should know, in a fixed order."""
        counted = [f"{self.counts[code]} {text}" for code, text in _WARNINGS.items() if self.counts[code]]
        failed = [f"not read ({self.failure.code}): {self.failure}"] if self.failure else []
        return [f"source {self.alias}: {text}" for text in (*failed, *counted, *self.told)]


class Source(Protocol):
    """Where data comes from."""

    @property
    def name(self) -> str:
        """First part of every path; a name of format.md, section 2."""

    @property
    def notes(self) -> ScanNotes:
        """Counts of the last scan (or the one that runs)."""

    def scan(self) -> Iterator[Item]:
        """All items, sorted by path bytes.

        SourceError, before the first item only, when the source as a whole cannot be read; what cannot be read later
        is an UnreadItem.
        """

    def open(self, item: FileItem) -> io.RawIOBase:
        """An unbuffered reader (`readinto`) of the file. It, and its reads, raise UnreadableError."""

    def recheck(self, item: FileItem) -> FileItem | None:
        """Look again, after reading: None when nothing changed, else the file as it is now.

        Raises UnreadableError when it is gone or has become another thing.
        """


def check_name(name: str) -> None:
    """UsageError `source-name` for what no source can be called."""
    if not _NAME.fullmatch(name):
        raise UsageError("source-name", f"source name {name!r} is not 1 to 64 of a-z 0-9 _ -")


def scan_all(sources: Collection[Source]) -> Iterator[tuple[Source, Item]]:
    """Merge the scans of several sources into one, in path order. UsageError `source-name` on equal names.

    A source that cannot be read at all stops no other: it is one UnreadItem, and the `failure` of its notes.
    """
    if len({source.name for source in sources}) != len(sources):
        raise UsageError("source-name", "two sources have one name", hint="give each its own name")
    return heapq.merge(*(_pairs(source) for source in sources), key=lambda pair: pair[1].path)


def _pairs(source: Source) -> Iterator[tuple[Source, Item]]:
    try:
        items = iter(source.scan())
        first = next(items, None)
    except SourceError as error:
        source.notes.failure = error
        yield source, UnreadItem(source.name.encode(), error.code)
        return
    if first is not None:
        yield source, first
    for item in items:
        yield source, item
