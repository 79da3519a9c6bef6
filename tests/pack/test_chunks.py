"""Chunks, their ids, extents and index records."""

import os
import random
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from escrow.pack.chunks import DOCUMENT, ID_BYTES, TABLE, Chunker, ChunkSize, page_size
from escrow.pack.extents import ExtentList
from escrow.pack.index import pack_record, read_records

KEY = bytes(range(32))
DATA = random.Random(7).randbytes(300_000)
SMALL = ChunkSize(64, 256, 1024)


def chunker(dataset: str = "a", key: bytes = KEY, seed: int = 1, page: int | None = None) -> Chunker:
    return Chunker(key, seed, dataset, SMALL, page)


def whole(data: bytes, cutter: Chunker) -> list[tuple[int, bytes]]:
    return list(zip(*cutter.cut(data, True), strict=True))


def windowed(blocks: list[bytes], cutter: Chunker) -> list[tuple[int, bytes]]:
    """As the engine does it: what follows the last end begins the next window."""
    found: list[tuple[int, bytes]] = []
    base, window = 0, b""
    for number, block in enumerate(blocks):
        window += block
        ends, ids = cutter.cut(window, number == len(blocks) - 1)
        found += [(base + end, one) for end, one in zip(ends, ids, strict=True)]
        if ends:
            base += ends[-1]
            window = window[ends[-1] :]
    return found


def split(data: bytes, cuts: list[int]) -> list[bytes]:
    at = [0, *sorted(cuts), len(data)]
    return [data[a:b] for a, b in pairwise(at)]


@settings(max_examples=60)
@given(st.integers(0, 30_000), st.lists(st.integers(0, 30_000), max_size=8), st.sampled_from([None, 512]))
def test_windows_cut_as_one_buffer(size: int, cuts: list[int], page: int | None) -> None:
    data = DATA[:size]
    blocks = split(data, [min(cut, size) for cut in cuts])
    assert windowed(blocks, chunker(page=page)) == whole(data, chunker(page=page))


@pytest.mark.parametrize("size", [TABLE, DOCUMENT], ids=["table", "document"])
def test_lengths_keep_to_their_bounds(size: ChunkSize) -> None:
    data = random.Random(1).randbytes(4 << 20)
    ends, ids = Chunker(KEY, 5, "a", size).cut(data, True)
    lengths = [b - a for a, b in zip([0, *ends], ends, strict=False)]
    assert ends[-1] == len(data)
    assert all(size.smallest <= length <= size.largest for length in lengths[:-1])
    assert size.target / 2 < sum(lengths) / len(lengths) < size.target * 2
    assert {len(one) for one in ids} == {ID_BYTES}
    assert len(set(ids)) == len(ids)


def test_a_change_moves_few_chunks() -> None:
    before = {one for _, one in whole(DATA, chunker())}
    after = {one for _, one in whole(DATA[:150_000] + b"inserted" + DATA[150_000:], chunker())}
    assert 1 <= len(after - before) <= 5


def test_ids_differ_by_dataset_and_key() -> None:
    first = {one for _, one in whole(DATA, chunker())}
    assert first == {one for _, one in whole(DATA, chunker())}
    assert first.isdisjoint(one for _, one in whole(DATA, chunker("b")))
    assert first.isdisjoint(one for _, one in whole(DATA, chunker(key=bytes(32))))
    assert whole(DATA, chunker(seed=1)) != whole(DATA, chunker(seed=2))


def test_names_that_are_not_utf8_are_datasets_too() -> None:
    assert whole(DATA, chunker("\udcff")) != whole(DATA, chunker("\udcfe"))


def test_empty_and_tiny() -> None:
    assert chunker().cut(b"", True) == ([], [])
    assert chunker().cut(b"", False) == ([], [])
    assert chunker().cut(b"x", False) == ([], [])
    assert chunker().cut(b"x", True)[0] == [1]


def header(size: int) -> bytes:
    return b"SQLite format 3\0" + size.to_bytes(2, "big") + bytes(82)


@pytest.mark.parametrize(
    ("beginning", "expected"),
    [
        (header(4096), 4096),
        (header(512), 512),
        (header(1), 65536),
        (header(0), None),
        (header(511), None),
        (header(1000), None),
        (header(256), None),
        (b"SQLite format 3\0\x10", None),
        (b"SQLite format 3\0", None),
        (b"", None),
        (b"upn,name\n" * 9, None),
    ],
)
def test_page_size(beginning: bytes, expected: int | None) -> None:
    assert page_size(beginning) == expected


def test_databases_are_cut_at_pages() -> None:
    data = header(4096) + os.urandom(4096 * 5 + 17 - 100)
    ends, _ = chunker(page=4096).cut(data, True)
    assert ends == [4096, 8192, 12288, 16384, 20480, 20497]


def test_extents_join_where_they_touch() -> None:
    extents = ExtentList()
    for place, length in [(100, 10), (110, 5), (200, 1), (1 << 32, 7), (1 << 32 | 7, 3), (115, 2), (117, 1)]:
        extents.add(place, length)
    assert extents.finish() == ((0, 100, 15), (0, 200, 1), (1, 0, 10), (0, 115, 3))


def test_extents_do_not_join_across_packs() -> None:
    extents = ExtentList()
    extents.add((1 << 32) - 8, 8)
    extents.add(1 << 32, 4)
    assert extents.finish() == ((0, (1 << 32) - 8, 8), (1, 0, 4))
    assert ExtentList().finish() == ()


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 50), st.integers(1, 30)), max_size=30))
def test_extents_keep_every_byte_in_order(runs: list[tuple[int, int, int]]) -> None:
    extents = ExtentList()
    for pack, offset, length in runs:
        extents.add(pack << 32 | offset, length)
    wanted = [(pack, offset + n) for pack, offset, length in runs for n in range(length)]
    assert [(pack, offset + n) for pack, offset, length in extents.finish() for n in range(length)] == wanted


@given(st.dictionaries(st.binary(min_size=16, max_size=16), st.integers(0, 2**28)), st.integers(0, 10**6))
def test_index_records(chunks: dict[bytes, int], ordinal: int) -> None:
    records = b"".join(pack_record(one, at) for one, at in chunks.items())
    assert len(records) == 20 * len(chunks)
    assert read_records(ordinal, records) == {one: ordinal << 32 | at for one, at in chunks.items()}
