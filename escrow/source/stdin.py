"""Standard input as a source of one file."""

import io
from collections.abc import Callable, Iterator
from typing import BinaryIO

from escrow.source.base import FileItem, Item, ScanNotes, UnreadableError
from escrow.source.one_file import item_of, path_of
from escrow.source.streams import PieceReader

_PIECE = 256 * 1024


class StdinSource:
    """The stream of `stream`, as the file `file` of source `name`: it can be read once."""

    def __init__(self, name: str, file: str, stream: Callable[[], BinaryIO | None]) -> None:
        """UsageError `source-name`, `source-file`."""
        self.name = name
        self.notes = ScanNotes(name)
        self._path = path_of(name, file)
        self._get = stream

    def scan(self) -> Iterator[Item]:
        """The one file. UnreadableError `stdin-terminal`, `stdin-read`."""
        self.notes = ScanNotes(self.name)
        self._stream()
        yield item_of(self._path)

    def open(self, item: FileItem) -> io.RawIOBase:
        """A reader of the stream, which is closed behind it. UnreadableError as `scan`."""
        return PieceReader(self._pieces(self._stream()))

    def recheck(self, item: FileItem) -> FileItem | None:
        """What was read is what there was."""
        return None

    def _stream(self) -> BinaryIO:
        stream = self._get()
        hint = "hand the data over: escrow snapshot < dump.sql, or program | escrow snapshot"
        if stream is None or stream.closed:
            found = "none, or one that was read already"
            raise UnreadableError("stdin-read", f"expected data on standard input, found {found}", hint=hint)
        if stream.isatty():
            raise UnreadableError("stdin-terminal", "expected data on standard input, found a terminal", hint=hint)
        return stream

    def _pieces(self, stream: BinaryIO) -> Iterator[bytes]:
        size = 0
        with stream:
            while piece := stream.read(_PIECE):
                size += len(piece)
                yield piece
        if not size:
            self.notes.told.append("standard input had 0 bytes; look at the program that should have written them")
