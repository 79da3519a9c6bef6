"""What the tests of databases share: a reading as the engine does it, with what the source says of itself."""

from collections.abc import Callable
from dataclasses import dataclass, field

from escrow.source import FileItem, Source, UnreadableError, UnreadItem


@dataclass
class Reading:
    """`files`: contents by name below the source; `unread`: reasons, of items and of reads that broke."""

    files: dict[str, bytes] = field(default_factory=dict)
    unread: dict[str, str] = field(default_factory=dict)


def read(source: Source, before: Callable[[str], None] = lambda name: None) -> Reading:
    """All of a source. `before` is called with each name, ahead of its reading."""
    found = Reading()
    for item in source.scan():
        name = item.path.decode().partition("/")[2]
        before(name)
        if isinstance(item, UnreadItem):
            found.unread[name] = item.reason
        elif isinstance(item, FileItem):
            try:
                with source.open(item) as raw:
                    found.files[name] = raw.readall()
            except UnreadableError as error:
                found.unread[name] = error.code
    return found
