"""The probe finds every single lie, tells of no other, and knows what it could not try."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from escrow.errors import DeniedError, StoreError, UnreachableError, UsageError
from escrow.store import FolderStore, MemoryStore, ObjectInfo, Retrying
from escrow.store.probe import probe
from escrow.store.probe_judge import CHECKS, demand, judge
from escrow.store.probe_report import LOCK, Check, ProbeReport
from tests.store.faulty import FaultyStore
from tests.store.probe_table import EXPECTED
from tests.store.strict import LIES, Liar, Limited

NOW = datetime(2026, 9, 1, 12, tzinfo=UTC)
LOCKS = {name for name in CHECKS if name.startswith(("delete-v", "bypass", "shorten", "down", "governance"))}
HONEST = {"probe-governance-bypass": "warning"}
"""The owner of the memory store may lift GOVERNANCE locks, and is told so."""


def run(store: MemoryStore) -> ProbeReport:
    return probe(store, clock=lambda: NOW, random=bytes)


def told(report: ProbeReport) -> dict[str, str]:
    return {finding.code: finding.severity for finding in judge(report)}


def test_an_honest_store_passes() -> None:
    report = run(Liar(clock=lambda: NOW))
    assert told(report) == HONEST
    demand(report.store, judge(report))
    assert (report.lock, report.folder, report.at, report.store) == ("COMPLIANCE", False, NOW, "memory")
    assert {check.name for check in report.checks} == CHECKS.keys() - {"read-only"}
    assert {check.outcome for check in report.checks} == {"enforced", "allowed", "not-supported"}


@pytest.mark.parametrize("lie", LIES)
def test_every_single_lie_is_found(lie: str) -> None:
    report = run(Liar(lie, clock=lambda: NOW))
    expected = {f"probe-{name}" for name in LIES[lie]}
    # without a lock that holds, what lifts one is not tried
    assert told(report).keys() - HONEST.keys() == expected
    assert (report.lock == "none") == ("lock-kept" in LIES[lie])
    if any(CHECKS[name].failed == "error" for name in LIES[lie]) and lie != "tells no SHA-256":
        with pytest.raises(StoreError) as caught:
            demand(report.store, judge(report))
        assert caught.value.code == "store-lies"
    else:
        demand(report.store, judge(report))


def test_there_is_a_lie_for_every_check() -> None:
    assert set().union(*LIES.values()) | {"governance-bypass", "read-only"} == CHECKS.keys()


def test_what_stays_is_locked_and_told() -> None:
    now = NOW
    store = MemoryStore(clock=lambda: now)
    report = run(store)
    stays = list(store.list(versions=True))
    assert {info.key for info in stays} == set(report.left)
    assert all(info.lock_mode == "COMPLIANCE" and info.retain_until for info in stays)
    assert len(stays) <= 12
    now += LOCK + timedelta(hours=2)
    again = probe(store, clock=lambda: now, random=lambda count: b"\x01" * count)
    assert {info.key for info in store.list(versions=True)} == set(again.left), "the first probe's are gone"


def test_nothing_else_is_touched() -> None:
    store = Liar("suspends versions", clock=lambda: NOW)
    store.put("notices/1", b"one", retain_until=NOW + timedelta(days=9))
    before = store.dump()["notices/1"]
    run(store)
    assert store.dump()["notices/1"] == before
    assert store.versioning(), "versions are on again"


def test_a_refusal_proves_nothing_without_the_right() -> None:
    report = run(Limited(clock=lambda: NOW))
    denied = {check.name for check in report.checks if check.outcome == "denied"}
    assert denied == LOCKS | {"delete-marker", "suspend-versioning", "lifecycle-rule", "versioning"}
    findings = judge(report)
    assert [finding.code for finding in findings] == ["probe-unproven"]
    assert "delete-version" in findings[0].detail
    assert "lifecycle-rule" not in findings[0].detail, "that nobody may add rules is good"
    demand(report.store, judge(report))
    assert report.left


class Blind(MemoryStore):
    """May put, not read."""

    def get(self, key: str, *, start: int = 0, length: int | None = None, version: str | None = None) -> bytes:
        raise DeniedError("store-denied", "the credential lacks the right")

    def head(self, key: str, *, version: str | None = None) -> ObjectInfo:
        raise DeniedError("store-denied", "the credential lacks the right")


def test_a_credential_that_cannot_look_knows_no_lock() -> None:
    report = run(Blind(clock=lambda: NOW))
    assert (report.lock, report.outcome("lock-kept")) == ("unknown", "denied")
    assert told(report)["probe-unproven"] == "warning"


class NoPut(MemoryStore):
    def overwrite(self, key: str, body: bytes, **_: object) -> ObjectInfo:  # type: ignore[override]
        raise DeniedError("store-denied", "the credential lacks the right")


def test_without_the_right_to_put_there_is_no_report() -> None:
    with pytest.raises(DeniedError) as caught:
        run(NoPut())
    assert caught.value.code == "store-probe-denied"


class Failing(MemoryStore):
    """Answers every request about retention with an error of its own."""

    def retain(self, *_: object, **__: object) -> None:
        raise UnreachableError("store-unreachable", "500 InternalError")


def test_an_answer_that_proves_nothing_is_no_proof() -> None:
    report = run(Failing(clock=lambda: NOW))
    assert report.outcome("shorten") == "unknown"
    assert told(report)["probe-shorten"] == "error"


def test_a_folder_says_that_it_has_no_lock(tmp_path: Path) -> None:
    report = probe(FolderStore(tmp_path / "vault", create=True))
    assert (report.lock, report.folder) == ("none", True)
    assert {check.name: check.outcome for check in report.checks} == EXPECTED["folder"]
    assert told(report) == {"probe-no-lock": "warning"}
    demand(report.store, judge(report))
    assert list(FolderStore(tmp_path / "vault").list()) == []


def test_a_wrapper_is_no_store_to_probe() -> None:
    for wrapper in (Retrying(MemoryStore()), FaultyStore(MemoryStore(), {})):
        with pytest.raises(UsageError) as caught:
            probe(wrapper)
        assert caught.value.code == "store-probe"


@pytest.mark.parametrize("name", CHECKS)
def test_every_outcome_has_one_judgement(name: str) -> None:
    meaning = CHECKS[name]
    expected = {
        "enforced": None,
        "allowed": meaning.failed,
        "unknown": meaning.failed,
        "not-supported": meaning.missing,
        "denied": "warning" if meaning.failed == "error" else None,
    }
    for outcome, severity in expected.items():
        check = Check(name, outcome, "why")  # type: ignore[arg-type]
        found = judge(ProbeReport("s3://x/", NOW, False, "COMPLIANCE", (check,)))
        assert [finding.severity for finding in found] == ([severity] if severity else []), outcome
        assert all("why" in finding.detail or outcome == "denied" for finding in found)
