"""Writes the vectors beside it: `python -m tests.vectors.record.make`."""

import hashlib
import json
from pathlib import Path

from escrow import record as r
from tests.record.samples import OPTIONAL, RECORDS

SAME = [
    ("null", "null"),
    (" [ true , false ] ", "[true,false]"),
    ('{"b":1,"a":2,"B":3,"":4}', '{"":4,"B":3,"a":2,"b":1}'),
    ('{"\\u20ac":1,"\\r":2,"\\ud83d\\ude00":3,"\ufb33":4,"1":5}', '{"\\r":2,"1":5,"€":1,"\ufb33":4,"😀":3}'),
    ('"\\u0041\\/\\u002f"', '"A//"'),
    ('"\\u0000\\u0008\\u0009\\u000a\\u000b\\u000c\\u000d\\u001f"', '"\\u0000\\b\\t\\n\\u000b\\f\\r\\u001f"'),
    ('"\\u007f\\u0080\\u2028\\u00e9e\\u0301"', '"\x7f\x80\u2028ée\u0301"'),
    ('"\\"\\\\"', '"\\"\\\\"'),
    ("[0,-1,9007199254740991,-9007199254740991]", "[0,-1,9007199254740991,-9007199254740991]"),
    ("-0", "0"),
    ('{"a":{"d":[],"c":{}}}', '{"a":{"c":{},"d":[]}}'),
]
REFUSED = [
    (b"", "json-syntax"),
    (b"nul", "json-syntax"),
    (b"1 2", "json-syntax"),
    (b"[1,]", "json-syntax"),
    (b"{'a':1}", "json-syntax"),
    (b'"\n"', "json-syntax"),
    (b'"\\x"', "json-syntax"),
    (b'"\\ud800"', "json-syntax"),
    (b'"\\ude00\\ud83d"', "json-syntax"),
    (b'"\xff"', "json-syntax"),
    (b'"\xed\xa0\x80"', "json-syntax"),
    (b"\xef\xbb\xbf1", "json-syntax"),
    (b"NaN", "json-syntax"),
    (b"-Infinity", "json-syntax"),
    (b"01", "json-syntax"),
    (b"+1", "json-syntax"),
    (b'{"a":1,"a":1}', "json-duplicate"),
    (b'{"a":1,"\\u0061":2}', "json-duplicate"),
    (b" 1", "json-canonical"),
    (b"1\n", "json-canonical"),
    (b"-0", "json-canonical"),
    (b'{"b":1,"a":2}', "json-canonical"),
    (b'"\\u0041"', "json-canonical"),
    (b'"\\/"', "json-canonical"),
    (b'"\\u001F"', "json-canonical"),
    (b"1.0", "json-integer"),
    (b"1e2", "json-integer"),
    (b"9007199254740992", "json-integer"),
    (b"[" * 17 + b"]" * 17, "json-depth"),
]


ENTRIES: list[r.Entry] = [
    r.FileEntry(b"mis/marks.csv", 300, "ab" * 32, ((0, 0, 100), (4, 77, 200)), 1_795_449_907_250_000_000, 420, "mis"),
    r.FileEntry("docs/Gŵyl.odt".encode(), 0, hashlib.sha256(b"").hexdigest(), (), -1, None, 'a "quoted" set'),
    r.FileEntry(b"docs/caf\xe9\n", 1, "cd" * 32, ((1, 2, 1),), 0, None, "docs"),
    r.DirEntry(b"docs/empty", 0, 493),
    r.LinkEntry(b"docs/latest", b"../mis/\xff", 10**18, None),
    r.UnreadEntry(b"mis/locked.mdb", "locked"),
]
LINES = [
    ('{"path":"/etc/passwd","type":"unread","reason":"locked"}', "path-grammar"),
    ('{"path":"a/../b","type":"unread","reason":"locked"}', "path-grammar"),
    ('{"path_b64":"YQ==","type":"unread","reason":"locked"}', "path-grammar"),
    ('{"path":"a","type":"unread"}', "field-missing"),
    ('{"path":"a","type":"unread","reason":"locked","size":1}', "field-unknown"),
    ('{"path":"a","type":"fifo","mtime":"1970-01-01T00:00:00Z"}', "field-type"),
    ('{"path":"a","type":"dir","mtime":"1970-01-01T00:00:00.0Z"}', "field-type"),
    ('{"path":"a","type":"dir","mtime":"1970-01-01T00:00:00Z","mode":1e3}', "json-integer"),
]


def _write(name: str, vectors: object) -> None:
    text = json.dumps(vectors, indent=1) + "\n"
    (Path(__file__).parent / name).write_text(text, encoding="utf-8", newline="\n")


def _payload(record: r.Record) -> dict[str, str]:
    data = r.to_payload(record)
    return {"type": record.TYPE, "payload": data.decode(), "sha256": hashlib.sha256(data).hexdigest()}


def main() -> None:
    """Writes canonical.json, records.json and filelist.json."""
    same = [{"json": given, "canonical": canonical} for given, canonical in SAME]
    _write("canonical.json", {"same": same, "refused": [{"hex": data.hex(), "code": code} for data, code in REFUSED]})
    _write("records.json", [_payload(record) for record in (*RECORDS, *OPTIONAL)])
    lines = [{"path_hex": entry.path.hex(), "line": r.encode_line(entry).decode()} for entry in ENTRIES]
    _write("filelist.json", {"lines": lines, "refused": [{"line": line, "code": code} for line, code in LINES]})


if __name__ == "__main__":
    main()
