"""Checks what was deposited: L1a from what the store says, L1b from its bytes, L2 from the opened files.

L1a and L1b need no keys (docs/format.md, section 9). A finding is a value, not an error: all are told.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import groupby

from escrow.engine.fetch import fetch_exact
from escrow.engine.ports import Progress
from escrow.engine.reading import CompartmentView
from escrow.errors import EscrowError, FormatError, IntegrityError, NotFoundError, WrongKeyError
from escrow.record import FileEntry, key_name, manifest_name, pack_name, parse_name
from escrow.store import ObjectInfo, Store
from escrow.trust import Finding, History

_PARALLEL = 4


@dataclass(frozen=True, slots=True, order=True)
class Expected:
    """One sealed object that the history or the stock names."""

    name: str
    sha256: str
    size: int


@dataclass(frozen=True, slots=True)
class Checked:
    """A level's result: how many objects (or files) and bytes were looked at, and what was found."""

    count: int
    size: int
    findings: tuple[Finding, ...]


def expected_objects(history: History) -> list[Expected]:
    """Pure: every sealed object that must be in the store, by name: keys, packs and manifests of all branches."""
    found = {key_name(key.id): Expected(key_name(key.id), key.sha256, key.size) for key in history.keys.values()}
    for link in history.links:
        for part in link.notice.series:
            refs = [(pack_name(part.series, pack.sha256), pack) for pack in part.packs]
            if part.manifest:
                refs.append((manifest_name(part.series, link.notice.seq, part.manifest.sha256), part.manifest))
            for name, ref in refs:
                found[name] = Expected(name, ref.sha256, ref.size)
    return sorted(found.values(), key=lambda expected: expected.name)


def verify_listing(store: Store, history: History, progress: Progress) -> Checked:
    """L1a: the store's own listing against the notices. Finds accidents; a lying store needs L1b."""
    expected = {one.name: one for one in expected_objects(history)}
    progress.stage("verify the listing", len(expected))
    findings: list[Finding] = []
    count = size = 0
    listed = groupby(store.list(versions=True), key=lambda info: info.key)
    seen: set[str] = set()
    for name, group in listed:
        versions = list(group)
        wanted = expected.get(name)
        if wanted is None:
            findings += _unexpected(name)
            continue
        seen.add(name)
        count += 1
        size += wanted.size
        findings += judge_versions(wanted, versions)
        progress.advance(1)
    findings += [
        Finding("object-missing", name, "expected in the store, found none") for name in expected if name not in seen
    ]
    return Checked(count, size, tuple(findings))


def judge_versions(wanted: Expected, versions: Sequence[ObjectInfo]) -> list[Finding]:
    """Pure: what the store's own words about one object (newest first) are worth telling."""
    fitting = [info for info in versions if _fits(info, wanted)]
    newest = versions[0]
    if newest.delete_marker:
        rest = "an older version is there" if fitting else "no version is left"
        return [Finding("object-deleted", wanted.name, f"hidden by a delete marker; {rest}")]
    if not fitting:
        said = f"{newest.size} bytes" + (f" and SHA-256 {newest.sha256[:16]}…" if newest.sha256 else "")
        detail = f"expected {wanted.size} bytes and SHA-256 {wanted.sha256[:16]}…, the store says {said}"
        return [Finding("object-altered", wanted.name, detail)]
    if newest is not fitting[0]:
        return [Finding("object-covered", wanted.name, "a newer version that is none of ours lies over it")]
    return []


def _fits(info: ObjectInfo, wanted: Expected) -> bool:
    return not info.delete_marker and info.size == wanted.size and info.sha256 in (None, wanted.sha256)


def _unexpected(name: str) -> Iterator[Finding]:
    parsed = parse_name(name)
    if parsed is not None and parsed.kind in ("pack", "manifest", "key"):
        detail = "no notice names it: left by a run that was killed, or put by another hand"
        yield Finding("object-unnamed", name, detail, "warning")


def verify_bytes(store: Store, expected: Iterable[Expected], progress: Progress) -> Checked:
    """L1b: download and hash these objects. StoreError when the store as a whole does not answer."""
    chosen = list(expected)
    progress.stage("verify bytes", sum(one.size for one in chosen))
    findings: list[Finding] = []

    def check(one: Expected) -> tuple[Expected, Finding | None]:
        try:
            fetch_exact(store, one.name, one.sha256)
        except NotFoundError as error:
            return one, Finding("object-missing", one.name, str(error))
        except IntegrityError as error:
            return one, Finding("object-hash", one.name, str(error))
        return one, None

    with ThreadPoolExecutor(_PARALLEL, "verify") as pool:
        for one, finding in pool.map(check, chosen):
            if finding:
                findings.append(finding)
            progress.advance(one.size)
    return Checked(len(chosen), sum(one.size for one in chosen), tuple(findings))


def sample(expected: Iterable[Expected], share: float, random: Callable[[], float]) -> list[Expected]:
    """An unpredictable `share` (0 to 1) of the objects; `random` gives numbers in [0, 1)."""
    return [one for one in expected if random() < share]


def verify_open(views: Sequence[CompartmentView], progress: Progress) -> Checked:
    """L2: read every file of a snapshot from its packs and compare its SHA-256. Writes nothing."""
    progress.stage("verify files", sum(view.manifest.totals.bytes for view in views))
    findings: list[Finding] = []
    count = size = 0
    for view in views:
        try:
            for entry in view.entries():
                if isinstance(entry, FileEntry):
                    count += 1
                    size += entry.size
                    findings += _check_file(view, entry)
                    progress.advance(entry.size)
        except (IntegrityError, FormatError, NotFoundError, WrongKeyError) as error:
            findings.append(_about(view.name, error))
    return Checked(count, size, tuple(findings))


def _check_file(view: CompartmentView, entry: FileEntry) -> Iterator[Finding]:
    digest = hashlib.sha256()
    shown = entry.path.decode("utf-8", "backslashreplace")
    try:
        for block in view.packs.stream(entry.extents):
            digest.update(block)
    except (IntegrityError, FormatError, NotFoundError, WrongKeyError) as error:
        yield _about(shown, error)
        return
    if digest.hexdigest() != entry.sha256:
        yield Finding("file-hash", shown, f"expected SHA-256 {entry.sha256[:16]}…, found {digest.hexdigest()[:16]}…")


def _about(subject: str, error: EscrowError) -> Finding:
    return Finding(error.code, subject, str(error))
