"""Items come sorted by the bytes of their full path, each once, and none is lost."""

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from escrow.errors import UsageError
from escrow.source.base import DirItem, FileItem, scan_all
from escrow.source.folder import FolderSource

NAMES = st.one_of(
    st.sampled_from([b"a", b"a.txt", b"a b", b"a-1", b"a0", b"A", b"b", b"\xff", b"\xc3\xa9", b"z\\y"]),
    st.binary(min_size=1, max_size=4).filter(lambda n: n not in (b".", b"..") and not set(n) & {0, 47}),
)
TREES = st.recursive(st.none(), lambda children: st.dictionaries(NAMES, children, max_size=5), max_leaves=25).filter(
    lambda tree: tree is not None
)

Tree = dict[bytes, "Tree | None"]


def plant(root: bytes, tree: Tree, path: bytes, expected: set[bytes]) -> None:
    root_dir = root + path.removeprefix(b"s")
    Path(os.fsdecode(root_dir)).mkdir(exist_ok=True)
    if not tree:
        expected.add(path)
    for name, child in tree.items():
        if child is None:
            Path(os.fsdecode(root_dir + b"/" + name)).write_bytes(name)
            expected.add(path + b"/" + name)
        else:
            plant(root, child, path + b"/" + name, expected)


@pytest.mark.skipif(os.name == "nt", reason="names are raw bytes on POSIX only")
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(tree=TREES)
def test_any_tree_comes_out_sorted_and_whole(tmp_path_factory: pytest.TempPathFactory, tree: Tree) -> None:
    root = tmp_path_factory.mktemp("tree")
    expected: set[bytes] = set()
    plant(os.fsencode(root), tree, b"s", expected)
    found = [item.path for item in FolderSource("s", root).scan()]
    assert found == sorted(expected)


def test_an_empty_folder_stands_before_what_sorts_between_it_and_its_slash(tmp_path: Path) -> None:
    for name in ("a", "b/x"):
        (tmp_path / name).mkdir(parents=True)
    for name in ("a.txt", "b.txt", "b/x/y"):
        (tmp_path / name).touch()
    items = list(FolderSource("s", tmp_path).scan())
    assert [item.path for item in items] == [b"s/a", b"s/a.txt", b"s/b.txt", b"s/b/x/y"]
    assert [type(item) for item in items] == [DirItem, FileItem, FileItem, FileItem]


def test_sources_merge_in_path_order(tmp_path: Path) -> None:
    (tmp_path / "mis").mkdir()
    (tmp_path / "mis-2").mkdir()
    (tmp_path / "mis-2" / "x").touch()
    sources = [FolderSource(name, tmp_path / name) for name in ("mis-2", "mis")]
    pairs = list(scan_all(sources))
    assert [(source.name, item.path) for source, item in pairs] == [("mis", b"mis"), ("mis-2", b"mis-2/x")]


def test_two_sources_of_one_name_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        list(scan_all([FolderSource("s", tmp_path), FolderSource("s", tmp_path)]))
    assert caught.value.code == "source-name"


def test_very_deep_trees_are_walked(tmp_path: Path) -> None:
    deep = [Path(f"{tmp_path}{'/d' * depth}") for depth in range(1, 1101)]  # past Python's recursion limit
    for folder in deep:
        folder.mkdir()
    (item,) = FolderSource("s", tmp_path).scan()
    assert isinstance(item, DirItem)
    assert item.path == b"s" + b"/d" * 1100
    for folder in reversed(deep):
        folder.rmdir()


@pytest.mark.slow
def test_memory_does_not_grow_with_the_tree(tmp_path: Path) -> None:
    import tracemalloc

    for folder in range(200):
        below = tmp_path / f"{folder:03}"
        below.mkdir()
        for number in range(500):
            (below / f"{number:03}.pdf").touch()
    source = FolderSource("s", tmp_path)
    tracemalloc.start()
    try:
        assert sum(1 for _ in source.scan()) == 100_000
        assert tracemalloc.get_traced_memory()[1] < 1_000_000
    finally:
        tracemalloc.stop()
