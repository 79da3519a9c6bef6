"""The file list: lines both ways, strictness, and the stream."""

import hashlib
import json
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from escrow import limits
from escrow import record as r
from escrow.errors import FormatError, IntegrityError, LimitError

parts = st.binary(min_size=1, max_size=8).filter(lambda p: p not in (b".", b"..") and not {0, 47} & set(p))
paths = st.lists(parts, min_size=1, max_size=4).map(b"/".join)
modes = st.none() | st.integers(0, 0o7777)
mtimes = st.integers(-(10**18), 4 * 10**18)
extents = st.lists(st.tuples(st.integers(0, 99), st.integers(0, 10**9), st.integers(1, 10**6)), max_size=5)
texts = st.text(min_size=1, max_size=9).filter(lambda text: min(text) >= " ")


profiles = st.none() | st.dictionaries(texts, st.integers(-9, 9) | texts | st.lists(st.none() | st.booleans()))


def make_file(
    path: bytes, found: list[r.Extent], mtime: int, mode: int | None, dataset: str, profile: r.JsonObject | None
) -> r.FileEntry:
    size = sum(length for _, _, length in found)
    return r.FileEntry(path, size, "ab" * 32, tuple(found), mtime, mode, dataset, profile)


entries: st.SearchStrategy[r.Entry] = st.one_of(
    st.builds(make_file, paths, extents, mtimes, modes, texts, profiles),
    st.builds(r.DirEntry, paths, mtimes, modes),
    st.builds(r.LinkEntry, paths, st.binary(min_size=1, max_size=9).filter(lambda t: 0 not in t), mtimes, modes),
    st.builds(r.UnreadEntry, paths, st.just("locked")),
)


@given(entries)
def test_entries_come_back_and_their_lines_are_canonical(entry: r.Entry) -> None:
    line = r.encode_line(entry)
    assert line.endswith(b"\n")
    assert r.decode_line(line) == entry
    assert r.encode(r.decode(line[:-1], limit=limits.MAX_LINE)) == line[:-1]
    assert r.decode_line(json.dumps(json.loads(line), indent=1).encode()) == entry


@given(st.binary(max_size=80), entries, st.integers(0, 200), st.integers(0, 255))
def test_hostile_lines_raise_only_format_errors(junk: bytes, entry: r.Entry, at: int, byte: int) -> None:
    line = bytearray(r.encode_line(entry))
    line[at % len(line)] = byte
    for hostile in (junk, bytes(line)):
        try:
            found = r.decode_line(hostile)
        except FormatError:
            continue
        assert r.decode_line(r.encode_line(found)) == found


BAD_PATHS = [
    *(b"", b"/", b"/a", b"a/", b"a//b", b".", b"..", b"./a", b"a/.", b"a/..", b"../a", b"a/../b", b"a\0b"),
    b"a" * (limits.MAX_PATH + 1),
]


@pytest.mark.parametrize("path", BAD_PATHS, ids=lambda path: repr(path[:9]))
def test_bad_paths_are_refused_both_ways(path: bytes) -> None:
    with pytest.raises(FormatError) as caught:
        r.encode_line(r.UnreadEntry(path, "locked"))
    assert caught.value.code == "path-grammar"
    with pytest.raises(FormatError) as caught:
        r.decode_line(json.dumps({"path": path.decode(), "type": "unread", "reason": "locked"}).encode())
    assert caught.value.code == "path-grammar"


@pytest.mark.parametrize(
    "path", [b"...", b".a", b"a.", b"a/..b", b"a\n", b" ", b"\xff", b"C:\\a", b"a" * limits.MAX_PATH]
)
def test_odd_paths_are_taken(path: bytes) -> None:
    entry = r.UnreadEntry(path, "locked")
    assert r.decode_line(r.encode_line(entry)) == entry


FILE = {
    "path": "a/b",
    "type": "file",
    "mtime": "2026-11-23T16:05:07.25Z",
    "mode": 420,
    "dataset": "a",
    "size": 5,
    "sha256": "ab" * 32,
    "extents": [[0, 0, 2], [0, 9, 3]],
}


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        *[({name: None}, "path-grammar" if name == "path_b64" else "field-type") for name in FILE],
        ({"extra": 1}, "field-unknown"),
        ({"profile": {}}, None),
        ({"profile": {"rows": 3, "anything": [{"a": [None, -1]}]}}, None),
        ({"profile": json.loads('{"a":' * 14 + "[]" + "}" * 14)}, None),
        ({"profile": json.loads('{"a":' * 15 + "[]" + "}" * 15)}, "json-depth"),
        ({"profile": {"share": 0.5}}, "json-integer"),
        ({"profile": {"rows": 2**53}}, "json-integer"),
        *[({"profile": value}, "field-type") for value in (None, [], "csv", 1)],
        ({"target": "x"}, "field-unknown"),
        ({"path_b64": "/w=="}, "field-unknown"),
        ({"path": ..., "path_b64": "YQ=="}, "path-grammar"),
        ({"path": ..., "path_b64": "/x=="}, "path-grammar"),
        ({"path": ..., "path_b64": "/w"}, "path-grammar"),
        ({"path": ..., "path_b64": 5}, "field-type"),
        ({"path": "a\n"}, "path-grammar"),
        ({"path": "a\x7f"}, "path-grammar"),
        ({"type": "folder"}, "field-type"),
        ({"mtime": "2026-11-23T16:05:07.50Z"}, "field-type"),
        ({"mtime": "2026-11-23T16:05:07.Z"}, "field-type"),
        ({"mode": -1}, "field-type"),
        ({"mode": True}, "field-type"),
        ({"size": 2**46 + 1}, "field-type"),
        ({"size": 6}, "extent-sum"),
        ({"size": 0, "extents": []}, None),
        ({"extents": [[0, 0, 5, 1]]}, "field-type"),
        ({"extents": [[0, 0, True]]}, "field-type"),
        ({"extents": [[-1, 0, 5]]}, "field-type"),
        ({"extents": [[0, 0, 5], [0, 0, 0]]}, "field-type"),
        ({"extents": [[0, 2**53, 5]]}, "json-integer"),
        ({"extents": [[0, 0.0, 5]]}, "json-integer"),
        ({"sha256": "AB" * 32}, "field-type"),
        ({"dataset": ""}, "field-type"),
        *[({name: ...}, "field-missing") for name in FILE if name != "mode"],
        ({"mode": ...}, None),
    ],
)
def test_strict_lines(changes: dict[str, object], code: str | None) -> None:
    line = json.dumps({k: v for k, v in (FILE | changes).items() if v is not ...}).encode()
    if code is None:
        r.decode_line(line)
        return
    with pytest.raises(FormatError) as caught:
        r.decode_line(line)
    assert caught.value.code == code


