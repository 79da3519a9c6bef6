"""What the sources of one stream share: the file that they make."""

import time

from escrow.errors import FormatError, UsageError
from escrow.source.base import FileItem, check_name, stream_item
from escrow.source.datasets import dataset_of, kind_of
from escrow.source.paths import safe_target


def path_of(name: str, file: str) -> bytes:
    """The full path of the one file of source `name`. UsageError `source-name`, `source-file`."""
    check_name(name)
    raw = file.encode("utf-8", "surrogatepass")
    try:
        safe_target(raw, "windows")
    except FormatError:
        raw = b""
    if not raw or b"/" in raw:
        hint = 'write a name alone, such as file = "moodle.sql"'
        raise UsageError("source-file", f"expected a name that a file can have anywhere, found {file!r:.80}", hint=hint)
    return name.encode() + b"/" + raw


def item_of(path: bytes) -> FileItem:
    """The stream, as it is now."""
    return stream_item(path, time.time_ns(), dataset_of(path), kind_of(path))
