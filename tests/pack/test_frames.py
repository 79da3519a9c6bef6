"""Frames, the seek table, padding: round trips, stock tools, and everything that is refused."""

import os
import shutil
import struct
import subprocess
from io import BytesIO
from math import floor, log2
from pathlib import Path

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st
from pyzstd import SeekableZstdFile

from escrow import limits
from escrow.errors import EscrowError, FormatError, IntegrityError, LimitError
from escrow.pack.frames import (
    close_pack,
    compress,
    decompress,
    read_table,
    table_size,
    unwrap_manifest,
    wrap_manifest,
)
from escrow.pack.padme import padme
from tests.pack.plain import pack_plaintext

SEGMENTS = [b"upn,mark\n" * 50, os.urandom(3000), b"\0" * 100_000]
PLAIN = pack_plaintext(SEGMENTS, 3)


def opened(plain: bytes) -> list[bytes]:
    frames = read_table(plain[-table_size(plain) :], len(plain))
    return [decompress(plain[frame.at : frame.at + frame.size], frame.raw) for frame in frames]


def table(rows: list[tuple[int, int]], *, descriptor: int = 0, magic: int = 0x8F92EAB1) -> bytes:
    body = b"".join(struct.pack("<II", *row) for row in rows) + struct.pack("<IBI", len(rows), descriptor, magic)
    return struct.pack("<II", 0x184D2A5E, len(body)) + body


