"""Checks what was deposited: L1a from what the store says, L1b from its bytes, L2 from the opened files.

L1a and L1b need no keys (docs/format.md, section 9). A finding is a value, not an error: all are told.
"""

import hashlib
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import groupby, islice

from escrow.engine.ahead import ahead
from escrow.engine.fetch import find_exact
from escrow.engine.locks import Dues, Wanted, folded, is_safe, judge_versions
from escrow.engine.ports import Progress
from escrow.engine.reading import CompartmentView
from escrow.errors import DeniedError, EscrowError, FormatError, IntegrityError, NotFoundError, WrongKeyError
from escrow.record import FileEntry, key_name, manifest_name, pack_name, parse_name, released_key_name
from escrow.store import ObjectInfo, Store
from escrow.store.base import lock_of
from escrow.trust import Finding, History

_PARALLEL = 4
_LOOKS = 16
_VERSIONS = 100


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
    """Pure: every sealed object that must be in the store, by name: keys, released keys, packs and manifests of all
    branches, but for what events say was deleted (docs/format.md, section 13.8)."""
    ending = history.ending
    found = {
        key_name(key.id, key.sha256): Expected(key_name(key.id, key.sha256), key.sha256, key.size)
        for key in history.sealings
        if key.id not in ending.shredded
    }
    for release in history.deeds.releases.values():
        for again in (key for key in release.keys if key.id not in ending.shredded):
            name = released_key_name(again.id, again.sha256)
            found[name] = Expected(name, again.sha256, again.size)
    for link in history.links:
        for part in (part for part in link.notice.series if part.series not in ending.expired):
            refs = [(pack_name(part.series, pack.sha256), pack) for pack in part.packs]
            if part.manifest:
                refs.append((manifest_name(part.series, link.notice.seq, part.manifest.sha256), part.manifest))
            for name, ref in refs:
                found[name] = Expected(name, ref.sha256, ref.size)
    return sorted(found.values(), key=lambda expected: expected.name)


def verify_listing(store: Store, history: History, progress: Progress) -> Checked:
    """L1a: what the store itself says of every object, and of its lock, against the notices and series records.

    Finds accidents and thin locks; a store that lies needs L1b. Where a listing says little (S3), each object costs a
    HEAD. DeniedError where the credential may not look; that sealed keys may not be looked at is a warning.
    """
    early = _early(store, history)
    roll = _Roll(history.without_expiry(early))
    progress.stage("verify the listing", len(roll.missing) + len(history.links) + len(history.series))
    unseen: Counter[str] = Counter()

    def look(one: tuple[Wanted, list[ObjectInfo]]) -> tuple[list[Finding], str]:
        wanted, versions = one
        # a folder's clock is a file that is written, which a reader may not be allowed to
        now = store.now() if versions[0].locks != "none" else None
        hidden = ""
        try:
            versions = _look(store, wanted, versions, now)
        except DeniedError as error:
            if error.code != "store-denied" or not _is_key(wanted.name):
                raise
            versions, hidden = _look_at_locks(store, wanted, versions)
        return judge_versions(wanted, versions, now) if versions else [_missing(wanted.name)], hidden

    def told() -> Iterator[Finding]:
        for findings, hidden in ahead(look, roll.call(store.list(versions=True)), _LOOKS):
            unseen[hidden] += 1
            progress.advance(1)
            yield from findings
            yield from roll.take_junk()
        yield from roll.take_junk()
        yield from map(_missing, roll.missing)
        for series in early:
            detail = "an event says that it expired, and by the store's clock its retain-until is to come"
            yield Finding("expired-early", f"series/{series}", detail)
        for hidden, count in unseen.items():
            if hidden:
                detail = f"this credential may not see the {hidden} of {count} sealed keys"
                yield Finding("object-unseen", "stock/", detail, "warning")

    findings = tuple(folded(told()))
    return Checked(roll.count, roll.size, findings)


def _early(store: Store, history: History) -> list[str]:
    """Series that are said to have expired and whose locks have not ended; none where the store has no locks."""
    due = {
        series: state.record.retain_until
        for series in history.ending.expired
        if (state := history.series[series]).record is not None
    }
    first = next(store.list("charter/"), None) if due else None
    if first is None or first.locks == "none":
        return []
    now = store.now()
    return sorted(series for series, until in due.items() if until > now)


