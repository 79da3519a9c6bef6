"""Sealing and opening: round trips, damage, who may stand in one header."""

import os
import tracemalloc
from io import BytesIO
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from escrow.errors import EscrowError, FormatError, IntegrityError, UsageError, WrongKeyError
from escrow.seal import (
    HybridIdentity,
    Opener,
    Recipient,
    ScryptIdentity,
    ScryptRecipient,
    Sealer,
    Secret,
    X25519Identity,
    armor,
    dearmor,
    head_of,
    open_sealed,
    plain_size,
    seal,
    sealed_size,
)
from escrow.seal.header import parse_header
from escrow.seal.stream import CHUNK, SEALED_CHUNK

KEY = HybridIdentity.generate()
OTHER = HybridIdentity.generate()
CLASSICAL = X25519Identity.generate()
PHRASE = Secret(b"correct horse")
SIZES = [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK - 1, 2 * CHUNK, 2 * CHUNK + 1]


@pytest.mark.parametrize("size", SIZES)
def test_sizes_around_chunks(size: int) -> None:
    plain = os.urandom(size)
    sealed = seal(plain, [KEY.recipient()])
    head = head_of(sealed)
    assert head is not None
    assert len(sealed) == sealed_size(len(head), size)
    assert plain_size(len(head), len(sealed)) == size
    assert open_sealed(sealed, [KEY]) == plain


@settings(max_examples=60, deadline=None)
@given(cuts=st.lists(st.integers(0, 2 * CHUNK), max_size=6), size=st.sampled_from(SIZES))
def test_any_cut_of_a_stream_gives_the_same(cuts: list[int], size: int) -> None:
    plain = os.urandom(size)
    sealer = Sealer([CLASSICAL.recipient()])
    sealed = sealer.head
    bounds = sorted({min(cut, size) for cut in cuts} | {0, size})
    for start, end in pairwise(bounds):
        sealed += sealer.update(memoryview(plain)[start:end])
    sealed += sealer.finish()
    opener = Opener([CLASSICAL])
    opened = BytesIO()
    bounds = sorted({min(cut, len(sealed)) for cut in cuts} | {0, len(sealed)})
    for start, end in pairwise(bounds):
        opened.write(opener.update(sealed[start:end]))
    assert opened.getvalue() + opener.finish() == plain


@given(head_len=st.integers(150, 5000), plain=st.integers(0, 10 * CHUNK))
def test_sizes_are_each_others_inverse(head_len: int, plain: int) -> None:
    assert plain_size(head_len, sealed_size(head_len, plain)) == plain


@pytest.mark.parametrize("payload", [-1, 0, 15, SEALED_CHUNK + 1, SEALED_CHUNK + 16, 3 * SEALED_CHUNK + 16])
def test_impossible_sizes(payload: int) -> None:
    with pytest.raises(FormatError):
        plain_size(200, 200 + payload)


@pytest.mark.parametrize("key", [KEY, CLASSICAL], ids=["hybrid", "X25519"])
@pytest.mark.parametrize("mask", [0x01, 0x80])
def test_every_flipped_byte_is_refused(key: HybridIdentity | X25519Identity, mask: int) -> None:
    sealed = seal(b"a mark, a name", [key.recipient()])
    assert open_sealed(sealed, [key]) == b"a mark, a name"
    for at in range(len(sealed)):
        altered = bytearray(sealed)
        altered[at] ^= mask
        with pytest.raises((FormatError, WrongKeyError, IntegrityError)):
            open_sealed(bytes(altered), [key])


def test_every_truncation_and_extension_is_refused() -> None:
    sealed = seal(b"a mark, a name", [CLASSICAL.recipient()])
    for end in range(len(sealed)):
        with pytest.raises((FormatError, IntegrityError)):
            open_sealed(sealed[:end], [CLASSICAL])
    for tail in (b"\0", sealed, bytes(SEALED_CHUNK)):
        with pytest.raises(IntegrityError, match="altered, cut or extended"):
            open_sealed(sealed + tail, [CLASSICAL])


def test_chunks_neither_move_nor_vanish() -> None:
    sealed = seal(os.urandom(4 * CHUNK), [CLASSICAL.recipient()])
    head = head_of(sealed)
    assert head is not None
    chunks = [sealed[at : at + SEALED_CHUNK] for at in range(len(head), len(sealed), SEALED_CHUNK)]
    for order in ([1, 0, 2, 3], [0, 2, 3], [0, 1, 2], [0, 1, 3], [0, 1, 2, 3, 3]):
        with pytest.raises(IntegrityError) as caught:
            open_sealed(head + b"".join(chunks[i] for i in order), [CLASSICAL])
        assert caught.value.code == "payload-chunk"


