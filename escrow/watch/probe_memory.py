"""What a machine remembers of its stores' probes, and what was accepted in writing: two files in the state folder."""

import json
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import get_args

from escrow.engine.memory import write_json
from escrow.errors import FormatError, StateError
from escrow.record import parse_time, time_text
from escrow.store.probe_judge import CHECKS
from escrow.store.probe_report import Check, Lock, Outcome, ProbeReport

PROBED = "store-probe.json"
ACCEPTED = "store-accepted.json"

_OUTCOMES: dict[str, Outcome] = {outcome: outcome for outcome in get_args(Outcome)}
_LOCKS: dict[str, Lock] = {lock: lock for lock in get_args(Lock)}


@dataclass(frozen=True, slots=True)
class Kept:
    """The probes of one store. `tried` is the last attempt, refused or not; `report` the last that was made.

    `held` says for each check when it was last seen enforced.
    """

    store: str
    tried: datetime
    report: ProbeReport | None = None
    held: dict[str, datetime] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Acceptance:
    """That somebody takes a store although exactly these checks fail, and why."""

    store: str
    at: datetime
    reason: str
    checks: frozenset[str]


def read_kept(folder: Path, store: str) -> Kept | None:
    """The probes of `store`; None before the first, or when the file is damaged: that costs one more probe."""
    try:
        data = json.loads((folder / PROBED).read_text("utf-8"))[store]
        last = data["last"]
        report = last and ProbeReport(
            store=store,
            at=parse_time(last["at"]),
            folder=bool(last["folder"]),
            lock=_LOCKS[last["lock"]],
            checks=tuple(
                Check(str(one["name"]), _OUTCOMES[one["outcome"]], str(one["detail"]))
                for one in last["checks"]
                if one["name"] in CHECKS
            ),
            left=tuple(map(str, last["left"])),
        )
        held = {str(name): parse_time(at) for name, at in data["held"].items()}
        return Kept(store, parse_time(data["tried"]), report, held)
    except (OSError, ValueError, FormatError, KeyError, TypeError, AttributeError):
        return None


def write_kept(folder: Path, kept: Kept) -> None:
    """Remember the probes of one store; those of others stay. StateError."""
    report = kept.report
    last = report and {
        "at": _time(report.at),
        "folder": report.folder,
        "lock": report.lock,
        "checks": [{"name": one.name, "outcome": one.outcome, "detail": one.detail} for one in report.checks],
        "left": report.left,
    }
    held = {name: _time(at) for name, at in kept.held.items()}
    data = {"tried": _time(kept.tried), "held": held, "last": last}
    write_json(folder / PROBED, _others(folder) | {kept.store: data})


def _others(folder: Path) -> dict[str, object]:
    """What is remembered of every store; nothing where the file is damaged."""
    try:
        found = json.loads((folder / PROBED).read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def accept(folder: Path, acceptance: Acceptance) -> None:
    """Record an acceptance; earlier ones stay in the file, and the last of a store holds. StateError."""
    rows = [
        {"store": one.store, "at": _time(one.at), "reason": one.reason, "checks": sorted(one.checks)}
        for one in (*_acceptances(folder), acceptance)
    ]
    write_json(folder / ACCEPTED, {"accepted": rows})


def read_acceptance(folder: Path, store: str) -> Acceptance | None:
    """The acceptance of `store` that holds. StateError `store-accepted` when the file cannot be understood."""
    return next((one for one in reversed(_acceptances(folder)) if one.store == store), None)


def _acceptances(folder: Path) -> list[Acceptance]:
    path = folder / ACCEPTED
    try:
        return [
            Acceptance(
                store=str(one["store"]),
                at=parse_time(one["at"]),
                reason=str(one["reason"]),
                checks=frozenset(map(str, one["checks"])),
            )
            for one in json.loads(path.read_text("utf-8"))["accepted"]
        ]
    except FileNotFoundError:
        return []
    except (OSError, ValueError, FormatError, KeyError, TypeError) as error:
        raise StateError(
            "store-accepted",
            f"{path}: expected what was accepted of stores, found something else ({type(error).__name__})",
            hint="remove it, and accept again with escrow store probe --accept REASON",
        ) from error


def _time(at: datetime) -> str:
    return time_text(at.replace(microsecond=0))
