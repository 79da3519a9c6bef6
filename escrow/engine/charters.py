"""The charters that this machine has seen: a store that withholds one, or shows another of its number, moves no night
back to an older agreement."""

import contextlib
from collections.abc import Iterable, Mapping
from pathlib import Path

from escrow.errors import EscrowError, StateError
from escrow.record import Charter, parse_name
from escrow.trust import open_record, peek_record
from escrow.trust.quorum import rule_of, voices

_FOLDER = "charter"


def remembered_charters(folder: Path, vault: str) -> dict[str, bytes]:
    """The envelopes kept below the state folder, by object name; what is damaged or of another vault is left out."""
    found: dict[str, bytes] = {}
    for path in sorted((folder / _FOLDER).glob("*.json")):
        with contextlib.suppress(EscrowError, OSError):
            data = path.read_bytes()
            if peek_record(data, Charter)[0].vault == vault:
                found[f"{_FOLDER}/{path.name}"] = data
    return found


def believed(shown: Iterable[tuple[str, bytes]], kept: Mapping[str, bytes]) -> list[tuple[str, bytes]]:
    """Pure: what is kept and what the store shows, but for other charters of the numbers that are kept."""
    known = {}
    for data in kept.values():
        charter, sha256 = peek_record(data, Charter)
        known[charter.n] = sha256
    return [*kept.items(), *((name, data) for name, data in shown if name not in kept and _agrees(name, data, known))]


def _agrees(name: str, data: bytes, known: Mapping[int, str]) -> bool:
    parsed = parse_name(name)
    if parsed is None or parsed.kind != "charter" or parsed.n not in known:
        return True
    try:
        return peek_record(data, Charter)[1] == known[parsed.n]
    except EscrowError:
        return False


def remember_charters(folder: Path, shown: Iterable[tuple[str, bytes]], accepted: Iterable[Charter]) -> None:
    """Keep one envelope of each accepted charter whose signatures suffice by themselves. StateError."""
    envelopes = [(name, data) for name, data in shown if name.startswith(f"{_FOLDER}/")]
    before: Charter | None = None
    for charter in accepted:
        found = next((name for name, data in envelopes if _stands(before, charter, name, data)), None)
        if found:
            _write(folder / found, dict(envelopes)[found])
        before = charter


def _stands(before: Charter | None, charter: Charter, name: str, data: bytes) -> bool:
    parsed = parse_name(name)
    if parsed is None or parsed.n != charter.n:
        return False
    try:
        opened = open_record(data, Charter, voices(charter) | (voices(before) if before else frozenset()))
    except EscrowError:
        return False
    return opened.record == charter and rule_of(before, charter, opened.signers) is not None


def _write(path: Path, data: bytes) -> None:
    try:
        if path.exists() and path.read_bytes() == data:
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_name(f"{path.name}.new")
        partial.write_bytes(data)
        partial.replace(path)
    except OSError as error:
        raise StateError(
            "state-unusable", f"{path}: cannot be written ({error})", hint="check space and rights"
        ) from error
