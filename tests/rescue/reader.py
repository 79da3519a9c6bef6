"""The second reader, loaded from the kit, and the first, each asked the same: what they answer must be the same."""

import importlib
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from types import ModuleType
from typing import Any

from escrow.errors import EscrowError
from escrow.trust import Finding, Head, History

KIT = Path(__file__).parents[2] / "escrow" / "recovery" / "kit"
NAMES = ("escrow_judge", "escrow_rescue", "escrow_records", "escrow_seals")
SCRIPT = KIT / "escrow_rescue.py"

Problems = list[tuple[str, str, str]]


def load(name: str) -> ModuleType:
    """A module of the kit, which finds the others beside it."""
    writes, sys.path[:0] = sys.dont_write_bytecode, [str(KIT)]
    try:
        return importlib.import_module(name)
    finally:
        sys.path.remove(str(KIT))
        sys.dont_write_bytecode = writes


MODULES: list[Any] = [load(name) for name in NAMES]
judge, plain, records, seals = MODULES


class SecondReader:
    """Every name of the kit's files; where two have it, as escrow_judge.py says."""

    def __getattr__(self, name: str) -> Any:
        return next(getattr(module, name) for module in MODULES if hasattr(module, name))

    def open_envelope(self, data: bytes, kind: str) -> Any:
        return seals.open_envelope(data, kind, judge.read_record)

    def Passphrase(self, text: str) -> Any:
        return seals.Passphrase(lambda: text)

    def open_pack(self, plaintext: bytes) -> Any:
        """A pack whose plaintext is known."""
        return plain.Pack(
            type("Plain", (), {"size": len(plaintext), "read": lambda _, at, n: plaintext[at : at + n]})()
        )

    def open_night(self, vault: Any, history: Any, link: Any, identities: Any) -> tuple[list[Any], Problems]:
        """The compartments of a night that open, and a problem for each of the others."""
        opened: list[Any] = []
        problems: Problems = []
        for part in link.record["series"]:
            try:
                opened.append(plain.open_part(vault, history, link, part, identities, judge.Compartment))
            except seals.Problem as problem:
                problems.append((problem.code, part["compartment"], str(problem)))
        return opened, problems

    def check_files(self, opened: Any, tell: Callable[..., object]) -> int:
        """Reads every file of a compartment; gives how many are right."""
        return int(plain.go_through(opened, "check", ["*"], None, tell)[0])

    def main(self, given: list[str]) -> int:
        return int(plain.main(given, judge.Reader()))


rescue: Any = SecondReader()


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
        "gone": (dict(history.ending.expired), dict(history.ending.shredded)),
        "holds": [one.sha256 for one in history.ending.holds],
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
    nights = history.nights()
    return {
        "findings": findings,
        "vault": history.vault,
        "gone": (history.expired, history.shredded),
        "holds": list(history.handover.holds),
        "fingerprint": history.fingerprint,
        "charter": history.charters[-1].sha256,
        "keys": sorted(tuple(key[member] for member in members) for key in history.keys.values()),
        "links": [(link.sha256, link.before.sha256 if link.before else "", link.cited) for link in history.links],
        "main": [link.sha256 for link in history.main],
        "snapshots": [link.sha256 for link in nights],
        "packs": {
            (link.sha256, part["series"]): by_ordinal(*records.packs_of(link, part["series"]))
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
    ours = judge.History(objects, known.get("vault"), known.get("fingerprint"), head)
    compare_plain(objects, theirs, **known)
    wanted, found = their_answer(theirs), our_answer(ours)
    for part in sorted(wanted.keys() | found.keys()):
        assert found.get(part) == wanted.get(part), (part, found.get(part), wanted.get(part))


FORM = ("name-", "json-", "field-", "crit-", "version-", "envelope", "payload-", "vault-mismatch")


def compare_plain(objects: Iterable[tuple[str, bytes]], theirs: History, **known: object) -> None:
    """What escrow_rescue.py believes without escrow_judge.py: nothing that the first reader does not.

    It looks at no names and at few members, so vaults that are wrong in these are left out.
    """
    ours = records.History(objects, known.get("fingerprint"))
    codes = {finding.code for finding in theirs.findings}
    if any(code.startswith(FORM) for code in codes) or theirs.charter is None:
        return
    assert {link.sha256 for link in ours.links} <= {link.sha256 for link in theirs.links}
    assert set(ours.keys) <= set(theirs.keys)
    if not codes:
        assert ours.findings == []
        assert [link.sha256 for link in ours.nights()] == [one.sha256 for one in theirs.snapshots]
        assert set(ours.keys) == set(theirs.keys)


def code_of(call: Callable[[], object]) -> str:
    """The code with which a reader refuses; "" when it does not."""
    try:
        call()
    except (EscrowError, seals.Problem) as refusal:
        return str(refusal.code)
    return ""
