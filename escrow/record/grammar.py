"""The words of the format: grammars of strings and integers, and times (docs/format.md, section 2)."""

import base64
import binascii
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated

from escrow import limits
from escrow.errors import FormatError

SIGNING_PREFIX = "escrow-sig-1:"
VERIFY_KEY_SIZE = 32 + 1952
"""Bytes of a verify-key: Ed25519 and ML-DSA-65 public keys, one after the other."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_TIME = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)Z", re.ASCII)
_FTIME = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{0,8}[1-9]))?Z", re.ASCII)


@dataclass(frozen=True, slots=True)
class Word:
    """A kind of string: what a reader calls it, and what matches it."""

    label: str
    matches: Callable[[str], object]


@dataclass(frozen=True, slots=True)
class Range:
    """An integer from `low` to `high`, both allowed."""

    low: int
    high: int = limits.MAX_INTEGER


@dataclass(frozen=True, slots=True)
class Items:
    """A list of at least `least` items; strictly sorted by `key` of each (`""`: by the item) when given."""

    least: int = 0
    key: str | None = None


def _word(label: str, pattern: str) -> Word:
    return Word(label, re.compile(pattern, re.ASCII).fullmatch)


def _is_verify_key(text: str) -> bool:
    try:
        return len(verify_key_bytes(text)) == VERIFY_KEY_SIZE
    except FormatError:
        return False


def verify_key_bytes(text: str) -> bytes:
    """The public keys inside a verify-key string. FormatError field-type when it is none."""
    encoded = text.removeprefix(SIGNING_PREFIX)
    try:
        raw = base64.b64decode(encoded + "=" * (-len(encoded) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raw = b""
    again = SIGNING_PREFIX + base64.urlsafe_b64encode(raw).decode().rstrip("=")
    if len(raw) != VERIFY_KEY_SIZE or again != text:
        found = text[:24]
        raise FormatError("field-type", f"expected a verify-key {SIGNING_PREFIX}…, found {found!r}")
    return raw


BLANKS = " \t"
"""What is taken off both ends of a CSV cell (section 13.7)."""
NAME = _word("a name (1 to 64 of a-z 0-9 _ -)", r"[a-z0-9][a-z0-9_-]{0,63}")
TEXT = Word(
    "a text of 1 to 1,000 characters, none below U+0020",
    re.compile(r"[^\x00-\x1f]{1,1000}", re.DOTALL).fullmatch,
)

Hex16 = Annotated[str, _word("16 lower-case hex digits", r"[0-9a-f]{16}")]
Hex32 = Annotated[str, _word("32 lower-case hex digits", r"[0-9a-f]{32}")]
Hex64 = Annotated[str, _word("64 lower-case hex digits", r"[0-9a-f]{64}")]
Name = Annotated[str, NAME]
Text = Annotated[str, TEXT]
Digits6 = Annotated[str, _word("6 digits", r"[0-9]{6}")]
Digits7 = Annotated[str, _word("7 digits", r"[0-9]{7}")]
VerifyKeyText = Annotated[str, Word(f"a verify-key {SIGNING_PREFIX}…", _is_verify_key)]
RecipientText = Annotated[str, _word("a recipient age1pq1…", r"age1pq1[qpzry9x8gf2tvdw0s3jn54khce6mua7l]{6,4096}")]
Count = Annotated[int, Range(0)]
Number = Annotated[int, Range(1, 99_999_999)]


def one_of(*values: str) -> Word:
    """A string out of a fixed few."""
    return Word("one of " + ", ".join(values), frozenset(values).__contains__)


def time_text(when: datetime) -> str:
    """RFC 3339 in UTC, whole seconds. FormatError field-type for a naive time or a fraction."""
    if when.tzinfo is None or when.microsecond:
        raise FormatError("field-type", f"expected a UTC time in whole seconds, found {when.isoformat()}")
    return when.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ").rjust(20, "0")


def parse_time(text: str) -> datetime:
    """The UTC time that `2026-11-24T02:00:00Z` says. FormatError field-type for any other form."""
    match = _TIME.fullmatch(text)
    if not match:
        raise FormatError("field-type", f"expected a time like 2026-11-24T02:00:00Z, found {text[:40]!r}")
    return _parse_second(match[1])


def ftime_text(nanoseconds: int) -> str:
    """RFC 3339 in UTC of nanoseconds since 1970, fraction only where there is one (a file's mtime)."""
    seconds, fraction = divmod(nanoseconds, 1_000_000_000)
    try:
        when = _EPOCH + timedelta(seconds=seconds)
    except OverflowError:
        raise FormatError("field-type", f"expected a time within the years 1 to 9999, found {seconds} s") from None
    text = when.isoformat()[:19]
    return f"{text}.{fraction:09d}".rstrip("0") + "Z" if fraction else text + "Z"


def parse_ftime(text: str) -> int:
    """Nanoseconds since 1970, UTC. FormatError field-type when the text is no ftime."""
    match = _FTIME.fullmatch(text)
    if not match:
        raise FormatError("field-type", f"expected a time like 2026-11-23T16:05:07.25Z, found {text[:40]!r}")
    since = _parse_second(match[1]) - _EPOCH
    return (since.days * 86400 + since.seconds) * 1_000_000_000 + int((match[2] or "0").ljust(9, "0"))


def _parse_second(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text).replace(tzinfo=UTC)
    except ValueError:
        raise FormatError("field-type", f"expected a date and time that exist, found {text!r}") from None
