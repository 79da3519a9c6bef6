"""The rescue kit that lies in a vault, held against the charter's hash of it (docs/format.md, section 1)."""

import hashlib
import re
from collections.abc import Mapping

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


def proven_kit(objects: Mapping[str, bytes], rescue: str | None) -> dict[str, bytes]:
    """Pure: those of the objects that belong to the kit with this hash."""
    sums = objects.get(SUMS, b"")
    if hashlib.sha256(sums).hexdigest() != rescue:
        return {}
    wanted = _listed(sums)
    right = {name: data for name, data in objects.items() if hashlib.sha256(data).hexdigest() == wanted.get(name)}
    return {SUMS: sums} | right


def read_kit(store: Store, charter: Charter | None) -> tuple[dict[str, bytes], tuple[Finding, ...]]:
    """The kit's objects by name, those that are right; `rescue-missing` (a warning), `rescue-altered` for the others.

    Nothing of it is looked for where the charter names no kit.
    """
    if charter is None or charter.rescue is None:
        return {}, ()
    found: dict[str, bytes] = {}
    findings: list[Finding] = []
    wanted = {SUMS: charter.rescue}
    while wanted:
        name, sha256 = wanted.popitem()
        try:
            data = fetch_exact(store, name, sha256)
        except (NotFoundError, IntegrityError) as error:
            if isinstance(error, NotFoundError):
                findings.append(Finding("rescue-missing", name, str(error), "warning"))
            else:
                findings.append(Finding("rescue-altered", name, str(error)))
            continue
        found[name] = data
        if name == SUMS:
            wanted |= _listed(data)
    return found, tuple(sorted(findings, key=lambda finding: finding.subject))


def _listed(sums: bytes) -> dict[str, str]:
    return {match[2]: match[1] for match in _LINE.finditer(sums.decode("ascii", "replace"))}
