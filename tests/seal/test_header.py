"""The header's grammar: what parses is written back the same, a prefix asks for more, junk is refused early."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from escrow.errors import FormatError, LimitError
from escrow.limits import MAX_AGE_HEADER
from escrow.seal import HybridIdentity, head_of, seal
from escrow.seal.header import NONCE, VERSION_LINE, Header, Stanza, parse_header

WORDS = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=1, max_size=9)
STANZAS = st.builds(Stanza, WORDS, st.lists(WORDS, max_size=3).map(tuple), st.binary(max_size=150))
HEADERS = st.builds(Header, st.lists(STANZAS, min_size=1, max_size=4).map(tuple), st.binary(min_size=32, max_size=32))


@given(header=HEADERS, tail=st.binary(max_size=40))
def test_round_trip_and_every_prefix(header: Header, tail: bytes) -> None:
    data = header.encode()
    assert parse_header(data + tail) == (header, len(data))
    for end in range(len(data)):
        assert parse_header(data[:end]) is None
    assert head_of(data + tail) == (data + tail[:NONCE] if len(tail) >= NONCE else None)


@given(header=HEADERS, at=st.integers(0, 10**6), byte=st.integers(0, 255))
def test_an_altered_header_is_refused_or_written_back_the_same(header: Header, at: int, byte: int) -> None:
    data = bytearray(header.encode())
    data[at % len(data)] = byte
    try:
        parsed = parse_header(bytes(data))
    except FormatError as error:
        assert error.code.startswith("header-")
    else:
        assert parsed is None or parsed[0].encode() == data[: parsed[1]]


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"x", "header-version"),
        (b"age-encryption.org/v2\n", "header-version"),
        (VERSION_LINE + b"--- " + b"A" * 43 + b"\n", "header-no-stanza"),
        (VERSION_LINE + b"-> \n\n", "header-stanza-line"),
        (VERSION_LINE + b"-> a  b\n\n", "header-stanza-line"),
        (VERSION_LINE + b"-> a \n\n", "header-stanza-line"),
        (VERSION_LINE + b"-> \xe9\n\n", "header-stanza-line"),
        (VERSION_LINE + b"-> a\n" + b"A" * 65 + b"\n", "header-body-line"),
        (VERSION_LINE + b"-> a\nAB\n", "header-body-base64"),
        (VERSION_LINE + b"-> a\nAA==\n", "header-body-base64"),
        (VERSION_LINE + b"-> a\nA\n", "header-body-base64"),
        (VERSION_LINE + b"-> a\n\n---" + b"A" * 43 + b"\n", "header-mac-line"),
        (VERSION_LINE + b"-> a\n\n--- AAAA\n", "header-mac-line"),
    ],
)
def test_malformed(data: bytes, code: str) -> None:
    with pytest.raises(FormatError) as caught:
        head_of(data)
    assert caught.value.code == code


def test_head_of_is_what_stands_before_the_payload() -> None:
    sealed = seal(b"", [HybridIdentity.generate().recipient()])
    head = head_of(sealed)
    assert head == sealed[:-16]
    assert head_of(sealed[:-17]) is None


@pytest.mark.parametrize("start", [b"-> ", b"-> a\n" + (b"A" * 64 + b"\n") * 4100, b"-> a\n\n" * 43_700])
def test_a_header_without_end_is_refused(start: bytes) -> None:
    data = VERSION_LINE + start + b"a" * (MAX_AGE_HEADER - len(VERSION_LINE + start) - 1)
    assert head_of(data[: MAX_AGE_HEADER - 1]) is None
    with pytest.raises(LimitError):
        head_of(data + b"-> a\n\n")
