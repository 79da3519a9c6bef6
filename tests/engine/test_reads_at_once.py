"""How many reads a restore has under way: two from a folder, eight from a store that is far away."""

import time
from pathlib import Path
from threading import Lock

import pytest

from escrow.engine.ports import NoProgress
from escrow.engine.restore import RestoreOptions, everything, restore
from escrow.store import MemoryStore, Retrying, Store
from escrow.store.base import reads_at_once
from escrow.store.copies import Copies
from escrow.store.s3 import S3Store
from escrow.store.s3_options import S3Options
from escrow.store.wrappers import Throttled
from tests.engine.kit import School, school


class Counting(MemoryStore):
    """Counts the reads that are under way together; each takes a while."""

    def __init__(self, place: School) -> None:
        assert isinstance(place.store, MemoryStore)
        super().__init__(place.store.dump(), clock=place.clock.now)
        self._gate = Lock()
        self.under_way = self.most = 0

    def get(self, key: str, *, start: int = 0, length: int | None = None, version: str | None = None) -> bytes:
        with self._gate:
            self.under_way += 1
            self.most = max(self.most, self.under_way)
        time.sleep(0.02)
        with self._gate:
            self.under_way -= 1
        return super().get(key, start=start, length=length, version=version)


class Far(Counting):
    reads_at_once = 8


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> School:
    """Twelve nights, each with a file of its own: twelve packs for the last."""
    made = school(tmp_path_factory.mktemp("reads"))
    files: dict[str, bytes] = {}
    for number in range(12):
        files[f"night{number}.csv"] = f"night {number}\n".encode() * 50
        made.night(files)
    return made


@pytest.mark.parametrize(("kind", "most"), [(Counting, 2), (Far, 8)])
def test_reads_of_a_restore(place: School, tmp_path: Path, kind: type[Counting], most: int) -> None:
    store = kind(place)
    views = place.views(store=store)
    store.most = 0
    report = restore(views, tmp_path / "out", RestoreOptions(everything), NoProgress())
    assert (report.files, report.failed) == (12, [])
    assert store.most == most


def test_a_store_says_it_through_what_is_wrapped_around_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "x")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "x")
    near: Store = MemoryStore()
    far: Store = S3Store(S3Options("bucket"))
    assert [reads_at_once(store) for store in (near, Retrying(near), Copies([near]))] == [2, 2, 2]
    assert [reads_at_once(store) for store in (far, Throttled(Retrying(far), 1.0), Copies([near, far]))] == [8, 8, 8]
