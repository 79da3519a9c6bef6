"""Status, diff and the levels of verification."""

from datetime import timedelta
from pathlib import Path

from escrow.engine.diff import Rows, count_rows, diff, rows_of
from escrow.engine.ports import NoProgress
from escrow.engine.status import judge_status
from escrow.engine.verify import verify_open
from tests.engine.kit import school


def test_rows_end_outside_quotes_only() -> None:
    table = b'id,text\r\n1,"two\nlines"\r\n2,"a ""b"""\r\n3,last'
    for size in range(1, len(table)):
        pieces = [table[at : at + size] for at in range(0, len(table), size)]
        assert list(rows_of(pieces)) == [b"id,text", b'1,"two\nlines"', b'2,"a ""b"""', b"3,last"]


def test_rows_are_counted_as_added_removed_and_changed() -> None:
    before = b"id,mark\n1,a\n2,b\n3,c\n4,d\n"
    after = b"id,mark\n0,new\n1,a\n2,B\n4,d\n4,e\n"
    assert count_rows([before], [after]) == Rows(added=2, removed=1, changed=1)
    assert count_rows([before], [before]) == Rows(0, 0, 0)


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
