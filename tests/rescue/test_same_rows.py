"""Rows left out of tables: both readers give the same bytes, count the same, and leave the same tables out whole."""

import collections

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from escrow import limits
from escrow.engine.rows import RowFilter, RowRule
from escrow.errors import FormatError
from tests.rescue import reader

Rule = tuple[int, str, str]
Answer = tuple[bytes, dict[int, int]] | str

BOM = b"\xef\xbb\xbf"
BODIES = st.text(st.sampled_from('aab"",,;;\t|\r\n é€\0'), max_size=60)
RULES = st.lists(
    st.tuples(st.integers(1, 3), st.sampled_from(["a", "b", "é"]), st.sampled_from(["a", "b", "ab", '"', "é", "a a"])),
    min_size=1,
    max_size=3,
)


def first(data: bytes, rules: list[Rule], block: int) -> Answer:
    table = RowFilter(
        [data[at : at + block] for at in range(0, len(data), block)],
        [RowRule(column, value, n) for n, column, value in rules],
    )
    try:
        return b"".join(table), table.left_out
    except FormatError as error:
        return error.code


def second(data: bytes, rules: list[Rule]) -> Answer:
    counts: collections.Counter[tuple[str, int]] = collections.Counter()
    try:
        kept = reader.plain.without_rows(data, sorted(rules), counts)
    except reader.seals.Problem as problem:
        return str(problem.code)
    return kept, {n: count for (_, n), count in counts.items()}


@example(
    head="a,b", body='"a"b,é\r\r\n"",a\n', rules=[(2, "a", "ab"), (1, "b", "a")], encoding="cp1252", bom=True, block=1
)
@example(head='"a"x;a', body=";a", rules=[(1, "a", "a")], encoding="utf-8", bom=False, block=3)
@given(
    head=st.sampled_from(["a,b", "a;b;é", "b\ta", '"a"|b', " a ,b,a", 'a"x,b', "c"]),
    body=BODIES,
    rules=RULES,
    encoding=st.sampled_from(["utf-8", "cp1252"]),
    bom=st.booleans(),
    block=st.integers(1, 70),
)
def test_both_leave_out_the_same(head: str, body: str, rules: list[Rule], encoding: str, bom: bool, block: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("escrow.engine.rows._HEAD", 40)
        data = BOM * bom + f"{head}\n{body}".encode(encoding)
        by_piece = first(data, rules, block)
    assert by_piece == second(data, rules) or len(data) > 40
    assert first(data, rules, 1 << 20) == second(data, rules)


@pytest.mark.parametrize("bom", [b"", BOM])
@pytest.mark.parametrize("spare", [-1, 0, 1])
def test_the_delimiter_is_looked_for_in_64_kib(bom: bytes, spare: int) -> None:
    """The header's `;` are more, but the last of them lies at the end of the first 64 KiB, or behind it."""
    head = bom + b"a,b;" + b"x" * (65536 - len(bom) - 5 + spare) + b";b\na,1\n1;1;a\n"
    for rules in ([(1, "a,b", "1")], [(1, "b", "a")], [(1, "a", "a")]):
        assert first(head, rules, 1000) == second(head, rules)


def test_the_longest_row_is_the_same() -> None:
    for excess in (0, 1):
        data = b"a\n" + b"x" * (limits.MAX_ROW - 1 + excess) + b"\n1\n"
        assert first(data, [(1, "a", "1")], 1 << 20) == second(data, [(1, "a", "1")])
