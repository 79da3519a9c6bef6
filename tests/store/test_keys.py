"""The one place that says what a key may be, and ranges against a plain slice."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from escrow.errors import StoreError, UsageError
from escrow.store import MemoryStore, check_key

GOOD = [
    "README.txt",
    "RESCUE/README.txt",
    "RESCUE/escrow-rescue.py",
    "charter/1-0123456789abcdef.json",
    "series/00ff/packs/" + "0" * 64 + ".age",
    "notices/00000001-0123456789abcdef.json",
    "-_.x",
    "console/com10",
    "/".join(["a" * 100] * 5),
]
BAD = [
    "",
    "/",
    "/a",
    "a/",
    "a//b",
    ".",
    "..",
    "a/../b",
    "./a",
    ".hidden",
    "a/.tmp-1",
    "a.",
    "a./b",
    "a\\b",
    "a:b",
    "c:/a",
    "A",
    "a b",
    "a\n",
    "a\0",
    "é",
    "\uff0e",
    "readme.txt",
    "a/rescue/b",
    "Readme.txt",
    "con",
    "a/nul.json",
    "com1",
    "lpt0.x.y",
    "prn/a",
    "aux",
    "a" * 201,
    "/".join(["a" * 102] * 5),
]


@pytest.mark.parametrize("key", GOOD)
def test_good_keys(key: str) -> None:
    check_key(key)


@pytest.mark.parametrize("key", BAD)
def test_bad_keys(key: str) -> None:
    with pytest.raises(UsageError) as caught:
        check_key(key)
    assert caught.value.code == "store-key"
    assert len(str(caught.value)) < 500


@given(st.text() | st.from_regex(r"[a-z./_-]{0,12}", fullmatch=True))
def test_what_passes_is_safe_everywhere(key: str) -> None:
    try:
        check_key(key)
    except UsageError:
        return
    assert key.isascii()
    assert 0 < len(key) <= 512
    for part in key.split("/"):
        assert part
        assert part[0] != "."
        assert part[-1] not in ". "
        assert not set(part) & set('\\:*?"<>| ')


@given(st.binary(max_size=50), st.integers(0, 60), st.none() | st.integers(1, 60))
def test_a_range_is_the_slice_or_an_error(body: bytes, start: int, length: int | None) -> None:
    store = MemoryStore()
    store.put("a", body)
    end = len(body) if length is None else start + length
    if end > len(body) or (start > 0 and start >= end):
        with pytest.raises(StoreError):
            store.get("a", start=start, length=length)
    else:
        assert store.get("a", start=start, length=length) == body[start:end]
