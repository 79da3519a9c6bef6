"""The vectors that another reader can be held against (tests/vectors/record, written by its make.py)."""

import hashlib
import json
from pathlib import Path

import pytest

from escrow import record as r
from escrow.errors import FormatError
from tests.record.samples import RECORDS

VECTORS = Path(__file__).parent.parent / "vectors" / "record"


def load(name: str) -> object:
    return json.loads((VECTORS / name).read_text("utf-8"))


def test_records_have_the_payloads_and_identities_of_the_vectors() -> None:
    vectors = load("records.json")
    assert isinstance(vectors, list)
    assert len(vectors) == len(RECORDS)
    for record, vector in zip(RECORDS, vectors, strict=True):
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
