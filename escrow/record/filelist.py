"""One line of the file list, to bytes and back: quick enough for 50,000 files a night (section 8)."""

import base64
import binascii
import re
from dataclasses import dataclass
from json.encoder import encode_basestring
from typing import ClassVar, TypeAlias

from escrow import limits
from escrow.errors import FormatError, LimitError
from escrow.record.canonical import JsonObject, JsonValue, check_value, encode, parse
from escrow.record.grammar import NAME, TEXT, ftime_text, parse_ftime

Extent: TypeAlias = tuple[int, int, int]
"""Pack ordinal, offset and length in raw bytes."""

_BAD_PART = re.compile(rb"(?:\A|/)\.{0,2}(?:/|\Z)|\0")
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f]")
_HEX64 = re.compile("[0-9a-f]{64}")
_MAX = limits.MAX_INTEGER


@dataclass(frozen=True, slots=True)
class FileEntry:
    """A file: `size` in bytes, `mtime` in nanoseconds since 1970, `extents` in the order of its content.

    `profile` describes the content for people and for the agent; it is not to be changed.
    """

    TYPE: ClassVar[str] = "file"

    path: bytes
    size: int
    sha256: str
    extents: tuple[Extent, ...]
    mtime: int
    mode: int | None
    dataset: str
    profile: JsonObject | None = None


@dataclass(frozen=True, slots=True)
class DirEntry:
    """An empty folder."""

    TYPE: ClassVar[str] = "dir"

    path: bytes
    mtime: int
    mode: int | None


@dataclass(frozen=True, slots=True)
class LinkEntry:
    """A symbolic link, as it stood."""

    TYPE: ClassVar[str] = "link"

    path: bytes
    target: bytes
    mtime: int
    mode: int | None


@dataclass(frozen=True, slots=True)
class UnreadEntry:
    """Something that was there and could not be read; `reason` is a name."""

    TYPE: ClassVar[str] = "unread"

    path: bytes
    reason: str


Entry: TypeAlias = FileEntry | DirEntry | LinkEntry | UnreadEntry


def check_path(path: bytes) -> None:
    """FormatError path-grammar for what is no relative path of at most 4,096 bytes."""
    if len(path) > limits.MAX_PATH or _BAD_PART.search(path):
        raise FormatError(
            "path-grammar",
            f"expected a relative path of 1 to {limits.MAX_PATH} bytes without empty parts, '.', '..' and NUL, "
            f"found {path[:80]!r}",
        )


def path_member(value: JsonObject) -> bytes:
    """The path that an object names by `path` or `path_b64`. FormatError path-grammar, field-missing, field-type."""
    try:
        path = _bytes_of(value, "path", "path-grammar")
    except KeyError as error:
        raise FormatError("field-missing", f"{error.args[0]}: expected, found none") from None
    check_path(path)
    return path


def path_object(path: bytes) -> JsonObject:
    """The member that names a path: `path`, or `path_b64` where it is no text. FormatError path-grammar."""
    check_path(path)
    member = parse(f"{{{_bytes_member('path', path)}}}".encode(), limit=limits.MAX_LINE)
    assert isinstance(member, dict)
    return member


def encode_line(entry: Entry) -> bytes:
    """The canonical line of an entry, LF included. FormatError for what no reader would take."""
    check_path(entry.path)
    place = _bytes_member("path", entry.path)
    if isinstance(entry, UnreadEntry):
        _demand(NAME.matches(entry.reason), "reason", NAME.label, entry.reason)
        return f'{{{place},"reason":"{entry.reason}","type":"unread"}}\n'.encode()
    mode = "" if entry.mode is None else f'"mode":{_integer(entry.mode, "mode")},'
    head = f'{mode}"mtime":"{ftime_text(entry.mtime)}",{place}'
    if isinstance(entry, DirEntry):
        return f'{{{head},"type":"dir"}}\n'.encode()
    if isinstance(entry, LinkEntry):
        _check_target(entry.target)
        return f'{{{head},{_bytes_member("target", entry.target)},"type":"link"}}\n'.encode()
    _check_file(entry.dataset, entry.sha256, entry.size)
    _check_extents(entry.extents, entry.size)
    extents = ",".join([f"[{pack},{offset},{length}]" for pack, offset, length in entry.extents])
    profile = ""
    if entry.profile is not None:
        _check_profile(entry.profile)
        profile = f'"profile":{encode(entry.profile).decode()},'
    line = (
        f'{{"dataset":{encode_basestring(entry.dataset)},"extents":[{extents}],{head},'
        f'{profile}"sha256":"{entry.sha256}","size":{entry.size},"type":"file"}}\n'
    ).encode()
    if len(line) > limits.MAX_LINE:
        raise LimitError("json-size", f"expected a line of at most {limits.MAX_LINE} bytes, found {len(line)}")
    return line


def decode_line(line: bytes) -> Entry:
    """The entry of one line, with its LF or without.

    FormatError with a code of section 2, path-grammar or extent-sum.
    """
    value = parse(line, limit=limits.MAX_LINE)
    try:
        return _entry(value)
    except FormatError:
        check_value(value)  # depth and integers come first, as in every other JSON
        raise


