"""Lists that a server gives page by page: how the reading of each went, and whether it moved meanwhile."""

from collections import Counter, OrderedDict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from escrow.source.base import FileItem, ScanNotes, UnreadableError, stream_item
from escrow.source.jsonpage import Row

_WINDOW = 20_000
_TRIES = 3  # how often the engine reads what changes


@dataclass(slots=True)
class Reading:
    """One reading of a list: rows, ids seen twice among the last 20,000, the server's counts before and after.

    `key`: the member that tells a row; `include`: members that should not be null in every row.
    """

    key: str
    include: Sequence[str] = ()
    rows: int = 0
    twice: int = 0
    before: int | None = None
    after: int | None = None
    _nulls: Counter[str] = field(default_factory=Counter)
    _recent: OrderedDict[str, None] = field(default_factory=OrderedDict)

    @property
    def moved(self) -> bool:
        """Whether the list changed while its pages were read: rows may be missing, or there twice."""
        return self.twice > 0 or (None not in (self.before, self.after) and self.before != self.after)

    def take(self, rows: Iterable[Row]) -> bytes:
        """Rows of a page as lines, counted."""
        lines = []
        for row in rows:
            values = row.value if isinstance(row.value, dict) else {}
            self.rows += 1
            self._nulls.update(name for name in self.include if values.get(name) is None)
            known = values.get(self.key)
            if isinstance(known, str):
                self.twice += known in self._recent
                self._recent[known] = None
            lines.append(row.raw + b"\n")
        while len(self._recent) > _WINDOW:
            self._recent.popitem(last=False)
        return b"".join(lines)

    def words(self, name: str) -> list[str]:
        """What a person should know of the list `name`, in sentences."""
        told = []
        empty = sorted(one for one in self.include if self._nulls[one] == self.rows)
        if empty and self.rows:
            names = f"{', '.join(empty)} {'is' if len(empty) == 1 else 'are'}"
            told.append(f"{name}: {names} null in each of {self.rows} rows: the permission may be missing")
        if self.after not in (None, self.rows):
            told.append(f"{name}: {self.rows} rows were read, the server counts {self.after}")
        return told


class Lists:
    """The lists of one scan, by path; what goes wrong or looks wrong is told in `notes`."""

    def __init__(self, notes: ScanNotes, now_ns: Callable[[], int]) -> None:
        self._notes = notes
        self._now_ns = now_ns
        self._readings: dict[bytes, Reading] = {}
        self._moved: Counter[bytes] = Counter()

    def begin(self, path: bytes, reading: Reading) -> Reading:
        """Remember `reading` for `recheck`."""
        self._readings[path] = reading
        return reading

    def told(self, name: str, pieces: Iterator[bytes]) -> Iterator[bytes]:
        """`pieces`; what goes wrong is told, too: the file list keeps its code alone."""
        try:
            yield from pieces
        except UnreadableError as error:
            self.tell_once(f"{name}: not read ({error.code}): {error}")
            raise

    def tell_once(self, sentence: str) -> None:
        """Add a sentence that is not there yet."""
        if sentence not in self._notes.told:
            self._notes.told.append(sentence)

    def recheck(self, item: FileItem, name: str) -> FileItem | None:
        """None when the list held still while it was read, else the item, to be read again."""
        reading = self._readings.pop(item.path, None)
        if reading is None:
            return None
        if reading.moved:
            self._moved[item.path] += 1
            if self._moved[item.path] == _TRIES:
                self._notes.told.append(f"{name}: the list changed each time that it was read")
            return stream_item(item.path, self._now_ns(), item.dataset, item.kind)
        self._notes.told += reading.words(name)
        if reading.after is not None:
            self._notes.rows[item.dataset] = reading.after
        return None
