"""The result as a BagIt bag (RFC 8493), for a records store. The library bagit makes it; here is what it is told."""

from collections.abc import Iterable
from pathlib import Path

import bagit

from escrow.errors import UsageError

_MARK = "bagit.txt"


def check_place(folder: Path) -> None:
    """Before anything is written: UsageError `export-bagged` where a bag lies there already."""
    if (folder / _MARK).exists():
        hint = "choose another folder: a bag is not changed"
        raise UsageError("export-bagged", f"{folder}: expected no bag, found one", hint=hint)


def make_bag(folder: Path, facts: Iterable[tuple[str, str]]) -> int:
    """Turn `folder` into a bag with SHA-256 manifests; `facts` go to bag-info.txt. Gives how many files it holds."""
    bag = bagit.make_bag(str(folder), dict(facts), checksums=["sha256"])  # type: ignore[no-untyped-call]
    return sum(1 for _ in bag.payload_files())
