"""The second reader, loaded from the kit, and the first, each asked the same: what they answer must be the same."""

import importlib.util
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from types import ModuleType
from typing import Any

from escrow.errors import EscrowError
from escrow.trust import Finding, Head, History

KIT = Path(__file__).parents[2] / "escrow" / "recovery" / "kit"
SCRIPT = KIT / "escrow_rescue.py"


def load() -> ModuleType:
    """The module `escrow_rescue`, from its file."""
    known = sys.modules.get("escrow_rescue")
    if known is not None:
        return known
    spec = importlib.util.spec_from_file_location("escrow_rescue", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["escrow_rescue"] = module
    spec.loader.exec_module(module)
    return module


rescue: Any = load()


def told(findings: Iterable[Finding]) -> list[tuple[str, str, bool]]:
    """Findings of the first reader in the second's form, without their sentences."""
    return sorted({(one.code, one.subject, one.severity == "warning") for one in findings})


def their_answer(history: History) -> dict[str, object]:
    """What the first reader accepts."""
    if history.charter is None:
        return {"findings": told(history.findings)}
    return {
        "findings": told(history.findings),
        "vault": history.vault,
        "fingerprint": history.fingerprint,
        "charter": history.charter_sha256,
        "keys": sorted((key.id, key.compartment, key.recipient, key.sha256, key.size) for key in history.keys.values()),
        "links": [(link.sha256, link.before.sha256 if link.before else "", link.cited) for link in history.links],
        "main": [link.sha256 for link in history.main],
        "snapshots": [one.sha256 for one in history.snapshots],
        "packs": {
            (one.sha256, part.series): (len(packs), {n: ref.sha256 for n, ref in packs._known.items()})
            for one in history.snapshots
            for part in one.parts
            for packs in [one.packs(part.series)]
        },
    }


def our_answer(history: Any) -> dict[str, object]:
    """What the second reader accepts, in the same form."""
    findings = sorted({(code, subject, warning) for code, subject, _, warning in history.findings})
    if not history.charters:
        return {"findings": findings}
    members = ("id", "compartment", "recipient", "sha256", "size")
    nights = history.snapshots()
    return {
        "findings": findings,
        "vault": history.vault,
        "fingerprint": history.fingerprint,
        "charter": history.charters[-1].sha256,
        "keys": sorted(tuple(key[member] for member in members) for key in history.keys.values()),
        "links": [(link.sha256, link.before.sha256 if link.before else "", link.cited) for link in history.links],
        "main": [link.sha256 for link in history.main],
        "snapshots": [link.sha256 for link in nights],
        "packs": {
            (link.sha256, part["series"]): by_ordinal(*rescue.packs_of(link, part["series"]))
            for link in nights
            for part in link.record["series"]
        },
    }


def by_ordinal(number: int, packs: dict[int, Any]) -> tuple[int, dict[int, str]]:
    """How many packs a series has, and the hashes of those that no gap hides: a gap may be said to be absurdly long."""
    return number, {ordinal: pack["sha256"] for ordinal, pack in packs.items()}


def compare(objects: Iterable[tuple[str, bytes]], theirs: History, **known: object) -> None:
    """Asks the second reader the same, and demands the same answer."""
    remembered = known.get("remembered")
    head = (remembered.seq, remembered.sha256) if isinstance(remembered, Head) else None
    ours = rescue.History(objects, known.get("vault"), known.get("fingerprint"), head)
    wanted, found = their_answer(theirs), our_answer(ours)
    for part in sorted(wanted.keys() | found.keys()):
        assert found.get(part) == wanted.get(part), (part, found.get(part), wanted.get(part))


def code_of(call: Callable[[], object]) -> str:
    """The code with which a reader refuses; "" when it does not."""
    try:
        call()
    except (EscrowError, rescue.Problem) as refusal:
        return str(refusal.code)
    return ""
