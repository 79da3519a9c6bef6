"""The main job through S3: moto beside a real server."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from escrow.engine.ports import SystemClock
from escrow.store import Store
from escrow.store.s3 import S3Store
from escrow.store.s3_options import S3Options
from tests.engine.kit import School, keys
from tests.servers.seaweed import seaweed, seaweed_bucket
from tests.store.conftest import connect, moto_bucket

__all__ = ["seaweed", "seaweed_bucket"]


@pytest.fixture(params=["moto", pytest.param("seaweed", marks=pytest.mark.s3)])
def bucket(request: pytest.FixtureRequest) -> Iterator[Store]:
    if request.param == "moto":
        with moto_bucket() as name:
            yield S3Store(S3Options(name, "vault"))
    else:
        yield connect(request.getfixturevalue("seaweed"), request.getfixturevalue("seaweed_bucket"))


class _Clock(SystemClock):
    """The real time, which a test cannot move: locks are the server's."""

    @property
    def at(self):  # type: ignore[no-untyped-def]
        return self.now()

    @at.setter
    def at(self, _value: object) -> None:
        pass


def test_three_nights_in_a_locked_bucket(bucket: Store, tmp_path: Path) -> None:
    place = School(tmp_path, bucket, _Clock(), keys())  # type: ignore[arg-type]
    expected = place.nights(3)
    place.check_all_snapshots(expected)
    history = place.check_healthy()
    pack = next(info.key for info in bucket.list("series/") if "/packs/" in info.key)
    assert bucket.head(pack).retain_until is not None
    assert history.head and history.head.seq == 3
