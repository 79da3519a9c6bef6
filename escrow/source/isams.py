"""iSAMS by its Batch API 1.0: one XML document with everything that the key's methods give, byte for byte.

From public examples of its answers. The key goes in the address; no message and no log shows the address.
"""

import io
import time
from collections.abc import Callable, Iterator

from escrow.source.base import FileItem, Item, ScanNotes, UnreadableError, check_name, stream_item
from escrow.source.http import HttpClient
from escrow.source.recipes import HEAD, find_recipe
from escrow.source.streams import PieceReader

KEY = "apiKey"
PATH = "api/batch/1.0/xml.ashx"
_END = b"</iSAMS>"
_TAIL = 256


class IsamsSource:
    """The batch of one key as `<name>/batch.xml`. iSAMS answers from a cache of 24 hours."""

    def __init__(
        self, name: str, connect: Callable[[], HttpClient], *, now_ns: Callable[[], int] = time.time_ns
    ) -> None:
        """`connect` is asked at each scan; its client has the key. UsageError `source-name`."""
        check_name(name)
        self.name = name
        self.notes = ScanNotes(name)
        self._connect = connect
        self._client: HttpClient
        self._now_ns = now_ns

    def scan(self) -> Iterator[Item]:
        """One stream. SourceError where the key lacks; what the server says is told when it is read."""
        self.notes = ScanNotes(self.name)
        self._client = self._connect()
        path = f"{self.name}/batch.xml"
        return iter([stream_item(path.encode(), self._now_ns(), path)])

    def open(self, item: FileItem) -> io.RawIOBase:
        """The document. UnreadableError from its reads: `isams-refused`, an error in XML; `isams-cut`, no end."""
        self.notes.told.clear()
        return PieceReader(self._told())

    def recheck(self, item: FileItem) -> FileItem | None:
        """Always None: the document is of one moment."""
        return None

    def _told(self) -> Iterator[bytes]:
        try:
            yield from self._document()
        except UnreadableError as error:
            self.notes.told.append(f"batch: not read ({error.code}): {error}")
            raise

    def _document(self) -> Iterator[bytes]:
        head, tail = b"", b""
        for piece in self._client.pieces(PATH):
            if len(head) < HEAD:
                head += piece[: HEAD - len(head)]
                _check(head)
            tail = (tail + piece)[-_TAIL:]
            yield piece
        if not tail.rstrip().endswith(_END):
            raise UnreadableError("isams-cut", "the document breaks off, or is no batch", hint="try again", again=True)


def _check(head: bytes) -> None:
    if any(pattern.search(head) for pattern in find_recipe("isams-batch").broken):
        hint = "look in iSAMS' control panel whether the key is on, and which batch methods are ticked for it"
        raise UnreadableError("isams-refused", "iSAMS answers with an error message and no data", hint=hint)
