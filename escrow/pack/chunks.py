"""Chunks and their keyed ids: the writer's private way to find what it already deposited.

Nothing of this leaves the agent; readers know only extents (docs/decisions/0040-small-chunks.md).
"""

from dataclasses import dataclass

from blake3 import blake3
from pyfastcdc import FastCDC

from escrow.limits import KIB

ID_BYTES = 16
_SQLITE = b"SQLite format 3\0"


@dataclass(frozen=True, slots=True)
class ChunkSize:
    """Smallest, target and largest length of a content-defined chunk, bytes."""

    smallest: int
    target: int
    largest: int


TABLE = ChunkSize(KIB // 2, 2 * KIB, 32 * KIB)
DOCUMENT = ChunkSize(32 * KIB, 64 * KIB, 512 * KIB)


def page_size(beginning: bytes) -> int | None:
    """The page size that an SQLite database declares (its file format, section 1.3.2), None for other files."""
    if not beginning.startswith(_SQLITE) or len(beginning) < 18:
        return None
    size = int.from_bytes(beginning[16:18], "big")
    size = 65536 if size == 1 else size
    return size if size >= 512 and size & (size - 1) == 0 else None


class Chunker:
    """Cuts one file of a dataset and names the chunks by keyed BLAKE3, 128 bits.

    Database pages are cut as pages (`page`, bytes), all else by content (FastCDC, Xia et al. 2020). `key` is 32
    secret bytes of the series, `seed` its gear seed below 2^63. The dataset's name goes into the key, so equal bytes
    in two datasets have different ids.
    """

    def __init__(self, key: bytes, seed: int, dataset: str, size: ChunkSize, page: int | None = None) -> None:
        self._hasher = blake3(key=blake3(dataset.encode("utf-8", "surrogatepass"), key=key).digest())
        self._page = page
        self._cut = FastCDC(size.target, min_size=size.smallest, max_size=size.largest, seed=seed)

    def cut(self, window: memoryview, final: bool) -> tuple[list[int], list[bytes]]:
        """Ends and ids of the chunks in `window`.

        Unless `final`, the last chunk is left out, since more bytes could move its end: the caller begins the next
        window with what follows the last end.
        """
        if self._page:
            ends = [*range(self._page, len(window), self._page), len(window)] if window else []
        else:
            ends = [chunk.offset + chunk.length for chunk in self._cut.cut_buf(window)]
        if not final:
            del ends[-1:]
        hasher = self._hasher
        ids: list[bytes] = []
        start = 0
        for end in ends:
            hasher.update(window[start:end])
            ids.append(hasher.digest(ID_BYTES))
            hasher.reset()
            start = end
        return ends, ids
