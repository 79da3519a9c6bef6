"""Delimited text is counted exactly: held against Python's csv, whatever the pieces, quotes and line ends."""

import csv
import io
from datetime import date, timedelta
from random import Random

import pytest

from escrow.completeness import Column, Profile
from escrow.completeness.reader import profile_bytes

_CELLS = ("", "a", "Ñandú", "x y", "12", "-3.5", "2025-09-01", 'say "hi"', "semi;colon", "com,ma", "line\nbreak", "p|q")


def naive(text: str, delimiter: str) -> list[tuple[str, int, int]]:
    header, *rows = [row for row in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter) if row]
    columns = zip(*(row for row in rows if len(row) == len(header)), strict=True)
    return [
        (name, sum(not cell for cell in cells), len({cell for cell in cells if cell}))
        for name, cells in zip(header, columns, strict=True)
    ]


def found(profile: Profile) -> list[tuple[str, int, int]]:
    return [(one.name, one.nulls, one.distinct) for one in profile.columns]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("line_end", ["\r\n", "\n"])
@pytest.mark.parametrize("width", [2, 3, 7])
def test_counts_are_those_of_pythons_csv(delimiter: str, line_end: str, width: int) -> None:
    random = Random(f"{delimiter}{line_end}{width}")
    for _ in range(20):
        out = io.StringIO(newline="")
        quoting = random.choice((csv.QUOTE_MINIMAL, csv.QUOTE_ALL))
        write = csv.writer(out, delimiter=delimiter, lineterminator=line_end, quoting=quoting)
        write.writerow([f"h{n}" for n in range(width)])
        write.writerows([[random.choice(_CELLS) for _ in range(width)] for _ in range(random.randint(1, 60))])
        text = out.getvalue()
        text = text if random.random() < 0.5 else text[: -len(line_end)]
        for piece in (1, 7, 1 << 20):
            profile = profile_bytes("x.csv", text.encode(), piece)
            assert found(profile) == naive(text, delimiter), (text, piece)
            assert profile.rows == sum(1 for row in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)) - 1


def test_blocks_of_a_large_table_agree_with_small_ones() -> None:
    random = Random(5)
    lines = [
        f"U{n % 977:05},{random.choice(_CELLS[:7])},{n},2025-{n % 12 + 1:02}-{n % 28 + 1:02}" for n in range(60_000)
    ]
    text = "\r\n".join(["UPN,Word,Number,Day", *lines, ""])
    profile = profile_bytes("x.csv", text.encode())
    assert found(profile)[:2] == naive(text, ",")[:2]
    number, day = profile.columns[2:]
    assert (day.least, day.most, day.distinct) == ("2025-01-01", "2025-12-28", 84)
    assert (number.certainty, profile.rows, profile.notes) == ("estimate", 60_000, ())
    assert abs(number.distinct - 60_000) < 3000


