"""Last night's file list, kept on the agent, so that files that did not change are not read again.

One file per series and night in the state folder, named by its SHA-256, which the state journals with the notice.
Per entry a line `size mtime_ns ctime_ns inode base64(path)`, then the entry's line of the file list. Sorted by path
like the list itself, so that a night merges the two streams in constant memory.
"""

import hashlib
from base64 import b64decode, b64encode
from collections.abc import Generator, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from escrow.errors import StateError
from escrow.source import FileItem, Item

_BLOCK = 1 << 20


class CacheWriter:
    """Tonight's list, growing. The file holds names of the school's files: the state folder is private."""

    def __init__(self, folder: Path, series: str) -> None:
        self._folder = folder
        self._path = folder / f"tonight-{series}.list"
        with _told(folder):
            self._file = self._path.open("wb")
        self._digest = hashlib.sha256()

    def add(self, item: Item, line: bytes) -> None:
        """Append one entry; `line` ends with LF."""
        if isinstance(item, FileItem) and item.size is not None:
            head = f"{item.size} {item.mtime_ns} {item.ctime_ns} {item.inode} {b64encode(item.path).decode()}\n"
        else:
            head = f"- - - - {b64encode(item.path).decode()}\n"
        block = head.encode() + line
        self._digest.update(block)
        try:
            self._file.write(block)
        except OSError as error:
            raise _unusable(self._folder, error) from error

    def lines(self) -> Iterator[bytes]:
        """The list's lines so far."""
        with _told(self._folder):
            self._file.flush()
        with self._path.open("rb") as file:
            while file.readline():
                yield file.readline()

    def keep(self) -> str:
        """Close and give the file its lasting name; returns its SHA-256."""
        digest = self._digest.hexdigest()
        with _told(self._folder):
            self._file.close()
            self._path.replace(self._folder / f"{digest}.list")
        return digest

    def close(self) -> None:
        """Drop it, unless it was kept."""
        with suppress(OSError):
            self._file.close()
        with suppress(OSError):
            self._path.unlink(missing_ok=True)


class CacheReader:
    """Last night's entries, asked for in path order. A missing or altered cache knows nothing."""

    def __init__(self, folder: Path, sha256: str) -> None:
        self._entries = self._read(folder / f"{sha256}.list", sha256)
        self._next = next(self._entries, None)

    def close(self) -> None:
        """Let go of the file (Windows removes no open one)."""
        self._entries.close()

    @staticmethod
    def _read(path: Path, sha256: str) -> Generator[tuple[bytes, bytes, bytes]]:
        try:
            with path.open("rb") as file:
                digest = hashlib.file_digest(file, "sha256")
                if digest.hexdigest() != sha256:
                    return
                file.seek(0)
                while head := file.readline():
                    stat, _, name = head.rstrip(b"\n").rpartition(b" ")
                    yield b64decode(name), stat, file.readline()
        except OSError:
            return

    def unchanged(self, item: FileItem) -> bytes | None:
        """The list's line for `item` when size, times and inode are as they were, else None; never of a stream."""
        line = self.before(item)
        if line is None or item.size is None:
            return None
        stat = b"%d %d %d %d" % (item.size, item.mtime_ns, item.ctime_ns, item.inode)
        return line if self._next is not None and self._next[1] == stat else None

    def before(self, item: FileItem) -> bytes | None:
        """The list's line for what stood at the item's path, whatever it was."""
        while self._next is not None and self._next[0] < item.path:
            self._next = next(self._entries, None)
        return self._next[2] if self._next is not None and self._next[0] == item.path else None


def drop_old(folder: Path, keep: set[str]) -> None:
    """Remove caches of other nights and what a killed run left."""
    with _told(folder):
        for path in folder.glob("*.list"):
            if path.stem not in keep:
                path.unlink()


@contextmanager
def _told(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise _unusable(folder, error) from error


def _unusable(folder: Path, error: OSError) -> StateError:
    return StateError(
        "state-unusable",
        f"{folder}: the list of last night's files cannot be written or removed ({error.strerror or error})",
        hint="free disk space and check the folder's rights",
    )
