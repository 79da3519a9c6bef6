"""What a folder adds: crashes, full disks, links, lost shares, other people's files."""

import contextlib
import errno
import os
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from escrow.errors import (
    DeniedError,
    ExistsError,
    FullError,
    NotFoundError,
    StoreError,
    UnreachableError,
)
from escrow.store import FolderStore, files
from escrow.store.folder import TEMP_MAX_AGE, TEMP_PREFIX


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "vault"


@pytest.fixture
def store(root: Path) -> FolderStore:
    return FolderStore(root, create=True)


def everything(root: Path) -> list[str]:
    return sorted(path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file())


def test_a_missing_folder_is_no_empty_store(root: Path) -> None:
    store = FolderStore(root)
    calls = (
        lambda: store.put("a", b""),
        lambda: store.get("a"),
        lambda: store.head("a"),
        lambda: list(store.list()),
        lambda: store.delete("a"),
        store.now,
    )
    for call in calls:
        with pytest.raises(UnreachableError) as caught:
            call()
        assert caught.value.code == "store-folder-missing"
    assert not root.exists()


def test_everything_is_synced_before_put_returns(store: FolderStore, monkeypatch: pytest.MonkeyPatch) -> None:
    log: list[str] = []
    real_sync, real_link = os.fsync, os.link

    def sync(descriptor: int) -> None:
        log.append("folder" if stat.S_ISDIR(os.fstat(descriptor).st_mode) else "file")
        real_sync(descriptor)

    def link(source: Path, target: Path) -> None:
        log.append("link")
        real_link(source, target)

    monkeypatch.setattr(os, "fsync", sync)
    monkeypatch.setattr(os, "link", link)
    store.put("a/b/c", b"one")
    assert log == ["folder", "folder", "file", "link", "folder"]


