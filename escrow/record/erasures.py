"""The erasure register: its records, and the sealed entries of each (docs/format.md, section 13.7)."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, TypeAlias

from escrow.errors import FormatError
from escrow.record.canonical import JsonObject, JsonValue, decode, encode
from escrow.record.deeds import Sealed
from escrow.record.filelist import path_member, path_object
from escrow.record.grammar import BLANKS, NAME, TEXT, Hex16, Hex64, Items, Number, Text
from escrow.record.schema import Record

MAX_ENTRIES = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Erasure(Record):
    """What is left out of what is read of some series; `n` is that of the event that tells it.

    `until` is the last night it applies to; `sealed` holds the entries.
    """

    TYPE = "erasure"

    n: Number
    created: datetime
    charter: Hex64
    keys: Annotated[tuple[Hex16, ...], Items(1, key="")]
    sealed: Sealed
    until: Number | None = None
    clause: Text | None = None


@dataclass(frozen=True, slots=True)
class ErasedPath:
    """Leaves out the entry of a path and all below it."""

    path: bytes


@dataclass(frozen=True, slots=True)
class ErasedRows:
    """Leaves out the rows of a CSV file whose cell below `column` is `value`."""

    path: bytes
    column: str
    value: str


Erased: TypeAlias = ErasedPath | ErasedRows


def erasure_text(entries: tuple[Erased, ...]) -> bytes:
    """The plaintext of `sealed`. FormatError `erasure-damaged` for what no reader would take."""
    listed: list[JsonValue] = []
    for one in entries:
        members = path_object(one.path)
        if isinstance(one, ErasedRows):
            members |= {"kind": "rows", "column": one.column, "value": one.value}
        else:
            members |= {"kind": "file"}
        listed.append(members)
    text = encode({"entries": listed})
    parse_erasure(text)
    return text


def parse_erasure(text: bytes) -> tuple[Erased, ...]:
    """The entries of an opened `sealed`; one of an unknown kind leaves out its path. FormatError `erasure-damaged`."""
    try:
        value = decode(text)
        if not isinstance(value, dict) or list(value) != ["entries"]:
            raise _damaged("an object with the member entries alone")
        entries = value["entries"]
        if not isinstance(entries, list) or not 1 <= len(entries) <= MAX_ENTRIES:
            raise _damaged(f"1 to {MAX_ENTRIES} entries")
        return tuple([_entry(one) for one in entries])
    except FormatError as error:
        raise FormatError("erasure-damaged", f"the entries of an erasure: {error}") from None


def _entry(value: JsonValue) -> Erased:
    if not isinstance(value, dict):
        raise _damaged("an object in each entry")
    kind = value.get("kind")
    if not isinstance(kind, str) or not NAME.matches(kind):
        raise _damaged("a kind in each entry")
    path = path_member(value)
    if kind == "rows":
        _only(value, 4)
        return ErasedRows(path, _cell(value, "column"), _cell(value, "value"))
    if kind == "file":
        _only(value, 2)
    return ErasedPath(path)


def _only(value: JsonObject, members: int) -> None:
    if len(value) != members:
        raise _damaged(f"the members of kind {value['kind']} and no others")


def _cell(value: JsonObject, name: str) -> str:
    text = value.get(name)
    if not isinstance(text, str) or not TEXT.matches(text) or text != text.strip(BLANKS):
        raise _damaged(f"a text without blanks at its ends as {name}")
    return text


def _damaged(expected: str) -> FormatError:
    return FormatError("erasure-damaged", f"expected {expected}, found otherwise")
