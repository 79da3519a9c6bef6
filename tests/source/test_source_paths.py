"""Names on both styles of system, and paths of a vault that must not be written."""

import os
from urllib.parse import unquote_to_bytes

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from escrow.errors import FormatError
from escrow.source.paths import (
    HERE,
    Collisions,
    Style,
    decode_name,
    encode_name,
    escape_component,
    extended,
    fold,
    safe_target,
)

STYLES: tuple[Style, ...] = ("posix", "windows")
PARTS = st.one_of(
    st.binary(min_size=1, max_size=40),
    st.text(min_size=1, max_size=20).map(lambda t: t.encode("utf-8", "surrogatepass")),
    st.sampled_from([b"CON", b"nul.txt", b"aux .c", b"a.", b"b ", b"C:", b"a%41", b".", b"..", b"...", b"COM\xc2\xb9"]),
)


@given(name=st.binary(max_size=30))
def test_posix_names_are_any_bytes(name: bytes) -> None:
    assert encode_name(decode_name(name, "posix"), "posix") == name


@given(units=st.binary(max_size=30).filter(lambda b: len(b) % 2 == 0))
def test_windows_names_are_any_utf16(units: bytes) -> None:
    name = units.decode("utf-16-le", "surrogatepass")
    assert decode_name(encode_name(name, "windows"), "windows") == name


@pytest.mark.parametrize("name", ["é", "写.csv", "\U0001f600"])
def test_names_agree_with_the_interpreter(name: str) -> None:
    assert encode_name(name, HERE) == os.fsencode(name)
    odd = {"windows": "\ud800", "posix": "\udcff"}[HERE]
    assert encode_name(odd, HERE) == os.fsencode(odd)


EVIL_EVERYWHERE = [
    b"",
    b"/etc/passwd",
    b"a/../../b",
    b"..",
    b".",
    b"a//b",
    b"a/",
    b"a/./b",
    b"a\0b",
    b"x" * 256,
    b"d/" * 2050 + b"d",
]
EVIL_ON_WINDOWS = [
    b"C:/x",
    b"C:",
    b"a:stream",
    b"..\\up",
    b"\\\\server\\share",
    b"a\\b",
    b"CON",
    b"s/nul.tar.gz",
    b"Com1.txt",
    b"lpt9",
    b"aux .txt",
    b"COM\xc2\xb2",
    b"CONIN$",
    b"dot.",
    b"space ",
    b"...",
    b"tab\t",
    b"a\x1fb",
    b'"',
    b"<",
    b">",
    b"|",
    b"?",
    b"*",
    b"caf\xe9",
]


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("path", EVIL_EVERYWHERE)
def test_paths_that_lead_out_are_refused(path: bytes, style: Style) -> None:
    with pytest.raises(FormatError) as caught:
        safe_target(path, style)
    assert caught.value.code == "path-hostile"


@pytest.mark.parametrize("path", EVIL_ON_WINDOWS)
def test_what_windows_reserves_is_refused_there_and_only_there(path: bytes) -> None:
    with pytest.raises(FormatError) as caught:
        safe_target(path, "windows")
    assert caught.value.code == "path-hostile"
    assert safe_target(path, "posix") == tuple(os.fsdecode(p) for p in path.split(b"/"))


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize(
    "path", ["mis/a.csv", "mis/Ünïcode 写/b", "mis/CONSOLE", "mis/.hidden", "mis/com10", "mis/a..b"]
)
def test_ordinary_paths_pass(path: str, style: Style) -> None:
    assert safe_target(path.encode(), style) == tuple(path.split("/"))


def test_length_is_in_utf16_units_on_windows_and_in_bytes_on_posix() -> None:
    name = ("é" * 200).encode()
    assert safe_target(name, "windows") == ("é" * 200,)
    with pytest.raises(FormatError):
        safe_target(name, "posix")
    with pytest.raises(FormatError):
        safe_target(("😀" * 128).encode(), "windows")


@pytest.mark.parametrize("style", STYLES)
@given(part=PARTS)
def test_an_escaped_part_is_safe_and_percent_decoding_gives_it_back(style: Style, part: bytes) -> None:
    escaped = escape_component(part, style)
    name = encode_name(escaped, style)
    assert safe_target(name, style) == (escaped,)
    assert unquote_to_bytes(name) == part


@pytest.mark.parametrize("style", STYLES)
@given(parts=st.tuples(PARTS, PARTS))
def test_two_parts_never_escape_to_one(style: Style, parts: tuple[bytes, bytes]) -> None:
    assume(parts[0] != parts[1])
    assert escape_component(parts[0], style) != escape_component(parts[1], style)


def test_escapes_are_readable() -> None:
    assert escape_component(b"nul.txt", "windows") == "%6Eul.txt"
    assert escape_component(b"a:b?.", "windows") == "a%3Ab%3F%2E"
    assert escape_component(b"..", "posix") == "%2E%2E"
    with pytest.raises(FormatError):
        escape_component(b"", "posix")
    with pytest.raises(FormatError):
        escape_component(b":" * 100, "windows")


def test_long_windows_paths_lose_the_260_limit() -> None:
    assert extended("C:\\x") == "\\\\?\\C:\\x"
    assert extended("\\\\server\\share\\x") == "\\\\?\\UNC\\server\\share\\x"
    assert extended("\\\\?\\C:\\x") == "\\\\?\\C:\\x"


@given(text=st.text(max_size=20))
def test_fold_is_stable(text: str) -> None:
    assert fold(fold(text)) == fold(text)


COLLIDE_WITHOUT_CASE = [
    ([("a", "X")], ("a", "x")),
    ([("A", "x")], ("a", "y")),
    ([("caf\u00e9",)], ("cafe\u0301",)),
    ([("STRASSE",)], ("straße",)),
]
COLLIDE_ALWAYS = [([("a", "b")], ("a", "b")), ([("a",)], ("a", "b")), ([("a", "b")], ("a",))]


@pytest.mark.parametrize("ignore_case", [True, False])
@pytest.mark.parametrize(("before", "target"), COLLIDE_ALWAYS + COLLIDE_WITHOUT_CASE)
def test_paths_that_fall_together_are_found(
    before: list[tuple[str, ...]], target: tuple[str, ...], ignore_case: bool
) -> None:
    collisions = Collisions(ignore_case=ignore_case)
    for earlier in before:
        collisions.add(earlier)
    if ignore_case or (before, target) in COLLIDE_ALWAYS:
        with pytest.raises(FormatError) as caught:
            collisions.add(target)
        assert caught.value.code == "path-collision"
    else:
        collisions.add(target)


def test_siblings_and_folders_share_their_parents() -> None:
    collisions = Collisions(ignore_case=True)
    collisions.add(("s", "empty"), folder=True)
    for target in (("s", "a", "x"), ("s", "a", "y"), ("s", "b", "x"), ("s", "ab")):
        collisions.add(target)
