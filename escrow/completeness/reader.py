"""Chooses how a file is profiled, by its first bytes and its ending, and does it as the bytes go by."""

import numpy as np

from escrow.completeness.archives import GzipFile, Part, ZipFile
from escrow.completeness.csvtable import CsvTable
from escrow.completeness.jsonfile import JsonFile
from escrow.completeness.profile import OPAQUE, Profile
from escrow.completeness.sqldump import SqlDump
from escrow.completeness.textflow import Bytes, TextFlow, wide_encoding
from escrow.completeness.xmlfile import XmlFile

_HEAD = 4096
_DEEPEST = 2
_DELIMITED = frozenset({"csv", "tsv", "psv", "tab", "txt"})
_MAGIC = {
    b"SQLite format 3\0": "sqlite",
    b"TAPE": "mssql-backup",
    b"PGDMP": "pg-custom",
    b"\x00\x01\x00\x00Standard": "access",
    b"PAR1": "parquet",
    b"%PDF": "pdf",
    b"7z\xbc\xaf": "7z",
}


class FileReader:
    """One file: `feed` its bytes, then `finish`. Never raises for what the bytes are."""

    def __init__(self, name: str, depth: int = 0) -> None:
        """`name`: its last part at least."""
        self._name = name.lower()
        self._depth = depth
        self._head = bytearray()
        self._part: Part | None = None

    def take(self, data: memoryview) -> None:
        """The next bytes; they are not kept."""
        self.feed(np.frombuffer(data, np.uint8))

    def feed(self, data: Bytes) -> None:
        """The next bytes; they are not kept."""
        if self._part is None:
            taken = min(_HEAD - len(self._head), len(data))
            self._head += data[:taken].tobytes()
            data = data[taken:]
            if len(self._head) < _HEAD:
                return
            self._begin()
        if self._part is not None and len(data):
            self._part.feed(data)

    def _begin(self) -> None:
        self._part = self._choose(bytes(self._head))
        self._part.feed(np.frombuffer(bytes(self._head), np.uint8))

    def _choose(self, head: bytes) -> Part:
        ending = self._name.rpartition(".")[2]
        for magic, format in _MAGIC.items():
            if head.startswith(magic):
                return _Opaque(format)
        if head.startswith(b"\x1f\x8b") or ending == "gz":
            return GzipFile(self._name, self._inside) if self._depth < _DEEPEST else _Opaque("gzip")
        if head.startswith((b"PK\x03\x04", b"PK\x05\x06")) or ending == "zip":
            office = ending in {"xlsx", "docx", "pptx", "xlsm", "ods", "odt"}
            return ZipFile(self._inside) if self._depth < _DEEPEST and not office else _Opaque("office")
        return _text_part(head, ending)

    def _inside(self, name: str) -> Part:
        return FileReader(name.rpartition("/")[2], self._depth + 1)

    def finish(self) -> Profile:
        """What the file holds; `opaque` where its format is not one that can be looked into."""
        if self._part is None:
            if not self._head:
                return Profile("empty", 0, notes=("empty",))
            self._begin()
        assert self._part is not None
        return self._part.finish()


def _text_part(head: bytes, ending: str) -> Part:
    wide = wide_encoding(head)
    text = head.decode(wide, "replace").encode() if wide else head
    start = text.lstrip(b"\xef\xbb\xbf \t\r\n\xbf")[:1]
    if start == b"<" and (ending in {"xml", "ctf"} or text.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<?xml")):
        return XmlFile(head)
    if ending in {"json", "jsonl", "ndjson"}:
        return JsonFile(head)
    if ending == "sql":
        return SqlDump(head)
    if ending in _DELIMITED:
        return _Delimited(head)
    return XmlFile(head) if ending == "xml" else _Opaque("opaque")


class _Opaque:
    def __init__(self, format: str) -> None:
        self._format = format

    def feed(self, data: Bytes) -> None:
        pass

    def finish(self) -> Profile:
        return Profile(self._format) if self._format != "opaque" else OPAQUE


class _Delimited:
    """Delimited text: the encoding's way in, and the table."""

    def __init__(self, head: bytes) -> None:
        self._table = CsvTable()
        self._flow = TextFlow(head, self._table.feed)

    def feed(self, data: Bytes) -> None:
        self._flow.feed(data)

    def finish(self) -> Profile:
        table = self._table
        table.finish()
        notes = table.notes | {"nul-bytes"} if self._flow.nul else table.notes
        return Profile(
            "csv",
            table.rows,
            tuple(table.columns()),
            self._flow.encoding,
            "" if not self._flow.bom else self._flow.bom.removesuffix("-sig"),
            tuple(sorted(notes)),
        )


def profile_bytes(name: str, data: bytes, piece: int = 1 << 20) -> Profile:
    """The profile of bytes at hand."""
    reader = FileReader(name)
    for start in range(0, len(data), piece):
        reader.feed(np.frombuffer(data[start : start + piece], np.uint8))
    return reader.finish()
