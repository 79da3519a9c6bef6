"""Every real file of ../shared/samples is found, once, with its size and its bytes."""

import hashlib
from pathlib import Path

from escrow.source.base import FileItem
from escrow.source.folder import FolderSource


def test_every_sample_is_scanned_and_read(samples: Path) -> None:
    wanted = {
        b"samples/" + path.relative_to(samples).as_posix().encode(): hashlib.sha256(path.read_bytes()).digest()
        for path in samples.rglob("*")
        if path.is_file()
    }
    source = FolderSource("samples", samples)
    found = {}
    for item in source.scan():
        assert isinstance(item, FileItem)
        with source.open(item) as reader:
            data = reader.readall()
        assert len(data) == item.size
        assert source.recheck(item) is None
        found[item.path] = hashlib.sha256(data).digest()
    assert len(found) >= 11
    assert found == wanted
