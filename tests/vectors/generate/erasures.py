"""The entries of an erasure, and tables from which rows are left out (docs/format.md, section 13.7)."""

import json

from .sink import Sink

ROWS = {"kind": "rows", "path": "a.csv", "column": "upn", "value": "A1"}
FILE = {"kind": "file", "path": "a"}
BOM = b"\xef\xbb\xbf"
PLAIN = b"upn,name\r\nA1,Ann\r\nA2,Bob\r\n"
UPN = [1, "upn", "A1"]

GOOD = [
    ("of each kind", [FILE, ROWS]),
    ("a path that is no text", [{"kind": "file", "path_b64": "/w=="}]),
    ("of a later minor", [{"kind": "cells", "path": "b.csv", "cells": [1, {"a": None}]}]),
    ("any order, and twice", [ROWS, FILE, FILE]),
]
DAMAGED: list[tuple[str, object]] = [
    ("no entries", []),
    ("a member more than its kind has", [FILE | {"column": "upn"}]),
    ("no column", [{name: ROWS[name] for name in ("kind", "path", "value")}]),
    ("a value with a blank behind", [ROWS | {"value": "A1 "}]),
    ("a column with a tabulator before", [ROWS | {"column": "\tupn"}]),
    ("an empty value", [ROWS | {"value": ""}]),
    ("a number", [ROWS | {"value": 1}]),
    ("a path that leads out", [FILE | {"path": "../a"}]),
    ("two paths", [FILE | {"path_b64": "/w=="}]),
    ("a path with a control character", [FILE | {"path": "a\x1fb"}]),
    ("base64 of a path that is text", [{"kind": "file", "path_b64": "YQ=="}]),
    ("no path", [{"kind": "cells"}]),
    ("a kind that is no name", [FILE | {"kind": "File"}]),
    ("a text", ["a"]),
]
TABLES: list[tuple[str, bytes, list[list[object]]]] = [
    ("a row", PLAIN, [UPN]),
    ("the last row, without its end", b"upn\nA2\nA1", [UPN]),
    ("a byte-order mark stays", BOM + PLAIN, [UPN]),
    ("quotes", b'"upn";name\n"A1";"An;n"\n"A""1";x\n"A1"z;y\n', [UPN, [2, "upn", 'A"1']]),
    ("what follows a closing quote belongs to the cell", b'upn\n"A"1\n"A1" \n', [UPN]),
    ("a quote within a cell", b'upn\nA1"\n"a\n"\nA1\n', [UPN]),
    ("line ends within quotes", b'upn,x\r\n"A\r\n1",2\r\nA1,"\n\n"\r\nA2,"A1\n"\r\n', [UPN]),
    ("line ends of three kinds", b"upn\rA1\rA2\r\nA1\nA3", [UPN]),
    ("blanks around cells", b" upn\t, name\n A1\t,x\nA 1,y\n", [UPN]),
    ("semicolons", b"upn;a,b;c\nA1;1;2\nA2,A1;3;4\n", [UPN]),
    ("tabulators", b"x\tupn\ty\n1\tA1\t2\n3\tA2\t4\n", [UPN]),
    ("bars", b"x|upn\n1|A1\n", [UPN]),
    ("a tie goes to the comma", b"upn,a;b\nA1,2\nA1;3\n", [UPN]),
    ("delimiters in quotes do not count", b'"a;b;c",upn\nx,A1\n', [UPN]),
    ("in UTF-8", "N\u00e4me,x\nZo\u00eb,1\nZoe,2\n".encode(), [[1, "N\u00e4me", "Zo\u00eb"]]),
    ("in Windows-1252", "N\u00e4me,x\nZo\u00eb,1\nZoe,2\n".encode("cp1252"), [[1, "N\u00e4me", "Zo\u00eb"]]),
    ("in both", "upn\nZo\u00eb\n".encode() + "Zo\u00eb\n".encode("cp1252"), [[1, "upn", "Zo\u00eb"]]),
    ("two columns of one name", b"upn,upn\nA2,A1\nA1,A2\nA2,A3\n", [UPN]),
    ("rows shorter than the header", b"x,upn\n1\n\n2,A1\n", [UPN]),
    ("the lowest erasure counts", PLAIN, [[3, "upn", "A1"], [2, "name", "Ann"], [5, "name", "Bob"]]),
    ("no such row", PLAIN, [[1, "upn", "A9"]]),
    ("the header stays", b"A1,upn\nA1,A1\n", [UPN]),
]
WHOLE: list[tuple[str, bytes, list[list[object]]]] = [
    ("no such column", PLAIN, [[1, "UPN", "A1"]]),
    ("one of two columns is not there", PLAIN, [UPN, [1, "dob", "2011-01-01"]]),
    ("a quote that never closes", b'upn\nA1\n"A2\n', [UPN]),
    ("a NUL", b"upn\nA1\nA\x002\n", [UPN]),
    ("UTF-16", "upn\nA1\n".encode("utf-16"), [UPN]),
    ("an empty file", b"", [UPN]),
]


def make(sink: Sink) -> None:
    """erasures/ and rows/."""
    for what, entries in GOOD:
        sink.add("erasures", None, what, {"text": _text({"entries": entries})})
    for what, given in DAMAGED:
        sink.add("erasures", "erasure-damaged", what, {"text": _text({"entries": given})})
    text = _text({"entries": [FILE]})
    for what, other in (
        ("a member beside the entries", _text({"entries": [FILE], "more": 1})),
        ("not canonical", text.replace(":", ": ", 1)),
        ("no JSON", text[:-1]),
        ("an empty text", ""),
    ):
        sink.add("erasures", "erasure-damaged", what, {"text": other})
    for code, tables in ((None, TABLES), ("erasure-whole", WHOLE)):
        for what, data, rules in tables:
            sink.add("rows", code, what, {"hex": data.hex(), "rules": rules})


def _text(value: object) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
