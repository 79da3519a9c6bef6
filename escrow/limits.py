"""The limits of the format and of its readers, with units. docs/format.md states the same numbers."""

FORMAT = 1
"""The format's major version: `version` of every record, and part of every label that keys are derived with."""

KIB = 1024
MIB = 1024 * KIB

MAX_INTEGER = 2**53 - 1
"""Largest integer in any record (RFC 8259, section 6: interoperable integers)."""

MAX_RECORD = 4 * MIB
"""Bytes of one signed record (envelope included) or of one opened manifest."""

MAX_JSON_DEPTH = 16
"""Nesting of arrays and objects in any record."""

MAX_LINE = 64 * MIB
"""Bytes of one line of the file list (a file with a million extents)."""

MAX_PATH = 4096
"""Bytes of one path in the file list."""

MAX_FILES = 20_000_000
"""Lines of one file list."""

MAX_FILE = 2**46
"""Bytes of one restored file (64 TiB)."""

SEGMENT_RAW = 1 * MIB
"""Raw bytes at which the writer closes a segment."""

MAX_SEGMENT_RAW = 4 * MIB
"""Raw bytes that a reader accepts in one zstd frame."""

MIN_PACK = 1 * MIB
"""Plaintext bytes of the smallest pack, padding included."""

PACK_TARGET = 14 * MIB
"""Compressed bytes after which the writer closes a pack; segments under way add up to 4 MiB: about 16 MiB sealed."""

MAX_PACK = 32 * MIB
"""Sealed bytes of the largest pack that a reader accepts."""

MAX_PACK_RAW = 256 * MIB
"""Decompressed bytes of the largest pack that a reader accepts."""

MIN_MANIFEST = 16 * KIB
"""Plaintext bytes of the smallest manifest, padding included."""

MAX_AGE_HEADER = 256 * KIB
"""Bytes of one age header: some hundred post-quantum recipients."""

MAX_ROW = 16 * MIB
"""Bytes of one row of a CSV table from which an erasure leaves rows out."""

MAX_CLOCK_SKEW = 300
"""Seconds that the agent's clock may differ from the store's before a deposit is refused."""
