"""A run may end at any point: old snapshots restore, the new one is whole or absent, a rerun converges."""

import shutil
from pathlib import Path

import pytest

from tests.engine.crash import QuickState, Stopper, stopping_files, stopping_state, stopping_store
from tests.engine.kit import NIGHTS, School, school
from tests.store.faulty import Crash


def crash(place: School, files: dict[str, bytes], at: int | None) -> Stopper:
    """Run a night that ends at point `at`, or a whole one that counts them."""
    stopper = Stopper(at)
    store, state = stopping_store(place.store, stopper), stopping_state(stopper)
    with stopping_files(stopper):
        if at is None:
            place.night(files, store=store, state_type=state)
        else:
            with pytest.raises(Crash):
                place.night(files, store=store, state_type=state)
            assert stopper.dead
    return stopper


def check_crash(place: School, old: dict[int, dict[str, bytes]], files: dict[str, bytes], at: int) -> None:
    new = len(old) + 1
    stopper = crash(place, files, at)
    found = {one.seq for one in place.history().snapshots}
    assert found in ({*old}, {*old, new}), stopper.points[at]
    present = {new: files} if new in found else {}
    place.check_all_snapshots(old | present)
    report = place.night(state_type=QuickState)
    assert report.finished
    assert report.seq in (new + len(present), new + 1), "a notice that was decided goes out with the next run"
    assert report.alarms == ()
    place.check_all_snapshots(old | dict.fromkeys(range(new, report.seq + 1), files))
    history = place.check_healthy()
    assert {one.record.why for one in history.series.values() if one.record and one.notices} == {"first"}


def test_later_night_at_every_point(tmp_path: Path) -> None:
    base = school(tmp_path / "base")
    old = base.nights(2)
    points = crash(base.clone(tmp_path / "count"), NIGHTS[3], None).points
    assert len(points) > 40
    assert {point.split()[0] for point in points} == {"put", "get", "list", "now", "state", "cache", "drop"}
    for at in range(len(points)):
        place = base.clone(tmp_path / "try")
        check_crash(place, old, NIGHTS[3], at)
        shutil.rmtree(tmp_path / "try")


@pytest.mark.parametrize("step", [7, pytest.param(1, marks=pytest.mark.slow)])
def test_first_night_in_a_folder(tmp_path: Path, step: int) -> None:
    points = crash(school(tmp_path / "count", on_disk=True), NIGHTS[1], None).points
    for at in range(0, len(points), step):
        check_crash(school(tmp_path / str(at), on_disk=True), {}, NIGHTS[1], at)


@pytest.mark.slow
def test_twice_in_one_night(tmp_path: Path) -> None:
    base = school(tmp_path / "base")
    old = base.nights(1)
    points = len(crash(base.clone(tmp_path / "count"), NIGHTS[2], None).points)
    for first in range(0, points, 5):
        once = base.clone(tmp_path / f"{first}")
        crash(once, NIGHTS[2], first)
        done = {one.seq for one in once.history().snapshots} - {*old}
        for second in range(0, points - first, 9):
            twice = once.clone(tmp_path / f"{first}-{second}")
            check_crash(twice, old | dict.fromkeys(done, NIGHTS[2]), NIGHTS[2], second)
