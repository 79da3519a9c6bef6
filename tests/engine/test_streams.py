"""Streams of unknown size: read every night, whole or unread; a source that fails stops no other."""

import io
from collections.abc import Callable, Iterator

import pytest

from escrow.errors import SourceError
from escrow.limits import MIB
from escrow.source import FileItem, FolderSource, Item, ScanNotes, Source, UnreadableError, stream_item
from escrow.source.base import UnreadItem

from .kit import NIGHTS, contents, school

TABLE = b"".join(b"%d,mark\r\n" % n for n in range(400_000))


class Pipe(io.RawIOBase):
    """`data`, in reads of odd sizes; then `end` is called, which may raise."""

    def __init__(self, data: bytes, end: Callable[[], None]) -> None:
        self._data = io.BytesIO(data)
        self._end = end

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: object) -> int:
        count = self._data.readinto(memoryview(buffer)[:65_521])  # type: ignore[call-overload]
        if not count:
            self._end()
        return int(count)


class Streams:
    """A source of streams: name -> (data, what happens at its end)."""

    def __init__(self, name: str, streams: dict[bytes, tuple[bytes, Callable[[], None]]]) -> None:
        self.name = name
        self.notes = ScanNotes(name)
        self.streams = streams
        self.opened: list[bytes] = []

    def scan(self) -> Iterator[Item]:
        self.notes = ScanNotes(self.name)
        for path in sorted(self.streams):
            yield stream_item(path, 10**18, path.decode())

    def open(self, item: FileItem) -> io.RawIOBase:
        self.opened.append(item.path)
        return Pipe(*self.streams[item.path])

    def recheck(self, item: FileItem) -> FileItem | None:
        return None


def fine() -> None:
    pass


class Down(Streams):
    """A source that cannot be read at all."""

    def scan(self) -> Iterator[Item]:
        self.notes = ScanNotes(self.name)
        raise SourceError("source-away", "expected an answer, found none", hint="start it")
        yield


def breaks(times: int, *, again: bool) -> Callable[[], None]:
    left = [times]

    def end() -> None:
        if left[0]:
            left[0] -= 1
            raise UnreadableError("away", "the other side hung up", again=again)

    return end


def test_a_stream_is_read_every_night_and_stored_once(tmp_path) -> None:
    place = school(tmp_path / "s")
    source = Streams("sql", {b"sql/marks.csv": (TABLE, fine), b"sql/none.csv": (b"", fine)})
    first = place.night(sources=[source])
    second = place.night(sources=[source])
    assert source.opened == [b"sql/marks.csv", b"sql/none.csv"] * 2
    assert place.restore_all() == {"marks.csv": TABLE, "none.csv": b""}
    put = [one.compartments["records"].bytes_put for one in (first, second)]
    assert second.compartments["records"].unchanged == 0
    assert second.compartments["records"].bytes == len(TABLE)
    assert second.verdict is not None
    assert second.verdict.codes == ()
    assert put[1] < MIB * 1.2
    place.check_healthy()


@pytest.mark.parametrize(("times", "again", "read"), [(1, True, 2), (2, True, 3), (3, True, 3), (1, False, 1)])
def test_a_stream_that_breaks_off_is_whole_or_unread(tmp_path, times: int, again: bool, read: int) -> None:
    place = school(tmp_path / "s")
    streams = {b"sql/a.csv": (TABLE[:5_000_000], breaks(times, again=again)), b"sql/b.csv": (b"1\r\n", fine)}
    source = Streams("sql", streams)
    report = place.night(sources=[source])
    assert source.opened.count(b"sql/a.csv") == read
    whole = again and times < 3
    assert report.verdict is not None
    assert (report.verdict.status, report.verdict.codes) == (("pass", ()) if whole else ("warn", ("unread",)))
    wanted = {"a.csv": TABLE[:5_000_000]} if whole else {}
    assert place.restore_all() == wanted | {"b.csv": b"1\r\n"}
    unread = [one for view in place.views() for one in view.entries() if one.TYPE == "unread"]
    assert [(one.path, one.reason) for one in unread] == ([] if whole else [(b"sql/a.csv", "away")])
    place.check_healthy()


def test_a_source_that_fails_stops_no_other(tmp_path) -> None:
    place = school(tmp_path / "s")
    place.night(NIGHTS[1])
    good = FolderSource("school", place.source)
    sources: list[Source] = [Down("a", {}), good, Down("z", {})]
    report = place.night(sources=sources)
    assert report.finished
    assert report.verdict is not None
    assert (report.verdict.status, report.verdict.codes) == ("fail", ("source-failed", "unread"))
    assert "source z: not read (source-away): expected an answer, found none: start it" in report.warnings
    assert contents(place.views()) == NIGHTS[1]
    unread = [one for view in place.views() for one in view.entries() if one.TYPE == "unread"]
    assert [(one.path, one.reason) for one in unread] == [(b"a", "source-away"), (b"z", "source-away")]
    place.check_healthy()
    assert place.night(sources=[good]).verdict.codes == ()  # type: ignore[union-attr]


def test_when_every_source_fails_there_is_no_night(tmp_path) -> None:
    place = school(tmp_path / "s")
    place.night(NIGHTS[1])
    with pytest.raises(SourceError) as caught:
        place.night(sources=[Down("a", {}), Down("z", {})])
    assert caught.value.code == "source-away"
    assert len(place.history().snapshots) == 1


def test_a_failed_source_has_a_place_in_the_list() -> None:
    from escrow.source import scan_all

    down = Down("b", {})
    items = [item for _, item in scan_all([down, Streams("c", {b"c/x": (b"", fine)})])]
    assert [item.path for item in items] == [b"b", b"c/x"]
    assert items[0] == UnreadItem(b"b", "source-away")
    assert down.notes.failure is not None
