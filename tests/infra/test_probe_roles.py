"""The probe with each role's credential: on the real servers, and on AWS as its rules are written."""

from datetime import datetime, timedelta

import pytest

from escrow.errors import DeniedError, StoreError
from escrow.store import LockMode, MemoryStore, ObjectInfo
from escrow.store.probe import probe
from escrow.store.probe_judge import demand, judge
from escrow.store.probe_report import ProbeReport
from escrow.store.s3 import S3Store
from escrow.store.s3_options import S3Options
from escrow.store.warden import Damage
from infra.policies import ROLES, Lock, Place, Server, Statement, allowed, denied, for_everybody
from tests.infra.conftest import VaultBucket, use
from tests.infra.evaluate import is_allowed

UNPROVEN = {"delete-marker", "suspend-versioning"}
"""What the registrar may not even try, since no role may hide objects or change the bucket."""
PLACE = Place("school-vault")
USERS = {role: f"arn:aws:iam::000000000000:user/{role}" for role in ROLES}
OWNER = "arn:aws:iam::000000000000:root"


class Amazon(MemoryStore):
    """A bucket as infra/aws/escrow.yaml makes it, by AWS's written rules, with 30 days of default retention."""

    def __init__(self, principal: str) -> None:
        super().__init__()
        self._principal = principal
        self._policies: list[Statement] = [
            *(for_everybody(PLACE, Lock(30, 1100))),
            *denied(USERS, PLACE, Server.AWS),
            *(each for role, arn in USERS.items() for each in allowed(role, PLACE, arn)),
            {"Effect": "Allow", "Principal": {"AWS": [OWNER]}, "Action": ["s3:*"], "Resource": ["*"]},
        ]

    def _check(self, action: str, key: str = "", **more: str) -> None:
        to = f"{PLACE.arn}/{key}" if key else PLACE.arn
        context = {"aws:SecureTransport": "true"} | more
        if not is_allowed(self._policies, self._principal, f"s3:{action}", to, context):
            raise DeniedError("store-denied", f"{action} {key}: 403 AccessDenied")

    def _put(self, key: str, until: datetime | None, lock_mode: LockMode, match: dict[str, str]) -> None:
        context = {"s3:ObjectCreationOperation": "true"} | match
        if until:
            days = (until - self.now()) / timedelta(days=1)
            lock = {"s3:object-lock-mode": lock_mode, "s3:object-lock-remaining-retention-days": f"{days}"}
            self._check("PutObjectRetention", key, **context, **lock)
            context |= lock
        self._check("PutObject", key, **context)

    def create(
        self, key: str, body: bytes, *, retain_until: datetime | None = None, lock_mode: LockMode = "COMPLIANCE"
    ) -> ObjectInfo:
        self._put(key, retain_until, lock_mode, {"s3:if-none-match": "*"})
        with self._lock:
            if any(self.list(key)):
                return super().create(key, body, retain_until=retain_until, lock_mode=lock_mode)
            until = retain_until or self.now() + timedelta(days=30)
            return MemoryStore.overwrite(self, key, body, retain_until=until, lock_mode=lock_mode)

    def overwrite(
        self, key: str, body: bytes, *, retain_until: datetime | None = None, lock_mode: LockMode = "COMPLIANCE"
    ) -> ObjectInfo:
        self._put(key, retain_until, lock_mode, {})
        return super().overwrite(key, body, retain_until=retain_until, lock_mode=lock_mode)

    def put_damaged(self, key: str, body: bytes, damage: Damage) -> None:
        self._put(key, None, "COMPLIANCE", {"s3:if-none-match": "*"})
        super().put_damaged(key, body, damage)

    def get(self, key: str, *, start: int = 0, length: int | None = None, version: str | None = None) -> bytes:
        self._check("GetObjectVersion" if version else "GetObject", key)
        return super().get(key, start=start, length=length, version=version)

    def head(self, key: str, *, version: str | None = None) -> ObjectInfo:
        self._check("GetObjectVersion" if version else "GetObject", key)
        return super().head(key, version=version)

    def delete(self, key: str, *, version: str | None = None) -> None:
        self._check("DeleteObjectVersion" if version else "DeleteObject", key)
        super().delete(key, version=version)

    def remove(self, key: str, version: str, *, bypass: bool = False) -> None:
        self._check("DeleteObjectVersion", key)
        if bypass:
            self._check("BypassGovernanceRetention", key)
        super().remove(key, version, bypass=bypass)

    def retain(self, key: str, version: str, until: datetime, lock_mode: LockMode, *, bypass: bool = False) -> None:
        self._check("PutObjectRetention", key, **{"s3:object-lock-mode": lock_mode})
        if bypass:
            self._check("BypassGovernanceRetention", key)
        super().retain(key, version, until, lock_mode, bypass=bypass)

    def versioning(self) -> bool:
        self._check("GetBucketVersioning")
        return super().versioning()

    def set_versioning(self, on: bool) -> None:
        self._check("PutBucketVersioning")
        super().set_versioning(on)

    def try_expiry(self, prefix: str) -> None:
        self._check("PutLifecycleConfiguration")


def outcomes(report: ProbeReport, outcome: str) -> set[str]:
    return {check.name for check in report.checks if check.outcome == outcome}


def settled(report: ProbeReport) -> None:
    """What init asks of a registrar's probe."""
    demand(report.store, judge(report))
    assert report.lock == "COMPLIANCE"
    assert outcomes(report, "denied") == UNPROVEN | {"lifecycle-rule"}
    (unproven,) = [finding for finding in judge(report) if finding.code == "probe-unproven"]
    assert {name for name in UNPROVEN if name in unproven.detail} == UNPROVEN


def test_on_aws_the_registrar_can_probe() -> None:
    report = probe(Amazon(USERS["registrar"]))
    settled(report)
    assert outcomes(report, "allowed") == {"governance-bypass"}
    assert not outcomes(report, "unknown")


def test_on_aws_the_owner_proves_all() -> None:
    report = probe(Amazon(OWNER))
    demand(report.store, judge(report))
    assert outcomes(report, "allowed") == {"governance-bypass", "lifecycle-rule"}
    assert len(outcomes(report, "enforced")) == len(report.checks) - 2


@pytest.mark.parametrize("role", [role for role in ROLES if role not in {"registrar", "copier"}])
def test_on_aws_no_other_role_of_the_vault_can(role: str) -> None:
    with pytest.raises(DeniedError) as caught:
        probe(Amazon(USERS[role]))
    assert caught.value.code == "store-probe-denied"
    assert "registrar" in caught.value.hint


@pytest.mark.s3
@pytest.mark.parametrize("role", ["registrar", "depositor", "watcher"])
def test_on_real_servers_the_registrar_alone_can_probe(
    bucket: VaultBucket, monkeypatch: pytest.MonkeyPatch, role: str
) -> None:
    use(monkeypatch, bucket.users[role])
    store = S3Store(S3Options(bucket.name, endpoint=bucket.server.endpoint, path_style=True))
    if role == "registrar":
        settled(probe(store))
        return
    with pytest.raises(StoreError) as caught:
        probe(store)
    assert caught.value.code == "store-probe-denied"
