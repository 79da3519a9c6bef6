"""Records to canonical payloads and back, driven by the annotations of escrow.record.schema."""

import types
from collections.abc import Callable
from dataclasses import MISSING, dataclass, fields, is_dataclass
from datetime import datetime
from itertools import pairwise
from typing import Annotated, TypeVar, Union, cast, get_args, get_origin

from escrow import limits
from escrow.errors import FormatError
from escrow.record.canonical import JsonObject, JsonValue, decode, encode
from escrow.record.grammar import Items, Range, Word, parse_time, time_text
from escrow.record.schema import Record

KNOWN_EXTENSIONS: frozenset[str] = frozenset()
"""Members of `ext` that this reader knows, so that a record may list them in `crit`."""

RecordT = TypeVar("RecordT", bound=Record)
ObjectT = TypeVar("ObjectT")
Read = Callable[[JsonValue, str], object]
Write = Callable[[object], JsonValue]


def to_payload(record: Record) -> bytes:
    """Canonical bytes of a record. FormatError, as from_payload, when no reader would take it."""
    members = _plan(type(record)).write(record)
    members |= {"type": record.TYPE, "version": limits.FORMAT}
    payload = encode(members)
    from_payload(payload, type(record))
    return payload


def from_payload(payload: bytes, kind: type[RecordT]) -> RecordT:
    """The record of class `kind` that canonical bytes say.

    FormatError with a code of section 2, version-unknown, crit-unknown, or payload-type for another record;
    the message names the member.
    """
    value = decode(payload, limit=limits.MAX_RECORD)
    name = kind.TYPE
    if not isinstance(value, dict):
        raise _wrong(name, "an object", value)
    for member in ("type", "version"):
        if member not in value:
            raise FormatError("field-missing", f"{name}.{member}: expected, found none")
    if value["type"] != name:
        raise FormatError("payload-type", f"{name}.type: expected {name!r}, found {_shown(value['type'])}")
    version = value["version"]
    if type(version) is not int or version != limits.FORMAT:
        raise FormatError(
            "version-unknown",
            f"{name}.version: expected {limits.FORMAT}, found {_shown(version)}",
            hint="a newer escrow may read it",
        )
    members = {k: v for k, v in value.items() if k not in ("type", "version")}
    record = cast(RecordT, _plan(kind).read(kind.known(members), name))
    for extension in record.crit or ():
        if extension not in (record.ext or {}):
            raise FormatError("field-type", f"{name}.crit: expected names in ext, found {extension!r}")
        if extension not in KNOWN_EXTENSIONS:
            raise FormatError(
                "crit-unknown",
                f"{name}.crit: expected extensions that this reader knows, found {extension!r}",
                hint="a newer escrow may read it",
            )
    return record


def to_object(value: object) -> JsonObject:
    """The members of a dataclass with annotations like a record's: for files that are no records."""
    return _plan(type(value)).write(value)


def from_object(value: JsonValue, kind: type[ObjectT], where: str) -> ObjectT:
    """The dataclass `kind` that an object says, as strictly as a record. FormatError with a code of section 2."""
    return cast(ObjectT, _plan(kind).read(value, where))


@dataclass(frozen=True, slots=True)
class _Member:
    optional: bool
    read: Read
    write: Write


@dataclass(frozen=True, slots=True)
class _Plan:
    """How one dataclass is read from an object and written to one."""

    build: Callable[..., object]
    check: Callable[[object], None] | None
    members: dict[str, _Member]

    def read(self, value: JsonValue, where: str) -> object:
        if not isinstance(value, dict):
            raise _wrong(where, "an object", value)
        for name in value:
            if name not in self.members:
                raise FormatError("field-unknown", f"{where}.{name[:64]}: expected no such member")
        found: dict[str, object] = {}
        for name, member in self.members.items():
            if name in value:
                found[name] = member.read(value[name], f"{where}.{name}")
            elif not member.optional:
                raise FormatError("field-missing", f"{where}.{name}: expected, found none")
        result = self.build(**found)
        if self.check:
            self.check(result)
        return result

    def write(self, record: object) -> JsonObject:
        members: JsonObject = {}
        for name, member in self.members.items():
            value: object = getattr(record, name)
            if value is not None or not member.optional:
                members[name] = member.write(value)
        return members


_plans: dict[object, _Plan] = {}


