"""Status, diff and the levels of verification."""

from datetime import timedelta
from pathlib import Path

from escrow.engine.diff import Rows, diff
from escrow.engine.ports import NoProgress
from escrow.engine.status import judge_status
from escrow.engine.verify import verify_open
from tests.engine.kit import school


def test_diff_of_two_nights(tmp_path: Path) -> None:
    place = school(tmp_path)
    place.nights(2)
    changes = {change.path.rpartition(b"/")[2]: change for change in diff(place.views("1"), place.views("2"))}
    assert {name: change.kind for name, change in changes.items()} == {
        b"pupils.csv": "changed",
        b"empty.csv": "removed",
        b"bob.txt": "added",
    }
    assert changes[b"pupils.csv"].rows == Rows(2, 0, 0)


def test_status_grows_stale(tmp_path: Path) -> None:
    place = school(tmp_path)
    assert judge_status(place.history(), place.clock, timedelta(hours=36)).stale
    place.nights(1)
    fresh = judge_status(place.history(), place.clock, timedelta(hours=36))
    assert (fresh.stale, fresh.latest, fresh.snapshots, fresh.age) == (False, 1, 1, timedelta(days=1))
    place.clock.at += timedelta(hours=13)
    assert judge_status(place.history(), place.clock, timedelta(hours=36)).stale


def test_opened_files_are_checked(tmp_path: Path) -> None:
    place = school(tmp_path, on_disk=True)
    place.nights(2)
    assert verify_open(place.views(), NoProgress()).findings == ()
    views = place.views()
    for pack in (tmp_path / "vault" / "series").rglob("packs/*.age"):
        pack.chmod(0o644)
        data = bytearray(pack.read_bytes())
        data[5000 if len(data) > 10_000 else 20] ^= 1
        pack.write_bytes(data)
    assert {finding.code for finding in verify_open(views, NoProgress()).findings}
