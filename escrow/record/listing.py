"""The file list as a stream: order, limits, size and hash (docs/format.md, section 8)."""

import hashlib
from collections.abc import Iterable, Iterator

from escrow import limits
from escrow.errors import FormatError, IntegrityError, LimitError
from escrow.record.filelist import DirEntry, Entry, FileEntry, LinkEntry, decode_line
from escrow.record.schema import ListRef, Totals


class FileListReader:
    """Iterates once over the entries in `blocks` of bytes; only its end proves the list to be that of `ref`.

    FormatError of a line, list-order, list-size; IntegrityError list-hash. `totals` counts what was yielded.
    """

    def __init__(self, blocks: Iterable[bytes], ref: ListRef) -> None:
        self._blocks = blocks
        self._ref = ref
        self._last = b""
        self._lines = 0
        self._counts = {FileEntry: 0, DirEntry: 0, LinkEntry: 0}
        self._bytes = 0

    @property
    def totals(self) -> Totals:
        """Counts over the entries so far, to hold against the manifest's."""
        files, dirs, links = self._counts.values()
        unread = self._lines - files - dirs - links
        return Totals(files=files, bytes=self._bytes, dirs=dirs, links=links, unread=unread)

    def __iter__(self) -> Iterator[Entry]:
        digest, size = hashlib.sha256(), 0
        begun: list[bytes] = []
        held = 0
        for block in self._blocks:
            digest.update(block)
            size += len(block)
            if size > self._ref.size:
                raise IntegrityError("list-hash", f"expected {self._ref.size} bytes of file list, found more")
            first, *lines = block.split(b"\n")
            begun.append(first)
            held += len(first)
            if lines:
                yield self._entry(b"".join(begun))
                begun = [lines.pop()]
                held = len(begun[0])
                for line in lines:
                    yield self._entry(line)
            if held > limits.MAX_LINE:
                raise LimitError("json-size", f"expected lines of at most {limits.MAX_LINE} bytes, found more")
        if size != self._ref.size or digest.hexdigest() != self._ref.sha256:
            raise IntegrityError(
                "list-hash",
                f"expected a file list of {self._ref.size} bytes and hash {self._ref.sha256[:16]}…, "
                f"found {size} bytes and {digest.hexdigest()[:16]}…",
                hint="a pack is not the one that was written; run escrow verify",
            )
        if held:
            raise FormatError("json-syntax", "expected LF at the end of the file list, found none")

    def _entry(self, line: bytes) -> Entry:
        entry = decode_line(line)
        if entry.path <= self._last:
            raise FormatError("list-order", f"expected a path after {self._last[:80]!r}, found {entry.path[:80]!r}")
        if self._lines == limits.MAX_FILES:
            raise LimitError("list-size", f"expected at most {limits.MAX_FILES} lines, found more")
        self._last = entry.path
        self._lines += 1
        kind = type(entry)
        if kind in self._counts:
            self._counts[kind] += 1
        if isinstance(entry, FileEntry):
            self._bytes += entry.size
        return entry
