"""Names of tables and columns in what is exported: unique, of every database and file system's grammar."""

import re
from collections.abc import Sequence

_OTHER = re.compile(r"[^0-9A-Za-z]+")
_RESERVED = re.compile(r"(?:con|prn|aux|nul|com[0-9]|lpt[0-9])", re.IGNORECASE)
_LONGEST = 60


def table_names(origins: Sequence[str]) -> list[str]:
    """A name for each original, in order: letters, digits and `_`, at most 60, each once whatever its case.

    The source's name in front is left out where all originals have the same one.
    """
    first = {origin.partition("/")[0] for origin in origins}
    stems = [origin.partition("/")[2] if len(first) == 1 and "/" in origin else origin for origin in origins]
    return unique([_plain(stem) for stem in stems])


def unique(names: Sequence[str]) -> list[str]:
    """The same names; one that stands before, in whatever case, has `_2`, `_3` … behind."""
    taken: set[str] = set()
    found = []
    for name in names:
        free, number = name, 1
        while free.casefold() in taken:
            number += 1
            free = f"{name}_{number}"
        taken.add(free.casefold())
        found.append(free)
    return found


def column_names(header: Sequence[str]) -> list[str]:
    """A table's columns as they stand in its header; an empty one is `column_3`, a repeated one has `_2` behind."""
    return unique([cell.strip() or f"column_{number}" for number, cell in enumerate(header, 1)])


def _plain(stem: str) -> str:
    inner = stem.partition("#")
    path = inner[0].rsplit(".", 1)[0] if "." in inner[0].rsplit("/", 1)[-1] else inner[0]
    name = _OTHER.sub("_", f"{path}_{inner[2].rsplit('.', 1)[0]}" if inner[2] else path).strip("_")[:_LONGEST]
    if not name or name[0].isdigit() or _RESERVED.fullmatch(name):
        name = f"t_{name}"
    return name
