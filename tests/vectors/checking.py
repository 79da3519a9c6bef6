"""What a reader's answer to a vector must be."""

import pytest

from .files import Vector, load
from .first import Answer, as_json

VECTORS = list(load())
ALL = pytest.mark.parametrize("vector", VECTORS, ids=[one.label for one in VECTORS])


def check(vector: Vector, answer: Answer) -> None:
    """The vector's code (none for a good one), and what it gives."""
    codes, gives = answer
    assert (vector.code in codes) if vector.code else codes == [], (vector.what, codes)
    assert as_json(gives) == vector.gives, vector.what
