"""Writes files from packs: every pack is read once, in parallel, and its bytes go to where they belong."""

import os
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import NamedTuple

from escrow.engine.packread import SeriesPacks, past_the_end
from escrow.engine.ports import Progress
from escrow.errors import EscrowError, FormatError, IntegrityError, NotFoundError, WrongKeyError
from escrow.record import FileEntry

_SEEK = Lock()


@dataclass(frozen=True, slots=True)
class Part:
    """A file under way: it is written to `temporary`, and is none of `entry`'s until its SHA-256 is right."""

    entry: FileEntry
    temporary: Path
    target: Path


class Slice(NamedTuple):
    """`length` raw bytes at `offset` of a pack belong at `at` of file number `part`."""

    offset: int
    length: int
    part: int
    at: int


def plan_slices(files: Iterable[FileEntry]) -> dict[int, list[Slice]]:
    """Pure: for each pack that is needed, in order of ordinal, its slices in order of offset."""
    found: dict[int, list[Slice]] = {}
    for number, entry in enumerate(files):
        at = 0
        for pack, offset, length in entry.extents:
            found.setdefault(pack, []).append(Slice(offset, length, number, at))
            at += length
    for slices in found.values():
        slices.sort()
    return dict(sorted(found.items()))


def scatter(packs: SeriesPacks, parts: Sequence[Part], progress: Progress) -> dict[int, EscrowError]:
    """Write every part's bytes; gives, for the parts that a bad pack has spoilt, why.

    Raises OSError when a part cannot be written, StoreError when the store as a whole does not answer.
    """
    plan = plan_slices(part.entry for part in parts)
    spoilt: dict[int, EscrowError] = {}
    with ThreadPoolExecutor(packs.at_once, "restore") as pool:
        tasks = {pack: pool.submit(_write_pack, packs, pack, slices, parts) for pack, slices in plan.items()}
        try:
            for pack, task in tasks.items():
                try:
                    spoilt.update(task.result())
                except (IntegrityError, FormatError, NotFoundError, WrongKeyError) as error:
                    spoilt.update({piece.part: error for piece in plan[pack]})
                progress.advance(sum(piece.length for piece in plan[pack]))
        finally:
            for task in tasks.values():
                task.cancel()
    return spoilt


def _write_pack(packs: SeriesPacks, pack: int, slices: list[Slice], parts: Sequence[Part]) -> dict[int, EscrowError]:
    """Gives the parts that reach past the pack's end; the others are written."""
    end_of_pack = packs.raw_size(pack)
    beyond: dict[int, EscrowError] = {
        piece.part: past_the_end(pack, end_of_pack) for piece in slices if piece.offset + piece.length > end_of_pack
    }
    slices = [piece for piece in slices if piece.part not in beyond]
    last_use = {piece.part: number for number, piece in enumerate(slices)}
    handles: dict[int, int] = {}
    waiting: list[tuple[int, Slice]] = []
    coming = 0
    try:
        for frame, data in packs.segments(pack, [(piece.offset, piece.offset + piece.length) for piece in slices]):
            view = memoryview(data)
            end = frame.start + frame.raw
            while coming < len(slices) and slices[coming].offset < end:
                waiting.append((coming, slices[coming]))
                coming += 1
            unfinished: list[tuple[int, Slice]] = []
            for number, piece in waiting:
                begin = max(piece.offset, frame.start)
                stop = min(piece.offset + piece.length, end)
                if piece.part not in handles:
                    handles[piece.part] = os.open(parts[piece.part].temporary, os.O_WRONLY | getattr(os, "O_BINARY", 0))
                _write_at(
                    handles[piece.part], view[begin - frame.start : stop - frame.start], piece.at + begin - piece.offset
                )
                if piece.offset + piece.length > end:
                    unfinished.append((number, piece))
                elif last_use[piece.part] == number:
                    os.close(handles.pop(piece.part))
            waiting = unfinished
    finally:
        for handle in handles.values():
            with suppress(OSError):
                os.close(handle)
    return beyond


def _write_at(handle: int, data: memoryview, at: int) -> None:
    while data:
        if hasattr(os, "pwrite"):
            written = os.pwrite(handle, data, at)
        else:
            with _SEEK:
                os.lseek(handle, at, os.SEEK_SET)
                written = os.write(handle, data)
        data = data[written:]
        at += written