class _Roll:
    """Calls what is listed by its name: what each object must be, what is missing, what nobody names."""

    def __init__(self, history: History) -> None:
        self._dues = Dues(history)
        self._ending = history.ending
        self.missing = {one.name: one for one in expected_objects(history)}
        self._junk: list[Finding] = []
        self.count = self.size = 0

    def call(self, listed: Iterable[ObjectInfo]) -> Iterator[tuple[Wanted, list[ObjectInfo]]]:
        """The vault's objects, each with its versions, newest first."""
        for name, versions in groupby(listed, key=lambda info: info.key):
            parsed = parse_name(name)
            if parsed is None:
                continue
            sealed = self.missing.pop(name, None)
            if sealed:
                self.count += 1
                self.size += sealed.size
                yield Wanted(name, sealed.sha256, sealed.size, self._dues.of(name, parsed)), _few(versions)
            elif self._dues.knows(name, parsed):
                yield Wanted(name, parsed.digest, None, self._dues.of(name, parsed)), _few(versions)
            elif parsed.series in self._ending.expired or parsed.key_id in self._ending.shredded:
                continue  # may be there or not
            elif parsed.kind in ("pack", "manifest", "key", "released-key"):
                detail = "no notice names it: left by a run that was killed, or put by another hand"
                self._junk.append(Finding("object-unnamed", name, detail, "warning"))

    def take_junk(self) -> list[Finding]:
        """What nobody names, since the last time."""
        junk, self._junk = self._junk, []
        return junk


def _few(versions: Iterator[ObjectInfo]) -> list[ObjectInfo]:
    """The newest versions, and the oldest, which is ours where somebody has laid many others over it."""
    newest = list(islice(versions, _VERSIONS))
    return newest + list(deque(versions, 1))


def _look(store: Store, wanted: Wanted, versions: Sequence[ObjectInfo], now: datetime | None) -> list[ObjectInfo]:
    """The versions, with what head says of those that may be ours, up to one that is and has its lock.

    A version that is gone by now is left out; one that nobody can read (under a foreign key) is not ours.
    """
    told: list[ObjectInfo] = []
    for info in versions:
        if info.locks == "ask" and wanted.may_be(info):
            try:
                told.append(store.head(wanted.name, version=info.version or None))
            except NotFoundError as error:
                if error.code == "store-unreadable":
                    told.append(replace(info, sha256=""))
        else:
            told.append(info)
        if told and is_safe(wanted, told[-1], now):
            break
    return told


def _look_at_locks(store: Store, wanted: Wanted, versions: list[ObjectInfo]) -> tuple[list[ObjectInfo], str]:
    """As `_look`, for who may see locks alone; and what it may not see."""
    told: list[ObjectInfo] = []
    for info in versions:
        if wanted.may_be(info):
            try:
                until, mode = lock_of(store, wanted.name, info.version or None)
            except DeniedError:
                return versions, "hashes and locks"
            told.append(replace(info, retain_until=until, lock_mode=mode, locks="told"))
        else:
            told.append(info)
    return told, "hashes"


def _is_key(name: str) -> bool:
    parsed = parse_name(name)
    return parsed is not None and parsed.kind == "key"


def _missing(name: str) -> Finding:
    return Finding("object-missing", name, "expected in the store, found none")


def verify_bytes(store: Store, expected: Iterable[Expected], progress: Progress) -> Checked:
    """L1b: download and hash these objects. StoreError when the store as a whole does not answer."""
    chosen = list(expected)
    progress.stage("verify bytes", sum(one.size for one in chosen))
    findings: list[Finding] = []

    def check(one: Expected) -> tuple[Expected, Finding | None]:
        try:
            _, version = find_exact(store, one.name, one.sha256)
            covered = version is not None and _is_shown(store, one.name)
        except NotFoundError as error:
            return one, Finding("object-missing", one.name, str(error))
        except IntegrityError as error:
            return one, Finding("object-hash", one.name, str(error))
        if covered:
            return one, Finding("object-covered", one.name, "the right bytes are in an older version only")
        return one, None

    for one, finding in ahead(check, chosen, _PARALLEL):
        if finding:
            findings.append(finding)
        progress.advance(one.size)
    return Checked(len(chosen), sum(one.size for one in chosen), tuple(findings))


def _is_shown(store: Store, name: str) -> bool:
    """Whether the store gives something for the bare name: where it gives nothing, its listing tells (L1a)."""
    try:
        store.head(name)
    except NotFoundError:
        return False
    return True


def sample(expected: Iterable[Expected], share: float, random: Callable[[], float]) -> list[Expected]:
    """An unpredictable `share` (0 to 1) of the objects; `random` gives numbers in [0, 1)."""
    return [one for one in expected if random() < share]


def verify_open(views: Sequence[CompartmentView], progress: Progress) -> Checked:
    """L2: read every file of a snapshot from its packs and compare its SHA-256. Writes nothing."""
    progress.stage("verify files", sum(view.manifest.totals.bytes for view in views))
    findings: list[Finding] = []
    count = size = 0
    for view in views:
        findings += [_about(view.name, fault) for fault in view.left_out.faults]
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
