"""What a folder source says about each kind of thing in a tree."""

import os
import socket
from pathlib import Path

import pytest

from escrow.errors import SourceError, UsageError
from escrow.source.base import DirItem, FileItem, Item, LinkItem, UnreadItem
from escrow.source.folder import FolderSource

posix_only = pytest.mark.skipif(os.name == "nt", reason="POSIX files")


def scan(root: Path, *ignore: str) -> dict[bytes, Item]:
    return {item.path: item for item in FolderSource("mis", root, ignore=ignore).scan()}


def read(source: FolderSource, item: FileItem) -> bytes:
    with source.open(item) as reader:
        return reader.readall()


def test_files_carry_size_times_mode_dataset_and_kind(tmp_path: Path) -> None:
    (tmp_path / "marks.CSV").write_bytes(b"x" * 10)
    os.utime(tmp_path / "marks.CSV", ns=(1, 1_700_000_000_123_456_789))
    source = FolderSource("mis", tmp_path)
    (item,) = source.scan()
    assert isinstance(item, FileItem)
    assert (item.size, item.mtime_ns // 100) == (10, 17_000_000_001_234_567)
    assert (item.dataset, item.kind) == ("mis/marks.CSV", "table")
    assert item.mode == ((tmp_path / "marks.CSV").stat().st_mode & 0o7777 if os.name != "nt" else None)
    assert read(source, item) == b"x" * 10


@posix_only
def test_names_that_are_not_utf8_come_as_bytes_and_can_be_read(tmp_path: Path) -> None:
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.csv")).write_bytes(b"1")
    source = FolderSource("mis", tmp_path)
    (item,) = source.scan()
    assert isinstance(item, FileItem)
    assert (item.path, item.dataset) == (b"mis/caf\xe9.csv", "mis/caf\\xe9.csv")
    assert read(source, item) == b"1"


@posix_only
def test_links_are_recorded_and_never_followed(tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to(tmp_path)
    (tmp_path / "gone").symlink_to("no/such")
    (tmp_path / "self").symlink_to("self")
    items = scan(tmp_path)
    assert {path: item.target for path, item in items.items() if isinstance(item, LinkItem)} == {
        b"mis/loop": os.fsencode(tmp_path),
        b"mis/gone": b"no/such",
        b"mis/self": b"self",
    }
    assert len(items) == 3


@posix_only
def test_special_files_are_reported(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with socket.socket(socket.AF_UNIX) as listener:
        short = os.open(tmp_path, os.O_RDONLY)
        listener.bind(f"/proc/self/fd/{short}/sock" if Path("/proc/self/fd").exists() else str(tmp_path / "sock"))
        os.close(short)
        source = FolderSource("mis", tmp_path)
        assert list(source.scan()) == [UnreadItem(b"mis/pipe", "special"), UnreadItem(b"mis/sock", "special")]
    assert source.notes.counts["special"] == source.notes.counts["unread"] == 2
    assert "2 pipes" in source.notes.warnings()[0]


@posix_only
def test_hard_links_are_two_files_and_counted(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"x")
    os.link(tmp_path / "a", tmp_path / "b")
    source = FolderSource("mis", tmp_path)
    assert [type(item) for item in source.scan()] == [FileItem, FileItem]
    assert source.notes.counts["hard-link"] == 2


@posix_only
def test_a_hole_of_a_gibibyte_is_read_in_a_small_buffer(tmp_path: Path) -> None:
    with (tmp_path / "disk.img").open("wb") as out:
        out.truncate(2**30)
    source = FolderSource("mis", tmp_path)
    (item,) = source.scan()
    assert isinstance(item, FileItem)
    assert source.notes.counts["sparse"] == 1
    buffer, total = bytearray(2**22), 0
    with source.open(item) as reader:
        while count := reader.readinto(buffer):
            total += count
    assert total == item.size == 2**30
    assert not any(buffer)


def test_ignored_files_are_left_out_counted_and_leave_an_empty_folder(tmp_path: Path) -> None:
    for name in ("keep/Thumbs.db", "cache/x/y.bin", "a/~$letter.docx", "a/letter.docx"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    source = FolderSource("mis", tmp_path, ignore=["Thumbs.db", "/cache/", "~$*"])
    items = {item.path: type(item) for item in source.scan()}
    assert items == {b"mis/a/letter.docx": FileItem, b"mis/keep": DirItem}
    assert source.notes.counts["ignored"] == 3


def test_a_negated_pattern_takes_back(tmp_path: Path) -> None:
    for name in ("a.tmp", "keep.tmp"):
        (tmp_path / name).touch()
    assert list(scan(tmp_path, "*.tmp", "!keep.tmp")) == [b"mis/keep.tmp"]


def test_own_folders_inside_the_source_are_left_out_with_a_warning(tmp_path: Path) -> None:
    for name in ("vault/packs", "exports"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "exports" / "a.csv").touch()
    source = FolderSource("mis", tmp_path, skip=[tmp_path / "vault", tmp_path / "elsewhere"])
    assert [item.path for item in source.scan()] == [b"mis/exports/a.csv"]
    assert source.notes.warnings() == [
        "source mis: 1 folders that belong to escrow itself (vault or state) lie inside the source and were left out"
    ]


def test_a_source_inside_an_own_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "vault" / "x").mkdir(parents=True)
    for root in (tmp_path / "vault", tmp_path / "vault" / "x"):
        with pytest.raises(UsageError) as caught:
            FolderSource("mis", root, skip=[tmp_path / "vault"])
        assert caught.value.code == "source-own-folder"


@pytest.mark.parametrize("name", ["", "MIS", "a/b", "-a", "x" * 65, "a\n"])
def test_source_names_are_names_of_the_format(tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError):
        FolderSource(name, tmp_path)


def test_a_root_that_is_missing_or_no_folder_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for name in ("none", "file"):
        with pytest.raises(SourceError) as caught:
            list(FolderSource("mis", tmp_path / name).scan())
        assert caught.value.code == "source-missing"


@posix_only
def test_a_path_over_the_limit_marks_its_folder(tmp_path: Path) -> None:
    part, here = "p" * 250, os.open(tmp_path, os.O_RDONLY)
    for _ in range(17):
        os.mkdir(part, dir_fd=here)
        below = os.open(part, os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = below
    os.close(here)
    source = FolderSource("mis", tmp_path)
    assert list(source.scan()) == [UnreadItem(b"mis" + b"/" + b"/".join([part.encode()] * 16), "path-too-long")]
    assert source.notes.counts["path-too-long"] == 1


@pytest.mark.skipif(not hasattr(os, "setxattr"), reason="Linux only")
def test_extended_attributes_are_counted(tmp_path: Path) -> None:
    (tmp_path / "a").touch()
    try:
        os.setxattr(tmp_path / "a", "user.note", b"x")
    except OSError:
        pytest.skip("this file system has no user attributes")
    source = FolderSource("mis", tmp_path)
    list(source.scan())
    assert source.notes.counts["xattr"] == 1
    assert "extended attributes" in source.notes.warnings()[0]
