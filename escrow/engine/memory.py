"""Small JSON files that a machine keeps for itself: the remembered head, last night's report, what is verified next."""

import json
import os
from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from escrow.engine.places import Sighting
from escrow.engine.shares import Cursor
from escrow.errors import EscrowError, StateError
from escrow.record import parse_time, time_text
from escrow.trust import Head

if TYPE_CHECKING:
    from escrow.engine.night import NightReport

_COPIES = "copies.json"


def remembered_head(folder: Path, vault: str) -> Head | None:
    """The highest head that this machine has seen of a vault. StateError when the file cannot be understood."""
    path = _head_path(folder, vault)
    try:
        data = json.loads(path.read_text("utf-8"))
        return Head(seq=int(data["seq"]), sha256=str(data["sha256"]))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise StateError(
            "memory-unusable",
            f"{path}: the remembered head cannot be read ({error})",
            hint="look at what happened to it before you remove it: it is what finds a rolled-back store",
        ) from error


def remember_head(folder: Path, vault: str, head: Head) -> None:
    """Remember a head, unless a higher one is remembered."""
    known = remembered_head(folder, vault)
    if known is None or head.seq > known.seq:
        write_json(_head_path(folder, vault), {"seq": head.seq, "sha256": head.sha256})


def _head_path(folder: Path, vault: str) -> Path:
    return folder / f"seen-{vault[:16]}.json"


def verify_cursor(folder: Path, copy: str = "") -> Cursor:
    """Where the cycle through all objects of the store, or of a copy, stands. A new one when there is none yet, or its
    file is damaged: that costs looking at some objects twice."""
    try:
        data = json.loads(_cursor_path(folder, copy).read_text("utf-8"))
        return Cursor(bytes.fromhex(data["secret"]).hex(), str(data["reached"]))
    except (OSError, ValueError, KeyError, TypeError):
        return new_cursor()


def new_cursor() -> Cursor:
    """The beginning of a cycle in an order that nobody can foresee."""
    return Cursor(os.urandom(32).hex(), "")


def keep_cursor(folder: Path, cursor: Cursor, copy: str = "") -> None:
    """Remember where the cycle stands. StateError."""
    write_json(_cursor_path(folder, copy), {"secret": cursor.secret, "reached": cursor.reached})


def _cursor_path(folder: Path, copy: str) -> Path:
    return folder / (f"verify-cursor-{copy}.json" if copy else "verify-cursor.json")


def seen_copies(folder: Path, vault: str) -> dict[str, Sighting]:
    """What each copy of a vault held when it was last looked at, by name. Nothing when the file is damaged or of
    another vault: then a copy counts as unseen until it is attached again."""
    try:
        data = json.loads((folder / _COPIES).read_text("utf-8"))
        return {name: _sighting(one) for name, one in data["copies"].items()} if data["vault"] == vault else {}
    except (OSError, ValueError, KeyError, TypeError, AttributeError, EscrowError):
        return {}


def remember_copies(folder: Path, vault: str, seen: Mapping[str, Sighting]) -> None:
    """Remember what some copies hold now; the others stay as they were. StateError."""
    known = {**seen_copies(folder, vault), **seen}
    copies = {
        name: {
            "at": time_text(one.at.replace(microsecond=0)),
            "head": one.head,
            "keys": sorted(one.keys),
            "lacking": one.lacking,
        }
        for name, one in known.items()
    }
    write_json(folder / _COPIES, {"vault": vault, "copies": copies})


def _sighting(data: dict[str, object]) -> Sighting:
    at, head, keys, lacking = (data[name] for name in ("at", "head", "keys", "lacking"))
    if not (isinstance(head, int) and isinstance(lacking, int) and isinstance(keys, list)):
        raise TypeError
    return Sighting(parse_time(str(at)), head, frozenset(map(str, keys)), lacking)


def write_report(folder: Path, report: "NightReport", at: datetime) -> None:
    """The local report of last night, `last-night.json`: counts and bytes, no names."""
    write_json(folder / "last-night.json", {"at": time_text(at.replace(microsecond=0)), **asdict(report)})


def write_json(path: Path, value: object) -> None:
    """Replace a file as a whole. StateError."""
    temporary = path.with_name(path.name + ".new")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open("w", encoding="utf-8") as file:
            json.dump(value, file, indent=2, sort_keys=True)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        raise StateError(
            "state-unusable", f"{path}: cannot be written ({error})", hint="check space and rights"
        ) from error
