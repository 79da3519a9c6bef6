"""zstd frames and the seekable format: what stands inside a pack or manifest (docs/format.md, sections 6 and 7).

The only room that imports `zstandard`. RFC 8878 for frames; contrib/seekable_format of facebook/zstd for the table.
"""

import struct
from collections.abc import Sequence
from typing import NamedTuple

import zstandard

from escrow import limits
from escrow.errors import FormatError, IntegrityError, LimitError
from escrow.pack.padme import padme

_SKIPPABLE = struct.Struct("<II")
_ENTRY = struct.Struct("<II")
_FOOTER = struct.Struct("<IBI")
_PADDING_MAGIC = 0x184D2A50
_TABLE_MAGIC = 0x184D2A5E
_SEEKABLE_MAGIC = 0x8F92EAB1


class Frame(NamedTuple):
    """Where one segment stands, in bytes: `at` and `size` in the plaintext, `start` and `raw` decompressed."""

    at: int
    size: int
    start: int
    raw: int


def compress(raw: bytes | bytearray | memoryview, level: int) -> bytes:
    """One zstd frame with content size and checksum."""
    return zstandard.ZstdCompressor(level=level, write_checksum=True, write_content_size=True).compress(raw)


def decompress(frame: bytes | memoryview, raw: int) -> bytes:
    """The content of exactly one frame that holds exactly `raw` bytes.

    Raises LimitError before any allocation when the frame declares more, IntegrityError when it is damaged.
    """
    try:
        declared = zstandard.frame_content_size(frame)
        if declared != raw:
            raise LimitError("segment-size", f"a zstd frame declares {declared} bytes where its table says {raw}")
        return zstandard.ZstdDecompressor().decompress(frame, max_output_size=raw, allow_extra_data=False)
    except zstandard.ZstdError as error:
        raise IntegrityError("segment-damaged", f"a zstd frame of {len(frame)} bytes does not open: {error}") from None


def _padding(payload: int) -> bytes:
    return _SKIPPABLE.pack(_PADDING_MAGIC, payload) + bytes(payload)


def close_pack(frames: Sequence[tuple[int, int]]) -> bytes:
    """The padding frame and seek table that follow `frames` (compressed and raw bytes of each segment, in order)."""
    entries = len(frames) + 1
    table = _ENTRY.size * entries + _FOOTER.size
    content = sum(size for size, _ in frames) + 2 * _SKIPPABLE.size + table
    payload = max(limits.MIN_PACK, padme(content)) - content
    rows = [*frames, (_SKIPPABLE.size + payload, 0)]
    return b"".join(
        (
            _padding(payload),
            _SKIPPABLE.pack(_TABLE_MAGIC, table),
            *(_ENTRY.pack(*row) for row in rows),
            _FOOTER.pack(entries, 0, _SEEKABLE_MAGIC),
        )
    )


def table_size(footer: bytes) -> int:
    """Bytes of the seek table's whole skippable frame, from the pack's last 9 bytes."""
    last = footer[-_FOOTER.size :]
    entries, descriptor, magic = _FOOTER.unpack(last) if len(last) == _FOOTER.size else (0, 0, 0)
    if magic != _SEEKABLE_MAGIC or descriptor != 0:
        raise FormatError("pack-table", f"expected a zstd seek table at the pack's end, found {footer[-9:].hex()}")
    return int(_SKIPPABLE.size + entries * _ENTRY.size + _FOOTER.size)


def read_table(tail: bytes, plain_size: int) -> list[Frame]:
    """The segments of a pack of `plain_size` bytes, from its last `table_size` bytes.

    Raises FormatError (pack-table) unless the table accounts for every byte, LimitError (segment-size, pack-raw).
    """
    size = table_size(tail)
    if size > min(len(tail), plain_size):
        raise FormatError("pack-table", f"a seek table of {size} bytes in a pack of {plain_size}")
    table = tail[len(tail) - size :]
    if _SKIPPABLE.unpack_from(table) != (_TABLE_MAGIC, size - _SKIPPABLE.size):
        raise FormatError("pack-table", f"the seek table does not begin where its footer says: {table[:8].hex()}")
    frames: list[Frame] = []
    at = start = 0
    for compressed, raw in _ENTRY.iter_unpack(table[_SKIPPABLE.size : -_FOOTER.size]):
        if raw > limits.MAX_SEGMENT_RAW:
            raise LimitError("segment-size", f"a segment of {raw} bytes; at most {limits.MAX_SEGMENT_RAW} are allowed")
        if raw:
            frames.append(Frame(at, compressed, start, raw))
        at += compressed
        start += raw
    if at != plain_size - size:
        raise FormatError("pack-table", f"the seek table accounts for {at} bytes of {plain_size - size}")
    if start > limits.MAX_PACK_RAW:
        raise LimitError("pack-raw", f"a pack of {start} raw bytes; at most {limits.MAX_PACK_RAW} are allowed")
    return frames


def wrap_manifest(record: bytes, level: int = 9) -> bytes:
    """A manifest's plaintext: one zstd frame, then padding to max(16 KiB, Padmé)."""
    frame = compress(record, level)
    content = len(frame) + _SKIPPABLE.size
    return frame + _padding(max(limits.MIN_MANIFEST, padme(content)) - content)


def unwrap_manifest(plaintext: bytes) -> bytes:
    """The record in a manifest's plaintext. Raises FormatError, LimitError or IntegrityError."""
    try:
        raw = zstandard.frame_content_size(plaintext)
        if not 0 < raw <= limits.MAX_RECORD:
            raise LimitError("json-size", f"a manifest of {raw} bytes; at most {limits.MAX_RECORD} are allowed")
        return zstandard.ZstdDecompressor().decompress(plaintext, max_output_size=raw, allow_extra_data=True)
    except zstandard.ZstdError as error:
        raise IntegrityError("manifest-damaged", f"the manifest's zstd frame does not open: {error}") from None
