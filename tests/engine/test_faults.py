"""Store faults in pairs at every call, full disks, and what stops a run without breaking the next."""

import contextlib
import errno
import io
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from escrow.engine import filecache
from escrow.engine.state import State
from escrow.errors import BusyError, EscrowError, FullError, SourceError, StateError, UnreachableError
from escrow.source import FileItem, FolderSource, UnreadableError
from tests.engine.crash import QuickState
from tests.engine.kit import NIGHTS, School, school
from tests.store.faulty import CountingStore, Fault, FaultyStore


def calls_of_a_night(base: School, folder: Path) -> int:
    place = base.clone(folder)
    counting = CountingStore(place.store)
    place.night(NIGHTS[3], store=counting, state_type=QuickState)
    return len(counting.calls)


@pytest.mark.parametrize("fault", [Fault.BEFORE, Fault.AFTER, Fault.SHORT], ids=lambda fault: fault.name)
def test_a_store_that_fails_once(tmp_path: Path, fault: Fault) -> None:
    """Failed and not persisted, failed but persisted, and answers that end early: at every call."""
    base = school(tmp_path / "base")
    old = base.nights(2)
    for at in range(calls_of_a_night(base, tmp_path / "count")):
        place = base.clone(tmp_path / "try")
        store = FaultyStore(place.store, {at: fault})
        try:
            place.night(NIGHTS[3], store=store, state_type=QuickState)
        except EscrowError as error:
            assert error.code in {"store-unreachable", "store-short"}, store.calls[at]
        report = place.night(state_type=QuickState)
        assert report.alarms == ()
        assert report.seq is not None
        place.check_all_snapshots(old | dict.fromkeys(range(3, report.seq + 1), NIGHTS[3]))
        place.check_healthy()
        shutil.rmtree(tmp_path / "try")


def test_a_store_that_stays_away(tmp_path: Path) -> None:
    place = school(tmp_path / "s")
    old = place.nights(2)
    with pytest.raises(UnreachableError):
        place.night(NIGHTS[3], store=FaultyStore(place.store, lambda *_: Fault.BEFORE))
    place.check_all_snapshots(old)
    assert place.night().seq == 3


def test_store_full(tmp_path: Path) -> None:
    place = school(tmp_path / "s", on_disk=True)
    old = place.nights(2)

    def full() -> BaseException:
        return FullError("store-full", "planned: no room left")

    store = FaultyStore(place.store, lambda _, method, key: Fault.TORN if "/packs/" in key else None, error=full)
    with pytest.raises(FullError):
        place.night(NIGHTS[3], store=store)
    place.check_all_snapshots(old)
    place.check_healthy()
    assert place.night().seq == 3
    place.check_all_snapshots(old | {3: NIGHTS[3]})


@contextmanager
def full_disk(at: int) -> Iterator[list[str]]:
    """The state folder has no room at write `at`, nor after it: of the state or of the file cache."""
    writes: list[str] = []

    def take(what: str, error: Callable[[], BaseException]) -> None:
        writes.append(what)
        if len(writes) > at:
            raise error()

    def sqlite_full() -> BaseException:
        error = sqlite3.OperationalError("database or disk is full")
        error.sqlite_errorcode = sqlite3.SQLITE_FULL
        return error

    class FullState(QuickState):
        @contextmanager
        def _transaction(self) -> Iterator[sqlite3.Connection]:
            with super()._transaction() as database:
                yield database
                take("state", sqlite_full)

    class FullFile(io.BufferedWriter):
        def write(self, data: bytes) -> int:  # type: ignore[override]
            take("cache", lambda: OSError(errno.ENOSPC, "No space left on device"))
            return super().write(data)

    begin = filecache.CacheWriter.__init__

    def begin_full(cache: filecache.CacheWriter, *args: object) -> None:
        begin(cache, *args)  # type: ignore[arg-type]
        cache._file = FullFile(cache._file.detach())  # type: ignore[arg-type]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(filecache.CacheWriter, "__init__", begin_full)
        patch.setattr(School.night, "__kwdefaults__", {**(School.night.__kwdefaults__ or {}), "state_type": FullState})
        yield writes


