"""Deleting in a bucket: every version that no lock holds, and for the rest the day on which its lock ends."""

import hashlib
from collections.abc import Iterator
from datetime import timedelta

import pytest
from escrow_cli.removing import remove_from

from escrow.record import ParsedName
from escrow.store.s3 import S3Store
from escrow.store.s3_options import S3Options
from tests.servers.seaweed import seaweed
from tests.store.conftest import bucket_on, connect, moto_bucket

__all__ = ["seaweed"]
PACKS = f"series/{'5e' * 8}/packs/"


@pytest.fixture(params=["moto", pytest.param("seaweed", marks=pytest.mark.s3)])
def bucket(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[S3Store]:
    if request.param == "moto":
        with moto_bucket() as name:
            yield S3Store(S3Options(name, "vault"))
    else:
        server = request.getfixturevalue("seaweed")
        yield connect(server, bucket_on(server, monkeypatch))


def _is_pack(name: ParsedName) -> bool:
    return name.kind == "pack"


def test_every_version_goes_but_those_under_a_lock(bucket: S3Store) -> None:
    free, locked = (f"{PACKS}{hashlib.sha256(body).hexdigest()}.age" for body in (b"one", b"two"))
    other = "series/note.txt"
    until = (bucket.now() + timedelta(days=2)).replace(microsecond=0)
    bucket.put(free, b"one")
    bucket.warden().overwrite(free, b"laid over it")
    bucket.put(locked, b"two", retain_until=until)
    bucket.put(other, b"stays")
    found = remove_from("the store", bucket, ["series/"], _is_pack)
    assert (found.gone, found.left, found.until, found.is_done) == (2, 1, until, False)
    assert {info.key for info in bucket.list(versions=True) if not info.delete_marker} == {locked, other}
    bucket.delete(locked)
    again = remove_from("the store", bucket, ["series/"], _is_pack)
    assert (again.gone, again.left) == (0, 1)
