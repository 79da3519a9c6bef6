"""Canonical JSON, both ways, and what a reader refuses. Its vectors are in tests/vectors/json."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from escrow import limits
from escrow.errors import FormatError
from escrow.record import JsonValue, decode, encode

scalars = st.none() | st.booleans() | st.integers(-limits.MAX_INTEGER, limits.MAX_INTEGER) | st.text()
values: st.SearchStrategy[JsonValue] = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4), max_leaves=20
)


@given(values)
def test_values_come_back_and_only_one_encoding_is_taken(value: JsonValue) -> None:
    data = encode(value)
    assert decode(data) == value
    assert json.loads(data) == value
    loose = json.dumps(value, indent=1).encode()
    assert decode(loose, canonical=False) == value
    if loose != data:
        with pytest.raises(FormatError) as caught:
            decode(loose)
        assert caught.value.code == "json-canonical"


@given(st.binary(max_size=200) | st.text('[]{}",:\\u0123456789deE+-. ntrfalsNI').map(str.encode))
def test_hostile_bytes_raise_only_format_errors(data: bytes) -> None:
    for canonical in (True, False):
        try:
            value = decode(data, canonical=canonical)
        except FormatError:
            continue
        assert decode(encode(value)) == value


@pytest.mark.parametrize(
    ("value", "code"),
    [
        (2**53, "json-integer"),
        (1.5, "json-integer"),
        ("\ud800", "json-syntax"),
        ({"\udfff": 1}, "json-syntax"),
        (json.loads("[" * 17 + "]" * 17), "json-depth"),
    ],
)
def test_the_writer_refuses_what_no_reader_takes(value: JsonValue, code: str) -> None:
    with pytest.raises(FormatError) as caught:
        encode(value)
    assert caught.value.code == code


def test_sixteen_levels_are_taken_and_thousands_do_not_crash() -> None:
    decode(b"[" * 16 + b"]" * 16)
    for deep in (b"[" * 17 + b"]" * 17, b"[" * 100_000, b'{"a":' * 100_000):
        with pytest.raises(FormatError) as caught:
            decode(deep)
        assert caught.value.code == "json-depth"


def test_absurd_integers_are_refused_quickly() -> None:
    for digits in (17, 4000, 4_000_000):
        with pytest.raises(FormatError) as caught:
            decode(b"1" * digits)
        assert caught.value.code == "json-integer"


def test_size_is_checked_before_anything() -> None:
    with pytest.raises(FormatError) as caught:
        decode(b"[" + b" " * limits.MAX_RECORD + b"]")
    assert caught.value.code == "json-size"
    assert decode(b"12", limit=2) == 12
