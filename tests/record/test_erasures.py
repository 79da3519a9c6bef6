"""The entries of an erasure: what they say, and that nothing else is taken for them."""

import json

import pytest

from escrow import record as r
from escrow.errors import FormatError

ENTRIES: tuple[r.Erased, ...] = (
    r.ErasedPath(b"mis/documents/10023"),
    r.ErasedPath(b"mis/caf\xe9"),
    r.ErasedRows(b"mis/marks.csv", "upn", "A123456789012"),
)
ROWS = {"kind": "rows", "path": "a.csv", "column": "upn", "value": "A1"}


def refused(text: bytes) -> str:
    with pytest.raises(FormatError) as caught:
        r.parse_erasure(text)
    assert caught.value.code == "erasure-damaged"
    return str(caught.value)


def listed(*entries: object) -> bytes:
    return r.encode(json.loads(json.dumps({"entries": entries})))


def test_entries_come_back() -> None:
    text = r.erasure_text(ENTRIES)
    assert r.parse_erasure(text) == ENTRIES
    assert json.loads(text)["entries"][1] == {"kind": "file", "path_b64": "bWlzL2NhZuk="}


def test_an_unknown_kind_leaves_its_path_out_whole() -> None:
    later = {"kind": "cells", "path": "a.csv", "column": "phone", "more": [1, {"a": None}]}
    assert r.parse_erasure(listed(later)) == (r.ErasedPath(b"a.csv"),)


@pytest.mark.parametrize(
    "entry",
    [
        *[{k: v for k, v in ROWS.items() if k != name} for name in ROWS],
        *[ROWS | {name: 5} for name in ROWS],
        *[ROWS | {name: ""} for name in ROWS],
        *[ROWS | {name: " A1"} for name in ("column", "value")],
        *[ROWS | {name: "A1\t"} for name in ("column", "value")],
        ROWS | {"more": 1},
        ROWS | {"path": "../a"},
        ROWS | {"path_b64": "/w=="},
        {"kind": "file", "path": "a", "column": "b"},
        {"kind": "file", "path_b64": "YQ=="},
        {"kind": "Cells", "path": "a"},
        {"kind": "cells"},
        {"path": "a"},
        "a.csv",
        None,
    ],
)
def test_entries_of_another_form_are_refused(entry: object) -> None:
    refused(listed({"kind": "file", "path": "a"}, entry))


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"[]",
        b"{}",
        b'{"entries":[]}',
        b'{"entries":{}}',
        b'{"entries": [{"kind":"file","path":"a"}]}',
        b'{"entries":[{"kind":"file","path":"a"}],"more":1}',
        b'{"entries":[{"kind":"file","kind":"file","path":"a"}]}',
        b'{"entries":[{"kind":"file","path":"\\ud800"}]}',
    ],
)
def test_other_texts_are_refused(text: bytes) -> None:
    refused(text)


def test_ten_thousand_entries_and_no_more() -> None:
    one: r.Erased = r.ErasedPath(b"a")
    assert len(r.parse_erasure(r.erasure_text((one,) * 10_000))) == 10_000
    with pytest.raises(FormatError):
        r.erasure_text((one,) * 10_001)
