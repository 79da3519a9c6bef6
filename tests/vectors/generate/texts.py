"""Canonical JSON, names of objects, lines of a file list, and lists."""

import hashlib

from escrow import record as r

from .sink import Sink

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
    (b"", "json-syntax", "nothing"),
    (b"nul", "json-syntax", "a cut word"),
    (b"1 2", "json-syntax", "two values"),
    (b"[1,]", "json-syntax", "a comma before the end"),
    (b"{'a':1}", "json-syntax", "single quotes"),
    (b'"\n"', "json-syntax", "a line end in a text"),
    (b'"\\x"', "json-syntax", "an escape that JSON has not"),
    (b'"\\ud800"', "json-syntax", "a lone surrogate"),
    (b'"\\ude00\\ud83d"', "json-syntax", "surrogates in the wrong order"),
    (b'"\xff"', "json-syntax", "not UTF-8"),
    (b'"\xed\xa0\x80"', "json-syntax", "a surrogate in UTF-8"),
    (b"\xef\xbb\xbf1", "json-syntax", "a byte-order mark"),
    (b"NaN", "json-syntax", "not a number"),
    (b"-Infinity", "json-syntax", "infinity"),
    (b"01", "json-syntax", "a leading zero"),
    (b"+1", "json-syntax", "a plus"),
    (b'{"a":1,"a":1}', "json-duplicate", "a name twice"),
    (b'{"a":1,"\\u0061":2}', "json-duplicate", "a name twice, once escaped"),
    (b" 1", "json-canonical", "a blank before"),
    (b"1\n", "json-canonical", "a line end behind"),
    (b"-0", "json-canonical", "minus zero"),
    (b'{"b":1,"a":2}', "json-canonical", "names that are not sorted"),
    (b'"\\u0041"', "json-canonical", "a letter escaped"),
    (b'"\\/"', "json-canonical", "a slash escaped"),
    (b'"\\u001F"', "json-canonical", "an escape in upper case"),
    (b"1.0", "json-integer", "a fraction"),
    (b"1e2", "json-integer", "an exponent"),
    (b"9007199254740992", "json-integer", "2^53"),
    (b"9" * 5000, "json-integer", "thousands of digits"),
    (b"[" * 17 + b"]" * 17, "json-depth", "17 levels"),
]
SHA = "0123456789abcdef"
NAMES = [
    f"charter/00000001-{SHA}.json",
    f"stock/00000002-{SHA}.json",
    f"stock/{SHA}-{SHA}.age",
    f"series/{SHA}/series-{SHA}.json",
    f"series/{SHA}/packs/{SHA * 4}.age",
    f"series/{SHA}/manifests/00000007-{SHA * 4}.age",
    f"notices/99999999-{SHA}.json",
    f"events/00000001-{SHA}.json",
    f"releases/00000001-{SHA}.json",
    f"releases/{SHA}-{SHA}.age",
    f"receipts/00000001-{SHA}.json",
]
JUNK = [
    ("number 0", f"notices/00000000-{SHA}.json"),
    ("seven digits", f"notices/0000001-{SHA}.json"),
    ("a digit of another script", f"notices/0000000\u0661-{SHA}.json"),
    ("upper case", f"notices/00000001-{SHA.upper()}.json"),
    ("a short hash", f"notices/00000001-{SHA[:-1]}.json"),
    ("a pack's hash cut", f"series/{SHA}/packs/{SHA}.age"),
    ("another ending", f"charter/00000001-{SHA}.json.partial"),
    ("a line end behind", f"charter/00000001-{SHA}.json\n"),
    ("deeper", f"charter/old/00000001-{SHA}.json"),
]


def make(sink: Sink) -> None:
    """json/, names/, lines/, lists/."""
    for given, canonical in SAME:
        code = None if given == canonical else "json-canonical"
        sink.add("json", code, f"means {canonical!a}"[:80], {"hex": given.encode().hex()})
        if code:
            sink.add("json", None, f"the canonical form of {given!a}"[:80], {"hex": canonical.encode().hex()})
    for data, code, what in REFUSED:
        sink.add("json", code, what, {"hex": data.hex()})
    for name in NAMES:
        sink.add("names", None, "a name of the vault", {"name": name}, name.partition("/")[0])
    for what, name in JUNK:
        sink.add("names", "name-grammar", what, {"name": name})
    _lines(sink)
    _lists(sink)


