"""Single things, altered: records, JSON, envelopes, lines, lists, keys, sheets, age files, packs, names."""

import base64
import hashlib
import json
from functools import cache
from typing import Any

from hypothesis import strategies as st

from escrow import record as r
from tests.record.samples import OPTIONAL, RECORDS
from tests.rescue.reader import code_of, rescue
from tests.vectors.checking import VECTORS
from tests.vectors.first import TYPES, First
from tests.vectors.second import Second

from .mutations import mutated, resized, spoilt, text

FIRST = First()


def good(kind: str) -> list[dict[str, Any]]:
    """What the good vectors of a kind ask."""
    return [dict(one.given) for one in VECTORS if one.kind == kind and one.code is None]


def same_answer(kind: str, given: dict[str, Any], second: Second) -> None:
    """Both give the same, or both refuse: of several faults each may tell another."""
    theirs, their_gift = FIRST.ask(kind, given)
    ours, our_gift = second.ask(kind, given)
    assert bool(ours) == bool(theirs), (given, ours, theirs)
    assert our_gift == their_gift, (given, our_gift, their_gift)


@st.composite
def records(draw: st.DrawFn) -> tuple[bytes, str]:
    record = draw(st.sampled_from((*RECORDS, *OPTIONAL)))
    members = json.loads(r.to_payload(record))
    for _ in range(draw(st.integers(1, 2))):
        members = draw(mutated(members)) if isinstance(members, dict) else members
    return text(members), record.TYPE


def check_record(case: tuple[bytes, str], _: Second) -> None:
    payload, kind = case
    theirs = code_of(lambda: r.from_payload(payload, TYPES[kind]))
    assert code_of(lambda: rescue.read_record(payload, kind)) == theirs, payload


def check_bytes(data: bytes, _: Second) -> None:
    theirs = code_of(lambda: r.decode(data))
    assert code_of(lambda: rescue.read_canonical(data)) == theirs, data


@st.composite
def envelopes(draw: st.DrawFn) -> dict[str, Any]:
    given: dict[str, Any] = draw(st.sampled_from(good("envelopes")))
    members = json.loads(given["envelope"])
    if draw(st.booleans()):
        payload = json.loads(base64.b64decode(members["payload"]))
        members["payload"] = base64.b64encode(text(draw(mutated(payload)))).decode()
    else:
        members = draw(mutated(members))
    envelope = text(members)
    return given | {"envelope": (draw(spoilt(envelope)) if draw(st.integers(0, 4)) == 0 else envelope)}


def check_envelope(given: dict[str, Any], second: Second) -> None:
    try:
        given["envelope"] = given["envelope"].decode()
    except UnicodeDecodeError:
        return
    theirs, ours = FIRST.ask("envelopes", given), second.ask("envelopes", given)
    assert ours == theirs, (given["envelope"], ours, theirs)


LINES = [
    *(entry.encode() for entry in json.loads('["{}", "[]", "null", "{\\"path\\":1}"]')),
    b'{"dataset":"d","extents":[[0,0,2]],"mtime":"1970-01-01T00:00:00Z","path":"a/b","sha256":"%s","size":2,"type":"file"}'
    % (b"ab" * 32),
    b'{"mode":493,"mtime":"1970-01-01T00:00:00.5Z","path_b64":"/w==","type":"dir"}',
    b'{"mtime":"1970-01-01T00:00:00Z","path":"l","target":"../x","type":"link"}',
    b'{"path":"u","reason":"locked","type":"unread"}',
]
ENTRIES = st.sampled_from([json.loads(line) for line in LINES[4:]]).flatmap(mutated).map(text)


def check_line(data: bytes, _: Second) -> None:
    """Of several faults in one line each reader tells the one that it comes to first."""
    theirs = code_of(lambda: r.decode_line(data))
    assert bool(code_of(lambda: rescue.read_line(data))) == bool(theirs), data


@st.composite
def lists(draw: st.DrawFn) -> dict[str, Any]:
    paths = draw(st.lists(st.sampled_from(["a", "a.b", "a/b", "b", "é", "\U0001f600", "b/c"]), max_size=5))
    lines = [r.encode_line(r.UnreadEntry(path.encode(), "locked")) for path in paths]
    if draw(st.integers(0, 3)):
        lines.sort(key=lambda line: r.decode_line(line).path)
    data = b"".join(lines)
    if draw(st.booleans()):
        data = draw(spoilt(data)).decode("utf-8", "ignore").encode()
    size = len(data) + draw(st.sampled_from([0, 0, 0, 1, -1]))
    return {"text": data.decode(), "size": max(0, size), "sha256": hashlib.sha256(data).hexdigest()}


@st.composite
def keys(draw: st.DrawFn) -> dict[str, Any]:
    given: dict[str, Any] = draw(st.sampled_from(good("keys")))
    return given | {"text": draw(resized(given["text"].encode("latin-1"))).decode("latin-1")}


