"""Whether a vault is well, in one look, without keys."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from escrow.engine.ports import Clock
from escrow.limits import MAX_CLOCK_SKEW
from escrow.record import Charter
from escrow.trust import Finding, History

_REVIEW_WARNING = timedelta(days=60)


@dataclass(frozen=True, slots=True)
class CompartmentStatus:
    """One compartment: its open series, its planned end if the series record is readable, and unused stock keys."""

    series: str | None
    ends: datetime | None
    keys_left: int


@dataclass(frozen=True, slots=True)
class Status:
    """One vault. `age` is that of the newest snapshot by the store's clock; `size` bytes in packs and manifests.

    `custodian` has taken the vault over: then no further night is due.
    """

    vault: str
    fingerprint: str
    school: str
    snapshots: int
    latest: int | None
    latest_time: datetime | None
    age: timedelta | None
    stale: bool
    verdict: str | None
    verdict_codes: tuple[str, ...]
    size: int
    compartments: dict[str, CompartmentStatus]
    findings: tuple[Finding, ...]
    custodian: str | None = None


def judge_status(history: History, clock: Clock, max_age: timedelta) -> Status:
    """Pure but for the clock. A vault without a snapshot is stale, and one whose newest is dated ahead."""
    assert history.charter is not None
    on_main = [snapshot for snapshot in history.snapshots if snapshot.on_main]
    latest = on_main[-1] if on_main else None
    age = clock.now() - latest.store_time if latest else None
    taken = history.handover.custodian
    refs = {
        ref.sha256: ref.size
        for link in history.links
        for part in link.notice.series
        if part.series not in history.ending.expired
        for ref in (*part.packs, *([part.manifest] if part.manifest else []))
    }
    return Status(
        vault=history.vault,
        fingerprint=history.fingerprint,
        school=history.charter.school.name,
        snapshots=len(on_main),
        latest=latest.seq if latest else None,
        latest_time=latest.store_time if latest else None,
        age=age,
        stale=taken is None and (age is None or not -timedelta(seconds=MAX_CLOCK_SKEW) <= age <= max_age),
        verdict=latest.link.notice.verdict.status if latest else None,
        verdict_codes=latest.link.notice.verdict.codes if latest else (),
        size=sum(refs.values()),
        compartments={one.name: _compartment(history, one.name) for one in history.charter.compartments},
        findings=(*history.findings, *judge_review(history.charter, clock.now()), *_custodian(history.charter)),
        custodian=taken.name if taken else None,
    )


def _custodian(charter: Charter) -> tuple[Finding, ...]:
    """A school may begin without a custodian, and is reminded."""
    if charter.custodian is not None:
        return ()
    detail = "no custodian is named yet: nobody takes over when the school closes"
    return (Finding("charter-no-custodian", "charter", detail, "warning"),)


def judge_review(charter: Charter, now: datetime) -> tuple[Finding, ...]:
    """`charter-expired` when the review date is past, which stops nothing; `charter-review` in the 60 days before."""
    if charter.review is None or charter.review - now > _REVIEW_WARNING:
        return ()
    day = f"{charter.review:%Y-%m-%d}"
    if charter.review <= now:
        detail = f"charter {charter.n} was to be reviewed by {day}; nights go on; agree on a new one"
        return (Finding("charter-expired", "charter", detail),)
    detail = f"charter {charter.n} is to be reviewed by {day}: escrow charter new"
    return (Finding("charter-review", "charter", detail, "warning"),)


def _compartment(history: History, name: str) -> CompartmentStatus:
    states = [state for state in history.series.values() if state.compartment == name]
    used = {state.key for state in states}
    current = max((state for state in states if state.notices), key=lambda state: state.notices[-1].seq, default=None)
    return CompartmentStatus(
        series=current.series if current else None,
        ends=current.record.ends if current and current.record else None,
        keys_left=sum(key.compartment == name and key.id not in used for key in history.keys.values()),
    )
