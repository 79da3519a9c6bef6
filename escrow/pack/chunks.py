"""Content-defined chunks and their keyed ids: the writer's private way to find what it already deposited.

Nothing of this leaves the agent; readers know only extents (docs/decisions/0040-small-chunks.md).
"""

from dataclasses import dataclass

from blake3 import blake3
from pyfastcdc import FastCDC

from escrow.limits import KIB

ID_BYTES = 16


@dataclass(frozen=True, slots=True)
class ChunkSize:
    """Smallest, target and largest length of a chunk, bytes. FastCDC's mean is near smallest + target."""

    smallest: int
    target: int
    largest: int


TABLE = ChunkSize(1 * KIB, 4 * KIB, 32 * KIB)
DOCUMENT = ChunkSize(32 * KIB, 64 * KIB, 512 * KIB)


class Chunker:
    """Cuts one dataset's bytes (FastCDC, Xia et al. 2020) and names the chunks by keyed BLAKE3, 128 bits.

    `key` is 32 secret bytes of the series, `seed` its gear seed. The dataset's name goes into the key, so equal
    bytes in two datasets have different ids.
    """

    def __init__(self, key: bytes, seed: int, dataset: str, size: ChunkSize) -> None:
        self._key = blake3(dataset.encode("utf-8", "surrogatepass"), key=key).digest()
        self._cut = FastCDC(size.target, min_size=size.smallest, max_size=size.largest, seed=seed)

    def cut(self, window: bytes | memoryview, final: bool) -> tuple[list[int], list[bytes]]:
        """Ends and ids of the chunks in `window`.

        Unless `final`, the last chunk is left out, since more bytes could move its end: the caller begins the next
        window with what follows the last end.
        """
        key = self._key
        ends: list[int] = []
        ids: list[bytes] = []
        for chunk in self._cut.cut_buf(window):
            ends.append(chunk.offset + chunk.length)
            ids.append(blake3(chunk.data, key=key).digest(ID_BYTES))
        if not final:
            del ends[-1:], ids[-1:]
        return ends, ids
