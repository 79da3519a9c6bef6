"""Where each chunk of a series stands: a compact in-memory index, 24 bytes a chunk.

Sorted arrays hold what is settled; a dictionary takes what is new and is merged in when it has grown.
"""

import numpy as np
from numpy.typing import NDArray

from escrow.pack.chunks import ID_BYTES

_RECORD = np.dtype([("high", "<u8"), ("low", "<u8"), ("offset", "<u4")])
_NEW_AT_MOST = 1 << 17
RECORD_BYTES = _RECORD.itemsize


class ChunkIndex:
    """Maps a chunk's id to its place: pack ordinal x 2^32 + raw offset."""

    def __init__(self) -> None:
        self._high = np.empty(0, np.uint64)
        self._low = np.empty(0, np.uint64)
        self._place = np.empty(0, np.uint64)
        self._new: dict[bytes, int] = {}

    def __len__(self) -> int:
        return len(self._high) + len(self._new)

    def load(self, packs: list[tuple[int, bytes]]) -> None:
        """Take the settled chunks: for each pack its ordinal and its records as `pack_records` made them."""
        highs, lows, places = [self._high], [self._low], [self._place]
        for ordinal, blob in packs:
            records = np.frombuffer(blob, _RECORD)
            highs.append(records["high"])
            lows.append(records["low"])
            places.append(records["offset"] + np.uint64(ordinal << 32))
        high = np.concatenate(highs)
        order = np.argsort(high, kind="stable")
        self._high = high[order]
        self._low = np.concatenate(lows)[order]
        self._place = np.concatenate(places)[order]

    def find(self, ids: list[bytes]) -> list[int]:
        """The place of each id, -1 where it is not known."""
        wanted: NDArray[np.uint64] = np.frombuffer(b"".join(ids), "<u8").reshape(-1, 2)
        at = np.searchsorted(self._high, wanted[:, 0])
        if len(self._high):
            np.minimum(at, len(self._high) - 1, out=at)
            same = (self._high[at] == wanted[:, 0]) & (self._low[at] == wanted[:, 1])
            places: list[int] = np.where(same, self._place[at].astype(np.int64), -1).tolist()
        else:
            places = [-1] * len(ids)
        if self._new:
            known = self._new.get
            places = [known(ids[i], -1) if place < 0 else place for i, place in enumerate(places)]
        return places

    def add(self, chunk_id: bytes, ordinal: int, offset: int) -> None:
        self._new[chunk_id] = ordinal << 32 | offset

    def settle(self) -> None:
        """Merge what is new into the arrays once it is large, so that memory stays near 24 bytes a chunk."""
        if len(self._new) < max(_NEW_AT_MOST, len(self._high) // 8):
            return
        by_pack: dict[int, list[tuple[bytes, int]]] = {}
        for chunk_id, place in self._new.items():
            by_pack.setdefault(place >> 32, []).append((chunk_id, place & 0xFFFFFFFF))
        self._new.clear()
        self.load([(ordinal, pack_records(chunks)) for ordinal, chunks in by_pack.items()])


def pack_records(chunks: list[tuple[bytes, int]]) -> bytes:
    """One pack's chunks (id, raw offset) as bytes, for the state: `RECORD_BYTES` each."""
    records = np.empty(len(chunks), _RECORD)
    ids = np.frombuffer(b"".join(chunk_id for chunk_id, _ in chunks), "<u8").reshape(-1, ID_BYTES // 8)
    records["high"], records["low"] = ids[:, 0], ids[:, 1]
    records["offset"] = [offset for _, offset in chunks]
    return records.tobytes()
