"""What a restore tells of itself."""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field

from escrow.engine.reading import CompartmentView
from escrow.engine.register import LeftOut
from escrow.engine.rows import RowFilter
from escrow.errors import EscrowError, FormatError
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


def preview(view: CompartmentView, left_out: LeftOut) -> Iterator[Omission]:
    """What `left_out` would leave out of a compartment; the tables in it are read for that."""
    for entry in view.entries():
        whole = left_out.whole(entry.path)
        rules = left_out.rows.get(entry.path, ())
        if whole is not None:
            yield Omission(entry.path, whole)
        elif rules and isinstance(entry, FileEntry):
            table = RowFilter(view.packs.stream(entry.extents), rules)
            try:
                deque(table, 0)
            except FormatError as error:
                if error.code != "erasure-whole":
                    raise
                yield Omission(entry.path, min(rule.n for rule in rules), None, str(error))
                continue
            for n, rows in sorted(table.left_out.items()):
                yield Omission(entry.path, n, rows)
