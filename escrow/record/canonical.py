"""Canonical JSON, both ways: the one encoding of every record (docs/format.md, section 2)."""

import json
from collections import Counter
from typing import NoReturn, TypeAlias

from escrow import limits
from escrow.errors import FormatError, LimitError

JsonValue: TypeAlias = "bool | int | str | list[JsonValue] | dict[str, JsonValue] | None"
JsonObject: TypeAlias = dict[str, JsonValue]

_encoder = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False)


def encode(value: JsonValue) -> bytes:
    """Canonical bytes of a value.

    FormatError json-integer, json-depth, json-syntax (a lone surrogate) for what no reader would take.
    """
    check_value(value)
    return _utf8(_encoder.encode(value))


def decode(data: bytes, *, limit: int = limits.MAX_RECORD, canonical: bool = True) -> JsonValue:
    """The value that strict JSON bytes say; `limit` in bytes.

    FormatError json-size, json-syntax, json-duplicate, json-integer, json-depth; json-canonical unless
    `canonical` is False.
    """
    value = parse(data, limit=limit)
    check_value(value)
    if canonical:
        again = _utf8(_encoder.encode(value))
        if again != data:
            at = next((i for i, (a, b) in enumerate(zip(again, data, strict=False)) if a != b), len(again))
            raise FormatError("json-canonical", f"expected canonical JSON, found a difference at byte {at}")
    return value


def parse(data: bytes, *, limit: int) -> JsonValue:
    """Like decode, but integers and depth are left to the caller to check (floats are refused here)."""
    if len(data) > limit:
        raise LimitError("json-size", f"expected at most {limit} bytes of JSON, found {len(data)}")
    try:
        text = data.decode("utf-8")
        value: JsonValue = _decoder.decode(text)
    except UnicodeDecodeError as error:
        raise FormatError("json-syntax", f"expected UTF-8, found a bad byte at {error.start}") from None
    except json.JSONDecodeError as error:
        message = f"expected JSON, found a fault at character {error.pos}: {error.msg}"
        raise FormatError("json-syntax", message) from None
    except RecursionError:
        raise _too_deep() from None
    except ValueError:  # Python's own limit on the digits of an integer
        raise _not_integer("an integer of thousands of digits") from None
    if "\\u" in text:
        _utf8(_encoder.encode(value))
    return value


def check_value(value: object, depth: int = limits.MAX_JSON_DEPTH) -> None:
    """Refuses what no record may hold: big numbers, floats, more than `depth` levels of arrays and objects."""
    if value is None or isinstance(value, str | bool):
        return
    if isinstance(value, int):
        if not -limits.MAX_INTEGER <= value <= limits.MAX_INTEGER:
            raise _not_integer("one beyond ±(2^53 - 1)")
    elif isinstance(value, dict | list):
        if depth == 0:
            raise _too_deep()
        for item in value.values() if isinstance(value, dict) else value:
            check_value(item, depth - 1)
    else:
        raise _not_integer(f"a {type(value).__name__}")


def _utf8(text: str) -> bytes:
    try:
        return text.encode("utf-8")
    except UnicodeEncodeError:
        raise FormatError("json-syntax", "expected Unicode text, found a lone surrogate") from None


def _members(pairs: list[tuple[str, JsonValue]]) -> JsonObject:
    members = dict(pairs)
    if len(members) != len(pairs):
        twice = Counter(name for name, _ in pairs).most_common(1)[0][0]
        raise FormatError("json-duplicate", f"expected each member once, found {twice[:64]!r} twice")
    return members


def _refuse_float(digits: str) -> NoReturn:
    raise _not_integer(repr(digits[:32]))


def _refuse_constant(name: str) -> NoReturn:
    raise FormatError("json-syntax", f"expected JSON, found {name}")


def _too_deep() -> LimitError:
    return LimitError("json-depth", f"expected at most {limits.MAX_JSON_DEPTH} levels, found more")


def _not_integer(found: str) -> FormatError:
    return FormatError("json-integer", f"expected an integer within ±(2^53 - 1), found {found}")


_decoder = json.JSONDecoder(
    object_pairs_hook=_members,
    parse_float=_refuse_float,
    parse_constant=_refuse_constant,
)