def _entry(value: JsonValue) -> Entry:
    if not isinstance(value, dict):
        raise FormatError("field-type", f"expected an object in each line, found a {type(value).__name__}")
    kind = value.get("type")
    entry: Entry
    try:
        path = _bytes_of(value, "path", "path-grammar")
        check_path(path)
        if kind == "unread":
            entry, names = UnreadEntry(path, _text(value, "reason")), 3
            _demand(NAME.matches(entry.reason), "reason", NAME.label, entry.reason)
        else:
            mode = _integer(value["mode"], "mode") if "mode" in value else None
            mtime = parse_ftime(_text(value, "mtime"))
            names = 3 + ("mode" in value)
            if kind == "file":
                entry, names = _file(value, path, mtime, mode), names + 4 + ("profile" in value)
            elif kind == "link":
                target = _bytes_of(value, "target", "field-type")
                _check_target(target)
                entry, names = LinkEntry(path, target, mtime, mode), names + 1
            elif kind == "dir":
                entry = DirEntry(path, mtime, mode)
            else:
                value["type"]
                raise FormatError("field-type", "type: expected file, dir, link or unread, found another")
    except KeyError as error:
        raise FormatError("field-missing", f"{error.args[0]}: expected, found none") from None
    if len(value) != names:
        raise FormatError("field-unknown", f"expected the members of a {kind}, found {sorted(value)!r:.200}")
    return entry


def _file(value: JsonObject, path: bytes, mtime: int, mode: int | None) -> FileEntry:
    size = _integer(value["size"], "size")
    sha256, dataset = _text(value, "sha256"), _text(value, "dataset")
    _check_file(dataset, sha256, size)
    listed = value["extents"]
    if not isinstance(listed, list):
        raise FormatError("field-type", "extents: expected a list, found another")
    extents: list[Extent] = []
    for item in listed:
        if type(item) is not list or len(item) != 3:
            raise FormatError("field-type", f"extents: expected [pack, offset, length], found {item!r:.40}")
        pack, offset, length = item
        if not (type(pack) is int and type(offset) is int and type(length) is int):
            raise FormatError("field-type", f"extents: expected integers, found {item!r:.40}")
        extents.append((pack, offset, length))
    _check_extents(extents, size)
    if "profile" not in value:
        return FileEntry(path, size, sha256, tuple(extents), mtime, mode, dataset)
    profile = value["profile"]
    if not isinstance(profile, dict):
        raise FormatError("field-type", f"profile: expected an object, found {profile!r:.40}")
    _check_profile(profile)
    return FileEntry(path, size, sha256, tuple(extents), mtime, mode, dataset, profile)


def _check_file(dataset: str, sha256: str, size: int) -> None:
    _demand(TEXT.matches(dataset), "dataset", TEXT.label, dataset)
    _demand(_HEX64.fullmatch(sha256), "sha256", "64 lower-case hex digits", sha256)
    _demand(0 <= size <= limits.MAX_FILE, "size", f"0 to {limits.MAX_FILE}", size)


def _check_extents(extents: list[Extent] | tuple[Extent, ...], size: int) -> None:
    total = 0
    for pack, offset, length in extents:
        if not (0 <= pack <= _MAX and 0 <= offset <= _MAX and 1 <= length <= _MAX):
            found = (pack, offset, length)
            raise FormatError("field-type", f"extents: expected [pack, offset, length >= 1], found {found!r:.60}")
        total += length
    if total != size:
        raise FormatError("extent-sum", f"extents: expected {size} bytes in all, found {total}")


def _check_profile(profile: JsonObject) -> None:
    check_value(profile, limits.MAX_JSON_DEPTH - 1)


def _check_target(target: bytes) -> None:
    holds = 0 < len(target) <= limits.MAX_PATH and b"\0" not in target
    _demand(holds, "target", f"1 to {limits.MAX_PATH} bytes without NUL", target)


def _bytes_member(name: str, value: bytes) -> str:
    """`value` as text where it is UTF-8 without control characters, else in base64."""
    try:
        text = value.decode()
    except UnicodeDecodeError:
        text = "\0"
    if _CONTROL.search(text):
        return f'"{name}_b64":"{base64.b64encode(value).decode()}"'
    return f'"{name}":{encode_basestring(text)}'


def _bytes_of(value: JsonObject, name: str, code: str) -> bytes:
    text = value.get(name)
    if type(text) is str:
        if _CONTROL.search(text):
            raise FormatError(code, f"{name}: expected no control characters, found {text!r:.80}")
        return text.encode()
    encoded = value[name if name in value else f"{name}_b64"]
    if name in value or not isinstance(encoded, str):
        raise FormatError("field-type", f"{name}: expected a string, found another")
    try:
        raw = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        raw = b""
    if f'"{name}_b64":"{encoded}"' != _bytes_member(name, raw):
        raise FormatError(code, f"{name}_b64: expected base64 of what cannot be text, found {encoded!r:.80}")
    return raw


def _text(value: JsonObject, name: str) -> str:
    text = value[name]
    if type(text) is not str:
        raise FormatError("field-type", f"{name}: expected a string, found {text!r:.40}")
    return text


def _integer(value: JsonValue, name: str) -> int:
    if type(value) is not int or not 0 <= value <= _MAX:
        raise FormatError("field-type", f"{name}: expected an integer from 0, found {value!r:.40}")
    return value


def _demand(holds: object, name: str, expected: str, found: object) -> None:
    if not holds:
        raise FormatError("field-type", f"{name}: expected {expected}, found {found!r:.80}")
