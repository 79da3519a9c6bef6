"""L1a on stores with versions and locks: memory, SeaweedFS and Ceph tell each harm by its name."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest

from escrow.engine.ports import NoProgress
from escrow.engine.verify import verify_listing
from escrow.errors import DeniedError, NotFoundError
from escrow.store import LockMode, MemoryStore, ObjectInfo, Retrying, Store
from escrow.store.s3 import S3Store
from escrow.store.warden import Guarded
from tests.engine.kit import School, school
from tests.servers.ceph import ceph
from tests.servers.seaweed import seaweed
from tests.store.conftest import bucket_on, connect, owner

__all__ = ["ceph", "seaweed"]

LONG = datetime.now(UTC).replace(microsecond=0) + timedelta(days=900)
SOON = datetime.now(UTC).replace(microsecond=0) + timedelta(days=1)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> School:
    made = school(tmp_path_factory.mktemp("locks"))
    made.clock.at = datetime.now(UTC).replace(microsecond=0)
    made.nights(3)
    return made


@pytest.fixture(
    params=[
        "memory",
        pytest.param("seaweed", marks=pytest.mark.s3),
        pytest.param("ceph", marks=[pytest.mark.s3, pytest.mark.ceph]),
    ]
)
def empty(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    if request.param == "memory":
        yield MemoryStore()
    else:
        server = request.getfixturevalue(request.param)
        yield connect(server, bucket_on(server, monkeypatch))


def found(store: Store, place: School) -> set[tuple[str, str, str]]:
    findings = verify_listing(store, place.history(), NoProgress()).findings
    return {(one.code, one.subject, one.severity) for one in findings}


def test_each_harm_is_told_by_its_name(place: School, empty: Store) -> None:
    """One vault, each of its objects but a few put as it should be; then what a careless or hostile hand can do."""
    names = [info.key for info in place.store.list()]
    packs = [name for name in names if "/packs/" in name]
    manifests = [name for name in names if "/manifests/" in name]
    notices = [name for name in names if name.startswith("notices/")]
    records = [name for name in names if "/series-" in name]
    keys = [name for name in names if name.startswith("stock/") and name.endswith(".age")]
    charter = next(name for name in names if name.startswith("charter/"))
    series_keys = {one.key for one in place.history().series.values()}
    used = next(name for name in keys if name.split("/")[1][:16] in series_keys)
    locks: dict[str, tuple[datetime | None, LockMode]] = {
        packs[0]: (None, "COMPLIANCE"),
        packs[1]: (SOON, "COMPLIANCE"),
        manifests[0]: (LONG, "GOVERNANCE"),
        manifests[1]: (LONG, "GOVERNANCE"),
        notices[0]: (None, "COMPLIANCE"),
        notices[1]: (SOON, "COMPLIANCE"),
        records[0]: (LONG, "GOVERNANCE"),
        charter: (SOON, "COMPLIANCE"),
        used: (None, "COMPLIANCE"),
    }
    for name in names:
        until, mode = locks.get(name, (LONG, "COMPLIANCE"))
        if name not in {packs[2], notices[2]}:
            empty.put(name, place.store.get(name), retain_until=until, lock_mode=mode)
    assert isinstance(empty, Guarded)
    warden = empty.warden()
    warden.retain(manifests[1], version_of(empty, manifests[1]), SOON, "GOVERNANCE", bypass=True)
    empty.delete(packs[3])
    empty.delete(records[1])
    warden.overwrite(manifests[2], b"junk")
    warden.overwrite(manifests[3], place.store.get(manifests[3]))
    empty.put(notices[2], place.store.get(notices[2]), retain_until=LONG)
    empty.delete(notices[2])
    assert found(empty, place) == {
        ("lock-missing", packs[0], "error"),
        ("lock-short", packs[1], "error"),
        ("object-missing", packs[2], "error"),
        ("object-deleted", packs[3], "error"),
        ("lock-weak", manifests[0], "error"),
        ("lock-weak", manifests[1], "error"),
        ("lock-short", manifests[1], "error"),
        ("object-covered", manifests[2], "error"),
        ("lock-missing", notices[0], "error"),
        ("lock-short", notices[1], "error"),
        ("object-deleted", notices[2], "error"),
        ("lock-weak", records[0], "error"),
        ("object-deleted", records[1], "error"),
        ("lock-short", charter, "warning"),
        ("lock-missing", used, "error"),
    }


def version_of(store: Store, name: str) -> str:
    return next(iter(store.list(name, versions=True))).version


@pytest.mark.parametrize("hashed", [True, False])
def test_junk_of_our_size_over_ours(place: School, empty: Store, hashed: bool, request: pytest.FixtureRequest) -> None:
    """Found also of junk put without a SHA-256, and by its ETag on Ceph, which tells no hash; until it is mended."""
    copied(place, empty)
    name = next(info.key for info in place.store.list() if "/packs/" in info.key)
    right = place.store.get(name)
    size = len(right)
    assert isinstance(empty, Guarded)
    for _ in range(3):
        if hashed or isinstance(empty, MemoryStore):
            empty.warden().overwrite(name, bytes(size), retain_until=LONG)
        else:
            server = next(request.getfixturevalue(each) for each in ("seaweed", "ceph") if each in request.node.name)
            assert isinstance(empty, S3Store)
            bucket = empty.describe().split("/")[2]
            owner(server).put_object(Bucket=bucket, Key=f"vault/{name}", Body=bytes(size), ChecksumAlgorithm="CRC32")
    assert found(empty, place) == {("object-covered", name, "error")}
    empty.warden().overwrite(name, right, retain_until=LONG)
    assert found(empty, place) == set()


def copied(place: School, target: Store) -> None:
    for info in place.store.list():
        target.put(info.key, place.store.get(info.key), retain_until=LONG)


@pytest.mark.s3
@pytest.mark.parametrize("server", ["seaweed", pytest.param("ceph", marks=pytest.mark.ceph)])
def test_what_the_buckets_default_locks(
    place: School, server: str, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Objects put without a lock of their own, under a default that is long enough, or too short, or too weak."""
    running = request.getfixturevalue(server)
    cases: list[tuple[int, LockMode, set[str]]] = [
        (900, "COMPLIANCE", set()),
        (1, "COMPLIANCE", {"lock-short"}),
        (900, "GOVERNANCE", {"lock-weak"}),
    ]
    for days, mode, codes in cases:
        bucket = bucket_on(running, monkeypatch)
        owner(running).put_object_lock_configuration(
            Bucket=bucket,
            ObjectLockConfiguration={
                "ObjectLockEnabled": "Enabled",
                "Rule": {"DefaultRetention": {"Mode": mode, "Days": days}},
            },
        )
        store = connect(running, bucket)
        for info in place.store.list():
            store.put(info.key, place.store.get(info.key))
        assert {code for code, _, _ in found(store, place)} == codes, (days, mode)