def test_an_opener_stays_failed() -> None:
    sealed = seal(bytes(2 * CHUNK + 1), [CLASSICAL.recipient()])
    head = head_of(sealed)
    assert head is not None
    opener = Opener([CLASSICAL])
    opener.update(head)
    with pytest.raises(IntegrityError):
        opener.update(bytes(SEALED_CHUNK + 1))
    for data in (sealed[len(head) :], b"x" * SEALED_CHUNK):
        with pytest.raises(IntegrityError):
            opener.update(data)
    with pytest.raises(IntegrityError):
        opener.finish()


def test_a_sealer_ends_once() -> None:
    sealer = Sealer([CLASSICAL.recipient()])
    sealer.finish()
    with pytest.raises(UsageError):
        sealer.update(b"x")
    with pytest.raises(UsageError):
        sealer.finish()


def test_memory_does_not_grow_with_the_file() -> None:
    sealer, opener = Sealer([KEY.recipient()]), Opener([KEY])
    block, opened = bytes(4 * CHUNK), 0
    opener.update(sealer.head)
    tracemalloc.start()
    for _ in range(64):
        opened += len(opener.update(sealer.update(block)))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    opened += len(opener.update(sealer.finish()) + opener.finish())
    assert opened == 64 * len(block)
    assert peak < 8 * len(block)


def test_wrong_identities() -> None:
    sealed = seal(b"x", [KEY.recipient()])
    for identities in ([], [OTHER], [CLASSICAL], [ScryptIdentity(PHRASE)]):
        with pytest.raises(WrongKeyError) as caught:
            open_sealed(sealed, identities)
        assert caught.value.code == "no-identity-matched"
    assert open_sealed(sealed, [CLASSICAL, OTHER, KEY]) == b"x"


def test_a_wrong_passphrase() -> None:
    sealed = seal(b"x", [ScryptRecipient(PHRASE, 4)])
    assert open_sealed(sealed, [ScryptIdentity(PHRASE)]) == b"x"
    with pytest.raises(WrongKeyError):
        open_sealed(sealed, [ScryptIdentity(Secret(b"correct house"))])


@pytest.mark.parametrize(
    "recipients",
    [
        [],
        [KEY.recipient(), CLASSICAL.recipient()],
        [ScryptRecipient(PHRASE, 4), ScryptRecipient(PHRASE, 4)],
        [ScryptRecipient(PHRASE, 4), KEY.recipient()],
        [ScryptRecipient(PHRASE, 4), CLASSICAL.recipient()],
    ],
)
def test_recipients_are_never_mixed(recipients: list[Recipient]) -> None:
    with pytest.raises(UsageError) as caught:
        Sealer(recipients)
    assert caught.value.code == "recipients-mixed"


@pytest.mark.parametrize("log_n", [0, 23])
def test_work_factors(log_n: int) -> None:
    with pytest.raises(UsageError):
        ScryptRecipient(PHRASE, log_n)
    with pytest.raises(UsageError):
        ScryptRecipient(Secret(b""))
    assert seal(b"", [ScryptRecipient(PHRASE)]).split(b"\n")[1].endswith(b" 17")


def test_sealing_twice_shares_nothing() -> None:
    first, second = (seal(b"same", [KEY.recipient()]) for _ in range(2))
    assert parse_header(first) != parse_header(second)
    assert first[-20:] != second[-20:]


@given(data=st.binary(max_size=300))
def test_armor_round_trip(data: bytes) -> None:
    text = armor(data)
    assert dearmor(text) == data
    assert dearmor(f" \t\n{text}\r\n") == dearmor(text.replace("\n", "\r\n")) == data


@given(text=st.text())
def test_dearmor_refuses_or_is_canonical(text: str) -> None:
    wrapped = f"-----BEGIN AGE ENCRYPTED FILE-----\n{text}\n-----END AGE ENCRYPTED FILE-----\n"
    for candidate in (text, wrapped):
        try:
            data = dearmor(candidate)
        except FormatError as error:
            assert error.code.startswith("armor-")
        else:
            assert armor(data) == candidate.replace("\r\n", "\n")


@settings(deadline=None)
@given(data=st.binary(max_size=400), seed=st.sampled_from([b"", b"age-encryption.org/v1\n-> X25519 "]))
def test_junk_only_ever_raises_our_errors(data: bytes, seed: bytes) -> None:
    with pytest.raises(EscrowError):
        open_sealed(seed + data, [KEY, CLASSICAL, ScryptIdentity(PHRASE)])
