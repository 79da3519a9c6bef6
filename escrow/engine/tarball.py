"""Streams a snapshot as a tar archive (POSIX.1-2001, pax), without touching the disk."""

import hashlib
import os
import tarfile
from collections import deque
from collections.abc import Iterator, Sequence
from io import RawIOBase
from typing import BinaryIO

from escrow.engine.ports import Progress
from escrow.engine.reading import CompartmentView
from escrow.engine.restore import RestoreOptions
from escrow.engine.restored import RestoreReport
from escrow.engine.rows import RowFilter, RowRule
from escrow.errors import FormatError, IntegrityError
from escrow.record import DirEntry, Entry, FileEntry, LinkEntry, UnreadEntry
from escrow.source import safe_target


class _Blocks(RawIOBase):
    """Reads an iterator of bytes as a file."""

    def __init__(self, blocks: Iterator[bytes]) -> None:
        self._blocks = blocks
        self._rest = b""

    def read(self, size: int = -1, /) -> bytes:
        parts: list[bytes] = []
        while size > 0 and (self._rest or (block := next(self._blocks, None)) is not None):
            if not self._rest:
                self._rest = block or b""
            parts.append(self._rest[:size])
            self._rest = self._rest[size:]
            size -= len(parts[-1])
        return b"".join(parts)


def write_tar(
    views: list[CompartmentView], out: BinaryIO, options: RestoreOptions, progress: Progress
) -> RestoreReport:
    """Write every wanted entry to `out`.

    A tar cannot take back what it has written: IntegrityError or FormatError ends it at the first damaged file.
    IntegrityError `erasure-missing`, `erasure-damaged` before anything is written.
    """
    report = RestoreReport()
    for view in views:
        view.left_out.check()
    progress.stage("write tar", sum(view.manifest.totals.bytes for view in views))
    with tarfile.open(fileobj=out, mode="w|", format=tarfile.PAX_FORMAT) as tar:
        for view in views:
            for entry in view.entries():
                if options.wanted(entry.path):
                    _add(tar, view, entry, report)
                    progress.advance(entry.size if isinstance(entry, FileEntry) else 0)
    return report


def _proven(view: CompartmentView, entry: FileEntry) -> Iterator[bytes]:
    digest = hashlib.sha256()
    for block in view.packs.stream(entry.extents):
        digest.update(block)
        yield block
    if digest.hexdigest() != entry.sha256:
        raise IntegrityError("file-hash", f"expected SHA-256 {entry.sha256[:16]}…, found {digest.hexdigest()[:16]}…")


def _add(tar: tarfile.TarFile, view: CompartmentView, entry: Entry, report: RestoreReport) -> None:
    erasure = view.left_out.whole(entry.path)
    if erasure is not None:
        report.omit(entry, erasure)
        return
    if isinstance(entry, UnreadEntry):
        report.unread.append((entry.path, entry.reason))
        return
    safe_target(entry.path)
    info = tarfile.TarInfo(os.fsdecode(entry.path))
    info.mtime = entry.mtime // 10**9
    info.mode = entry.mode if entry.mode is not None else 0o644
    if isinstance(entry, DirEntry):
        info.type, info.mode = tarfile.DIRTYPE, entry.mode if entry.mode is not None else 0o755
        tar.addfile(info)
    elif isinstance(entry, LinkEntry):
        info.type, info.linkname = tarfile.SYMTYPE, os.fsdecode(entry.target)
        tar.addfile(info)
    else:
        rules = view.left_out.rows.get(entry.path, ())
        size = _shortened(view, entry, rules, report) if rules else entry.size
        if size is None:
            return
        info.size = size
        blocks = iter(RowFilter(_proven(view, entry), rules)) if rules else _proven(view, entry)
        tar.addfile(info, _Blocks(blocks))
        deque(blocks, 0)  # tar stops at the last byte, before the hash is compared
        report.files += 1
        report.size += size


def _shortened(view: CompartmentView, entry: FileEntry, rules: Sequence[RowRule], report: RestoreReport) -> int | None:
    """The bytes of a table without its erased rows, which a tar says first; None where it is left out whole."""
    table = RowFilter(_proven(view, entry), rules)
    try:
        size = sum(map(len, table))
    except FormatError as error:
        if error.code != "erasure-whole":
            raise
        report.omit(entry, min(rule.n for rule in rules), str(error))
        return None
    report.omit_rows(entry, table.left_out, size)
    return size
