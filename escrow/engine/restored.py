"""What a restore tells of itself."""

from dataclasses import dataclass, field

from escrow.errors import EscrowError
from escrow.record import Entry, FileEntry


@dataclass(frozen=True, slots=True)
class Omission:
    """What erasure `n` left out: `rows` of the table at `path`, or (None) the whole entry; then `why` may say more."""

    path: bytes
    n: int
    rows: int | None = None
    why: str = ""


@dataclass(slots=True)
class RestoreReport:
    """What came back; `size` in bytes. `failed`: path, code, words; `unread`: what the night itself could not read.

    `omitted`: what erasures left out, of which `omitted_files` whole files and `omitted_size` bytes.
    """

    files: int = 0
    size: int = 0
    already: int = 0
    links: int = 0
    failed: list[tuple[bytes, str, str]] = field(default_factory=list)
    unread: list[tuple[bytes, str]] = field(default_factory=list)
    omitted: list[Omission] = field(default_factory=list)
    omitted_files: int = 0
    omitted_size: int = 0

    @property
    def omitted_rows(self) -> int:
        """Rows left out of the tables that came back."""
        return sum(one.rows or 0 for one in self.omitted)

    def omit(self, entry: Entry, n: int, why: str = "") -> None:
        """Notes an entry that is left out whole."""
        self.omitted.append(Omission(entry.path, n, None, why))
        if isinstance(entry, FileEntry):
            self.omitted_files += 1
            self.omitted_size += entry.size

    def omit_rows(self, entry: FileEntry, counts: dict[int, int], size: int) -> None:
        """Notes a table of which `size` bytes came back."""
        self.omitted += [Omission(entry.path, n, rows) for n, rows in sorted(counts.items())]
        self.omitted_size += entry.size - size

    def fail(self, path: bytes, error: EscrowError) -> None:
        self.failed.append((path, error.code, str(error)))
