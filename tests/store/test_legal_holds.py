"""Legal holds, on a real server and on moto: nobody deletes the version until the hold is lifted."""

from collections.abc import Iterator

import pytest

from escrow.errors import DeniedError
from escrow.store import FolderStore, MemoryStore
from escrow.store.s3 import S3Store
from escrow.store.s3_options import S3Options
from escrow.store.warden import Guarded, LegalHolds
from tests.store.conftest import bucket_on, connect, moto_bucket


@pytest.fixture(params=["moto", pytest.param("seaweed", marks=pytest.mark.s3)])
def bucket(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[S3Store]:
    if request.param == "moto":
        with moto_bucket() as name:
            yield S3Store(S3Options(name, "vault"))
    else:
        server = request.getfixturevalue("seaweed")
        yield connect(server, bucket_on(server, monkeypatch))


def test_a_version_under_hold_is_not_deleted_until_it_is_lifted(bucket: S3Store) -> None:
    info = bucket.put("series/a.age", b"kept")
    warden = bucket.warden()
    assert isinstance(warden, LegalHolds)
    warden.hold("series/a.age", info.version, on=True)
    for bypass in (False, True):
        with pytest.raises(DeniedError):
            warden.remove("series/a.age", info.version, bypass=bypass)
    with pytest.raises(DeniedError):
        bucket.delete("series/a.age", version=info.version)
    warden.hold("series/a.age", info.version, on=False)
    warden.remove("series/a.age", info.version)
    assert list(bucket.list(versions=True)) == []


def test_stores_without_legal_holds_say_so(tmp_path: object) -> None:
    assert not isinstance(MemoryStore().warden(), LegalHolds)
    assert not isinstance(FolderStore, Guarded)