ENTRIES: list[tuple[str, r.Entry]] = [
    (
        "file",
        r.FileEntry(
            b"mis/marks.csv", 300, "ab" * 32, ((0, 0, 100), (4, 77, 200)), 1_795_449_907_250_000_000, 420, "mis"
        ),
    ),
    (
        "empty file of before 1970",
        r.FileEntry("docs/Gŵyl.odt".encode(), 0, hashlib.sha256(b"").hexdigest(), (), -1, None, 'a "quoted" set'),
    ),
    (
        "profile",
        r.FileEntry(
            *(b"mis/marks.csv", 0, hashlib.sha256(b"").hexdigest(), (), 0, None, "mis"),
            {"rows": 3, "columns": [{"name": "upn", "nulls": 0}], "more": None},
        ),
    ),
    ("path that is no text", r.FileEntry(b"docs/caf\xe9\n", 1, "cd" * 32, ((1, 2, 1),), 0, None, "docs")),
    ("empty folder", r.DirEntry(b"docs/empty", 0, 493)),
    ("link that leads out", r.LinkEntry(b"docs/latest", b"../mis/\xff", 10**18, None)),
    ("unread", r.UnreadEntry(b"mis/locked.mdb", "locked")),
    ("longest path", r.UnreadEntry(b"/".join([b"p" * 99] * 40) + b"/" + b"p" * 96, "locked")),
]
FILE = (
    '{"dataset":"d","extents":[[0,0,2]],"mtime":"1970-01-01T00:00:00Z","path":"a/b","sha256":"%s","size":2,'
    '"type":"file"}' % ("ab" * 32)
)
LINES = [
    ("path-grammar", "from the root", '{"path":"/etc/passwd","type":"unread","reason":"locked"}'),
    ("path-grammar", "two dots", '{"path":"a/../b","type":"unread","reason":"locked"}'),
    ("path-grammar", "one dot", '{"path":"a/./b","type":"unread","reason":"locked"}'),
    ("path-grammar", "an empty part", '{"path":"a//b","type":"unread","reason":"locked"}'),
    ("path-grammar", "a slash behind", '{"path":"a/","type":"unread","reason":"locked"}'),
    ("path-grammar", "no path", '{"path":"","type":"unread","reason":"locked"}'),
    ("path-grammar", "a NUL", '{"path_b64":"YQBi","type":"unread","reason":"locked"}'),
    ("path-grammar", "a control character in text", '{"path":"a\\u0085b","type":"unread","reason":"locked"}'),
    ("path-grammar", "base64 of what can be text", '{"path_b64":"YQ==","type":"unread","reason":"locked"}'),
    ("path-grammar", "base64 without its padding", '{"path_b64":"/w","type":"unread","reason":"locked"}'),
    ("path-grammar", "4,097 bytes", '{"path":"%s","type":"unread","reason":"locked"}' % ("a" * 4097)),
    ("field-missing", "no reason", '{"path":"a","type":"unread"}'),
    ("field-missing", "no path at all", '{"type":"unread","reason":"locked"}'),
    ("field-unknown", "a size of what could not be read", '{"path":"a","type":"unread","reason":"locked","size":1}'),
    ("field-type", "another type", '{"path":"a","type":"fifo","mtime":"1970-01-01T00:00:00Z"}'),
    ("field-type", "a zero behind the time", '{"path":"a","type":"dir","mtime":"1970-01-01T00:00:00.0Z"}'),
    ("field-type", "February has no 30th", '{"path":"a","type":"dir","mtime":"1970-02-30T00:00:00Z"}'),
    (
        "field-type",
        "a target with NUL",
        '{"path":"a","type":"link","mtime":"1970-01-01T00:00:00Z","target_b64":"AA=="}',
    ),
    ("field-type", "an extent of no length", FILE.replace("[0,0,2]", "[0,0,2],[0,0,0]")),
    ("field-type", "an extent of two numbers", FILE.replace("[0,0,2]", "[0,2]")),
    ("json-integer", "an exponent", '{"path":"a","type":"dir","mtime":"1970-01-01T00:00:00Z","mode":1e3}'),
    ("json-duplicate", "a path twice", '{"path":"a","path":"b","type":"unread","reason":"locked"}'),
    ("json-syntax", "a cut line", '{"path":"a","type":"unread","reason":"lock'),
    ("extent-sum", "extents that add up to less", FILE.replace('"size":2', '"size":3')),
    ("extent-sum", "no extents", FILE.replace("[[0,0,2]]", "[]")),
    ("field-type", "a profile that is no object", FILE.replace('"sha256"', '"profile":[],"sha256"')),
    (
        "json-depth",
        "a profile of 16 levels",
        FILE.replace('"sha256"', '"profile":' + '{"a":' * 16 + "1" + "}" * 16 + ',"sha256"'),
    ),
    ("json-integer", "a fraction in a profile", FILE.replace('"sha256"', '"profile":{"share":0.5},"sha256"')),
    (
        "field-unknown",
        "a profile of a link",
        '{"mtime":"1970-01-01T00:00:00Z","path":"a","profile":{},"target":"b","type":"link"}',
    ),
]


def _lines(sink: Sink) -> None:
    for what, entry in ENTRIES:
        sink.add("lines", None, what, {"line": r.encode_line(entry).decode()}, what.partition(" ")[0])
    spaced = '{ "type": "unread", "reason": "locked", "path": "a" }'
    sink.add("lines", None, "a line need not be canonical", {"line": spaced}, "spaced")
    overlapping = FILE.replace("[[0,0,2]]", "[[3,5,1],[3,5,1]]")
    sink.add("lines", None, "extents may overlap and repeat", {"line": overlapping}, "overlapping")
    for code, what, line in LINES:
        sink.add("lines", code, what, {"line": line})


def _lists(sink: Sink) -> None:
    def add(code: str | None, what: str, text: str, size: int = 0, sha256: str = "") -> None:
        data = text.encode()
        ref = {"size": size or len(data), "sha256": sha256 or hashlib.sha256(data).hexdigest()}
        sink.add("lists", code, what, {"text": text, **ref})

    paths = ("a", "a.b", "a/b", "b", "é")
    lines = [r.encode_line(r.UnreadEntry(path.encode(), "locked")).decode() for path in paths]
    text = "".join(lines)
    add(None, "sorted by bytes: a dot comes before a slash", text)
    add(None, "an empty list", "")
    add("list-order", "not sorted", "".join(reversed(lines)))
    add("list-order", "sorted as people sort: a slash before a dot", lines[2] + lines[1])
    add("list-order", "a path twice", lines[0] * 2)
    add("list-hash", "another hash", text, sha256="00" * 32)
    add("list-hash", "a byte less than the manifest says", text, size=len(text.encode()) + 1)
    add("list-hash", "a byte more than the manifest says", text, size=len(text.encode()) - 1)
    add("json-syntax", "no line end behind the last line", text[:-1])
    add("json-syntax", "an empty line", "\n" + text)
    add(
        "path-grammar", "a hostile path between good ones", lines[0] + lines[1].replace("a.b", "a.b/../../x") + lines[3]
    )
