"""The folder of public parts on a holder's machine: read whole, written object by object, the charter last."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from escrow.errors import IntegrityError, UsageError

if TYPE_CHECKING:
    from escrow.record import Charter
    from escrow.trust import Finding, History

_LARGEST = 4 * 1024 * 1024
_WANTED = ("charter", "stock", "key", "event", "release", "receipt")
_DEEDS = ("events/", "releases/", "receipts/")


def load_public(folder: Path) -> "tuple[dict[str, bytes], History]":
    """Charters, stocks, sealed keys and deeds below `folder`, and what they say. UsageError, IntegrityError."""
    from escrow.trust import accept

    objects = read_objects(folder)
    history = accept(objects.items())
    wrong = amiss(history)
    if history.charter is None or wrong:
        found = "; ".join(f"{finding.code}: {finding.detail}" for finding in wrong[:3])
        hint = "copy the public parts again from the vault"
        raise IntegrityError("charter-missing", f"{folder}: expected valid public parts, found {found}", hint=hint)
    return objects, history


def amiss(history: "History") -> "list[Finding]":
    """What is wrong with charters, stocks and keys. Deeds are left out: one bad event must not keep holders away."""
    return [one for one in history.findings if one.severity == "error" and not is_deed(one.subject)]


def is_deed(name: str) -> bool:
    """Whether an object is of the chain of events, or told by it."""
    return name.startswith(_DEEDS)


def read_objects(folder: Path) -> dict[str, bytes]:
    """Charters, stocks, sealed keys and deeds below `folder` by name, unchecked. UsageError `public-missing`."""
    from escrow.record import parse_name

    objects: dict[str, bytes] = {}
    for part in ("charter", "stock", "events", "releases", "receipts"):
        for path in sorted((folder / part).glob("*")):
            name = parse_name(f"{part}/{path.name}")
            if name and name.kind in _WANTED and path.stat().st_size <= _LARGEST:
                objects[f"{part}/{path.name}"] = path.read_bytes()
    if not objects:
        hint = "name the folder public of escrow keys, or a vault's own folder"
        raise UsageError("public-missing", f"expected public parts below {folder}, found none", hint=hint)
    return objects


def write_public(folder: Path, objects: Mapping[str, bytes]) -> None:
    """Put the objects, each whole or absent; those that are there already stay. Keys, stocks, deeds, then charters."""
    for name, data in sorted(objects.items(), reverse=True):
        write_whole(folder / name, data)


def rescue_kit(charters: "Sequence[Charter]") -> dict[str, bytes]:
    """This version's rescue kit by its names in the vault, where the last of the charters names it; else nothing."""
    from escrow.engine.rescue import kit_folder
    from escrow.recovery import kit, kit_sha256

    rescue = kit_sha256()
    if charters[-1].rescue != rescue:
        return {}
    folder = kit_folder(charters, rescue)
    return {folder + name: data for name, data in kit().items()}


def write_whole(path: Path, data: bytes) -> None:
    """A file that is whole or absent. UsageError `out-unwritable`."""
    if path.exists() and path.read_bytes() == data:
        return
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_name(f"{path.name}.partial")
        partial.write_bytes(data)
        partial.replace(path)
    except OSError as error:
        hint = "check space and rights, and run the command again"
        raise UsageError("out-unwritable", f"{path}: cannot be written ({error.strerror})", hint=hint) from error