def test_a_column_that_is_counted_in_part_says_so() -> None:
    text = b"UPN,Word\n" + b"".join(b"U%07d,word %d\n" % (n // 50, n % 9) for n in range(700_000))
    upn, word = profile_bytes("x.csv", text).columns
    assert (word.distinct, word.certainty) == (9, "at-least")
    assert upn.certainty == "estimate"
    assert abs(upn.distinct - 14_000) < 700


@pytest.mark.parametrize(
    ("text", "rows", "notes"),
    [
        ("a,b\n1,2\n3\n4,5\n", 3, ("ragged",)),
        ("a,b\n1,2\n\n\n3,4\n", 2, ()),
        ("a,b\n1,2\r\n3,4\n", 2, ("line-ends-mixed",)),
        ("a,b\r1,2\r3,4\r", 2, ()),
        ("a,b\r1,2\r3,4", 2, ()),
        ("a,a\n1,2\n", 1, ("header-duplicate",)),
        ('a,b\n1,"2\n3,4\n', 0, ("quote-unclosed",)),
        ('"a,b\n1,2\n', 0, ("quote-unclosed",)),
        ("a,b\n", 0, ()),
        ("a,b", 0, ()),
        ("one\n1\n\n2\n", 2, ()),
        ("a,b\n1,\0\n", 1, ("nul-bytes",)),
        ("Name,Password\nA,Secret1!\n", 1, ("password-column",)),
        ("Name,Password\nA,\nB,********\n", 2, ()),
        ("Name,Photo\nA,https://x.example/p?id=3&apiKey=0123456789abcdef\n", 1, ("key-in-url",)),
        ("Day,x\n2025-09-01,1\n01/09/2025,2\n", 2, ("dates-mixed",)),
    ],
)
@pytest.mark.parametrize("piece", [1, 1 << 20])
def test_form(text: str, rows: int, notes: tuple[str, ...], piece: int) -> None:
    profile = profile_bytes("x.csv", text.encode(), piece)
    assert (profile.rows, profile.notes) == (rows, notes)


def test_dates_of_three_forms_and_numbers() -> None:
    text = "ISO,UK,US,N\n2025-09-01T08:00:00,13/09/2025,9/30/2025,-1.5\n2024-01-31,01/10/2024,1/2/2025,20\n"
    iso, uk, us, number = profile_bytes("x.csv", text.encode()).columns
    assert [(one.least, one.most) for one in (iso, uk, us)] == [
        ("2024-01-31", "2025-09-01"),
        ("2024-10-01", "2025-09-13"),
        ("2025-01-02", "2025-09-30"),
    ]
    assert (number.kind, number.least, number.most) == ("number", "-1.5", "20")


def test_identifiers_are_checked() -> None:
    text = "UPN,ULN,LAESTAB,URN\nB801200005001,9276308686,801/2000,100000\nN999199900001,9276308687,80/2000,1\n"
    columns = profile_bytes("x.csv", (text + "B000000000000,,,\n").encode()).columns
    assert [(one.identifier, one.invalid) for one in columns] == [("upn", 1), ("uln", 1), ("laestab", 1), ("urn", 1)]


@pytest.mark.parametrize(
    ("encoding", "found_as", "declared"),
    [
        ("ascii", "ascii", ""),
        ("utf-8", "utf-8", ""),
        ("utf-8-sig", "utf-8", "utf-8"),
        ("cp1252", "windows-1252", ""),
        ("utf-16", "utf-16-le", "utf-16-le"),
        ("utf-16-be", "utf-16-be", ""),
    ],
)
@pytest.mark.parametrize("piece", [1, 3, 1 << 20])
def test_encodings(encoding: str, found_as: str, declared: str, piece: int) -> None:
    name = "Zoe" if encoding == "ascii" else "Zoë"
    text = "Forename,Surname\r\n" + f"{name},Smith\r\n" * 40
    profile = profile_bytes("x.csv", text.encode(encoding), piece)
    assert (profile.encoding, profile.declared, profile.rows, profile.notes) == (found_as, declared, 40, ())
    assert profile.columns[0] == Column("Forename", 0, 1)


@pytest.mark.parametrize("upn", ["U%06d", "U%d"])
def test_a_large_table_is_sampled_and_its_rows_are_exact(upn: str) -> None:
    rows = 500_000
    lines = (
        f"{upn % (n // 40)},{date(2020, 1, 1) + timedelta(n // 250)},,{'x' if n % 3 else ''}\r\n" for n in range(rows)
    )
    profile = profile_bytes("x.csv", b"UPN,Day,Empty,Some\r\n" + "".join(lines).encode())
    person, day, empty, some = profile.columns
    assert (profile.rows, profile.notes, empty.nulls, person.nulls) == (rows, ("sampled",), rows, 0)
    assert (day.least, day.most) == ("2020-01-01", str(date(2020, 1, 1) + timedelta((rows - 1) // 250)))
    assert abs(some.nulls - rows / 3) < rows / 100
    assert person.certainty == ("estimate" if upn == "U%06d" else "at-least")
    assert person.certainty == "at-least" or abs(person.distinct - rows / 40) < rows / 1000
