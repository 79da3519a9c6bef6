"""Writes the vectors beside it: `python -m tests.vectors.record.make`."""

import json
from pathlib import Path

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


def main() -> None:
    """Writes canonical.json."""
    vectors = {
        "same": [{"json": given, "canonical": canonical} for given, canonical in SAME],
        "refused": [{"hex": given.hex(), "code": code} for given, code in REFUSED],
    }
    text = json.dumps(vectors, indent=1) + "\n"
    (Path(__file__).parent / "canonical.json").write_text(text, encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main()
