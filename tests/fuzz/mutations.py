"""Strategies: something good with a little of it exchanged, left out, doubled or added."""

import json
from typing import Any

from hypothesis import strategies as st

SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(-2, 70_000), st.integers(2**53 - 2, 2**53 + 2), st.text(max_size=5)
)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3)
)
PIECES = [b"", b"0", b"}", b'"', b"\\u0041", b"\xff", b" ", b",", b"\n", b"\r\n", b"\0"]
NAMES = ["ext", "crit", "n", "role", "x", "path_b64", "profile", "kind"]


@st.composite
def mutated(draw: st.DrawFn, value: Any) -> Any:
    """The value with one thing in it exchanged, left out or added."""
    if isinstance(value, dict) and value and draw(st.integers(0, 5)):
        name = draw(st.sampled_from(sorted(value)))
        return {**value, name: draw(mutated(value[name]))}
    if isinstance(value, list) and value and draw(st.integers(0, 5)):
        at = draw(st.integers(0, len(value) - 1))
        return [*value[:at], draw(mutated(value[at])), *value[at + 1 :]]
    if isinstance(value, dict) and value and draw(st.booleans()):
        gone = draw(st.sampled_from(sorted(value)))
        return {name: kept for name, kept in value.items() if name != gone}
    if isinstance(value, dict) and draw(st.booleans()):
        return {**value, draw(st.sampled_from(NAMES)): draw(VALUES)}
    if isinstance(value, list) and value and draw(st.booleans()):
        return [*value, draw(st.sampled_from(value))]
    if isinstance(value, str) and value and draw(st.booleans()):
        at = draw(st.integers(0, len(value) - 1))
        return value[:at] + draw(st.characters()) + value[at + 1 :]
    if isinstance(value, int) and not isinstance(value, bool) and draw(st.booleans()):
        return value + draw(st.sampled_from([-1, 1, 7, 2**32]))
    return draw(VALUES)


@st.composite
def spoilt(draw: st.DrawFn, data: bytes) -> bytes:
    """The bytes with a few of them exchanged, cut out, flipped or doubled."""
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.integers(0, len(data)))
        end = min(len(data), at + draw(st.integers(0, 3)))
        flipped = bytes(one ^ 1 << draw(st.integers(0, 7)) for one in data[at:end])
        data = data[:at] + draw(st.sampled_from([*PIECES, data[at:end] * 2, flipped])) + data[end:]
    return data


@st.composite
def resized(draw: st.DrawFn, data: bytes) -> bytes:
    """The bytes cut, or with others behind or before them; else spoilt."""
    return draw(
        st.one_of(
            spoilt(data),
            st.integers(0, len(data)).map(lambda at: data[:at]),
            st.binary(min_size=1, max_size=20).map(lambda more: data + more),
            st.binary(min_size=1, max_size=3).map(lambda more: more + data),
        )
    )


def text(members: Any) -> bytes:
    """As canonical JSON, whether or not it can be."""
    return json.dumps(members, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode(
        "utf-8", "surrogatepass"
    )
