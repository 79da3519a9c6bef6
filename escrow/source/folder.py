"""A folder, local or on a share, as a source.

The tree is walked with one heap of full paths: what is popped next is the smallest path that is left, so items come
in the order of the file list, and memory holds only the siblings of the folders above. Links are never followed,
so there are no loops.
"""

import errno
import heapq
import io
import os
import stat
from collections.abc import Callable, Collection, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from escrow.errors import SourceError, UsageError
from escrow.limits import MAX_PATH
from escrow.source.attributes import extra_attributes
from escrow.source.base import (
    DirItem,
    FileItem,
    Item,
    Kind,
    LinkItem,
    ScanNotes,
    UnreadableError,
    UnreadItem,
    check_name,
)
from escrow.source.compartments import compile_globs
from escrow.source.datasets import dataset_of, kind_of
from escrow.source.paths import HERE, decode_name, encode_name, extended

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

_OPEN_FLAGS = (
    os.O_RDONLY
    | getattr(os, "O_BINARY", 0)
    | getattr(os, "O_CLOEXEC", 0)
    | getattr(os, "O_NOFOLLOW", 0)
    | getattr(os, "O_NONBLOCK", 0)  # a pipe that took a file's place must not block the night
)
_JUNCTION = 0xA0000003  # IO_REPARSE_TAG_MOUNT_POINT
_IN_USE = frozenset({32, 33})  # ERROR_SHARING_VIOLATION, ERROR_LOCK_VIOLATION

_REASONS = {errno.ELOOP: "changing", errno.EISDIR: "changing", errno.ENXIO: "changing"}


