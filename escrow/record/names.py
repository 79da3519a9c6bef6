"""Object names: built, parsed and held against the object's bytes (docs/format.md, section 1)."""

import hashlib
import re
from dataclasses import dataclass
from typing import Literal, TypeAlias

from escrow.errors import IntegrityError

Kind: TypeAlias = Literal[
    "charter",
    "stock",
    "key",
    "series",
    "pack",
    "manifest",
    "notice",
    "event",
    "release",
    "released-key",
    "receipt",
    "erasure",
]

FOLDERS = ("charter/", "stock/", "series/", "notices/", "events/", "releases/", "receipts/", "erasures/")
"""Prefixes below which every object has a name of this grammar, or is junk."""

_N = r"(?P<n>(?!0{8})[0-9]{8})"
_SHA16 = r"(?P<digest>[0-9a-f]{16})"
_SHA64 = r"(?P<digest>[0-9a-f]{64})"
_SERIES = r"series/(?P<series>[0-9a-f]{16})"
_GRAMMAR: tuple[tuple[Kind, re.Pattern[str]], ...] = (
    ("pack", re.compile(rf"{_SERIES}/packs/{_SHA64}\.age")),
    ("notice", re.compile(rf"notices/{_N}-{_SHA16}\.json")),
    ("manifest", re.compile(rf"{_SERIES}/manifests/{_N}-{_SHA64}\.age")),
    ("series", re.compile(rf"{_SERIES}/series-{_SHA16}\.json")),
    ("key", re.compile(rf"stock/(?P<key_id>[0-9a-f]{{16}})-{_SHA16}\.age")),
    ("stock", re.compile(rf"stock/{_N}-{_SHA16}\.json")),
    ("charter", re.compile(rf"charter/{_N}-{_SHA16}\.json")),
    ("event", re.compile(rf"events/{_N}-{_SHA16}\.json")),
    ("release", re.compile(rf"releases/{_N}-{_SHA16}\.json")),
    ("released-key", re.compile(rf"releases/(?P<key_id>[0-9a-f]{{16}})-{_SHA16}\.age")),
    ("receipt", re.compile(rf"receipts/{_N}-{_SHA16}\.json")),
    ("erasure", re.compile(rf"erasures/{_N}-{_SHA16}\.json")),
)


@dataclass(frozen=True, slots=True)
class ParsedName:
    """An object's name. `n` is a charter's, stock's or deed's number, or a notice's or manifest's seq.

    `digest` is the start of the SHA-256 of the bytes.
    """

    kind: Kind
    n: int = 0
    series: str = ""
    digest: str = ""
    key_id: str = ""


def charter_name(n: int, data: bytes) -> str:
    """Name of the envelope `data` of charter `n`."""
    return f"charter/{n:08d}-{_sha16(data)}.json"


def stock_name(n: int, data: bytes) -> str:
    """Name of the envelope `data` of stock `n`."""
    return f"stock/{n:08d}-{_sha16(data)}.json"


def key_name(key_id: str, sha256: str) -> str:
    """Name of the series key `key_id` as sealed in the object with this SHA-256."""
    return f"stock/{key_id}-{sha256[:16]}.age"


def series_name(series: str, data: bytes) -> str:
    """Name of the envelope `data` of the record of `series`."""
    return f"series/{series}/series-{_sha16(data)}.json"


def pack_name(series: str, sha256: str) -> str:
    """Name of a pack of `series`."""
    return f"series/{series}/packs/{sha256}.age"


def manifest_name(series: str, seq: int, sha256: str) -> str:
    """Name of the manifest of `series` in notice `seq`."""
    return f"series/{series}/manifests/{seq:08d}-{sha256}.age"


def notice_name(seq: int, data: bytes) -> str:
    """Name of the envelope `data` of notice `seq`."""
    return f"notices/{seq:08d}-{_sha16(data)}.json"


def event_name(n: int, data: bytes) -> str:
    """Name of the envelope `data` of event `n`."""
    return f"events/{n:08d}-{_sha16(data)}.json"


def release_name(n: int, data: bytes) -> str:
    """Name of the envelope `data` of the release that event `n` tells."""
    return f"releases/{n:08d}-{_sha16(data)}.json"


def released_key_name(key_id: str, sha256: str) -> str:
    """Name of the series key `key_id` as sealed for a release in the object with this SHA-256."""
    return f"releases/{key_id}-{sha256[:16]}.age"


def receipt_name(n: int, data: bytes) -> str:
    """Name of the envelope `data` of the receipt that event `n` tells."""
    return f"receipts/{n:08d}-{_sha16(data)}.json"


def erasure_name(n: int, data: bytes) -> str:
    """Name of the envelope `data` of the erasure that event `n` tells."""
    return f"erasures/{n:08d}-{_sha16(data)}.json"


def key_id_of(recipient: str) -> str:
    """The key id of a recipient string `age1pq1…`."""
    return _sha16(recipient.encode())


def parse_name(key: str) -> ParsedName | None:
    """What a name says; None when it is not of the grammar (`name-grammar`: junk below FOLDERS)."""
    for kind, pattern in _GRAMMAR:
        match = pattern.fullmatch(key)
        if match:
            parts = match.groupdict()
            return ParsedName(
                kind,
                int(parts.get("n", 0)),
                parts.get("series", ""),
                parts.get("digest", ""),
                parts.get("key_id", ""),
            )
    return None


def check_name(name: ParsedName, data: bytes) -> None:
    """Holds the bytes against their name. IntegrityError name-hash."""
    found = hashlib.sha256(data).hexdigest()
    if not found.startswith(name.digest):
        raise IntegrityError(
            "name-hash",
            f"expected bytes whose SHA-256 begins {name.digest[:16]}, found {found[:16]}",
            hint="look for an older version of the object, or in another copy of the vault",
        )


def _sha16(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:16]
