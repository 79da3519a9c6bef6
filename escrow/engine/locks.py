"""Pure: which lock an object must have, and what a store's own words about it are worth telling (L1a).

docs/format.md, section 9.1.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from escrow.record import ParsedName
from escrow.store import ObjectInfo
from escrow.trust import Finding, History

_TOLD = 100
_FOLDED = ("lock-", "object-unnamed")
_RECORDS = ("charter", "stock", "series", "event", "release", "receipt", "erasure")


@dataclass(frozen=True, slots=True)
class Due:
    """A lock that is due: COMPLIANCE until then. `exact`: an earlier end is an error, as it is for a series' objects.

    Keys, charters and other records are put by people at other times: that a lock of theirs ends early is a warning.
    """

    until: datetime
    exact: bool = True


@dataclass(frozen=True, slots=True)
class Wanted:
    """What one object must be. `digest`: its SHA-256, or the start of it that a record's name carries.

    `size` is None where nobody says it, `due` where no lock is due.
    """

    name: str
    digest: str
    size: int | None
    due: Due | None

    def may_be(self, info: ObjectInfo) -> bool:
        """Whether a version can be this object, as far as the store says."""
        if info.delete_marker or (self.size is not None and info.size != self.size):
            return False
        return info.sha256 is None or info.sha256.startswith(self.digest)


class Dues:
    """The locks that the objects of a vault must have."""

    def __init__(self, history: History) -> None:
        self._series = {name: one.record.retain_until for name, one in history.series.items() if one.record}
        self._last = max(self._series.values(), default=None)
        self._keys: dict[str, datetime] = {}
        for name, until in self._series.items():
            key = history.series[name].key
            self._keys[key] = max(until, self._keys.get(key, until))
        self._notices = {
            link.name: [self._series[part.series] for part in link.notice.series if part.series in self._series]
            for link in history.links
        }

    def knows(self, name: str, parsed: ParsedName) -> bool:
        """Whether a signed record is the vault's own. Junk among records is the history's to tell."""
        return name in self._notices if parsed.kind == "notice" else parsed.kind in _RECORDS

    def of(self, name: str, parsed: ParsedName) -> Due | None:
        """None where no date is known."""
        match parsed.kind:
            case "notice":
                until = max(self._notices[name], default=None)
            case "series" | "pack" | "manifest":
                until = self._series.get(parsed.series)
            case _:
                until = self._keys.get(parsed.key_id, self._last)
                return Due(until, exact=False) if until else None
        return Due(until) if until else None


def judge_versions(wanted: Wanted, versions: Sequence[ObjectInfo], now: datetime | None) -> list[Finding]:
    """What the store's own words about the versions (newest first, at least one) of an object are worth telling.

    A record of which there is no fitting version is the history's to tell. `now` None: locks are not judged.
    """
    fitting = [info for info in versions if wanted.may_be(info)]
    # all our puts carry a SHA-256: beside a version that has it, one without is somebody else's
    fitting = [info for info in fitting if info.sha256] or fitting
    if not fitting and wanted.size is None:
        return []
    newest = versions[0]
    findings: list[Finding] = []
    if newest.delete_marker:
        rest = "an older version is there" if fitting else "no version is left"
        findings.append(Finding("object-deleted", wanted.name, f"hidden by a delete marker; {rest}"))
    elif not fitting:
        expected = f"expected {wanted.size} bytes and SHA-256 {wanted.digest[:16]}…"
        said = f"{newest.size} bytes" + (f" and SHA-256 {newest.sha256[:16]}…" if newest.sha256 else "")
        findings.append(Finding("object-altered", wanted.name, f"{expected}, the store says {said}"))
    elif newest is not fitting[0]:
        detail = "a newer version that is none of ours lies over it"
        findings.append(Finding("object-covered", wanted.name, detail))
    elif newest.sha256 is None and newest.etag != fitting[-1].etag:
        detail = "the store tells no hash, and its newest version has another ETag than the oldest"
        findings.append(Finding("object-covered", wanted.name, detail))
    locks = [_judge_lock(wanted, info, now) for info in fitting]
    return findings if [] in locks else [*findings, *(locks[0] if locks else ())]


def is_safe(wanted: Wanted, info: ObjectInfo, now: datetime | None) -> bool:
    """Whether a version is surely this object, as far as the store says, and has the lock that is due."""
    return info.sha256 is not None and wanted.may_be(info) and not _judge_lock(wanted, info, now)


def _judge_lock(wanted: Wanted, info: ObjectInfo, now: datetime | None) -> list[Finding]:
    due, ends = wanted.due, info.retain_until
    if info.locks != "told" or due is None or now is None or due.until <= now:
        return []
    expected = f"expected a COMPLIANCE lock until {due.until:%Y-%m-%d %H:%M:%S}Z"
    if ends is None or ends <= now:
        found = "none" if ends is None else f"one that ended {ends:%Y-%m-%d %H:%M:%S}Z"
        return [Finding("lock-missing", wanted.name, f"{expected}, found {found}: it can be deleted")]
    findings: list[Finding] = []
    if info.lock_mode != "COMPLIANCE":
        detail = f"{expected}, found {info.lock_mode}: who has the right to bypass it can delete the object"
        findings.append(Finding("lock-weak", wanted.name, detail))
    if ends < due.until:
        detail = f"{expected}, found one until {ends:%Y-%m-%d %H:%M:%S}Z"
        findings.append(Finding("lock-short", wanted.name, detail, "error" if due.exact else "warning"))
    return findings


def folded(findings: Iterable[Finding]) -> Iterator[Finding]:
    """Of lock findings and junk the first hundred of each kind, then how many more.

    So a store without locks, or one that somebody has filled with junk, is told in one page.
    """
    seen: Counter[str] = Counter()
    last: dict[str, Finding] = {}
    for finding in findings:
        kind = f"{finding.code} {finding.severity}" if finding.code.startswith(_FOLDED) else ""
        seen[kind] += 1
        if not kind or seen[kind] <= _TOLD:
            yield finding
        else:
            last[kind] = finding
    for kind, finding in last.items():
        yield replace(finding, detail=f"{finding.detail}; and {seen[kind] - _TOLD - 1} more objects like this")
