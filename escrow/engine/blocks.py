"""Blocks of a file, read ahead into buffers that are used again and again: no copies, no fresh memory a block."""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from io import RawIOBase
from typing import NamedTuple

from escrow.limits import KIB, MIB

BLOCK = 1 * MIB
HEADROOM = 512 * KIB
"""Free bytes before each block, for what the chunker left over of the one before: at most its largest chunk."""


class Block(NamedTuple):
    """The bytes `buffer[HEADROOM:end]`, to be used before the next block is asked for."""

    buffer: bytearray
    end: int

    def window(self, rest: bytes) -> memoryview:
        """`rest`, put into the headroom, and the block behind it, as one piece."""
        start = HEADROOM - len(rest)
        self.buffer[start:HEADROOM] = rest
        return memoryview(self.buffer)[start : self.end]


class Reader:
    """Reads one file at a time; `ahead` reads the next block of a large one meanwhile."""

    def __init__(self, ahead: ThreadPoolExecutor) -> None:
        self._ahead = ahead
        self._buffers = (bytearray(HEADROOM + BLOCK), bytearray(HEADROOM + BLOCK))

    def blocks(self, raw: RawIOBase, seen: Callable[[memoryview], None], large: bool) -> Iterator[Block]:
        """The blocks of `raw`; `seen` gets the bytes of each, in order."""

        def fill(number: int) -> Block:
            view = memoryview(self._buffers[number])[HEADROOM:]
            count = raw.readinto(view) or 0
            seen(view[:count])
            return Block(self._buffers[number], HEADROOM + count)

        if not large:
            while (block := fill(0)).end > HEADROOM:
                yield block
            return
        number = 0
        coming = self._ahead.submit(fill, number)
        try:
            while (block := coming.result()).end > HEADROOM:
                number = 1 - number
                coming = self._ahead.submit(fill, number)
                yield block
        finally:
            if not coming.cancel():
                coming.exception()


def blocks_of(pieces: Iterable[bytes], seen: Callable[[memoryview], None]) -> Iterator[Block]:
    """Blocks of bytes at hand; `seen` gets the bytes of each, in order."""
    buffer = bytearray(HEADROOM + BLOCK)
    end = HEADROOM
    for piece in pieces:
        rest = memoryview(piece)
        while rest:
            taken = rest[: len(buffer) - end]
            buffer[end : end + len(taken)] = taken
            end += len(taken)
            rest = rest[len(taken) :]
            if end == len(buffer):
                seen(memoryview(buffer)[HEADROOM:end])
                yield Block(buffer, end)
                end = HEADROOM
    if end > HEADROOM:
        seen(memoryview(buffer)[HEADROOM:end])
        yield Block(buffer, end)
