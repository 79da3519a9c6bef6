"""Random access agrees with the whole file, reads once, and believes nothing."""

import hashlib
import os
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from escrow.errors import FormatError, IntegrityError, UsageError, WrongKeyError
from escrow.seal import HybridIdentity, Recipient, SealedReader, X25519Identity, head_of, seal
from escrow.seal.stream import CHUNK, SEALED_CHUNK

KEY = HybridIdentity.generate()
PLAIN = os.urandom(4 * CHUNK)
SEALED = seal(PLAIN, [KEY.recipient()])
HEAD = head_of(SEALED) or b""
DIGEST = hashlib.sha256(HEAD).digest()


class Store:
    """Ranged reads of some bytes, counted."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.calls: list[tuple[int, int]] = []

    def read_at(self, offset: int, length: int) -> bytes:
        self.calls.append((offset, length))
        return self.data[offset : offset + length]


def _reader(data: bytes, size: int | None = None) -> tuple[SealedReader, Store]:
    store = Store(data)
    return SealedReader(store.read_at, len(data) if size is None else size, [KEY], DIGEST), store


@settings(max_examples=80, deadline=None)
@given(offset=st.integers(0, len(PLAIN)), length=st.integers(0, 3 * CHUNK))
def test_any_range_is_the_plaintexts(offset: int, length: int) -> None:
    length = min(length, len(PLAIN) - offset)
    reader, store = _reader(SEALED)
    store.calls.clear()
    assert reader.read(offset, length) == PLAIN[offset : offset + length]
    assert len(store.calls) == (length > 0)
    assert sum(asked for _, asked in store.calls) <= length + 2 * SEALED_CHUNK


@pytest.mark.parametrize("size", [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK])
def test_whole_files(size: int) -> None:
    plain = os.urandom(size)
    sealed = seal(plain, [KEY.recipient()])
    reader = SealedReader(Store(sealed).read_at, len(sealed), [KEY], None)
    assert reader.size == size
    assert reader.read(0, size) == plain
    assert reader.read(size // 2, size - size // 2) == plain[size // 2 :]


@pytest.mark.parametrize(("offset", "length"), [(-1, 1), (0, -1), (0, len(PLAIN) + 1), (len(PLAIN) + 1, 0)])
def test_ranges_outside(offset: int, length: int) -> None:
    with pytest.raises(UsageError):
        _reader(SEALED)[0].read(offset, length)


def test_the_head_is_compared_before_any_key() -> None:
    other = seal(PLAIN, [KEY.recipient()])
    with pytest.raises(IntegrityError) as caught:
        SealedReader(Store(other).read_at, len(other), [], DIGEST)
    assert caught.value.code == "head-mismatch"
    with pytest.raises(WrongKeyError):
        SealedReader(Store(SEALED).read_at, len(SEALED), [], DIGEST)


def test_a_cut_at_a_chunks_end_shows_when_the_end_is_touched() -> None:
    reader, _ = _reader(SEALED[:-SEALED_CHUNK])
    assert reader.size == len(PLAIN) - CHUNK
    assert reader.read(0, CHUNK) == PLAIN[:CHUNK]
    with pytest.raises(IntegrityError) as caught:
        reader.read(reader.size - 1, 1)
    assert caught.value.code == "payload-chunk"


def test_a_longer_file_shows_when_the_end_is_touched() -> None:
    reader, _ = _reader(SEALED + bytes(SEALED_CHUNK))
    for offset in (len(PLAIN) - 1, reader.size - 1):
        with pytest.raises(IntegrityError):
            reader.read(offset, 1)


@pytest.mark.parametrize("chunk", range(4))
def test_a_flipped_byte_spoils_its_chunk_only(chunk: int) -> None:
    altered = bytearray(SEALED)
    altered[len(HEAD) + chunk * SEALED_CHUNK + 7] ^= 1
    reader, _ = _reader(bytes(altered))
    for index in range(4):
        if index == chunk:
            with pytest.raises(IntegrityError):
                reader.read(index * CHUNK, CHUNK)
        else:
            assert reader.read(index * CHUNK, CHUNK) == PLAIN[index * CHUNK : (index + 1) * CHUNK]


@pytest.mark.parametrize("answer", [lambda data: data[:-1], lambda data: data + b"\0", lambda data: b""])
def test_an_answer_of_another_length_is_refused(answer: Callable[[bytes], bytes]) -> None:
    reader, store = _reader(SEALED)
    store.data = SEALED
    lying = SealedReader(Store(SEALED).read_at, len(SEALED), [KEY], DIGEST)
    lying._read_at = lambda offset, length: answer(store.read_at(offset, length))
    with pytest.raises(IntegrityError) as caught:
        lying.read(0, CHUNK)
    assert caught.value.code == "short-read"
    with pytest.raises(IntegrityError):
        SealedReader(lambda offset, length: answer(store.read_at(offset, length)), len(SEALED), [KEY], DIGEST)
    assert reader.read(0, 1) == PLAIN[:1]


def test_a_file_cut_in_its_head() -> None:
    for size in (0, 10, len(HEAD) - 1, len(HEAD), len(HEAD) + 15):
        with pytest.raises(FormatError):
            _reader(SEALED[:size])


def test_a_head_longer_than_the_first_read() -> None:
    recipients: list[Recipient] = [X25519Identity.generate().recipient() for _ in range(150)]
    last = X25519Identity.generate()
    sealed = seal(b"many", [*recipients, last.recipient()])
    store = Store(sealed)
    reader = SealedReader(store.read_at, len(sealed), [last], None)
    assert reader.read(0, 4) == b"many"
    assert len(store.calls) == 4
