"""Streams a snapshot as a tar archive (POSIX.1-2001, pax), without touching the disk."""

import os
import tarfile
from collections import deque
from io import BufferedReader
from typing import BinaryIO

from escrow.engine.opened import Pieces, proven, shortened
from escrow.engine.ports import Progress
from escrow.engine.reading import CompartmentView
from escrow.engine.restore import RestoreOptions
from escrow.engine.restored import RestoreReport
from escrow.engine.rows import RowFilter
from escrow.record import DirEntry, Entry, FileEntry, LinkEntry, UnreadEntry
from escrow.source import safe_target


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
        size = shortened(view, entry, rules, report) if rules else entry.size
        if size is None:
            return
        info.size = size
        blocks = iter(RowFilter(proven(view, entry), rules)) if rules else proven(view, entry)
        tar.addfile(info, BufferedReader(Pieces(blocks)))
        deque(blocks, 0)  # tar stops at the last byte, before the hash is compared
        report.files += 1
        report.size += size
