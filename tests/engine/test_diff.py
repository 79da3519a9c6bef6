"""Rows of tables: where they end, how they are counted, and that counting stays linear whatever the file holds."""

from collections.abc import Callable
from pathlib import Path
from time import process_time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from escrow.engine.diff import Rows, count_rows, diff, rows_of
from tests.engine.kit import school

TABLES = st.lists(st.sampled_from([b"a", b",", b'"', b"\n", b"\r\n", b"7"]), max_size=40).map(b"".join)


def cut(data: bytes, size: int) -> list[bytes]:
    return [data[at : at + size] for at in range(0, len(data), size)]


@pytest.mark.parametrize(
    ("table", "rows"),
    [
        (b"", []),
        (b"a\n", [b"a"]),
        (b"a\nb", [b"a", b"b"]),
        (b"a\n\nb\n", [b"a", b"", b"b"]),
        (b"a\r\nb\r\n", [b"a", b"b"]),
        (b'a,"x\ny"\nb\n', [b'a,"x\ny"', b"b"]),
        (b'a,"x\r\ny"\r\nb\r\n', [b'a,"x\r\ny"', b"b"]),
        (b'"a ""q""\n""",1\nb', [b'"a ""q""\n""",1', b"b"]),
        (b'a,"never closed\nb\n', [b'a,"never closed\nb\n']),
    ],
)
def test_rows(table: bytes, rows: list[bytes]) -> None:
    for size in range(1, len(table) + 2):
        assert list(rows_of(cut(table, size))) == rows


@given(TABLES, st.integers(1, 9))
def test_blocks_do_not_matter(table: bytes, size: int) -> None:
    assert list(rows_of(cut(table, size))) == list(rows_of([table]))


@given(st.lists(st.sampled_from([b"1,a", b"1,b", b"2,a", b"3,\xff"])), st.lists(st.sampled_from([b"1,a", b"2,b"])))
def test_counts_add_up(before: list[bytes], after: list[bytes]) -> None:
    """What was there, less what went, plus what came, is what is there; and backwards the same."""
    rows = count_rows([b"\n".join([*before, b""])], [b"\n".join([*after, b""])])
    back = count_rows([b"\n".join([*after, b""])], [b"\n".join([*before, b""])])
    assert len(before) - rows.removed + rows.added == len(after)
    assert (back.added, back.removed, back.changed) == (rows.removed, rows.added, rows.changed)


def test_rows_are_counted_as_added_removed_and_changed() -> None:
    before = b"id,mark\n1,a\n2,b\n3,c\n4,d\n"
    after = b"id,mark\n0,new\n1,a\n2,B\n4,d\n4,e\n"
    assert count_rows([before], [after]) == Rows(added=2, removed=1, changed=1)
    assert count_rows([before], [before]) == Rows(0, 0, 0)


def test_line_ends_and_order_change_no_row() -> None:
    assert count_rows([b"a,1\nb,2\n"], [b"b,2\r\na,1"]) == Rows(0, 0, 0)


def seconds(work: Callable[[], object]) -> float:
    began = process_time()
    work()
    return process_time() - began


@pytest.mark.parametrize("line", [b"1,Ann\n", b"no line end at all "])
def test_a_quote_that_is_never_closed_costs_no_more_than_reading(line: bytes) -> None:
    blocks = cut(b'id,"name\n' + line * 100_000, 4096)
    assert seconds(lambda: list(rows_of(blocks))) < 2


@pytest.mark.parametrize(("name", "comma"), [("marks.csv", b","), ("MARKS.TSV", b"\t"), ("marks.txt", None)])
def test_a_changed_row_is_known_by_its_first_column(tmp_path: Path, name: str, comma: bytes | None) -> None:
    place = school(tmp_path)
    rows = [b"id,mark", b"1,a", b"2,b", b"3,c"]
    for changed in (rows, [*rows[:2], b"2,B", b"4,d"]):
        place.night({name: b"\n".join(changed).replace(b",", comma or b";")})
    (change,) = diff(place.views("1"), place.views("2"))
    assert (change.kind, change.path) == ("changed", f"school/{name}".encode())
    assert change.rows == (Rows(added=1, removed=1, changed=1) if comma else None)


def test_diff_of_two_nights(tmp_path: Path) -> None:
    place = school(tmp_path)
    place.nights(2)
    changes = {change.path.rpartition(b"/")[2]: change for change in diff(place.views("1"), place.views("2"))}
    assert {name: change.kind for name, change in changes.items()} == {
        b"pupils.csv": "changed",
        b"empty.csv": "removed",
        b"bob.txt": "added",
    }
    assert changes[b"pupils.csv"].rows == Rows(2, 0, 0)
