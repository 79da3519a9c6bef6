"""Rows left out of CSV tables: Python's csv module says which, the bytes say that nothing else changed."""

import csv
import io
import tracemalloc
from collections.abc import Iterable, Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from escrow import limits
from escrow.engine.rows import RowFilter, RowRule, _Grammar
from escrow.errors import FormatError

BOM = b"\xef\xbb\xbf"
CELLS = st.text(st.sampled_from('ab ",;|\t\r\né€'), max_size=5)
WILD = st.text(st.sampled_from('ab",,;\n\r'), max_size=40)


def kept(data: bytes, *rules: tuple[str, str, int], block: int = 1 << 20) -> tuple[bytes, dict[int, int]]:
    table = RowFilter((data[at : at + block] for at in range(0, len(data), block)), [RowRule(*rule) for rule in rules])
    return b"".join(table), table.left_out


def refused(data: bytes | Iterable[bytes], *rules: tuple[str, str, int]) -> str:
    with pytest.raises(FormatError) as caught:
        list(RowFilter([data] if isinstance(data, bytes) else data, [RowRule(*rule) for rule in rules]))
    assert caught.value.code == "erasure-whole"
    return str(caught.value)


@pytest.fixture(autouse=True, scope="module")
def short_heads() -> Iterator[None]:
    """Small tables go through in many pieces too."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("escrow.engine.rows._HEAD", 12)
        yield


@st.composite
def tables(draw: st.DrawFn) -> tuple[str, str, list[list[str]], str]:
    """Text, delimiter, rows as csv reads them back, line end. The header's first cell is `id`."""
    delimiter = draw(st.sampled_from(",;\t|"))
    end = draw(st.sampled_from(["\n", "\r\n", "\r"]))
    rows = draw(st.lists(st.lists(CELLS, min_size=2, max_size=4), max_size=6))
    odd = any({*"\r\n"} & {*cell} for row in rows for cell in row)  # which csv writes without quotes
    every = odd or draw(st.booleans())
    out = io.StringIO(newline="")
    writer = csv.writer(
        out, delimiter=delimiter, lineterminator=end, quoting=csv.QUOTE_ALL if every else csv.QUOTE_MINIMAL
    )
    writer.writerow(["id", "name", "a", "b"])
    writer.writerows(rows)
    text = out.getvalue()
    if draw(st.booleans()):
        text = text.removesuffix(end)
    return text, delimiter, rows, end


def records(text: str, delimiter: str) -> list[str]:
    """The text cut into records, by csv's own count of lines."""
    lines = list(io.StringIO(text, newline=""))
    reader = csv.reader(lines, delimiter=delimiter)
    found, at = [], 0
    for _ in reader:
        found.append("".join(lines[at : reader.line_num]))
        at = reader.line_num
    return found


@given(tables(), st.sampled_from(["utf-8", "cp1252"]), st.booleans(), st.integers(1, 30), st.data())
def test_what_goes_and_what_stays_is_what_csv_says(
    table: tuple[str, str, list[list[str]], str], encoding: str, bom: bool, block: int, data: st.DataObject
) -> None:
    text, delimiter, rows, _ = table
    values = sorted({cell.strip(" \t") for row in rows for cell in row[1:2]} - {""})
    value = data.draw(st.sampled_from(values)) if values else "a"
    whole = records(text, delimiter)
    assert len(whole) == len(rows) + 1
    stays = [whole[0]] + [record for record, row in zip(whole[1:], rows, strict=True) if row[1].strip(" \t") != value]
    head = BOM if bom else b""
    out, counts = kept(head + text.encode(encoding), ("name", value, 3), block=block)
    assert out == head + "".join(stays).encode(encoding)
    assert sum(counts.values()) == len(whole) - len(stays)


@given(WILD, st.integers(1, 9))
def test_any_text_is_read_as_csv_reads_it(text: str, block: int) -> None:
    data = f"id,other\n{text}".encode()
    reader = csv.reader(io.StringIO(data.decode(), newline=""))
    expected = [row or [""] for row in reader]
    grammar = _Grammar(b",")
    at, found = 0, []
    while at < len(data) and (match := grammar.match(data, at, end=True)):
        found.append([cell.decode() for cell in grammar.cells(match[0])])
        at = match.end()
    if at < len(data):
        refused(data, ("other", "x", 1))
        return
    assert found == expected
    assert kept(data, ("other", "none", 1), block=block) == (data, {})
    out, counts = kept(data, ("id", "a", 1), ("other", "b", 2), block=block)
    gone = [row for row in expected[1:] if row[0].strip(" \t") == "a" or [c.strip(" \t") for c in row[1:2]] == ["b"]]
    assert sum(counts.values()) == len(gone)
    again = [
        row for row in csv.reader(io.StringIO(out.decode(), newline="")) if any(row)
    ]  # of empty ones two may become one
    assert again == [row for row in expected if row not in gone and any(row)]