def test_no_room_for_the_state(tmp_path: Path) -> None:
    base = school(tmp_path / "base")
    old = base.nights(2)
    with full_disk(10**6) as writes:
        base.clone(tmp_path / "count").night(NIGHTS[3])
    assert {"state", "cache"} == set(writes)
    for at in range(len(writes)):
        place = base.clone(tmp_path / "try")
        with full_disk(at), pytest.raises(StateError) as caught:
            place.night(NIGHTS[3])
        assert caught.value.code == "state-unusable"
        found = {one.seq for one in place.history().snapshots}
        assert found in ({1, 2}, {1, 2, 3})
        report = place.night(state_type=QuickState)
        assert report.alarms == ()
        assert report.seq is not None
        place.check_all_snapshots(old | dict.fromkeys(range(3, report.seq + 1), NIGHTS[3]))
        place.check_healthy()
        shutil.rmtree(tmp_path / "try")


@pytest.mark.parametrize("content", [b"not a database, but long enough to be taken for one" * 90, b"SQLite format 3\0"])
def test_damaged_state(tmp_path: Path, content: bytes) -> None:
    place = school(tmp_path / "s")
    old = place.nights(1)
    (place.state / "state.db").write_bytes(content)
    with pytest.raises(StateError) as caught:
        place.night(NIGHTS[2])
    assert caught.value.code == "state-unusable"
    (place.state / "state.db").unlink()
    assert place.night(NIGHTS[2]).seq == 2
    place.check_all_snapshots(old | {2: NIGHTS[2]})


def test_state_of_a_later_version(tmp_path: Path) -> None:
    place = school(tmp_path / "s")
    place.nights(1)
    with sqlite3.connect(place.state / "state.db") as database:
        database.execute("PRAGMA user_version = 99")
    database.close()
    with pytest.raises(StateError) as caught:
        place.night()
    assert caught.value.code == "state-version"


def test_state_folder_that_cannot_be(tmp_path: Path) -> None:
    place = school(tmp_path / "s")
    (tmp_path / "s" / "exports").mkdir(parents=True)
    place.state.write_bytes(b"a file")
    with pytest.raises(StateError) as caught:
        place.night()
    assert caught.value.code == "state-unusable"


def test_one_run_at_a_time(tmp_path: Path) -> None:
    place = school(tmp_path / "s")
    place.nights(1)
    held = State.open(place.state)
    try:
        with pytest.raises(BusyError) as caught:
            place.night(NIGHTS[2])
        assert caught.value.code == "agent-busy"
    finally:
        held.close()
    assert place.night(NIGHTS[2]).seq == 2


