"""The chunk indexes of a series' datasets, loaded from the state when a dataset is at work."""

from collections.abc import Callable, Iterable
from itertools import chain

from escrow.pack.index import Places, read_records

AT_MOST = 250_000
"""Chunks held, some 150 bytes each, beside those of the dataset at work."""

Records = Iterable[tuple[int, bytes]]
"""Pack ordinals with the records of one dataset's chunks in that pack."""


class DatasetIndexes:
    """Keeps the indexes of the datasets used last. `journalled` reads one dataset's records from the state."""

    def __init__(self, journalled: Callable[[str], Records]) -> None:
        self._journalled = journalled
        self._held: dict[str, Places] = {}

    def of(self, dataset: str, under_way: Records) -> Places:
        """The index of `dataset`; `under_way` are records of packs that are not journalled yet."""
        places = self._held.pop(dataset, None)
        if places is None:
            places = {}
            for ordinal, records in chain(self._journalled(dataset), under_way):
                places.update(read_records(ordinal, records))
        while sum(map(len, self._held.values())) > AT_MOST:
            del self._held[next(iter(self._held))]
        self._held[dataset] = places
        return places
