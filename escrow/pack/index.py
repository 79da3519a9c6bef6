"""Which chunks a pack holds, as the agent's state keeps them: 20 bytes each, the id and the raw offset."""

import struct
from collections.abc import Iterable

from escrow.pack.chunks import ID_BYTES

_RECORD = struct.Struct(f"<{ID_BYTES}sI")

Places = dict[bytes, int]
"""Chunk id to place: pack ordinal x 2^32 + raw offset."""


def pack_records(chunks: Iterable[tuple[bytes, int]]) -> bytes:
    """The records of chunks (id, raw offset) of one pack."""
    return b"".join(_RECORD.pack(chunk_id, offset) for chunk_id, offset in chunks)


def read_records(ordinal: int, records: bytes) -> Places:
    """The places of one pack's chunks."""
    base = ordinal << 32
    return {chunk_id: base + offset for chunk_id, offset in _RECORD.iter_unpack(records)}
