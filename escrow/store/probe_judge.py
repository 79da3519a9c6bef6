"""What a probe's report is worth: which outcomes refuse a store, and which are told. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass

from escrow.errors import StoreError
from escrow.store.probe_report import Check, ProbeReport
from escrow.trust import Finding
from escrow.trust.findings import Severity


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a check `tries`, what it `means` when the store fails it, and how bad that is.

    `failed` is for allowed and unknown, `missing` for not-supported; None is nothing to tell. With `failed` an error,
    a credential that may not try leaves the check unproven.
    """

    tries: str
    means: str
    failed: Severity = "error"
    missing: Severity | None = None


_LIE = "a deposit is not safe there before its lock ends"
_LATE = "a name can be taken twice; names carry hashes, so readers find the right one"

CHECKS: dict[str, Meaning] = {
    "clock": Meaning("compare this machine's clock with the store's", "deposits are refused: set the clocks"),
    "read-only": Meaning("give a file the read-only attribute", "", "warning", "warning"),
    "lock-kept": Meaning("put an object with a lock, read the lock back", "no lock, no protection", missing="error"),
    "versioning": Meaning("ask whether versions are on", "what is overwritten is gone"),
    "range-read": Meaning("read parts of an object, and past its end", "restores would read wrong bytes"),
    "checksum-returned": Meaning(
        "ask for the SHA-256 of an object",
        "keyless verification (L1a) sees names and sizes only; L1b downloads and hashes",
        "error",
        "warning",
    ),
    "wrong-sha256": Meaning(
        "put with the SHA-256 of other bytes", "damage on the way is not seen at once: set content_md5", "warning"
    ),
    "wrong-md5": Meaning("put with the MD5 of other bytes", "content_md5 would not help here", "warning"),
    "torn-upload": Meaning("end the connection half way through a put", "half an object can stand for a whole one"),
    "if-none-match": Meaning("put twice under one name with If-None-Match: *", _LATE, "warning", "warning"),
    "if-none-match-lock": Meaning("the same with locked objects", _LATE, "warning", "warning"),
    "if-none-match-race": Meaning("the same from eight connections at once", _LATE, "warning", "warning"),
    "delete-version": Meaning("delete a locked version", _LIE),
    "bypass-delete": Meaning("delete it with the GOVERNANCE bypass", _LIE),
    "shorten": Meaning("shorten a COMPLIANCE lock", _LIE),
    "bypass-shorten": Meaning("shorten it with the GOVERNANCE bypass", _LIE),
    "downgrade": Meaning("turn COMPLIANCE into GOVERNANCE", _LIE),
    "governance-delete": Meaning("delete under a GOVERNANCE lock, without bypass", "shreddable keys are not locked"),
    "governance-shorten": Meaning("shorten a GOVERNANCE lock, without bypass", "shreddable keys are not locked"),
    "governance-bypass": Meaning(
        "delete under a GOVERNANCE lock, with the bypass",
        "this credential may lift GOVERNANCE locks under probe/: those of keys only the officer's should",
        "warning",
    ),
    "overwrite": Meaning("put other bytes over a locked object", _LIE),
    "delete-marker": Meaning("delete a locked object without naming a version", _LIE),
    "suspend-versioning": Meaning("suspend versions", "later deposits could be overwritten"),
    "lifecycle-rule": Meaning(
        "add a rule that expires objects (and take it back)",
        "this credential may hide objects by a rule; whether rules heed locks shows only after days",
        "warning",
    ),
    "versions-listed": Meaning("list every version put", "verification would miss what is there"),
}


def judge(report: ProbeReport) -> tuple[Finding, ...]:
    """What is to be told of this store, the worst first. With a finding of severity error it is to be refused."""
    found = [finding for check in report.checks for finding in _judge(report.store, check)]
    unproven = [check.name for check in report.checks if _unproven(check)]
    if unproven:
        detail = f"this credential may not try {', '.join(unproven)}: probe once with the owner's"
        found.append(Finding("probe-unproven", report.store, detail, "warning"))
    if report.folder:
        detail = "a folder has no lock: whoever may write to it may delete; keep a copy in a bucket or a disk offline"
        found.append(Finding("probe-no-lock", report.store, detail, "warning"))
    return tuple(sorted(found, key=lambda finding: finding.severity))


def meaning(check: Check) -> str:
    """What one outcome means, in words."""
    if check.outcome == "enforced":
        return "holds"
    if check.outcome == "denied":
        return "not proven: this credential may not try"
    means = CHECKS[check.name].means
    if check.outcome == "not-supported":
        return means if CHECKS[check.name].missing and means else "not offered here"
    return means or "does not hold"


def _judge(store: str, check: Check) -> list[Finding]:
    meaning = CHECKS[check.name]
    severity = {"allowed": meaning.failed, "unknown": meaning.failed, "not-supported": meaning.missing}.get(
        check.outcome
    )
    if severity is None:
        return []
    means = f": {meaning.means}" if meaning.means else ""
    detail = f"{meaning.tries}: {check.outcome}{means} ({check.detail})"
    return [Finding(f"probe-{check.name}", store, detail, severity)]


def _unproven(check: Check) -> bool:
    return check.outcome == "denied" and CHECKS[check.name].failed == "error"


def demand(store: str, findings: Iterable[Finding]) -> None:
    """Raise StoreError `store-lies` for a store that is to be refused by what was found."""
    names = ", ".join(finding.code.removeprefix("probe-") for finding in findings if finding.severity == "error")
    if names:
        raise StoreError(
            "store-lies",
            f"{store}: expected a store that keeps what it locks, found one that fails {names}",
            hint="use another store, or accept it in writing (--accept with a reason)",
        )