class FolderSource:
    """The folder `root` under the source name `name`, with everything below it."""

    def __init__(
        self,
        name: str,
        root: Path,
        *,
        ignore: Sequence[str] = (),
        skip: Collection[Path] = (),
        classify: Callable[[bytes], tuple[str, Kind]] = lambda path: (dataset_of(path), kind_of(path)),
    ) -> None:
        """`ignore`: patterns in the language of .gitignore, relative to `root`.

        `classify` gives dataset and size class of a file by its full path.
        `skip`: folders that belong to escrow (vault, state); they are left out with a warning. Raises UsageError
        `source-name`, `glob`, or `source-own-folder` when the source lies inside one of them.
        """
        check_name(name)
        self.name = name
        self.notes = ScanNotes(name)
        self._classify = classify
        self._root = os.path.realpath(root)
        self._ignore = compile_globs(ignore)
        self._skip = {os.path.normcase(os.path.realpath(path)) for path in skip}
        for own in self._skip:
            if Path(os.path.normcase(self._root)).is_relative_to(own):
                raise UsageError(
                    "source-own-folder",
                    f"source {name} lies inside a folder of escrow itself (vault or state)",
                    hint="give the folder of the school's exports",
                )

    def scan(self) -> Iterator[Item]:
        """All items, sorted by path bytes. SourceError `source-missing` when the root cannot be listed."""
        self.notes = ScanNotes(self.name)
        try:
            with os.scandir(self._root):
                pass
        except OSError as error:
            raise SourceError(
                "source-missing",
                f"source {self.name} cannot be listed ({_reason(error)})",
                hint="check that the folder exists and that this account may read it",
            ) from error
        todo = [self.name.encode()]
        while todo:
            path = heapq.heappop(todo)
            item = self._look(path)
            if isinstance(item, DirItem):
                children, reason = self._list(path)
                for child in children:
                    heapq.heappush(todo, child)
                if reason:
                    item = UnreadItem(path, reason)
                elif children:
                    continue
            if isinstance(item, UnreadItem):
                self.notes.counts["unread"] += 1
            yield item

    def open(self, item: FileItem) -> io.RawIOBase:
        """An unbuffered reader. UnreadableError, also from its reads."""
        try:
            return _Reader(self._native(item.path))
        except OSError as error:
            raise _unreadable(error, item.path) from error

    def recheck(self, item: FileItem) -> FileItem | None:
        """None when size, times and identity are as before, else the file as it is now; UnreadableError."""
        try:
            info = os.lstat(self._native(item.path))
        except OSError as error:
            raise _unreadable(error, item.path) from error
        if not stat.S_ISREG(info.st_mode):
            raise UnreadableError("changing", f"{item.path!a} is no file any more")
        now = self._file(item.path, info)
        return None if now == item else now

    def _native(self, path: bytes) -> str:
        """Where a full path lies on this system, for calls of `os`."""
        plain = self._plain(path)
        return extended(plain) if HERE == "windows" else plain

    def _plain(self, path: bytes) -> str:
        parts = [decode_name(part, HERE) for part in path.split(b"/")[1:]]
        return os.path.join(self._root, *parts)  # noqa: PTH118 - pathlib would cost more than the stat

    def _look(self, path: bytes) -> Item:
        """What lies at a path; a DirItem for every real folder, also one that is not empty."""
        native = self._native(path)
        counts = self.notes.counts
        try:
            info = os.lstat(native)
            if stat.S_ISLNK(info.st_mode) or getattr(info, "st_reparse_tag", 0) == _JUNCTION:
                target = encode_name(os.readlink(native), HERE)  # noqa: PTH115 - pathlib rewrites targets
                return LinkItem(path, target, info.st_mtime_ns, _mode(info))
        except OSError as error:
            return UnreadItem(path, _reason(error))
        if stat.S_ISDIR(info.st_mode):
            return DirItem(path, info.st_mtime_ns, _mode(info))
        if not stat.S_ISREG(info.st_mode):
            counts["special"] += 1
            return UnreadItem(path, "special")
        counts["hard-link"] += info.st_nlink > 1
        counts["sparse"] += getattr(info, "st_blocks", info.st_size) * 512 < info.st_size
        counts.update(extra_attributes(native))
        return self._file(path, info)

    def _file(self, path: bytes, info: os.stat_result) -> FileItem:
        dataset, kind = self._classify(path)
        return FileItem(
            path=path,
            size=info.st_size,
            mtime_ns=info.st_mtime_ns,
            ctime_ns=info.st_ctime_ns,
            inode=info.st_ino,
            mode=_mode(info),
            dataset=dataset,
            kind=kind,
        )

    def _list(self, path: bytes) -> tuple[list[bytes], str]:
        """Full paths in a folder, and why there may be more ("" when there are not)."""
        children: list[bytes] = []
        counts = self.notes.counts
        reason = ""
        try:
            with os.scandir(self._native(path)) as entries:
                for entry in entries:
                    child = path + b"/" + encode_name(entry.name, HERE)
                    is_dir = entry.is_dir(follow_symlinks=False)
                    if self._skip and is_dir and os.path.normcase(self._plain(child)) in self._skip:
                        counts["own-folder"] += 1
                    elif self._is_ignored(child, is_dir=is_dir):
                        counts["ignored"] += 1
                    elif len(child) > MAX_PATH:
                        counts["path-too-long"] += 1
                        reason = "path-too-long"
                    else:
                        children.append(child)
        except OSError as error:
            reason = _reason(error)
        return children, reason

    def _is_ignored(self, path: bytes, *, is_dir: bool) -> bool:
        relative = path.partition(b"/")[2].decode("utf-8", "surrogateescape")
        return self._ignore.match_file(relative + "/" if is_dir else relative)


class _Reader(io.FileIO):
    """A file whose errors are UnreadableError; refuses what is no regular file."""

    def __init__(self, native: str) -> None:
        super().__init__(native, "rb", opener=lambda name, _flags: os.open(name, _OPEN_FLAGS))
        if not stat.S_ISREG(os.fstat(self.fileno()).st_mode):
            self.close()
            raise UnreadableError("changing", "a file became another thing between scan and reading")

    def readinto(self, buffer: "WriteableBuffer") -> int:
        """As io.RawIOBase. UnreadableError `io-error`, `in-use`."""
        try:
            return super().readinto(buffer)
        except OSError as error:
            raise UnreadableError(_reason(error), "a file could not be read to its end") from error


def _mode(info: os.stat_result) -> int | None:
    return stat.S_IMODE(info.st_mode) if HERE == "posix" else None


def _reason(error: OSError) -> str:
    """The `reason` of an UnreadItem."""
    if getattr(error, "winerror", 0) in _IN_USE:
        return "in-use"
    if isinstance(error, PermissionError):
        return "permission"
    if isinstance(error, FileNotFoundError | NotADirectoryError):
        return "vanished"
    return _REASONS.get(error.errno or 0, "io-error")


def _unreadable(error: OSError, path: bytes) -> UnreadableError:
    reason = _reason(error)
    return UnreadableError(reason, f"{path!a} cannot be read ({reason})")
