"""What a records officer enters into a records store: one line a file of the night, with its retention. Pure."""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence

from escrow.record import Entry, FileEntry
from escrow.record.charter import Retention
from escrow.record.grammar import ftime_text

_HEADER = ("path", "compartment", "dataset", "bytes", "sha256", "changed", "retention")


def inventory_csv(entries: Iterable[tuple[str, Entry]], retention: Sequence[Retention]) -> bytes:
    """CSV, UTF-8, of the files in `entries` (each with its compartment), as they were on the night; where rows were
    erased since, size and hash here are another. `retention` is the charter's."""
    classes = _classes(retention)
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(_HEADER)
    for compartment, one in entries:
        if isinstance(one, FileEntry):
            path = one.path.decode("utf-8", "backslashreplace")
            facts = (one.dataset, one.size, one.sha256, ftime_text(one.mtime))
            writer.writerow((path, compartment, *facts, classes.get(compartment, "")))
    return text.getvalue().encode()


def _classes(retention: Sequence[Retention]) -> Mapping[str, str]:
    found: dict[str, list[str]] = {}
    for one in retention:
        found.setdefault(one.compartment, []).append(f"{one.id}: {one.schedule or f'{one.months} months'}")
    return {compartment: "; ".join(words) for compartment, words in found.items()}
