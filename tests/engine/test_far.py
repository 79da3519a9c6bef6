"""A bucket behind a network of 50 ms: a later night takes less than three seconds more."""

import time
from pathlib import Path

import pytest

from escrow.engine.ports import SystemClock
from escrow.store.s3 import S3Store
from escrow.store.s3_options import S3Options
from tests.engine.kit import NIGHTS, FixedClock, School
from tests.servers.delay import far_away
from tests.servers.seaweed import Seaweed, seaweed, seaweed_bucket

__all__ = ["seaweed", "seaweed_bucket"]

pytestmark = pytest.mark.s3


def opened(bucket: str, endpoint: str) -> S3Store:
    return S3Store(S3Options(bucket, "vault", endpoint=endpoint, path_style=True))


def test_a_later_night_hardly_waits_for_the_network(seaweed: Seaweed, seaweed_bucket: str, tmp_path: Path) -> None:
    place = School(tmp_path, opened(seaweed_bucket, seaweed.endpoint), FixedClock(SystemClock().now()))
    place.night(NIGHTS[1])
    near = time.monotonic()
    place.night(NIGHTS[2])
    near = time.monotonic() - near
    with far_away(seaweed.endpoint, 50) as endpoint:
        far = time.monotonic()
        store = opened(seaweed_bucket, endpoint)
        place.night(NIGHTS[3], store=store)
        far = time.monotonic() - far
    assert place.restore_all() == NIGHTS[3]
    assert 0.25 < far - near < 3, (near, far)
