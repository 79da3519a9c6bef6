"""The examples of docs/format.md."""

import hashlib
from pathlib import Path

from escrow import record as r
from tests.record.samples import SERIES

FORMAT = Path(__file__).parents[2] / "docs" / "format.md"


def test_the_examples_of_the_format_are_true() -> None:
    text = FORMAT.read_text("utf-8")
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
