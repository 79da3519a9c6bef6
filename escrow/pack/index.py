"""Which chunks a pack holds, as the agent's state keeps them: 20 bytes each, the id and the raw offset."""

import struct

from escrow.pack.chunks import ID_BYTES

_RECORD = struct.Struct(f"<{ID_BYTES}sI")

Places = dict[bytes, int]
"""Chunk id to place: pack ordinal x 2^32 + raw offset."""


def pack_record(chunk_id: bytes, offset: int) -> bytes:
    """The record of one chunk, at a raw offset of its pack."""
    return _RECORD.pack(chunk_id, offset)


def read_records(ordinal: int, records: bytes) -> Places:
    """The places of one pack's chunks."""
    base = ordinal << 32
    return {chunk_id: base + offset for chunk_id, offset in _RECORD.iter_unpack(records)}