def _plan(kind: type) -> _Plan:
    if kind not in _plans:
        members = {}
        for item in fields(kind):
            optional = item.default is not MISSING
            hint: object = item.type
            if optional:
                hint = next(arg for arg in get_args(hint) if arg is not types.NoneType)
            members[item.name] = _Member(optional, *_handlers(hint))
        _plans[kind] = _Plan(kind, getattr(kind, "check", None), members)
    return _plans[kind]


def _handlers(hint: object) -> tuple[Read, Write]:
    """How a value of one annotation is read and written."""
    origin, args = get_origin(hint), get_args(hint)
    handlers: tuple[Read, Write]
    if origin is Annotated:
        handlers = _annotated_handlers(args[0], args[1])
    elif origin is tuple:
        handlers = _list_handlers(hint, Items()) if args[-1] is Ellipsis else (_read_extent, _write_extent)
    elif origin in (Union, types.UnionType):
        handlers = _nullable_handlers(*_handlers(args[0]))
    elif origin is dict:
        handlers = (_read_object, _as_is)
    elif hint is datetime:
        handlers = (_read_time, _write_time)
    elif isinstance(hint, type) and is_dataclass(hint):
        plan = _plan(hint)
        handlers = (plan.read, plan.write)
    else:
        raise TypeError(f"no JSON form for {hint!r}")
    return handlers


def _annotated_handlers(hint: object, rule: object) -> tuple[Read, Write]:
    if isinstance(rule, Items):
        return _list_handlers(hint, rule)
    if isinstance(rule, Range):
        return _integer_reader(rule), _as_is
    if isinstance(rule, Word):
        return _word_reader(rule), _as_is
    raise TypeError(f"no grammar in {rule!r}")


def _nullable_handlers(read: Read, write: Write) -> tuple[Read, Write]:
    return (
        lambda value, where: None if value is None else read(value, where),
        lambda value: None if value is None else write(value),
    )


def _list_handlers(hint: object, items: Items) -> tuple[Read, Write]:
    read, write = _handlers(get_args(hint)[0])

    def read_list(value: JsonValue, where: str) -> object:
        if not isinstance(value, list) or len(value) < items.least:
            raise _wrong(where, f"a list of at least {items.least}", value)
        found = tuple([read(item, f"{where}[{i}]") for i, item in enumerate(value)])
        if items.key is not None:
            keys = [str(getattr(item, items.key) if items.key else item) for item in found]
            if any(not a < b for a, b in pairwise(keys)):
                raise _wrong(where, "a sorted list, each item once", keys[0])
        return found

    def write_list(value: object) -> JsonValue:
        return [write(item) for item in value]  # type: ignore[attr-defined]  # a tuple by its annotation

    return read_list, write_list


def _word_reader(word: Word) -> Read:
    def read(value: JsonValue, where: str) -> object:
        if not isinstance(value, str) or not word.matches(value):
            raise _wrong(where, word.label, value)
        return value

    return read


def _integer_reader(span: Range) -> Read:
    def read(value: JsonValue, where: str) -> object:
        if type(value) is not int or not span.low <= value <= span.high:
            raise _wrong(where, f"an integer from {span.low} to {span.high}", value)
        return value

    return read


def _read_extent(value: JsonValue, where: str) -> object:
    if not isinstance(value, list) or len(value) != 3:
        raise _wrong(where, "an extent [pack, offset, length]", value)
    for number, least in zip(value, (0, 0, 1), strict=True):
        if type(number) is not int or number < least:
            raise _wrong(where, "an extent [pack, offset, length] of integers, length at least 1", value)
    return tuple(value)


def _write_extent(value: object) -> JsonValue:
    return list(value)  # type: ignore[call-overload,no-any-return]  # a tuple by its annotation


def _read_object(value: JsonValue, where: str) -> object:
    if not isinstance(value, dict):
        raise _wrong(where, "an object", value)
    return value


def _read_time(value: JsonValue, where: str) -> object:
    if not isinstance(value, str):
        raise _wrong(where, "a time", value)
    try:
        return parse_time(value)
    except FormatError as error:
        raise FormatError(error.code, f"{where}: {error}") from None


def _write_time(value: object) -> JsonValue:
    if not isinstance(value, datetime):
        raise FormatError("field-type", f"expected a datetime, found {type(value).__name__}")
    return time_text(value)


def _as_is(value: object) -> JsonValue:
    return value  # type: ignore[return-value]  # from_payload of the result checks it


def _wrong(where: str, expected: str, value: object) -> FormatError:
    return FormatError("field-type", f"{where}: expected {expected}, found {_shown(value)}")


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 48 else text[:45] + "…"
