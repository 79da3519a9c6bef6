"""Restoring: whole, in part, again after an interruption, as a tar, with damage, and cheaply for one file."""

import contextlib
import errno
import hashlib
import io
import os
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from escrow.engine import restore as restoring
from escrow.engine import scatter as scattering
from escrow.engine.ports import NoProgress
from escrow.engine.restore import RestoreOptions, RestoreReport, everything, restore
from escrow.engine.tarball import write_tar
from escrow.errors import EscrowError, IntegrityError, StateError, UsageError
from escrow.record import pack_name
from escrow.source import compile_globs
from escrow.store import MemoryStore
from tests.engine.kit import NIGHTS, School, school
from tests.store.faulty import CountingStore, Crash

ALL = RestoreOptions(everything)
FILES = {f"d{n % 3}/{n:02d}.txt": f"file {n}\n".encode() * (n + 1) * 50 for n in range(12)}


@pytest.fixture
def place(tmp_path: Path) -> School:
    made = school(tmp_path / "school")
    made.nights(2)
    made.night(FILES)
    return made


def run(place: School, target: Path, options: RestoreOptions = ALL, which: str = "latest") -> RestoreReport:
    return restore(place.views(which), target, options, NoProgress())


def files(target: Path) -> dict[str, bytes]:
    root = target / "school"
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def test_every_night_comes_back(place: School, tmp_path: Path) -> None:
    for seq, wanted in ((1, NIGHTS[1]), (2, NIGHTS[2]), (3, FILES)):
        report = run(place, tmp_path / str(seq), which=str(seq))
        assert files(tmp_path / str(seq)) == wanted
        assert (report.files, report.size) == (len(wanted), sum(map(len, wanted.values())))
        assert report.failed == []


def test_times_modes_links_and_empty_folders(place: School, tmp_path: Path) -> None:
    path = place.source / "d0" / "00.txt"
    path.chmod(0o640)
    os.utime(path, ns=(10**18, 10**18 + 123_456_789))
    (place.source / "hollow").mkdir()
    (place.source / "d0" / "to").symlink_to("00.txt")
    place.night()
    run(place, tmp_path / "out")
    back = tmp_path / "out" / "school" / "d0" / "00.txt"
    assert back.stat().st_mtime_ns == 10**18 + 123_456_789
    assert back.stat().st_mode & 0o777 == 0o640
    assert (back.parent / "to").readlink() == Path("00.txt")
    assert (tmp_path / "out" / "school" / "hollow").is_dir()


def stop_at(monkeypatch: pytest.MonkeyPatch, name: str, at: int, error: Callable[[], BaseException] = Crash) -> None:
    """End the process at call `at` of a step of restoring."""
    owner = restoring._Restore if hasattr(restoring._Restore, name) else scattering
    step = getattr(owner, name)
    calls = iter(range(10**6))

    def stopping(*args: object, **more: object) -> object:
        if next(calls) >= at:
            raise error()
        return step(*args, **more)

    monkeypatch.setattr(owner, name, stopping)


@pytest.mark.parametrize("name", ["_place", "_settle", "_write_at"])
def test_interrupted_anywhere_a_rerun_goes_on(place: School, tmp_path: Path, name: str) -> None:
    target = tmp_path / "out"
    before = 0
    for at in range(0, 14, 3):
        with pytest.MonkeyPatch.context() as patch:
            stop_at(patch, name, at)
            with contextlib.suppress(Crash):
                run(place, target)
        there = files(target) if target.exists() else {}
        whole = {path: data for path, data in there.items() if not path.endswith(".escrow-part")}
        assert whole.items() <= FILES.items()
        assert len(whole) >= before
        before = len(whole)
    report = run(place, target)
    assert (report.already, report.files) == (before, len(FILES) - before)
    assert files(target) == FILES


def test_files_that_are_there(place: School, tmp_path: Path) -> None:
    other = tmp_path / "school" / "d0"
    target = tmp_path
    other.mkdir(parents=True)
    (other / "00.txt").write_bytes(b"another")
    (other / "03.txt").mkdir()
    report = run(place, target)
    assert {path: code for path, code, _ in report.failed} == {
        b"school/d0/00.txt": "restore-exists",
        b"school/d0/03.txt": "restore-exists",
    }
    assert (other / "00.txt").read_bytes() == b"another"
    again = run(place, target, RestoreOptions(everything, overwrite=True))
    assert (other / "00.txt").read_bytes() == FILES["d0/00.txt"]
    assert [path for path, _, _ in again.failed] == [b"school/d0/03.txt"]
    assert again.already == len(FILES) - 2


def test_a_file_where_a_folder_belongs(place: School, tmp_path: Path) -> None:
    target = tmp_path / "out"
    (target / "school").mkdir(parents=True)
    (target / "school" / "d1").write_bytes(b"a file")
    report = run(place, target)
    assert {code for _, code, _ in report.failed} == {"restore-exists"}
    assert {path.split(b"/")[1] for path, _, _ in report.failed} == {b"d1"}
    assert report.files == 8