def test_padme_is_the_papers() -> None:
    for length in [*range(2, 5000), *(2**n + d for n in range(13, 40) for d in (-1, 0, 1, 12345))]:
        exponent = floor(log2(length)) if length < 2**40 else length.bit_length() - 1
        unit = 2 ** (exponent - (floor(log2(exponent)) + 1)) if exponent else 1
        assert padme(length) == -(-length // max(1, unit)) * max(1, unit), length


@given(st.integers(1, limits.MAX_PACK))
def test_padme_costs_little(length: int) -> None:
    assert length <= padme(length) <= length * 1.12 + 1
    assert padme(padme(length)) == padme(length)


@given(st.lists(st.binary(min_size=1, max_size=3000), max_size=6))
def test_round_trip(segments: list[bytes]) -> None:
    plain = pack_plaintext(segments, 1)
    assert opened(plain) == segments
    assert len(plain) == max(limits.MIN_PACK, padme(len(plain)))


@given(st.lists(st.tuples(st.integers(1, 2 << 20), st.integers(1, limits.MAX_SEGMENT_RAW)), max_size=60))
def test_every_pack_has_a_padded_size(frames: list[tuple[int, int]]) -> None:
    tail = close_pack(frames)
    whole = sum(size for size, _ in frames) + len(tail)
    assert whole == max(limits.MIN_PACK, padme(whole))
    if sum(raw for _, raw in frames) <= limits.MAX_PACK_RAW:
        found = read_table(tail, whole)
        assert [(frame.size, frame.raw) for frame in found] == frames


def test_stock_zstd_reads_a_pack(tmp_path: Path) -> None:
    if not shutil.which("zstd"):
        if os.environ.get("CI") == "true":
            pytest.fail("CI=true wants the zstd program")
        pytest.skip("no zstd program here")
    (tmp_path / "pack.zst").write_bytes(PLAIN)
    run = subprocess.run(["zstd", "-dc", tmp_path / "pack.zst"], capture_output=True, check=True, timeout=60)
    assert run.stdout == b"".join(SEGMENTS)
    manifest = subprocess.run(["zstd", "-dc"], input=wrap_manifest(b'{"a":1}'), capture_output=True, check=True)
    assert manifest.stdout == b'{"a":1}'


def test_another_seekable_reader_agrees() -> None:
    raw = b"".join(SEGMENTS)
    with SeekableZstdFile(BytesIO(PLAIN)) as file:
        assert file.read() == raw
        for at in (0, 449, 450, 451, 3449, 3450, len(raw) - 5):
            file.seek(at)
            assert file.read(700) == raw[at : at + 700]


def test_we_read_another_writers_table() -> None:
    out = BytesIO()
    with SeekableZstdFile(out, "w", max_frame_content_size=1000) as file:
        file.write(os.urandom(3500))
    plain = out.getvalue()
    frames = read_table(plain[-table_size(plain) :], len(plain))
    assert [(frame.start, frame.raw) for frame in frames] == [(0, 1000), (1000, 1000), (2000, 1000), (3000, 500)]


@pytest.mark.parametrize("cut", [*range(12), 17, 41, len(PLAIN) - 1])
def test_pack_that_ends_early(cut: int) -> None:
    with pytest.raises((FormatError, IntegrityError)):
        plain = PLAIN[:cut]
        read_table(plain[-table_size(plain) :], len(plain))


@pytest.mark.parametrize(
    ("rows", "code"),
    [
        ([(100, 10)], "pack-table"),
        ([(100, 10), (101, 10)], "pack-table"),
        ([(100, 10), (99, 10)], "pack-table"),
        ([], "pack-table"),
        ([(2**32 - 1, 10)], "pack-table"),
        ([(200, limits.MAX_SEGMENT_RAW + 1)], "segment-size"),
        ([(200, 2**32 - 1)], "segment-size"),
        ([(1, limits.MAX_SEGMENT_RAW)] * 65 + [(135, 0)], "pack-raw"),
    ],
)
def test_tables_that_are_refused(rows: list[tuple[int, int]], code: str) -> None:
    tail = table(rows)
    with pytest.raises(FormatError) as caught:
        read_table(tail, 200 + len(tail))
    assert caught.value.code == code


def test_good_table_by_hand() -> None:
    tail = table([(100, 10), (50, 0), (50, 7)])
    assert [(one.at, one.start, one.raw) for one in read_table(tail, 200 + len(tail))] == [(0, 0, 10), (150, 10, 7)]


@pytest.mark.parametrize(
    "tail",
    [
        table([(200, 5)], descriptor=0x80),
        table([(200, 5)], magic=0x8F92EAB0),
        b"\x5f" + table([(200, 5)])[1:],
        table([(200, 5)])[:4] + b"\x12" + table([(200, 5)])[5:],
        b"",
        b"\xb1\xea\x92\x8f",
        struct.pack("<IBI", 2**32 - 1, 0, 0x8F92EAB1),
    ],
    ids=["descriptor", "magic", "frame magic", "frame size", "empty", "short", "more rows than bytes"],
)
def test_tails_that_are_no_table(tail: bytes) -> None:
    with pytest.raises(FormatError) as caught:
        read_table(tail, 200 + len(tail))
    assert caught.value.code == "pack-table"


@given(st.data())
def test_an_altered_byte_is_never_taken(data: st.DataObject) -> None:
    """Anything but the table's or the frames' own refusal is a bug; padding alone may change unseen."""
    meat = sum(len(compress(segment, 3)) for segment in SEGMENTS)
    start = len(PLAIN) - table_size(PLAIN)
    at = data.draw(st.one_of(st.integers(0, meat - 1), st.integers(start, len(PLAIN) - 1)))
    plain = bytearray(PLAIN)
    plain[at] ^= data.draw(st.integers(1, 255))
    try:
        found = opened(bytes(plain))
    except EscrowError as error:
        assert error.code in {"pack-table", "segment-size", "pack-raw", "segment-damaged"}
    else:
        assert found == SEGMENTS


@given(st.binary(max_size=200), st.integers(0, 300))
def test_garbage_tables(tail: bytes, size: int) -> None:
    with pytest.raises(FormatError):
        read_table(tail, size)


def bomb(size: int) -> bytes:
    """A frame whose header declares `size` bytes; its one block is a run of zeros (RFC 8878, section 3.1.1)."""
    header = struct.pack("<IBQ", 0xFD2FB528, 0b11100000, size)
    block = (1 | 1 << 1 | 100_000 << 3).to_bytes(3, "little") + b"\0"
    return header + block


@pytest.mark.parametrize("size", [300 << 30, 2**63, limits.MAX_SEGMENT_RAW])
def test_bombs_are_refused_before_memory_is_taken(size: int) -> None:
    with pytest.raises(LimitError) as caught:
        decompress(bomb(size), 1000)
    assert caught.value.code == "segment-size"
    with pytest.raises((LimitError, IntegrityError)) as found:
        unwrap_manifest(bomb(max(size, limits.MAX_RECORD + 1)))
    assert found.value.code in {"json-size", "manifest-damaged"}


def test_frame_that_holds_more_or_less_than_it_declares() -> None:
    for declared in (99_999, 100_001):
        with pytest.raises(IntegrityError) as caught:
            decompress(bomb(declared), declared)
        assert caught.value.code == "segment-damaged"
        with pytest.raises(IntegrityError):
            unwrap_manifest(bomb(declared))


def test_frame_without_size_and_second_frames() -> None:
    streamed = zstandard.ZstdCompressor(write_content_size=False).compress(b"x" * 100)
    two = compress(b"x" * 50, 3) * 2
    for frame in (streamed, two, b"", b"\x28\xb5\x2f\xfd"):
        with pytest.raises((LimitError, IntegrityError)):
            decompress(frame, 100)
    with pytest.raises(IntegrityError):
        decompress(two, 50)


@given(st.binary(max_size=60_000))
def test_manifest_round_trip(record: bytes) -> None:
    plain = wrap_manifest(record)
    assert len(plain) == max(limits.MIN_MANIFEST, padme(len(plain)))
    if record:
        assert unwrap_manifest(plain) == record


@given(st.binary(max_size=300))
def test_garbage_manifests(plain: bytes) -> None:
    with pytest.raises((FormatError, IntegrityError)):
        unwrap_manifest(plain)