@pytest.mark.parametrize("skew", [-301, 301, 10**7])
def test_clocks_that_differ(tmp_path: Path, skew: int) -> None:
    place = school(tmp_path / "s")
    old = place.nights(1)
    place.store._clock = lambda: place.clock.at + timedelta(seconds=skew)  # type: ignore[attr-defined]
    with pytest.raises(StateError) as caught:
        place.night(NIGHTS[2])
    assert caught.value.code == "clock-skew"
    place.check_all_snapshots(old)
    place.store._clock = lambda: place.clock.at + timedelta(seconds=skew // abs(skew) * 299)  # type: ignore[attr-defined]
    assert place.night(NIGHTS[2]).seq == 2


def test_clocks_that_jump_together(tmp_path: Path) -> None:
    """Both go back a year, then ahead two: every night is deposited."""
    place = school(tmp_path / "s")
    place.night(NIGHTS[1])
    place.clock.at -= timedelta(days=365)
    assert place.night(NIGHTS[2]).seq == 2
    place.clock.at += timedelta(days=730)
    report = place.night(NIGHTS[3])
    assert {one.new_series for one in report.compartments.values()} == {None}
    place.check_all_snapshots(NIGHTS)
    place.check_healthy()
    place.clock.at += timedelta(days=730)
    assert {one.new_series for one in place.night().compartments.values()} == {"planned"}


def test_source_that_is_not_there(tmp_path: Path) -> None:
    place = school(tmp_path / "s")
    old = place.nights(1)
    shutil.rmtree(place.source)
    with pytest.raises(SourceError):
        place.night()
    place.check_all_snapshots(old)
    assert place.night(NIGHTS[2]).seq == 2


def test_unreadable_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = school(tmp_path / "s")
    place.nights(1)
    (place.source / "pupils.csv").write_bytes(b"new")
    scanned = FolderSource.open

    def refuse(source: FolderSource, item: object) -> object:
        if item.path.endswith(b"pupils.csv"):  # type: ignore[attr-defined]
            raise UnreadableError("permission", "locked by the MIS")
        return scanned(source, item)  # type: ignore[arg-type]

    monkeypatch.setattr(FolderSource, "open", refuse)
    report = place.night()
    assert report.compartments["records"].unread == 1
    assert report.verdict is not None
    assert (report.verdict.status, report.verdict.codes) == ("warn", ("unread",))
    entry = next(one for view in place.views() for one in view.entries() if one.path == b"school/pupils.csv")
    assert (entry.TYPE, entry.reason) == ("unread", "permission")  # type: ignore[union-attr]
    monkeypatch.undo()
    assert place.night().verdict.status == "pass"  # type: ignore[union-attr]
    assert place.restore_all()["pupils.csv"] == b"new"


class Growing:
    """Appends a row to a file after its last block was read, the first `times` times."""

    def __init__(self, path: Path, times: int) -> None:
        self._path = path
        self._left = times
        self._open = FolderSource.open

    def __call__(self, source: FolderSource, item: FileItem) -> io.RawIOBase:
        reader = self._open(source, item)
        if item.path.endswith(self._path.name.encode()) and self._left:
            self._left -= 1
            with reader:
                data = reader.readall()
            with self._path.open("ab") as file:
                file.write(b"one more row\n")
            return io.BytesIO(data)  # type: ignore[return-value]
        return reader


@pytest.mark.parametrize(("times", "changing"), [(1, 0), (2, 0), (3, 1), (50, 1)])
def test_file_that_changes_while_it_is_read(
    tmp_path: Path, times: int, changing: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Read again, at most three times; what was not read whole is read again the next night, also when it is quiet."""
    place = school(tmp_path / "s")
    place.nights(1)
    path = place.source / "pupils.csv"
    path.write_bytes(b"upn,name\n")
    growing = Growing(path, times)
    monkeypatch.setattr(FolderSource, "open", lambda *args: growing(*args))  # noqa: PLW0108 - binds the source
    report = place.night()
    assert report.compartments["records"].changing == changing
    assert report.verdict is not None
    assert report.verdict.codes == (("changing",) if changing else ())
    back = place.restore_all()["pupils.csv"]
    assert path.read_bytes() == back + b"one more row\n" * changing
    monkeypatch.undo()
    assert place.night().verdict.status == "pass"  # type: ignore[union-attr]
    assert place.restore_all()["pupils.csv"] == path.read_bytes()


def test_time_is_over(tmp_path: Path) -> None:
    """A night may be told to stop between files; the next goes on."""
    place = school(tmp_path / "s")
    old = place.nights(1)
    times = iter([True, False, False, False])
    report = place.night(NIGHTS[2], may_go_on=lambda: next(times))
    assert (report.seq, report.verdict, report.finished) == (None, None, False)
    place.check_all_snapshots(old)
    done = place.night()
    assert (done.seq, done.finished) == (2, True)
    place.check_all_snapshots(old | {2: NIGHTS[2]})
    place.check_healthy()


def test_a_state_that_cannot_be_opened_is_let_go(tmp_path: Path) -> None:
    State.open(tmp_path).close()
    with contextlib.closing(sqlite3.connect(tmp_path / "state.db")) as database:
        database.execute("PRAGMA user_version = 99")
    with pytest.raises(StateError) as caught:
        State.open(tmp_path)
    assert caught.value.code == "state-version"
    with contextlib.closing(sqlite3.connect(tmp_path / "state.db", timeout=0)) as database:
        database.execute("PRAGMA user_version = 1")
    State.open(tmp_path).close()
