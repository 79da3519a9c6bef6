"""Files that cannot be read, vanish or change are reported with a reason; the rest goes on."""

import errno
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from escrow.source.base import FileItem, UnreadableError, UnreadItem
from escrow.source.folder import FolderSource


def fail(monkeypatch: pytest.MonkeyPatch, call: str, name: str, error: OSError) -> None:
    """Make `os.<call>` raise for paths that end in `name`: root's rights hide real refusals from tests."""
    real: Callable[..., object] = getattr(os, call)

    def faulty(path: str, *args: object, **options: object) -> object:
        if str(path).endswith(name):
            raise error
        return real(path, *args, **options)

    monkeypatch.setattr(os, call, faulty)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for name in ("a/x.csv", "b/y.csv", "z.csv"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(name)
    return tmp_path


REASONS = [
    (PermissionError(errno.EACCES, "denied"), "permission"),
    (FileNotFoundError(errno.ENOENT, "gone"), "vanished"),
    (OSError(errno.EIO, "bad disk"), "io-error"),
    (OSError(errno.ESTALE, "stale handle"), "io-error"),
]


@pytest.mark.parametrize(("error", "reason"), REASONS)
@pytest.mark.parametrize(("call", "name"), [("scandir", "a"), ("lstat", "a")])
def test_an_unreadable_folder_is_an_item_and_the_rest_goes_on(
    tree: Path, monkeypatch: pytest.MonkeyPatch, call: str, name: str, error: OSError, reason: str
) -> None:
    fail(monkeypatch, call, f"{os.sep}{name}", error)
    source = FolderSource("s", tree)
    items = list(source.scan())
    assert items[0] == UnreadItem(b"s/a", reason)
    assert [item.path for item in items[1:]] == [b"s/b/y.csv", b"s/z.csv"]
    assert source.notes.counts["unread"] == 1


def test_a_listing_that_breaks_off_keeps_what_it_gave(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.scandir

    class Broken:
        def __init__(self, path: str) -> None:
            self._real = real(path)
            self._breaks = path.endswith("a")

        def __enter__(self) -> "Broken":
            return self

        def __exit__(self, *_: object) -> None:
            self._real.close()

        def __iter__(self) -> Iterator[os.DirEntry[str]]:
            yield from self._real
            if self._breaks:
                raise OSError(errno.EIO, "bad disk")

    monkeypatch.setattr(os, "scandir", Broken)
    items = list(FolderSource("s", tree).scan())
    assert items[0] == UnreadItem(b"s/a", "io-error")
    assert [item.path for item in items] == [b"s/a", b"s/a/x.csv", b"s/b/y.csv", b"s/z.csv"]


@pytest.mark.parametrize(("error", "reason"), REASONS)
def test_a_file_that_cannot_be_opened_says_why(
    tree: Path, monkeypatch: pytest.MonkeyPatch, error: OSError, reason: str
) -> None:
    source = FolderSource("s", tree)
    item = next(source.scan())
    assert isinstance(item, FileItem)
    fail(monkeypatch, "open", "x.csv", error)
    with pytest.raises(UnreadableError) as caught:
        source.open(item)
    assert caught.value.code == reason


def test_a_windows_sharing_violation_is_in_use(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    error = PermissionError(errno.EACCES, "used by another process")
    error.winerror = 32  # type: ignore[attr-defined,unused-ignore]
    fail(monkeypatch, "lstat", "z.csv", error)
    assert list(FolderSource("s", tree).scan())[-1] == UnreadItem(b"s/z.csv", "in-use")


def test_a_file_that_vanishes_after_the_scan(tree: Path) -> None:
    source = FolderSource("s", tree)
    item = next(source.scan())
    assert isinstance(item, FileItem)
    (tree / "a" / "x.csv").unlink()
    for look in (source.open, source.recheck):
        with pytest.raises(UnreadableError) as caught:
            look(item)
        assert caught.value.code == "vanished"


@pytest.mark.skipif(os.name == "nt", reason="POSIX files")
@pytest.mark.parametrize("other", ["fifo", "link", "folder"])
def test_a_file_that_became_another_thing_neither_blocks_nor_is_followed(tree: Path, other: str) -> None:
    source = FolderSource("s", tree)
    item = next(source.scan())
    assert isinstance(item, FileItem)
    path = tree / "a" / "x.csv"
    path.unlink()
    {"fifo": os.mkfifo, "link": lambda p: p.symlink_to(tree / "z.csv"), "folder": os.mkdir}[other](path)
    for look in (source.open, source.recheck):
        with pytest.raises(UnreadableError) as caught:
            look(item)
        assert caught.value.code == "changing"


def test_recheck_tells_a_changed_file_from_the_same(tree: Path) -> None:
    source = FolderSource("s", tree)
    item = next(source.scan())
    assert isinstance(item, FileItem)
    assert source.recheck(item) is None
    with (tree / "a" / "x.csv").open("a") as out:
        out.write("more")
    changed = source.recheck(item)
    assert changed is not None
    assert changed.size == item.size + 4
    assert source.recheck(changed) is None


@pytest.mark.skipif(os.name == "nt", reason="Windows has no change time")
def test_recheck_sees_a_change_that_keeps_size_and_time(tree: Path) -> None:
    source = FolderSource("s", tree)
    item = next(source.scan())
    assert isinstance(item, FileItem)
    path = tree / "a" / "x.csv"
    path.write_text("A/X.CSV")
    os.utime(path, ns=(item.mtime_ns, item.mtime_ns))
    assert source.recheck(item) is not None


@pytest.mark.skipif(not Path("/proc/self/mem").exists(), reason="needs a file whose reads fail")
def test_an_error_in_the_middle_of_reading_says_so() -> None:
    source = FolderSource("s", Path("/proc/self"))
    item = FileItem(b"s/mem", 1, 0, 0, 0, None, "s", "document")
    with source.open(item) as reader, pytest.raises(UnreadableError) as caught:
        reader.readinto(bytearray(10))
    assert caught.value.code == "io-error"