def test_lone_surrogates_are_no_text() -> None:
    for line in (rb'{"path":"\ud800","type":"unread","reason":"locked"}', rb'{"path":"a","type":"\udfff"}'):
        with pytest.raises(FormatError) as caught:
            r.decode_line(line)
        assert caught.value.code == "json-syntax"


def test_the_writer_checks_files() -> None:
    good = r.FileEntry(b"a", 5, "ab" * 32, ((0, 0, 5),), 0, None, "d")
    r.encode_line(good)
    for broken in (
        r.FileEntry(b"a", 6, "ab" * 32, ((0, 0, 5),), 0, None, "d"),
        r.FileEntry(b"a", 5, "ab" * 31, ((0, 0, 5),), 0, None, "d"),
        r.FileEntry(b"a", 5, "ab" * 32, ((0, -1, 5),), 0, None, "d"),
        r.FileEntry(b"a", 5, "ab" * 32, ((0, 0, 5),), 0, -1, "d"),
        r.FileEntry(b"a", 5, "ab" * 32, ((0, 0, 5),), 0, None, ""),
        r.FileEntry(b"a", 5, "ab" * 32, ((0, 0, 5),), 0, None, "d", {"n": 2**53}),
        r.LinkEntry(b"a", b"", 0, None),
        r.UnreadEntry(b"a", "Not a name"),
    ):
        with pytest.raises(FormatError):
            r.encode_line(broken)


LISTED: list[r.Entry] = [
    r.DirEntry(b"a", 0, None),
    r.FileEntry(b"a b", 5, "ab" * 32, ((0, 0, 5),), 0, None, "d"),
    r.LinkEntry(b"a/b", b"../c", 0, None),
    r.UnreadEntry(b"\xff", "locked"),
]
DATA = b"".join(map(r.encode_line, LISTED))
REF = r.ListRef(size=len(DATA), sha256=hashlib.sha256(DATA).hexdigest(), extents=())


@pytest.mark.parametrize("block", [1, 2, 7, 100, 10_000])
def test_the_stream_reads_any_blocks_and_counts(block: int) -> None:
    reader = r.FileListReader([DATA[i : i + block] for i in range(0, len(DATA), block)], REF)
    assert list(reader) == LISTED
    assert reader.totals == r.Totals(files=1, bytes=5, dirs=1, links=1, unread=1)


def test_an_empty_list_is_a_list() -> None:
    ref = r.ListRef(size=0, sha256=hashlib.sha256(b"").hexdigest(), extents=())
    assert list(r.FileListReader([], ref)) == []


@pytest.mark.parametrize("at", range(0, len(DATA), 5))
def test_a_flipped_byte_or_an_early_end_is_found(at: int) -> None:
    broken = DATA[:at] + bytes([DATA[at] ^ 1]) + DATA[at + 1 :]
    for data in (broken, DATA[:at]):
        with pytest.raises((FormatError, IntegrityError)):
            list(r.FileListReader([data], REF))


def test_a_last_line_without_its_end_is_refused() -> None:
    data = DATA[:-1]
    ref = r.ListRef(size=len(data), sha256=hashlib.sha256(data).hexdigest(), extents=())
    with pytest.raises(FormatError) as caught:
        list(r.FileListReader([data], ref))
    assert caught.value.code == "json-syntax"


def test_an_endless_line_is_refused_before_it_fills_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MAX_LINE", 10_000)
    read = 0

    def blocks() -> Iterator[bytes]:
        nonlocal read
        while True:
            read += 1
            yield b"x" * 1000

    ref = r.ListRef(size=10**12, sha256="00" * 32, extents=())
    with pytest.raises(LimitError):
        list(r.FileListReader(blocks(), ref))
    assert read == 11


def test_an_endless_list_is_refused_at_its_size() -> None:
    read = 0

    def blocks() -> Iterator[bytes]:
        nonlocal read
        for n in range(1000):
            read += 1
            yield r.encode_line(r.UnreadEntry(b"%06d" % n, "locked"))

    size = len(r.encode_line(r.UnreadEntry(b"000000", "locked")))
    with pytest.raises(IntegrityError):
        list(r.FileListReader(blocks(), r.ListRef(size=3 * size, sha256="00" * 32, extents=())))
    assert read == 4
