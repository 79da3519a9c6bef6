"""What a custodian does before it signs: copies the vault under its own lock, reads it, opens it, restores it.

Names of files never leave here: a receipt is public.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from escrow.engine.copying import Original, check_place, copy_vault, plan_copy, whole_vault
from escrow.engine.ports import Progress
from escrow.engine.reading import load_history, open_snapshot
from escrow.engine.released import SPOILT, Opening, Run, open_run, released_runs
from escrow.engine.restore import RestoreOptions, everything, restore
from escrow.engine.sync import Anchor
from escrow.engine.verify import Checked, expected_objects, verify_bytes
from escrow.errors import IntegrityError, UsageError
from escrow.record import NoticeHead, Proof, Returned
from escrow.store import Store
from escrow.trust import Finding, History, Snapshot

_TOLD = 100
_LOCKS = 200
_DEPOSITS = ("charter/", "stock/", "series/", "notices/")


@dataclass(frozen=True, slots=True)
class Tested:
    """What was found, as a receipt says it: `opened` files of each series' last night, the lists of all its `nights`.

    `differences`: sentences without names of files.
    """

    head: NoticeHead
    copied: Proof
    read: Proof
    nights: Proof
    opened: Proof
    restored: tuple[Returned, ...]
    differences: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Copied:
    """The copy as it stands: its own history, how much was copied, and what could not be."""

    history: History
    proof: Proof
    findings: tuple[Finding, ...]


def take_copy(original: Original, place: Store, anchor: Anchor, keep_until: datetime, progress: Progress) -> Copied:
    """Copy the whole vault into the custodian's own place, locked until at least `keep_until`; run again, it goes on.

    Raises RefusedError `store-other-vault`, UsageError `keep-until`, StoreError.
    """
    if keep_until <= place.now():
        raise UsageError("keep-until", f"expected a date to come, found {keep_until:%Y-%m-%d}", hint="correct the date")
    check_place(place, original.history)
    items = [
        replace(item, retain_until=max(item.retain_until or keep_until, keep_until)) for item in whole_vault(original)
    ]
    there = {info.key: info for info in place.list()}
    moved = copy_vault(original, place, plan_copy(items, there), progress)
    proof = Proof(count=len(items), bytes=sum(item.size for item in items), wrong=len(moved.findings))
    findings = (*moved.findings, *_short_locks(place, keep_until))
    return Copied(load_history(place, anchor), proof, findings)


def _short_locks(place: Store, keep_until: datetime) -> Iterator[Finding]:
    """`lock-short` when some of the deposits in a place that has locks, looked at one by one, are locked for less."""
    listed = [info for info in place.list() if info.locks != "none" and info.key.startswith(_DEPOSITS)]
    looked = [place.head(info.key) for info in listed[:: max(1, len(listed) // _LOCKS)]]
    short = [info for info in looked if info.retain_until is None or info.retain_until < keep_until]
    if short:
        detail = f"{len(short)} of {len(looked)} objects looked at are locked for less than {keep_until:%Y-%m-%d}"
        yield Finding("lock-short", short[0].key, detail)


def prove_copy(copied: Copied, at: Opening, folder: Path, progress: Progress) -> Tested:
    """Read all of the copy (L1b), open every night under the released keys (L2), restore the newest night of each of
    their compartments below `folder`, and count what came back. IntegrityError `vault-empty`."""
    history = copied.history
    if history.head is None:
        raise IntegrityError(
            "vault-empty", "expected a vault with nights, found none", hint="nothing is to be accepted"
        )
    told = [*(one for one in history.findings if one.severity == "error"), *copied.findings]
    read = verify_bytes(at.place, expected_objects(history), progress)
    told += read.findings
    differences = [f"{one.code}: {one.subject}: {one.detail}" for one in told]
    runs = released_runs(at)
    nights, opened, unopened = _open_nights(at, runs, progress)
    differences += unopened
    restored = []
    for name, snapshot in sorted(_newest(runs).items()):
        one, words = _test_restore(at, snapshot, name, folder / name, progress)
        restored += [one] if one else []
        differences += words
    return Tested(
        head=NoticeHead(seq=history.head.seq, sha256=history.head.sha256),
        copied=copied.proof,
        read=Proof(count=read.count, bytes=read.size, wrong=len(read.findings)),
        nights=nights,
        opened=opened,
        restored=tuple(restored),
        differences=_few(differences),
    )


def _newest(runs: Sequence[Run]) -> dict[str, Snapshot]:
    """By compartment, the last night of any of its runs."""
    return {run.compartment: run.nights[-1] for run in sorted(runs, key=lambda run: run.nights[-1].seq)}


def _open_nights(at: Opening, runs: Sequence[Run], progress: Progress) -> tuple[Proof, Proof, list[str]]:
    """What the lists of all nights and the files of the last ones came to, and what differs."""
    progress.stage("open the nights of each series", sum(len(run.nights) for run in runs))
    nights = files = Proof(count=0, bytes=0, wrong=0)
    differences = []
    for run in runs:
        lists, last = open_run(at, run, progress)
        nights, files = _with(nights, lists), _with(files, last)
        where = f"series {run.series} ({run.compartment})"
        for code, times in sorted(Counter(one.code for one in lists.findings).items()):
            first = min(int(one.subject) for one in lists.findings if one.code == code)
            differences.append(f"{code}: {times} nights of {where} do not open as listed, the first is {first}")
        for code, times in sorted(Counter(one.code for one in last.findings).items()):
            differences.append(f"{code}: {times} times in night {run.nights[-1].seq} of {where}")
    return nights, files, differences


def _with(proof: Proof, more: Checked) -> Proof:
    wrong = proof.wrong + len(more.findings)
    return Proof(count=proof.count + more.count, bytes=proof.bytes + more.size, wrong=wrong)


def _test_restore(
    at: Opening, snapshot: Snapshot, compartment: str, folder: Path, progress: Progress
) -> tuple[Returned | None, list[str]]:
    where = f"night {snapshot.seq} of {compartment}"
    try:
        (view,) = open_snapshot(at.place, at.history, snapshot, at.opener, [compartment])
        report = restore([view], folder, RestoreOptions(everything, escape=True), progress)
    except SPOILT as error:
        return None, [f"{error.code}: {where} could not be restored"]
    totals = view.manifest.totals
    sizes = list(_sizes(folder))
    returned = Returned(
        compartment=compartment,
        seq=snapshot.seq,
        listed_files=totals.files,
        listed_bytes=totals.bytes,
        files=len(sizes),
        bytes=sum(sizes),
    )
    codes = Counter(code for _, code, _ in report.failed)
    words = [f"{code}: {times} files of {where} were not restored" for code, times in sorted(codes.items())]
    left_out = (report.omitted_files, report.omitted_size)  # by the erasure register
    if (totals.files - returned.files, totals.bytes - returned.bytes) != left_out:
        found = f"{returned.files} files, {returned.bytes} bytes"
        words.append(f"restore-count: {where}: listed {totals.files} files, {totals.bytes} bytes; found {found}")
    return returned, words


def _sizes(folder: Path) -> Iterator[int]:
    return (path.stat().st_size for path in folder.rglob("*") if path.is_file() and not path.is_symlink())


def _few(differences: list[str]) -> tuple[str, ...]:
    """Sorted, each once, without control characters, at most a hundred; the last says how many more there are."""
    found = sorted({"".join(char if char.isprintable() else "?" for char in text)[:1000] for text in differences})
    if len(found) <= _TOLD:
        return tuple(found)
    return tuple(sorted([*found[:_TOLD], f"zz-more: {len(found) - _TOLD} more differences are not listed"]))
