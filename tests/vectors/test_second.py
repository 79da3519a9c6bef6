"""The second reader answers every vector as the first does."""

from pathlib import Path

from .checking import ALL, check
from .files import Vector
from .second import Second


@ALL
def test_the_second_reader(vector: Vector, tmp_path: Path) -> None:
    check(vector, Second(tmp_path).ask(vector.kind, vector.given))
