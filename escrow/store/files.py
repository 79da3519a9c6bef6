"""Crash-safe file operations for local disks and for SMB and NFS shares, and what their errors mean."""

import contextlib
import errno
import io
import os
import stat
from collections.abc import Iterator
from pathlib import Path

from escrow.errors import DeniedError, FullError, NotFoundError, StoreError, UnreachableError

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_DENIED = {errno.EACCES, errno.EPERM, errno.EROFS}
_GONE = {
    errno.EIO,
    errno.ENODEV,
    errno.ENXIO,
    errno.ENOTCONN,
    errno.ESTALE,
    errno.EHOSTDOWN,
    errno.EHOSTUNREACH,
    errno.ENETDOWN,
    errno.ENETUNREACH,
    errno.ETIMEDOUT,
    errno.ECONNRESET,
    errno.ECONNABORTED,
}
_NO_HARD_LINKS = {errno.EPERM, errno.EACCES, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK}
_GONE_ON_WINDOWS = {21, 51, 53, 55, 59, 64, 67, 121, 1167, 1231, 1236}
"""ERROR_NOT_READY, REM_NOT_LIST, BAD_NETPATH, DEV_NOT_EXIST, UNEXP_NET_ERR, NETNAME_DELETED, BAD_NET_NAME,
SEM_TIMEOUT, DEVICE_NOT_CONNECTED, NETWORK_UNREACHABLE, CONNECTION_ABORTED (winerror.h)."""
_LINK_TAGS = {0xA000000C, 0xA0000003}
"""IO_REPARSE_TAG_SYMLINK and IO_REPARSE_TAG_MOUNT_POINT (winnt.h); deduplicated files are no links."""


@contextlib.contextmanager
def os_errors(what: str) -> Iterator[None]:
    """Turn an OSError into the StoreError that says what to do; `what` names the object or the folder."""
    try:
        yield
    except OSError as error:
        raise translate(what, error) from error


def translate(what: str, error: OSError) -> StoreError:
    """The StoreError for an OSError of a file operation on `what`."""
    found = error.strerror or type(error).__name__
    if getattr(error, "winerror", None) in _GONE_ON_WINDOWS or error.errno in _GONE:
        hint = "check that the disk or share is there and works"
        return UnreachableError("store-unreachable", f"{what}: the folder does not answer ({found})", hint=hint)
    if error.errno in _FULL or getattr(error, "winerror", None) in {39, 112}:
        return FullError("store-full", f"{what}: no room left ({found})", hint="free space on the disk or share")
    if error.errno in _DENIED:
        hint = "give this account read and write rights on the folder"
        return DeniedError("store-denied", f"{what}: the folder refuses this account ({found})", hint=hint)
    if error.errno == errno.ENOENT:
        return NotFoundError("store-absent", f"{what}: expected a file, found none")
    return StoreError("store-io", f"{what}: the folder failed ({found})", hint="check the disk or share")


def is_link(status: os.stat_result) -> bool:
    """Whether an lstat shows a symbolic link or a Windows junction."""
    return stat.S_ISLNK(status.st_mode) or getattr(status, "st_reparse_tag", 0) in _LINK_TAGS


def open_plain(path: Path) -> io.FileIO:
    """Open a file for reading, never through a link in its last part where the system can tell."""
    flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
    return io.FileIO(os.open(path, flags), "rb")


def write_durably(path: Path, body: bytes) -> None:
    """Create a file, which must not exist, and have it on the disk."""
    with path.open("xb", buffering=0) as file:
        view = memoryview(body)
        while view:
            view = view[file.write(view) :]
        os.fsync(file.fileno())


def publish(temp: Path, target: Path) -> None:
    """Give a finished file its name, never over another. Raises FileExistsError."""
    if os.name == "nt":
        temp.rename(target)
        return
    try:
        target.hardlink_to(temp)
    except OSError as error:
        if error.errno not in _NO_HARD_LINKS:
            raise
        if os.path.lexists(target):
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(target)) from error
        temp.replace(target)


def make_folders(folder: Path) -> None:
    """Make a folder and those above it, each durable in its parent."""
    if folder.is_dir():
        return
    make_folders(folder.parent)
    folder.mkdir(exist_ok=True)
    sync_folder(folder.parent)


def sync_folder(folder: Path) -> None:
    """Have a folder's entries on the disk, where the system and the file system can (Windows cannot)."""
    if os.name == "nt":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in {errno.EINVAL, errno.ENOTSUP, errno.EBADF, errno.EACCES}:
            raise
    finally:
        os.close(descriptor)
