"""Which dataset a file belongs to, and how it is chunked. Deduplication never crosses datasets."""

import hashlib

from escrow.source.base import Kind

TABLE_SUFFIXES = frozenset(
    b".accdb .bak .csv .ctf .db .db3 .dbf .dta .json .jsonl .ldf .mdb .mdf .ndf .ndjson .ods .parquet .psv .sql "
    b".sqlite .sqlite3 .tab .tsv .txt .xls .xlsm .xlsx .xml .yaml .yml".split()
)
"""Endings, in lower case, of files that are a dataset each: exports, databases and their dumps."""

_MAX_TEXT = 1000


def kind_of(path: bytes) -> Kind:
    """`table` where the file's ending is one of TABLE_SUFFIXES (in any case), else `document`."""
    stem, dot, suffix = path.rpartition(b"/")[2].lower().rpartition(b".")
    return "table" if stem and dot + suffix in TABLE_SUFFIXES else "document"


def dataset_of(path: bytes) -> str:
    """The dataset of a file of this full path: a table is its own; a document its top folder's, or its source's."""
    parts = path.split(b"/")
    key = path if kind_of(path) == "table" else b"/".join(parts[: min(2, len(parts) - 1)])
    return as_text(key)


def as_text(path: bytes) -> str:
    """A path as `text` of format.md (section 2), one to one.

    Backslashes are doubled, control characters and what is not UTF-8 become `\\xNN`; over 1,000 characters the rest
    is replaced by its hash.
    """
    text = path.replace(b"\\", b"\\\\").decode("utf-8", "backslashreplace")
    text = "".join(f"\\x{ord(c):02x}" if c < " " or c == "\x7f" else c for c in text)
    if len(text) <= _MAX_TEXT:
        return text
    return text[: _MAX_TEXT - 65] + "~" + hashlib.sha256(path).hexdigest()
