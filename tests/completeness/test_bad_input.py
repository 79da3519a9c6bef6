"""Whatever the bytes are: a profile, bounded memory, and a note that says what is wrong."""

import gzip
import io
import json
import tracemalloc
import zipfile
import zlib
from collections.abc import Iterator
from random import Random

import numpy as np
import pytest

from escrow.completeness import Profile
from escrow.completeness.profile import BROKEN
from escrow.completeness.reader import FileReader, profile_bytes

CSV = b"UPN,Name\r\n" + b"A%06d,somebody\r\n" * 400 % tuple(range(400))
XML = b"<?xml version='1.0'?><R>" + b"<Record><UPN>A1</UPN><Born>2010-01-02</Born></Record>" * 300 + b"</R>"


def zipped(**members: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name.replace("_", "."), data)
    return out.getvalue()


def stream(name: str, pieces: Iterator[bytes]) -> tuple[Profile, int]:
    """The profile of a long stream, and the most bytes of memory that it took."""
    tracemalloc.start()
    reader = FileReader(name)
    for piece in pieces:
        reader.feed(np.frombuffer(piece, np.uint8))
    profile = reader.finish()
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return profile, peak


BILLION = (
    b'<?xml version="1.0"?><!DOCTYPE l [<!ENTITY a "aaaaaaaaaa">'
    + b"".join(b'<!ENTITY %c "%s">' % (98 + n, b"&%c;" % (97 + n) * 10) for n in range(9))
    + b"]><l>&j;</l>"
)
EXTERNAL = b'<?xml version="1.0"?><!DOCTYPE l [<!ENTITY x SYSTEM "file:///etc/passwd">]><l>&x;</l>'


@pytest.mark.parametrize(
    ("name", "data", "note"),
    [
        ("x.csv", b"", "empty"),
        ("x.xml", BILLION, "entities"),
        ("x.xml", EXTERNAL, "entities"),
        ("x.xml", XML[:-3000], "truncated"),
        ("x.xml", XML.replace(b"</Born>", b"</Name>", 1), "malformed"),
        ("x.xml", b"<a>" * 500, "malformed"),
        ("x.xml", b"<?xml version='1.0' encoding='UTF-8'?><a><b>Zo\xeb</b></a>", "malformed"),
        ("x.csv.gz", gzip.compress(CSV)[:-20], "truncated"),
        ("x.csv.gz", CSV, "malformed"),
        ("x.csv.gz", gzip.compress(CSV)[:-8] + bytes(8), "malformed"),
        ("x.zip", zipped(a_csv=CSV)[:-100], "truncated"),
        ("x.zip", zipped(a_csv=CSV)[:120], "truncated"),
        ("x.zip", CSV, "malformed"),
        ("x.json", b'[{"a": 1}, {"b": ', "truncated"),
        ("x.json", b'[{"a": 1},', "truncated"),
        ("x.json", b"[" * 100_000, "truncated"),
        ("x.jsonl", b'{"a": 1}\n{"a": \n{"a": 3}\n', "malformed"),
        ("x.csv", b'a,b\n"never closed,' + b"x,y\n" * 100, "quote-unclosed"),
        ("x.csv", b"h," * 5000 + b"\n", "too-many-columns"),
        ("x.sql", b"-- MySQL dump 10\nINSERT INTO `t` VALUES (1),(2);\n", "truncated"),
    ],
    ids=lambda one: None if isinstance(one, str) else f"{len(one)} bytes",
)
@pytest.mark.parametrize("piece", [1 << 20, 997])
def test_what_is_broken_is_said(name: str, data: bytes, note: str, piece: int) -> None:
    profile = profile_bytes(name, data, piece)
    assert note in profile.notes
    assert note == "empty" or note in BROKEN


def test_a_line_of_a_gigabyte_takes_little_memory() -> None:
    block = b"x" * (1 << 20)
    profile, peak = stream("x.csv", (block for _ in range(64)))
    assert "record-too-long" in profile.notes
    assert peak < 24 << 20
    profile, peak = stream("x.xml", (b"<a b='" + block if n == 0 else block for n in range(64)))
    assert "record-too-long" in profile.notes
    assert peak < 48 << 20
    profile, peak = stream("x.json", (b'{"a": "' + block if n == 0 else block for n in range(64)))
    assert "large" in profile.notes
    assert peak < 48 << 20


def test_quotes_that_never_close_take_little_memory() -> None:
    block = b"a,b,c\n" * 170_000
    profile, peak = stream("x.csv", (b'a,b,c\n"' + block if n == 0 else block for n in range(32)))
    assert "record-too-long" in profile.notes
    assert peak < 64 << 20


