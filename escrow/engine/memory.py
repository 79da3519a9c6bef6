"""Small JSON files that a machine keeps for itself: the remembered head, last night's report, what is verified next."""

import json
import os
from dataclasses import asdict
from datetime import datetime
from pathlib import Path

from escrow.engine.night import NightReport
from escrow.engine.shares import Cursor
from escrow.errors import StateError
from escrow.record import time_text
from escrow.trust import Head


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


def verify_cursor(folder: Path) -> Cursor:
    """Where the cycle through all objects stands. A new one when there is none yet, or its file is damaged: that costs
    looking at some objects twice."""
    try:
        data = json.loads(_cursor_path(folder).read_text("utf-8"))
        return Cursor(bytes.fromhex(data["secret"]).hex(), str(data["reached"]))
    except (OSError, ValueError, KeyError, TypeError):
        return new_cursor()


def new_cursor() -> Cursor:
    """The beginning of a cycle in an order that nobody can foresee."""
    return Cursor(os.urandom(32).hex(), "")


def keep_cursor(folder: Path, cursor: Cursor) -> None:
    """Remember where the cycle stands. StateError."""
    write_json(_cursor_path(folder), {"secret": cursor.secret, "reached": cursor.reached})


def _cursor_path(folder: Path) -> Path:
    return folder / "verify-cursor.json"


def write_report(folder: Path, report: NightReport, at: datetime) -> None:
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
