"""File names for tables: safe on every system, unique also where case is ignored, the same every night. Pure."""

import hashlib
from collections import Counter
from collections.abc import Collection

from escrow.errors import FormatError
from escrow.source.paths import fold, safe_target

_UNSAFE = frozenset('<>:"|?*\\/%.~') | {chr(n) for n in range(32)} | {"\x7f"}
_MOST = 200
"""Bytes of a name before its ending."""


def file_names(tables: Collection[tuple[str, str]]) -> dict[tuple[str, str], str]:
    """`schema.table.csv` for each schema and table.

    What no file can be called stands as `%` and the hex of its UTF-8 bytes. A name that is too long, or that differs
    from another only in case or composition and is not the lower-case one, ends in `~` and the start of its hash.
    """
    plain = {table: f"{_part(table[0])}.{_part(table[1])}" for table in tables}
    taken = Counter(fold(name) for name in plain.values())
    return {
        table: _named(name, table, alone=taken[fold(name)] == 1 or name == fold(name)) for table, name in plain.items()
    }


def _named(name: str, table: tuple[str, str], *, alone: bool) -> str:
    raw = name.encode("utf-8", "surrogatepass")
    if alone and len(raw) <= _MOST:
        return f"{name}.csv"
    digest = hashlib.sha256("\0".join(table).encode("utf-8", "surrogatepass")).hexdigest()[:12]
    return f"{raw[:_MOST].decode('utf-8', 'ignore').rstrip(' %')}~{digest}.csv"


def _part(name: str) -> str:
    safe = "".join(_percent(character) if character in _UNSAFE else character for character in name)
    if not safe or safe[-1] == " ":
        safe = safe[:-1] + "%20" if safe else "%"
    if _is_reserved(safe):
        safe = _percent(safe[0]) + safe[1:]
    return safe


def _percent(character: str) -> str:
    return "".join(f"%{byte:02X}" for byte in character.encode("utf-8", "surrogatepass"))


def _is_reserved(name: str) -> bool:
    try:
        safe_target(name.encode("utf-8", "surrogatepass"), "windows")
    except FormatError:
        return True
    return False
