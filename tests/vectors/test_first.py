"""The first reader answers every vector; and the vectors are as many, and of such codes, as format.md wants."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path

from tests.record.codes import table

from .checking import ALL, VECTORS, check
from .files import KINDS, ROOT, Vector, load
from .first import First
from .generate.__main__ import main

CODES = {one.code for one in VECTORS if one.code}


@ALL
def test_the_first_reader(vector: Vector) -> None:
    check(vector, First().ask(vector.kind, vector.given))


def test_there_are_good_and_bad_ones_of_each_kind(record_property: Callable[[str, object], None]) -> None:
    good = Counter(one.kind for one in VECTORS if one.code is None)
    bad = Counter(one.kind for one in VECTORS if one.code)
    assert set(KINDS) == set(good) == set(bad)
    assert len({one.label for one in VECTORS}) == len(VECTORS) > 400
    told = f"{len(VECTORS)} vectors, {good.total()} good and {bad.total()} bad of {len(CODES)} codes"
    record_property("summary", f"format: {told}; both readers ran each")


def test_every_object_is_used() -> None:
    used = {name for one in VECTORS for name in one.given.get("objects", {}).values()}
    used |= {one.given["file"] for one in VECTORS if one.kind == "age"}
    assert used == {path.name for path in (ROOT / "objects").glob("*")}


LIMITS = {"json-size", "list-size"}
"""A vector of the true size would weigh megabytes: tests/trust/test_codes.py lowers the limits."""
STORE = {
    *("object-deleted", "object-altered", "object-covered", "object-unnamed", "object-unseen"),
    *("lock-missing", "lock-weak", "lock-short", "rescue-missing", "rescue-altered"),
    *("vault-transferred",),
}
"""What a store says of its versions and locks, and what the nightly machine refuses."""
COMMITTED = {"share-combine"}
"""Shares that the charter's keys take make a secret: what SLIP-39 alone would refuse is refused before."""


def test_every_code_of_the_format_has_a_vector() -> None:
    assert table().keys() - LIMITS - STORE - COMMITTED == CODES


def test_the_generator_makes_vectors_of_the_same_kinds_and_codes(tmp_path: Path) -> None:
    """After a change to it, or to the format's version: `python -m tests.vectors.generate`."""
    main(tmp_path)
    assert [(one.label, one.code) for one in load(tmp_path)] == [(one.label, one.code) for one in VECTORS]
