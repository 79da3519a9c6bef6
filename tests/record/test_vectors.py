"""The vectors that another reader can be held against (tests/vectors/record, written by its make.py)."""

import hashlib
import json
from pathlib import Path

import pytest

from escrow import record as r
from escrow.errors import FormatError
from tests.record.samples import OPTIONAL, RECORDS, SERIES

VECTORS = Path(__file__).parent.parent / "vectors" / "record"


def load(name: str) -> object:
    return json.loads((VECTORS / name).read_text("utf-8"))


def test_records_have_the_payloads_and_identities_of_the_vectors() -> None:
    vectors = load("records.json")
    assert isinstance(vectors, list)
    for record, vector in zip((*RECORDS, *OPTIONAL), vectors, strict=True):
        payload = vector["payload"].encode()
        assert r.from_payload(payload, type(record)) == record
        assert r.to_payload(record) == payload
        assert (record.TYPE, hashlib.sha256(payload).hexdigest()) == (vector["type"], vector["sha256"])


def test_file_list_lines_have_the_paths_of_the_vectors() -> None:
    vectors = load("filelist.json")
    assert isinstance(vectors, dict)
    assert len(vectors["lines"]) == 6
    for vector in vectors["lines"]:
        entry = r.decode_line(vector["line"].encode())
        assert entry.path.hex() == vector["path_hex"]
        assert r.encode_line(entry) == vector["line"].encode()
    assert len(vectors["refused"]) == 8
    for vector in vectors["refused"]:
        with pytest.raises(FormatError) as caught:
            r.decode_line(vector["line"].encode())
        assert caught.value.code == vector["code"]


def test_the_examples_of_the_format_are_true() -> None:
    text = (VECTORS.parents[2] / "docs" / "format.md").read_text("utf-8")
    examples = text[text.index("## 12. Examples") :]
    blocks = [block.strip() for block in examples.split("```")[1::2]]
    payload, start, lines = (block.encode() for block in blocks)
    assert r.from_payload(payload, r.Series) == SERIES
    kind = b"application/vnd.escrow.series+json"
    signed = b"DSSEv1 %d %s %d %s" % (len(kind), kind, len(payload), payload)
    assert signed.startswith(bytes.fromhex(start.decode()))
    for data in (payload, signed):
        assert hashlib.sha256(data).hexdigest() in examples
    assert [type(r.decode_line(line)) for line in lines.splitlines()] == [r.FileEntry, r.DirEntry]
