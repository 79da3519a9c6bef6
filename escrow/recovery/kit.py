"""The rescue kit: README.txt and RESCUE/ of every vault (docs/decisions/0080-second-reader.md)."""

import hashlib
from functools import cache
from pathlib import Path
from types import MappingProxyType

FOLDER = "RESCUE/"
README = "README.txt"
SUMS = f"{FOLDER}sha256sums.txt"
"""Names and hashes of all other files of the kit, as sha256sum reads them; its own hash stands in the charter."""

_FILES = Path(__file__).with_name("kit")
_LEFT_OUT = frozenset({"__pycache__"})


@cache
def kit() -> MappingProxyType[str, bytes]:
    """The kit's objects by name."""
    found: dict[str, bytes] = {}
    for path in sorted(_FILES.rglob("*")):
        name = path.relative_to(_FILES).as_posix()
        if path.is_file() and _LEFT_OUT.isdisjoint(path.relative_to(_FILES).parts):
            found[name if name == README else FOLDER + name] = path.read_bytes()
    lines = [f"{hashlib.sha256(data).hexdigest()}  {name}\n" for name, data in sorted(found.items())]
    return MappingProxyType(found | {SUMS: "".join(lines).encode()})


def kit_sha256() -> str:
    """The hash of the whole kit: that of `SUMS` (64 hex digits), the charter's member `rescue`."""
    return hashlib.sha256(kit()[SUMS]).hexdigest()
