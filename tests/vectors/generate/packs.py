"""Packs as they are once decrypted: segments, padding, seek table; without the padding, which weighs a megabyte."""

import base64
import os
import struct
from collections.abc import Sequence

from escrow.pack.frames import compress
from tests.pack.plain import pack_plaintext

from .sink import Sink

SKIP, TABLE, SEEKABLE = 0x184D2A50, 0x184D2A5E, 0x8F92EAB1
RAW = [b"upn,mark\n" * 50, b"A1,5\n" * 700]


def table(
    rows: Sequence[tuple[int, int]], *, count: int | None = None, descriptor: int = 0, magic: int = SEEKABLE
) -> bytes:
    """A seek table of compressed and raw sizes."""
    body = b"".join(struct.pack("<II", *row) for row in rows)
    body += struct.pack("<IBI", len(rows) if count is None else count, descriptor, magic)
    return struct.pack("<II", TABLE, len(body)) + body


def pack(raw: Sequence[bytes], padding: int = 5) -> bytes:
    """A pack's plaintext with a short padding."""
    raw = [one for one in raw if one]
    frames = [compress(one, 3) for one in raw]
    rows = [*((len(frame), len(one)) for frame, one in zip(frames, raw, strict=True)), (8 + padding, 0)]
    return b"".join(frames) + struct.pack("<II", SKIP, padding) + bytes(padding) + table(rows)


def make(sink: Sink) -> None:
    """packs/."""

    def add(code: str | None, what: str, plain: bytes, name: str | None = None) -> None:
        sink.add("packs", code, what, {"plaintext": base64.b64encode(plain).decode()}, name)

    frames = [compress(one, 3) for one in RAW]
    rows = [(len(frame), len(one)) for frame, one in zip(frames, RAW, strict=True)]
    content = b"".join(frames)
    good = pack(RAW)
    add(None, "two segments", good, "two-segments")
    add(None, "no padding: how a pack is padded, a reader does not ask", content + table(rows), "no-padding")
    add(None, "no segments", pack([]), "empty")
    add(None, "a segment of no bytes that JSON could be", pack([os.urandom(64)]), "random")
    add("pack-table", "nothing", b"")
    add("pack-table", "no table", content)
    add("pack-table", "a byte behind the table", good + b"\0")
    add("pack-table", "a byte that no row accounts for", b"\0" + content + table(rows))
    add("pack-table", "a row that reaches too far", content + table([rows[0], (rows[1][0] + 1, rows[1][1])]))
    add("pack-table", "a row less", content + table(rows[:1]))
    add("pack-table", "more rows than there are", content + table(rows, count=3))
    add("pack-table", "rows without number", content + table(rows, count=2**32 - 1))
    add("pack-table", "checksums in the table (descriptor 128)", content + table(rows, descriptor=128))
    add("pack-table", "another magic number", content + table(rows, magic=SEEKABLE ^ 1))
    add("segment-size", "a segment of over 4 MiB", content + table([rows[0], (rows[1][0], (4 << 20) + 1)]))
    add("segment-size", "a frame that says another size than its row", content + table([rows[0], (rows[1][0], 3499)]))
    add("pack-raw", "256 MiB and a byte", content + table([*rows[:1], *[(0, 4 << 20)] * 63, (rows[1][0], 4 << 20)]))
    spoilt = bytearray(good)
    spoilt[rows[0][0] + rows[1][0] - 1] ^= 1
    add("segment-damaged", "the checksum of a frame", bytes(spoilt))
    behind = table([(rows[0][0] + 2, rows[0][1]), rows[1]])
    add("segment-damaged", "bytes behind a frame", frames[0] + bytes(2) + frames[1] + behind)
    add("segment-damaged", "a frame that is cut", content[:-1] + table([rows[0], (rows[1][0] - 1, rows[1][1])]))
    unzipped = pack_plaintext(RAW, 3)
    assert unzipped.startswith(content)
