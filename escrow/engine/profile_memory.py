"""What the agent remembers of the last nights' profiles: `profiles.jsonl` in the state folder, one night a line.

Counts, names of files and columns, newest dates; no other value. A damaged line is as if that night had not been.
"""

import json
import os
from collections.abc import Sequence
from datetime import date
from pathlib import Path

from escrow.completeness import Night, Seen, from_json, spare, to_json
from escrow.errors import FormatError, StateError
from escrow.record import JsonObject, JsonValue

_NAME = "profiles.jsonl"
_NIGHTS = 15


def remembered_nights(folder: Path) -> list[Night]:
    """The last nights, the oldest first. Nothing where there is no file, or it cannot be read."""
    try:
        lines = (folder / _NAME).read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        return []
    nights = []
    for line in lines:
        try:
            nights.append(_night(json.loads(line)))
        except (ValueError, KeyError, TypeError, AttributeError, FormatError):
            continue
    return sorted(nights, key=lambda night: night.day)


def remember_night(folder: Path, night: Night, before: Sequence[Night]) -> None:
    """Keep this night behind the last fourteen of `before`; of nights with one day's data the last. StateError."""
    kept = [one for one in before if one.day != night.day][1 - _NIGHTS :]
    path = folder / _NAME
    temporary = path.with_name(_NAME + ".new")
    try:
        with temporary.open("w", encoding="utf-8") as file:
            for one in (*kept, night):
                file.write(json.dumps(_line(one), separators=(",", ":")) + "\n")
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        raise StateError(
            "state-unusable", f"{path}: cannot be written ({error})", hint="check space and rights"
        ) from error


def _line(night: Night) -> JsonObject:
    datasets: JsonObject = {
        key: {"sha256": seen.sha256, "size": seen.size, "profile": to_json(spare(seen.profile))}
        for key, seen in night.datasets.items()
        if "!" not in key
    }
    made: JsonObject = {"day": night.day.isoformat(), "datasets": datasets}
    for name, keys in (("failed", night.failed), ("unread", night.unread)):
        if keys:
            made[name] = [*sorted(keys)]
    if night.counts:
        made["counts"] = dict(night.counts)
    return made


def _night(value: dict[str, JsonValue]) -> Night:
    files, counts = value["datasets"], value.get("counts", {})
    if not isinstance(files, dict) or not isinstance(counts, dict):
        raise TypeError
    datasets: dict[str, Seen] = {}
    for key, one in files.items():
        if not isinstance(one, dict) or not isinstance(one["size"], int):
            raise TypeError
        seen = Seen(str(one["sha256"]), one["size"], from_json(one["profile"]))
        datasets |= {name: Seen(seen.sha256, seen.size, inner) for name, inner in seen.profile.tables(key)}
    return Night(
        day=date.fromisoformat(str(value["day"])),
        datasets=datasets,
        failed=_keys(value, "failed"),
        unread=_keys(value, "unread"),
        counts={key: count for key, count in counts.items() if isinstance(count, int)},
    )


def _keys(value: dict[str, JsonValue], name: str) -> frozenset[str]:
    keys = value.get(name, [])
    if not isinstance(keys, list):
        raise TypeError
    return frozenset(map(str, keys))