def test_the_first_erasure_counts_and_several_add_up() -> None:
    data = b"upn;name;upn\r\n1;Ann;2\r\n3;Bob;4\r\n5;Cy;6\r\n"
    assert kept(data, ("upn", "4", 7), ("name", "Bob", 5), ("upn", "1", 9)) == (
        b"upn;name;upn\r\n5;Cy;6\r\n",
        {5: 1, 9: 1},
    )
    assert kept(b"n\n1\n1\n", ("n", "1", 8), ("n", "1", 2)) == (b"n\n", {2: 2})


def test_texts_are_found_in_both_encodings_and_without_blanks() -> None:
    data = BOM + " Näme\t,x\n Jos\u00e9\t,1\n".encode() + "José,2\n".encode("cp1252") + b"Jose,3\n"
    assert kept(data, ("Näme", "José", 1)) == (BOM + " Näme\t,x\n".encode() + b"Jose,3\n", {1: 2})
    assert kept("a\nŴyn\n".encode(), ("a", "Ŵyn", 1)) == (b"a\n", {1: 1})


@pytest.mark.parametrize(
    ("header", "delimiter"),
    [
        ("a,b;c;d", ";"),
        ("a\tb\tc,d", "\t"),
        ("a|b", "|"),
        ("a,b;c", ","),
        ("a", ","),
        ('"a;b;c",d', ","),
        ("a|b\tc", "\t"),
    ],
)
def test_the_delimiter_is_the_most_frequent_outside_quotes(header: str, delimiter: str) -> None:
    name = header.rsplit(delimiter, 1)[-1]
    row = delimiter.join("x" * header.count(delimiter) + "y")
    data = f"{header}\n{row}\n;;;;;;;;,\n".encode()
    assert kept(data, (name, "y", 1)) == (data.replace(f"{row}\n".encode(), b""), {1: 1})


def test_what_is_no_such_table_is_left_out_whole() -> None:
    assert "a column upn" in refused(b"id,name\n1,Ann\n", ("upn", "1", 1))
    assert "a column upn" in refused(b"upn\n1\n", ("upn", "1", 1), ("UPN", "1", 2)).replace("UPN", "upn")
    assert "a column" in refused(b"", ("upn", "1", 1))
    assert "a column" in refused([], ("upn", "1", 1))
    assert "close" in refused(b'upn\n1\n"2\n', ("upn", "1", 1))
    assert "close" in refused(b'"upn\n1\n', ("upn", "1", 1))
    assert "NUL" in refused("upn\n1\n".encode("utf-16"), ("upn", "1", 1))
    assert "NUL" in refused([b"upn\n1\n", b"2\0\n"], ("upn", "1", 1))


@pytest.mark.parametrize("cell", [b"%b", b'"%b"', b'"%b\n%b"'])
@pytest.mark.parametrize("excess", [0, 1])
@pytest.mark.parametrize("value", ["1", "absent"])
def test_a_row_has_a_limit(cell: bytes, excess: int, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("escrow.engine.rows.MAX_ROW", 100_000)
    pad = (100_000 + excess - len(cell.replace(b"%b", b"")) - 1) // cell.count(b"%b")
    row = cell.replace(b"%b", b"x" * pad) + b"\n"
    row = b"x" * (100_000 + excess - len(row)) + row if cell == b"%b" else row
    data = b"n\n1\n" + row + b"2\n"
    if len(row) > 100_000:
        refused([data[at : at + 10_000] for at in range(0, len(data), 10_000)], ("n", value, 1))
    else:
        assert kept(data, ("n", value, 1), block=10_000)[0] == (
            data if value == "absent" else data.replace(b"\n1\n", b"\n")
        )


def test_memory_does_not_grow_with_the_table() -> None:
    block = b"".join(b'%d,"Smith, J",7B\r\n' % n for n in range(5000))

    def blocks() -> Iterator[bytes]:
        yield b"id,name,class\r\n"
        for _ in range(60):
            yield block

    tracemalloc.start()
    try:
        size = sum(map(len, RowFilter(blocks(), [RowRule("id", "17", 1)])))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert size == 15 + 60 * (len(block) - len(b'17,"Smith, J",7B\r\n'))
    assert peak < 4 * limits.MIB
