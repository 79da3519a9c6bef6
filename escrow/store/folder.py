"""A store in a folder: a local disk, a USB disk or a NAS share, on Linux, macOS and Windows."""

import contextlib
import hashlib
import os
import secrets
import stat
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from escrow.errors import ExistsError, StoreError, UnreachableError
from escrow.store import files
from escrow.store.base import LockMode, ObjectInfo, absent, check_key, check_put, short, wanted

TEMP_PREFIX = ".tmp-"
"""Names that readers ignore; no key has a part that starts with a dot."""

TEMP_MAX_AGE = 24 * 3600
"""Seconds after which a temporary file was left by a crash."""


class FolderStore:
    """Objects as files below `path`. No versions, and no lock that holds against the folder's owner.

    With `create` the folder is made; without it a missing one is an error, so that an unmounted share never
    passes for an empty store.
    """

    def __init__(self, path: Path, *, create: bool = False) -> None:
        self._root = path.absolute()
        self._tidied: set[Path] = set()
        if create:
            with files.os_errors(str(path)):
                files.make_folders(self._root)

    def put(
        self,
        key: str,
        body: bytes,
        *,
        retain_until: datetime | None = None,
        lock_mode: LockMode = "COMPLIANCE",
    ) -> ObjectInfo:
        check_put(key, body, retain_until)
        with files.os_errors(key):
            target = self._locate(key)
            files.make_folders(target.parent)
            self._tidy(target.parent)
            temp = target.parent / f"{TEMP_PREFIX}{secrets.token_hex(8)}"
            try:
                files.write_durably(temp, body)
                files.publish(temp, target)
            except FileExistsError:
                self._compare(key, target, body)
            finally:
                with contextlib.suppress(OSError):
                    temp.unlink(missing_ok=True)
            files.sync_folder(target.parent)
            if retain_until is not None:
                with contextlib.suppress(OSError):
                    target.chmod(stat.S_IMODE(target.stat().st_mode) & ~0o222)
            return self._info(key, target.stat(), None)

    def _compare(self, key: str, target: Path, body: bytes) -> None:
        size = target.stat().st_size
        if size != len(body) or target.read_bytes() != body:
            raise ExistsError(
                "store-exists",
                f"{key}: expected no object or the same one, found {size} other bytes",
                hint="objects never change; run escrow verify",
            )

    def get(self, key: str, *, start: int = 0, length: int | None = None, version: str | None = None) -> bytes:
        check_key(key)
        with files.os_errors(key), files.open_plain(self._find(key, version)) as file:
            count = wanted(key, os.fstat(file.fileno()).st_size, start, length)
            file.seek(start)
            body = file.read(count)
        if len(body) != count:
            raise short(key, start + count, start + len(body))
        return body

    def list(
        self,
        prefix: str = "",
        *,
        versions: bool = False,
        after: str = "",
    ) -> Iterator[ObjectInfo]:
        with files.os_errors(self.describe()):
            self._check_root()
            yield from self._walk(self._root, "", prefix, after)

    def _walk(self, folder: Path, above: str, prefix: str, after: str) -> Iterator[ObjectInfo]:
        """Sorted as the full keys sort: a folder's name counts with its "/"."""
        found: list[tuple[str, Path, os.stat_result]] = []
        with contextlib.suppress(FileNotFoundError), os.scandir(folder) as entries:
            for entry in entries:
                if entry.name.startswith(TEMP_PREFIX):
                    continue
                name = above + os.fsencode(entry.name).decode("utf-8", "backslashreplace")
                with contextlib.suppress(FileNotFoundError):
                    status = entry.stat(follow_symlinks=False)
                    if not files.is_link(status):
                        found.append((name + "/" if stat.S_ISDIR(status.st_mode) else name, Path(entry), status))
        for name, path, status in sorted(found, key=lambda each: each[0]):
            if name.endswith("/"):
                overlaps = name.startswith(prefix) or prefix.startswith(name)
                if overlaps and (name > after or after.startswith(name)):
                    yield from self._walk(path, name, prefix, after)
            elif name.startswith(prefix) and name > after:
                yield self._info(name, status, None)

    def head(self, key: str, *, version: str | None = None) -> ObjectInfo:
        check_key(key)
        with files.os_errors(key), files.open_plain(self._find(key, version)) as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
            return self._info(key, os.fstat(file.fileno()), digest)

    def delete(self, key: str, *, version: str | None = None) -> None:
        check_key(key)
        with files.os_errors(key), contextlib.suppress(FileNotFoundError):
            target = self._locate(key)
            if version or not stat.S_ISREG(target.lstat().st_mode):
                return
            target.chmod(stat.S_IMODE(target.lstat().st_mode) | stat.S_IWUSR)
            target.unlink()
            files.sync_folder(target.parent)

    def read_only(self, key: str) -> bool:
        """Whether the file has the read-only attribute (no write bit), as a put with a retention asks for."""
        with files.os_errors(key):
            return not self._find(key, None).stat().st_mode & 0o222

    def now(self) -> datetime:
        """The clock that stamps files here: a share's own, as it can differ from this machine's."""
        with files.os_errors(self.describe()):
            self._check_root()
            temp = self._root / f"{TEMP_PREFIX}{secrets.token_hex(8)}"
            try:
                files.write_durably(temp, b"clock")
                return _time(temp.stat())
            finally:
                with contextlib.suppress(OSError):
                    temp.unlink(missing_ok=True)

    def describe(self) -> str:
        return f"folder {self._root}"

    def _check_root(self) -> None:
        if not self._root.is_dir():
            raise UnreachableError(
                "store-folder-missing",
                f"expected the folder {self._root}, found none",
                hint="mount the share, plug in the disk, or create the folder once",
            )

    def _locate(self, key: str) -> Path:
        """The file of a key, after a look that no part of its path is a link."""
        self._check_root()
        path = self._root
        for part in key.split("/"):
            path /= part
            try:
                linked = files.is_link(path.lstat())
            except FileNotFoundError:
                break
            if linked:
                raise StoreError(
                    "store-link",
                    f"{key}: expected plain files and folders, found a link at {path}",
                    hint="remove the link",
                )
        return self._root / key

    def _find(self, key: str, version: str | None) -> Path:
        target = self._locate(key)
        if version or not target.is_file():
            raise absent(key, version)
        return target

    def _tidy(self, folder: Path) -> None:
        """Remove what crashes left, once per folder and run."""
        if folder in self._tidied:
            return
        self._tidied.add(folder)
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.name.startswith(TEMP_PREFIX):
                    with contextlib.suppress(OSError):
                        if entry.stat(follow_symlinks=False).st_mtime < time.time() - TEMP_MAX_AGE:
                            Path(entry).unlink()

    def _info(self, key: str, status: os.stat_result, sha256: str | None) -> ObjectInfo:
        return ObjectInfo(
            key=key,
            size=status.st_size,
            version="",
            sha256=sha256,
            modified=_time(status),
        )


def _time(status: os.stat_result) -> datetime:
    return datetime.fromtimestamp(status.st_mtime, UTC)