class Watched(MemoryStore):
    """A listing as S3's, and a head that does as a test says."""

    def __init__(self, on_head: Callable[[str], None]) -> None:
        super().__init__()
        self.heads: list[str] = []
        self._on_head = on_head

    def list(self, prefix: str = "", *, versions: bool = False, after: str = "") -> Iterator[ObjectInfo]:
        for info in super().list(prefix, versions=versions, after=after):
            yield ObjectInfo(
                info.key, info.size, info.version, None, info.modified, info.latest, info.delete_marker, locks="ask"
            )

    def head(self, key: str, *, version: str | None = None) -> ObjectInfo:
        self.heads.append(key)
        self._on_head(key)
        return super().head(key, version=version)


def deny(what: str, code: str = "store-denied") -> Callable[[str], None]:
    def refuse(key: str) -> None:
        if key.startswith(what):
            raise DeniedError(code, f"{key}: refused")

    return refuse


def test_sealed_keys_that_may_not_be_looked_at_are_counted(place: School) -> None:
    store = Watched(lambda key: deny("stock/")(key) if key.endswith(".age") else None)
    copied(place, store)
    keys = len(place.history().keys)
    checked = verify_listing(store, place.history(), NoProgress())
    assert [(one.code, one.severity) for one in checked.findings] == [("object-unseen", "warning")]
    assert checked.findings[0].detail == f"this credential may not see the hashes and locks of {keys} sealed keys"
    lost = next(info.key for info in store.list("stock/") if info.key.endswith(".age"))
    store.delete(lost)
    assert found(store, place) == {("object-unseen", "stock/", "warning"), ("object-deleted", lost, "error")}


