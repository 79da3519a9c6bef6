"""The rescue kits that lie in a vault, held against the charters' hashes of them (docs/format.md, section 1)."""

import hashlib
import re
from collections.abc import Mapping, Sequence

from escrow.engine.fetch import fetch_exact
from escrow.errors import IntegrityError, NotFoundError
from escrow.record import Charter
from escrow.store import Store
from escrow.trust import Finding

SUMS = "RESCUE/sha256sums.txt"
_LINE = re.compile(r"([0-9a-f]{64})  ((?:README\.txt|RESCUE/[a-z0-9._/-]+))")


def is_kit(name: str) -> bool:
    """Whether an object's name is one of the kit's."""
    return name == "README.txt" or name.startswith("RESCUE/")


def kit_folder(charters: Sequence[Charter], rescue: str) -> str:
    """Pure: below what the kit with this hash lies: the first that the charters name at the top, others beside it."""
    first = next((charter.rescue for charter in charters if charter.rescue), rescue)
    return "" if rescue == first else f"RESCUE/{rescue[:16]}/"


def proven_kit(objects: Mapping[str, bytes], charters: Sequence[Charter]) -> dict[str, bytes]:
    """Pure: those of the objects that belong to a kit that one of the charters names."""
    proven: dict[str, bytes] = {}
    for folder, rescue in _named(charters).items():
        sums = objects.get(folder + SUMS, b"")
        if hashlib.sha256(sums).hexdigest() == rescue:
            wanted = {folder + name: sha256 for name, sha256 in _listed(sums).items()} | {folder + SUMS: rescue}
            proven |= {
                name: objects[name]
                for name, sha256 in wanted.items()
                if name in objects and hashlib.sha256(objects[name]).hexdigest() == sha256
            }
    return proven


def read_kit(store: Store, charters: Sequence[Charter]) -> tuple[dict[str, bytes], tuple[Finding, ...]]:
    """The objects of all kits that the accepted charters name, those that are right, by name.

    `rescue-missing` (a warning), `rescue-altered` for the others. Nothing is looked for where no charter names a kit.
    """
    found: dict[str, bytes] = {}
    findings: list[Finding] = []
    for folder, rescue in _named(charters).items():
        wanted = {SUMS: rescue}
        while wanted:
            part, sha256 = wanted.popitem()
            name = folder + part
            try:
                found[name] = fetch_exact(store, name, sha256)
            except NotFoundError as error:
                findings.append(Finding("rescue-missing", name, str(error), "warning"))
            except IntegrityError as error:
                findings.append(Finding("rescue-altered", name, str(error)))
            else:
                if part == SUMS:
                    wanted |= _listed(found[name])
    return found, tuple(sorted(findings, key=lambda finding: finding.subject))


def _named(charters: Sequence[Charter]) -> dict[str, str]:
    """Folders and hashes of all kits that the charters name."""
    return {kit_folder(charters, one.rescue): one.rescue for one in charters if one.rescue}


def _listed(sums: bytes) -> dict[str, str]:
    return {match[2]: match[1] for match in _LINE.finditer(sums.decode("ascii", "replace"))}