def test_disk_full(place: School, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "out"
    with pytest.MonkeyPatch.context() as patch:
        stop_at(patch, "_write_at", 5, lambda: OSError(errno.ENOSPC, "No space left on device"))
        with pytest.raises(StateError) as caught:
            run(place, target)
    assert caught.value.code == "restore-unwritable"
    assert "goes on" in caught.value.hint
    assert run(place, target).failed == []
    assert files(target) == FILES
    monkeypatch.setattr(restoring, "_free", lambda folder: 1000)
    with pytest.raises(StateError) as early:
        run(place, tmp_path / "small")
    assert early.value.code == "restore-space"
    assert not any((tmp_path / "small").iterdir())


def test_unwritable_folder(place: School, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(StateError) as caught:
        run(place, tmp_path / "file" / "out")
    assert caught.value.code == "restore-unwritable"


@pytest.mark.parametrize("damage", ["flip", "cut", "gone"])
def test_one_bad_pack_spoils_only_its_files(place: School, tmp_path: Path, damage: str) -> None:
    """Night 4 adds a file to both compartments and has a new list; the pack of night 3 is damaged."""
    more = FILES | {"new.txt": b"only in the last night's pack", "new.csv": b"a,b\n"}
    for name in FILES:
        os.utime(place.source / name, (1, 1))
    place.night(more)
    views = place.views()
    view = next(view for view in views if view.name == "safeguarding")
    entry = next(entry for entry in view.entries() if entry.path.endswith(b"new.txt"))
    assert isinstance(place.store, MemoryStore)
    history = place.history()
    state = history.series[view.manifest.series]
    ordinal = entry.extents[0][0]  # type: ignore[union-attr]
    ref = state.packs[ordinal - 1]
    assert ref is not None
    name = pack_name(state.series, ref.sha256)
    body = bytearray(place.store.get(name))
    del place.store._objects[name]
    if damage != "gone":
        body[1800] ^= 1
        place.store.put(name, bytes(body if damage == "flip" else body[:-70_000]))
    report = run(place, tmp_path / "out")
    assert {path for path, _, _ in report.failed} == {b"school/" + name.encode() for name in FILES}
    assert files(tmp_path / "out") == {"new.txt": more["new.txt"], "new.csv": more["new.csv"]}
    assert not [path for path in (tmp_path / "out").rglob("*") if path.name.endswith(".escrow-part")]


def test_only_what_is_asked_for(place: School, tmp_path: Path) -> None:
    spec = compile_globs(["d1/*", "*3.txt"])
    report = run(place, tmp_path / "out", RestoreOptions(lambda path: spec.match_file(path.decode()[7:])))
    wanted = {path: data for path, data in FILES.items() if path.startswith("d1/") or path.endswith("3.txt")}
    assert files(tmp_path / "out") == wanted
    assert report.files == len(wanted)


def test_tar_equals_folder(place: School, tmp_path: Path) -> None:
    (place.source / "d0" / "to").symlink_to("00.txt")
    (place.source / "hollow").mkdir()
    (place.source / os.fsdecode(b"not-utf8-\xff")).write_bytes(b"x")
    (place.source / "nothing").write_bytes(b"")
    place.night()
    out = io.BytesIO()
    report = write_tar(place.views(), out, ALL, NoProgress())
    run(place, tmp_path / "out")
    out.seek(0)
    with tarfile.open(fileobj=out, errors="surrogateescape") as tar:
        tar.extractall(tmp_path / "tar", filter="data")
    assert files(tmp_path / "tar") == files(tmp_path / "out")
    assert report.files == len(FILES) + 2
    assert (tmp_path / "tar" / "school" / "d0" / "to").is_symlink()
    assert (tmp_path / "tar" / "school" / "hollow").is_dir()


def test_tar_of_a_damaged_pack_ends(place: School) -> None:
    assert isinstance(place.store, MemoryStore)
    for name in [name for name in place.store._objects if "/packs/" in name]:
        body = bytearray(place.store.get(name))
        del place.store._objects[name]
        body[1800] ^= 1
        place.store.put(name, bytes(body))
    with pytest.raises(EscrowError) as caught:
        write_tar(place.views(), io.BytesIO(), ALL, NoProgress())
    assert isinstance(caught.value, IntegrityError)


def test_one_file_reads_little(tmp_path: Path) -> None:
    """A vault of 24 MiB, one file of 100 KiB: its segments, tables and the list, not the packs."""
    place = school(tmp_path / "school")
    data = {f"doc{n:02d}.pdf": os.urandom(1 << 20) for n in range(24)} | {"small.pdf": os.urandom(100_000)}
    place.night(data)
    counting = CountingStore(place.store)
    views = [view for view in place.views(store=counting) if view.name == "safeguarding"]
    before = counting.received
    report = restore(views, tmp_path / "out", RestoreOptions(lambda path: path == b"school/small.pdf"), NoProgress())
    assert report.files == 1
    assert files(tmp_path / "out") == {"small.pdf": data["small.pdf"]}
    assert counting.received - before < 3 * 100_000 + (2 << 20)


def test_wrong_numbers_and_compartments(place: School) -> None:
    for which in ("99", "0", "", "x", "1-ffff"):
        with pytest.raises(UsageError) as caught:
            place.views(which)
        assert caught.value.code == "snapshot-unknown"
    digest = hashlib.sha256(b"").hexdigest()
    assert place.history().snapshots[0].sha256 != digest
    assert place.restore_all(f"2-{place.history().snapshots[1].sha256[:8]}") == NIGHTS[2]