class LocksOnly(Watched):
    """Who may see the locks of sealed keys and nothing more, as the watcher."""

    def lock_of(self, key: str, version: str | None) -> tuple[datetime | None, LockMode | None]:
        info = MemoryStore.head(self, key, version=version)
        return info.retain_until, info.lock_mode


def test_the_locks_of_sealed_keys_are_judged_where_locks_may_be_seen(place: School) -> None:
    store = LocksOnly(lambda key: deny("stock/")(key) if key.endswith(".age") else None)
    names = sorted(info.key for info in place.store.list())
    keys = [name for name in names if name.startswith("stock/") and name.endswith(".age")]
    for name in names:
        until = None if name == keys[0] else LONG
        store.put(
            name, place.store.get(name), retain_until=until, lock_mode="GOVERNANCE" if name == keys[1] else "COMPLIANCE"
        )
    findings = verify_listing(Retrying(store), place.history(), NoProgress()).findings
    assert [(one.code, one.subject) for one in findings] == [
        ("lock-missing", keys[0]),
        ("lock-weak", keys[1]),
        ("object-unseen", "stock/"),
    ]
    assert findings[-1].detail == f"this credential may not see the hashes of {len(keys)} sealed keys"


@pytest.mark.parametrize(
    ("what", "code"), [("series/", "store-denied"), ("", "store-denied"), ("stock/", "store-credentials")]
)
def test_a_credential_that_may_not_look_is_an_error(place: School, what: str, code: str) -> None:
    store = Watched(deny(what, code))
    copied(place, store)
    with pytest.raises(DeniedError) as raised:
        verify_listing(store, place.history(), NoProgress())
    assert raised.value.code == code


def test_a_version_that_went_between_listing_and_head_is_missing(place: School) -> None:
    def gone(key: str) -> None:
        if "/packs/" in key:
            raise NotFoundError("store-absent", key)

    store = Watched(gone)
    copied(place, store)
    packs = {info.key for info in store.list() if "/packs/" in info.key}
    assert found(store, place) == {("object-missing", name, "error") for name in packs}


def test_a_version_under_a_foreign_key_covers_ours(place: School) -> None:
    """Whoever may write can lay one of the same size over ours, which nobody can look at."""
    top: set[str] = set()

    def unreadable(key: str) -> None:
        if "/packs/" in key and key not in top:
            top.add(key)
            raise NotFoundError("store-unreadable", key)

    store = Watched(unreadable)
    copied(place, store)
    names = {info.key for info in store.list() if "/packs/" in info.key}
    for name in names:
        store.overwrite(name, bytes(len(store.get(name))), retain_until=LONG)
    assert found(store, place) == {("object-covered", name, "error") for name in names}


def test_of_very_many_versions_the_oldest_is_looked_at(place: School) -> None:
    store = Watched(lambda _: None)
    copied(place, store)
    name = next(info.key for info in store.list() if "/packs/" in info.key)
    body = bytes(len(store.get(name)))
    for _ in range(300):
        store.overwrite(name, body, retain_until=LONG)
    assert found(store, place) == {("object-covered", name, "error")}
    assert store.heads.count(name) == 101