def bomb(size: int) -> Iterator[bytes]:
    made = zlib.compressobj(9, zlib.DEFLATED, 31)
    zeros = bytes(1 << 20)
    for _ in range(size >> 20):
        yield made.compress(zeros)
    yield made.flush()


def test_a_bomb_is_let_be() -> None:
    profile, peak = stream("x.csv.gz", (piece for piece in bomb(400 << 20) if piece))
    assert "bomb" in profile.notes
    assert peak < 32 << 20


def test_archives_in_archives_end() -> None:
    data = CSV
    for _ in range(10):
        data = zipped(inner_zip=data)
    assert profile_bytes("x.zip", data).members["inner.zip"].members["inner.zip"].format == "office"


def test_two_thousand_columns_and_a_million_blank_lines() -> None:
    header = b",".join(b"c%d" % n for n in range(2000))
    profile = profile_bytes("x.csv", header + b"\n" + (b"1," * 1999 + b"1\n") * 50 + b"\n" * 1_000_000)
    assert (profile.rows, len(profile.columns), profile.notes) == (50, 2000, ())


def test_zip_and_gzip_hold_tables() -> None:
    pack = profile_bytes("oneroster.zip", zipped(users_csv=CSV, manifest_csv=b"propertyName,value\nv,1.1\n"), 100)
    assert {name: inner.rows for name, inner in pack.members.items()} == {"users.csv": 400, "manifest.csv": 1}
    single = profile_bytes("x.csv.gz", gzip.compress(CSV) + gzip.compress(b"A999999,one more\r\n"), 100)
    assert (single.format, single.rows, len(single.columns)) == ("gzip+csv", 401, 2)
    stored = io.BytesIO()
    with zipfile.ZipFile(stored, "w") as archive:
        archive.writestr("a.csv", CSV)
        archive.writestr("folder/", b"")
        archive.writestr("b.csv", CSV)
    assert [one.rows for one in profile_bytes("x.zip", stored.getvalue(), 50).members.values()] == [400, 400]


def test_json_in_three_forms() -> None:
    rows = [{"id": n, "name": None if n % 2 else "x", "inner": {"a": [1]}} for n in range(50)]
    lines = "\n".join(json.dumps(row) for row in rows)
    page = json.dumps({"data": rows, "meta": {"pagination": {"next": None}}})
    for name, text in (("x.jsonl", lines), ("x.json", json.dumps(rows, indent=1)), ("x.json", page)):
        for piece in (10, 1 << 20):
            profile = profile_bytes(name, text.encode(), piece)
            table = profile.members.get("data", profile)
            counted = [(one.name, one.nulls, one.distinct) for one in table.columns]
            assert (profile.rows, counted) == (50, [("id", 0, 50), ("name", 25, 1), ("inner", 0, 1)])


def test_sql_dumps_are_counted_by_table() -> None:
    copy = b"COPY public.pupil (upn, name) FROM stdin;\nA\tx\nB\ty\n\\.\n"
    insert = b"INSERT INTO `marks` VALUES (1,'a;b'),(2,'c'),\n (3,'d');\nINSERT INTO `marks` (`id`) VALUES (4);\n"
    for piece in (9, 1 << 20):
        profile = profile_bytes("x.sql", copy + insert, piece)
        assert {name: one.rows for name, one in profile.members.items()} == {"public.pupil": 2, "marks": 4}


@pytest.mark.parametrize("piece", [997, 4096, 65_536, 1 << 20])
def test_rows_of_a_long_dump_are_counted_whatever_the_pieces(piece: int) -> None:
    rows = b"\n,\r\n".join(b"(%d,'x')" % number for number in range(60_000))
    assert profile_bytes("x.sql", b"INSERT INTO `marks` VALUES " + rows + b";\n", piece).rows == 60_000


@pytest.mark.parametrize("name", ["x.csv", "x.xml", "x.json", "x.jsonl", "x.sql", "x.zip", "x.gz", "x.csv.gz"])
def test_noise_and_altered_files_never_raise(name: str) -> None:
    random = Random(name)
    good = {"xml": XML, "json": b'[{"a":1}]' * 40, "zip": zipped(a_csv=CSV, b_xml=XML), "gz": gzip.compress(CSV)}
    start = good.get(name.rpartition(".")[2], CSV)
    for _ in range(60):
        data = bytearray(start if random.random() < 0.8 else random.randbytes(random.randint(0, 5000)))
        for _ in range(random.randint(1, 30)):
            if data:
                data[random.randrange(len(data))] = random.randrange(256)
        profile_bytes(name, bytes(data[: random.randint(0, len(data))]), random.choice((1 << 20, 333)))