@pytest.mark.parametrize("step", ["write_durably", "publish"])
def test_a_failed_put_leaves_nothing(
    store: FolderStore, root: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    def fail(path: Path, other: object) -> None:
        if step == "write_durably":
            path.write_bytes(b"half")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(files, step, fail)
    with pytest.raises(FullError) as caught:
        store.put("a/b", b"whole")
    assert caught.value.code == "store-full"
    assert "a/b" in str(caught.value)
    assert everything(root) == []


@pytest.mark.parametrize("code", [errno.EPERM, errno.ENOTSUP, errno.EACCES])
def test_shares_without_hard_links(store: FolderStore, root: Path, monkeypatch: pytest.MonkeyPatch, code: int) -> None:
    def link(*args: object, **how: object) -> None:
        raise OSError(code, "no hard links here")

    monkeypatch.setattr(os, "link", link)
    store.put("a/b", b"one")
    store.put("a/b", b"one")
    with pytest.raises(ExistsError):
        store.put("a/b", b"two")
    assert everything(root) == ["a/b"]
    assert store.get("a/b") == b"one"


def test_torn_files_are_ignored_and_removed_when_old(store: FolderStore, root: Path) -> None:
    store.put("a/b", b"one")
    old, young = root / "a" / f"{TEMP_PREFIX}old", root / "a" / f"{TEMP_PREFIX}young"
    for each in (old, young):
        each.write_bytes(b"ha")
    before = time.time() - TEMP_MAX_AGE - 60
    os.utime(old, (before, before))
    assert [info.key for info in store.list()] == ["a/b"]
    FolderStore(root).put("a/c", b"two")
    assert not old.exists()
    assert young.exists()


def test_links_are_not_followed(store: FolderStore, root: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret").write_bytes(b"secret")
    try:
        (root / "link").symlink_to(outside, target_is_directory=True)
        (root / "file").symlink_to(outside / "secret")
    except OSError:
        pytest.skip("this account may not make symbolic links")
    assert list(store.list()) == []
    for key in ("link/secret", "file"):
        for call in (store.get, store.head, store.delete, lambda key: store.put(key, b"x")):
            with pytest.raises(StoreError) as caught:
                call(key)
            assert caught.value.code == "store-link"
    with pytest.raises(StoreError):
        store.put("link/new", b"x")
    assert everything(outside) == ["secret"]


def test_foreign_files_are_listed_as_they_are(store: FolderStore, root: Path) -> None:
    store.put("a/b", b"one")
    (root / "Thumbs.db").write_bytes(b"x")
    (root / "a" / "copy of b").write_bytes(b"x")
    if os.name == "posix":
        Path(os.fsdecode(os.fsencode(root) + b"/bad\xff")).write_bytes(b"x")
        assert [info.key for info in store.list()] == ["Thumbs.db", "a/b", "a/copy of b", "bad\\xff"]
    else:
        assert [info.key for info in store.list()] == ["Thumbs.db", "a/b", "a/copy of b"]


def test_a_folder_is_no_object(store: FolderStore) -> None:
    store.put("a/b", b"one")
    with pytest.raises(StoreError):
        store.put("a", b"two")
    with pytest.raises(StoreError):
        store.put("a/b/c", b"three")
    with pytest.raises(NotFoundError):
        store.get("a")
    store.delete("a")
    assert store.get("a/b") == b"one"


def test_retention_makes_files_read_only(store: FolderStore, root: Path) -> None:
    store.put("a/b", b"one", retain_until=store.now() + timedelta(days=1))
    assert not (root / "a" / "b").stat().st_mode & 0o222
    store.delete("a/b")
    assert everything(root) == []


def test_damage_shows_in_head_and_in_put(store: FolderStore, root: Path) -> None:
    good = store.put("a/b", b"one")
    assert good.sha256 is None
    (root / "a" / "b").write_bytes(b"onf")
    assert store.head("a/b").sha256 != "7692c3ad3540bb803c020b3aee66cd8887123234ea0c6e7143c0add73ff431ed"
    with pytest.raises(ExistsError):
        store.put("a/b", b"one")


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (errno.ENOSPC, FullError),
        (errno.EDQUOT, FullError),
        (errno.EACCES, DeniedError),
        (errno.EROFS, DeniedError),
        (errno.EIO, UnreachableError),
        (errno.ESTALE, UnreachableError),
        (errno.EHOSTDOWN, UnreachableError),
        (errno.ENOENT, NotFoundError),
        (errno.ENAMETOOLONG, StoreError),
    ],
)
def test_errors_have_clear_words(
    store: FolderStore, monkeypatch: pytest.MonkeyPatch, code: int, kind: type[StoreError]
) -> None:
    store.put("a/b", b"one")

    def fail(*_: object) -> int:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, "open", fail)
    with pytest.raises(kind) as caught:
        store.get("a/b")
    assert type(caught.value) is kind
    assert caught.value.code.startswith("store-")
    assert "a/b" in str(caught.value)
    assert isinstance(caught.value.__cause__, OSError)


def test_a_file_that_vanishes_while_listing_hides_no_other(
    store: FolderStore, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for key in ("a/b", "a/c", "a/d"):
        store.put(key, b"one")
    real = os.scandir

    @contextlib.contextmanager
    def scandir(path: Path) -> Iterator[Iterator[os.DirEntry[str]]]:
        with real(path) as entries:
            listed = sorted(entries, key=lambda entry: entry.name)
        (root / "a" / "b").unlink(missing_ok=True)
        yield iter(listed)

    monkeypatch.setattr(os, "scandir", scandir)
    assert [info.key for info in store.list()] == ["a/c", "a/d"]


def test_a_killed_put_leaves_the_whole_object_or_none(root: Path, store: FolderStore) -> None:
    code = (
        "import sys, pathlib; from escrow.store import FolderStore; store = FolderStore(pathlib.Path(sys.argv[1]))\n"
        "for number in range(10**6): store.put(f'p/{number:06d}', b'%d' % number * 20000); print(number, flush=True)"
    )
    for _ in range(3):
        with subprocess.Popen([sys.executable, "-c", code, root], stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            acknowledged = [int(process.stdout.readline()) for _ in range(20)]
            process.kill()
            acknowledged += [int(line) for line in process.stdout.read().split()]
        found = {info.key: info.size for info in store.list("p/")}
        for key, size in found.items():
            number = int(key.removeprefix("p/"))
            assert size == len(b"%d" % number * 20000)
            assert store.get(key) == b"%d" % number * 20000
        assert {f"p/{number:06d}" for number in acknowledged} <= set(found)