@cache
def words() -> list[str]:
    return sorted({word for given in good("sheets") for sheet in given["sheets"] for word in sheet.lower().split()})


@st.composite
def sheets(draw: st.DrawFn) -> dict[str, Any]:
    """Sheets on which a word is mistyped, left out, doubled or changed places with another; or too few, or doubled."""
    given: dict[str, Any] = draw(st.sampled_from(good("sheets")))
    typed = [sheet.split() for sheet in given["sheets"]]
    for _ in range(draw(st.integers(0, 2))):
        sheet = draw(st.sampled_from(typed))
        at, other = (draw(st.integers(0, len(sheet) - 1)) for _ in range(2))
        what = draw(st.integers(0, 4))
        if what == 0:
            sheet[at], sheet[other] = sheet[other], sheet[at]
        elif what == 1 and len(sheet) > 1:
            del sheet[at]
        elif what == 2:
            sheet.insert(other, sheet[at])
        elif what == 3:
            sheet[at] = draw(st.sampled_from(words()))
        else:
            word = sheet[at]
            sheet[at] = draw(
                st.sampled_from([word[:4], word[:3], word.upper(), f"{word}s", "", "\u00df", f"\u017f{word[1:]}"])
            )
    chosen = draw(st.lists(st.integers(0, len(typed) - 1), min_size=1, max_size=len(typed) + 1))
    return given | {"sheets": [" ".join(typed[at]) for at in chosen]}


@st.composite
def age_files(draw: st.DrawFn) -> tuple[dict[str, Any], bytes]:
    given: dict[str, Any] = draw(st.sampled_from(good("age")))
    data = (FIRST.root / "objects" / given["file"]).read_bytes()
    head = data.index(b"\n---") + 50 if b"\n---" in data else len(data)
    if draw(st.booleans()):
        return given, draw(resized(data))
    lines = data[:head].split(b"\n")
    at = draw(st.integers(0, len(lines) - 1))
    lines[at : at + 1] = draw(
        st.sampled_from([[], [lines[at]] * 2, [b"-> x", b""], [b"-> grease a", b"QUE", lines[at]]])
    )
    return given, b"\n".join(lines) + data[head:]


def check_age(case: tuple[dict[str, Any], bytes], second: Second) -> None:
    given, data = case
    name = "fuzz"
    (second.aside / "objects").mkdir(exist_ok=True)
    (second.aside / "objects" / name).write_bytes(data)
    theirs = First(second.aside).ask("age", given | {"file": name})
    ours = Second(second.aside, second.aside).ask("age", given | {"file": name})
    assert ours == theirs, (given, data, ours, theirs)


@st.composite
def packs(draw: st.DrawFn) -> dict[str, Any]:
    plain = base64.b64decode(draw(st.sampled_from(good("packs")))["plaintext"])
    table = max(0, len(plain) - 60)
    other = plain[:table] + draw(spoilt(plain[table:])) if draw(st.booleans()) else draw(resized(plain))
    return {"plaintext": base64.b64encode(other).decode()}


@st.composite
def names(draw: st.DrawFn) -> dict[str, Any]:
    name = draw(st.sampled_from(good("names")))["name"]
    other = draw(st.characters())
    at = draw(st.integers(0, len(name) - 1))
    exchanged = name[:at] + other + name[at + 1 :]
    return {"name": exchanged if draw(st.booleans()) else draw(resized(name.encode())).decode("latin-1")}


CELLS = st.sampled_from(["upn", "A1", " A1 ", "é", '"', '""', '"A1"', '"a,b"', "", "\0", "\ufeff", "A1\t", "x" * 40])
MARKS = st.sampled_from([",", ",", ",", ";", "\t", "|", "\n", "\n", "\r\n", "\r", '"', " "])


@st.composite
def tables(draw: st.DrawFn) -> dict[str, Any]:
    """A table, or what looks like one, and rules for its rows."""
    if draw(st.booleans()):
        given: dict[str, Any] = draw(st.sampled_from(good("rows")))
        return given | {"hex": draw(resized(bytes.fromhex(given["hex"]))).hex()}
    parts = draw(st.lists(st.one_of(CELLS, MARKS), max_size=16))
    code = draw(st.sampled_from(["utf-8", "cp1252", "utf-16"]))
    words = st.sampled_from(["upn", "A1", "é", "a,b", '"', "\u20ac", "\u0175", "\x81"])
    rules = draw(st.lists(st.tuples(st.integers(1, 3), words, words), min_size=1, max_size=3, unique=True))
    return {"hex": "".join(parts).encode(code, "ignore").hex(), "rules": [list(rule) for rule in rules]}


@st.composite
def erasures(draw: st.DrawFn) -> dict[str, Any]:
    """The entries of an erasure, altered."""
    given: dict[str, Any] = draw(st.sampled_from(good("erasures")))
    whole = text(draw(mutated(json.loads(given["text"]))))
    return {"text": (draw(spoilt(whole)) if draw(st.integers(0, 4)) == 0 else whole).decode("utf-8", "replace")}
