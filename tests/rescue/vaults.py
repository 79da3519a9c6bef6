"""Whole vaults, read by both readers from the same bytes."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from escrow.engine.ports import NoProgress
from escrow.engine.reading import load_history, open_snapshot
from escrow.engine.restore import RestoreOptions, everything, restore
from escrow.engine.verify import expected_objects, verify_bytes, verify_open
from escrow.errors import EscrowError
from escrow.store import FolderStore
from escrow.trust import Snapshot, accept
from tests.engine.kit import School

from .reader import compare, plain, rescue, told

Codes = list[tuple[str, str, bool]]
NOWHERE = {"store-missing": "object-missing", "store-absent": "object-missing"}


def objects_of(place: School) -> dict[str, bytes]:
    return {info.key: place.store.get(info.key) for info in place.store.list()}


def write(folder: Path, objects: Mapping[str, bytes]) -> Path:
    for name, data in objects.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    return folder


def same_history(place: School, folder: Path) -> None:
    """Both accept the same of the folder, and find the same amiss with its bytes."""
    vault = rescue.Vault(str(folder))
    records = list(vault.records())
    theirs = _accept(place, folder, records)
    if theirs is None:
        return
    found: Codes = []
    ours = rescue.History(records, place.anchor.vault, place.anchor.fingerprint)
    rescue.check_objects(vault, ours, lambda code, name, _text, warning=False: found.append((code, name, warning)))
    read = verify_bytes(FolderStore(folder), expected_objects(theirs), NoProgress())
    assert [one for one in sorted(found) if not one[2]] == told(read.findings)


def _accept(place: School, folder: Path, records: list[tuple[str, bytes]]) -> Any:
    known = {"vault": place.anchor.vault, "fingerprint": place.anchor.fingerprint}
    theirs = accept(records, **known)  # type: ignore[arg-type]
    compare(records, theirs, **known)
    if theirs.charter is None:
        return None
    loaded = load_history(FolderStore(folder), place.anchor)
    assert told(loaded.findings) == told(theirs.findings)
    return theirs


def link_of(history: Any, snapshot: Snapshot) -> Any:
    return next(link for link in history.links if link.sha256 == snapshot.sha256)


def identity_of(place: School) -> Any:
    return rescue.read_key_file(place.vault.key_file.text(), lambda: "")


def same_files(place: School, folder: Path, snapshot: Snapshot, aside: Path, identities: Any = None) -> int:
    """Both restore the same files of a night, and refuse the others for the same reason; gives how many came back."""
    vault = rescue.Vault(str(folder))
    history = rescue.History(vault.records(), place.anchor.vault, place.anchor.fingerprint)
    opened, problems = rescue.open_night(vault, history, link_of(history, snapshot), identities or identity_of(place))
    found: dict[str, str] = {}
    checked: dict[str, str] = {name: code for code, name, _ in problems}

    def tell(code: str, subject: str, _text: str, warning: bool = False) -> None:
        if not warning:
            found[subject] = code

    whole: dict[str, str] = dict(checked)
    (aside / "ours").mkdir(parents=True)
    for one in opened:
        plain.go_through(one, "restore", ["*"], str(aside / "ours"), tell)
        rescue.check_files(one, lambda code, subject, _text, warning=False: checked.update({subject: code}))
    failed: dict[str, str] = {}
    theirs_checked: dict[str, str] = {}
    theirs_whole: dict[str, str] = {}
    for part in snapshot.parts:
        try:
            store = FolderStore(folder)
            views = open_snapshot(store, place.history(store=store), snapshot, place.opener, [part.compartment])
            for finding in verify_open(views, NoProgress()).findings:
                theirs_checked[finding.subject] = finding.code
            report = restore(views, aside / "theirs", RestoreOptions(everything), NoProgress())
            failed |= {path.decode("utf-8", "backslashreplace"): code for path, code, _ in report.failed}
        except EscrowError as error:
            theirs_whole[part.compartment] = error.code
    assert tree(aside / "ours") == tree(aside / "theirs")
    assert aligned(found) == aligned(failed)
    assert aligned(whole) == aligned(theirs_whole)
    assert aligned(checked) == aligned(theirs_whole | theirs_checked)
    return len(tree(aside / "ours"))


def aligned(codes: Mapping[str, str]) -> dict[str, str]:
    """What the library calls by the store's own word, in the words of the format."""
    return {subject: NOWHERE.get(code, code) for subject, code in codes.items()}


def tree(folder: Path) -> dict[str, tuple[bytes, int]]:
    files = [path for path in folder.rglob("[!.]*") if path.is_file() and not path.is_symlink()]
    return {path.relative_to(folder).as_posix(): (path.read_bytes(), path.stat().st_mtime_ns) for path in files}
