"""Locks as deposits need them, on the strict store and on real servers; and what the probe finds on each."""

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

import boto3
import pytest

from escrow.errors import DeniedError, StoreError
from escrow.store import MemoryStore, Store
from escrow.store.probe import probe
from escrow.store.probe_judge import demand, judge
from escrow.store.probe_report import ProbeReport
from escrow.store.s3 import S3Store
from escrow.store.s3_options import S3Options
from escrow.store.warden import Guarded
from tests.servers.ceph import Ceph
from tests.servers.seaweed import Seaweed
from tests.store.conftest import bucket_on, connect, moto_bucket, owner
from tests.store.probe_table import EXPECTED

SERVERS = [
    pytest.param("seaweed", marks=pytest.mark.s3),
    pytest.param("ceph", marks=[pytest.mark.s3, pytest.mark.ceph]),
]


@pytest.fixture(params=SERVERS)
def server(request: pytest.FixtureRequest) -> Seaweed | Ceph:
    found: Seaweed | Ceph = request.getfixturevalue(request.param)
    return found


@pytest.fixture(params=["memory", *SERVERS])
def locking(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Store:
    if request.param == "memory":
        return MemoryStore()
    server: Seaweed | Ceph = request.getfixturevalue(request.param)
    return connect(server, bucket_on(server, monkeypatch))


def in_days(store: Store, days: float) -> datetime:
    return (store.now() + timedelta(days=days)).replace(microsecond=0)


def test_compliance_is_the_default(locking: Store) -> None:
    until = in_days(locking, 2)
    info = locking.put("a/b", b"kept", retain_until=until)
    found = locking.head("a/b", version=info.version)
    assert (found.lock_mode, found.retain_until) == (info.lock_mode, info.retain_until) == ("COMPLIANCE", until)
    assert isinstance(locking, Guarded)
    for bypass in (False, True):
        with pytest.raises(DeniedError):
            locking.warden().remove("a/b", info.version, bypass=bypass)
        with pytest.raises(DeniedError):
            locking.warden().retain("a/b", info.version, until - timedelta(days=1), "COMPLIANCE", bypass=bypass)
    locking.warden().retain("a/b", info.version, until + timedelta(days=1), "COMPLIANCE")
    assert locking.head("a/b").retain_until == until + timedelta(days=1)


def test_governance_yields_to_the_officer_alone(locking: Store) -> None:
    info = locking.put("stock/key.age", b"key", retain_until=in_days(locking, 2), lock_mode="GOVERNANCE")
    assert locking.head("stock/key.age").lock_mode == "GOVERNANCE"
    with pytest.raises(DeniedError):
        locking.delete("stock/key.age", version=info.version)
    assert isinstance(locking, Guarded)
    locking.warden().remove("stock/key.age", info.version, bypass=True)
    assert list(locking.list(versions=True)) == []


def test_no_lock_unless_asked(locking: Store) -> None:
    info = locking.put("a/b", b"one")
    found = locking.head("a/b")
    assert info.retain_until is info.lock_mode is found.retain_until is found.lock_mode is None
    locking.delete("a/b", version=info.version)


def test_a_lock_date_in_the_past_is_refused(server: Seaweed | Ceph, monkeypatch: pytest.MonkeyPatch) -> None:
    store = connect(server, bucket_on(server, monkeypatch))
    with pytest.raises(StoreError) as caught:
        store.put("a/b", b"one", retain_until=in_days(store, -1))
    assert caught.value.code == "store-refused"
    assert list(store.list(versions=True)) == []


def test_a_lock_on_a_bucket_without_locks_is_refused(server: Seaweed | Ceph, monkeypatch: pytest.MonkeyPatch) -> None:
    store = connect(server, bucket_on(server, monkeypatch, lock=False))
    with pytest.raises(StoreError) as caught:
        store.put("a/b", b"one", retain_until=in_days(store, 1))
    assert caught.value.code == "store-refused"
    report = probe(store)
    assert (report.lock, report.outcome("lock-kept"), report.left) == ("none", "not-supported", ())
    assert "probe-lock-kept" in {finding.code for finding in judge(report) if finding.severity == "error"}


@pytest.fixture
def default_retention(server: Seaweed | Ceph, monkeypatch: pytest.MonkeyPatch) -> S3Store:
    """Everything put is locked for five days, unless it says otherwise."""
    bucket = bucket_on(server, monkeypatch)
    rule = {"DefaultRetention": {"Mode": "COMPLIANCE", "Days": 5}}
    owner(server).put_object_lock_configuration(
        Bucket=bucket,
        ObjectLockConfiguration={"ObjectLockEnabled": "Enabled", "Rule": rule},  # type: ignore[typeddict-item]
        ChecksumAlgorithm="SHA256",
    )
    return connect(server, bucket)


def test_under_a_default_retention(default_retention: S3Store) -> None:
    store = default_retention
    plain = store.put("a/plain", b"one")
    found = store.head("a/plain")
    assert found.lock_mode == "COMPLIANCE"
    assert found.retain_until is not None
    assert abs(found.retain_until - in_days(store, 5)) < timedelta(minutes=1)
    with pytest.raises(DeniedError):
        store.delete("a/plain", version=plain.version)
    for key, until in (("a/longer", in_days(store, 9)), ("a/shorter", in_days(store, 1))):
        store.put(key, key.encode(), retain_until=until)
        kept = store.head(key).retain_until
        assert kept is not None
        assert kept >= until
    report = probe(store)
    demand(report.store, judge(report))
    assert (report.lock, report.outcome("delete-version")) == ("COMPLIANCE", "enforced")
    assert set(report.left) == {info.key for info in store.list("probe/", versions=True) if not info.delete_marker}


def outcomes(report: ProbeReport) -> dict[str, str]:
    return {check.name: check.outcome for check in report.checks}


def test_the_probe_on_a_real_server(
    server: Seaweed | Ceph, monkeypatch: pytest.MonkeyPatch, record_property: Callable[[str, object], None]
) -> None:
    store = connect(server, bucket_on(server, monkeypatch))
    bucket = store.describe().removeprefix("s3://").partition("/")[0]
    client = owner(server)
    rule = {"ID": "ours", "Status": "Enabled", "Filter": {"Prefix": "x/"}, "Expiration": {"Days": 9}}
    client.put_bucket_lifecycle_configuration(Bucket=bucket, LifecycleConfiguration={"Rules": [rule]})  # type: ignore[list-item]
    report = probe(store)
    name = "seaweed" if isinstance(server, Seaweed) else "ceph"
    assert outcomes(report) == EXPECTED[name]
    demand(report.store, judge(report))
    rules = client.get_bucket_lifecycle_configuration(Bucket=bucket)["Rules"]
    assert [one["ID"] for one in rules] == ["ours"]
    assert client.get_bucket_versioning(Bucket=bucket)["Status"] == "Enabled"
    record_property("summary", f"probe on {name}: {len(report.checks)} checks, {len(report.left)} objects stay a day")


@pytest.fixture
def moto() -> Iterator[S3Store]:
    with moto_bucket() as bucket:
        yield S3Store(S3Options(bucket, "vault"))


def test_the_probe_refuses_moto(moto: S3Store) -> None:
    report = probe(moto)
    assert outcomes(report) == EXPECTED["moto"]
    with pytest.raises(StoreError) as caught:
        demand(report.store, judge(report))
    assert caught.value.code == "store-lies"
    for lie in ("shorten", "downgrade", "suspend-versioning"):
        assert lie in str(caught.value)
    assert boto3.client("s3").get_bucket_versioning(Bucket="school")["Status"] == "Enabled"
