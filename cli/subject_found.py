"""Who stands in the nights that were opened, and how a person is shown."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from .output import Output
from .subject_opening import Night, Opening

if TYPE_CHECKING:
    from escrow.subject.index import Index
    from escrow.subject.persons import Hit, Person


class Found:
    """Who stands in some nights."""

    def __init__(self, opening: Opening, nights: Sequence[Night]) -> None:
        from escrow.subject.persons import persons_of

        self.nights = list(nights)
        self.by_night: dict[int, list[Index]] = {one.snapshot.seq: opening.indexes(one) for one in nights}
        indexes = [index for each in self.by_night.values() for index in each]
        self.persons = persons_of(
            (record for index in indexes for record in index.records),
            sorted({alias for index in indexes for alias in index.aliases}, key=sorted),
        )
        self._records = {
            number: frozenset(record for index in each for record in index.records)
            for number, each in self.by_night.items()
        }

    def search(self, who: str, born: str) -> "list[Hit]":
        """The persons who fit."""
        from escrow.subject.persons import search

        return search(self.persons, who, born)

    def nights_of(self, person: "Person") -> list[int]:
        """The numbers of the nights that hold somebody, the newest first."""
        return [number for number, records in self._records.items() if not records.isdisjoint(person.records)]

    def tell_unread(self, output: Output) -> None:
        """Notes tables of people that could not be read, and nights without any."""
        if not self.persons:
            output.note("no table in these compartments names people: say --compartment, or another --snapshot")
        unread: Iterable[tuple[str, str]] = {
            one for each in self.by_night.values() for index in each for one in index.unread
        }
        for origin, code in sorted(unread):
            output.note(f"{origin} could not be read ({code}): who stands in it alone is not found")


def show(output: Output, found: Found, hit: "Hit") -> None:
    """One line: handle, kind, name, birth dates, why, nights."""
    person = hit.person
    nights = found.nights_of(person)
    born = " or ".join(person.born)
    parts = [person.handle, person.kind, person.name, f"born {born}" if born else "", f"fits: {hit.why}"]
    parts.append(f"nights {', '.join(map(str, nights))}")
    parts.append(f"LOOK: {person.doubt}" if person.doubt else "")
    output.row(
        "  ".join(filter(None, parts)),
        id=person.handle,
        kind=person.kind,
        name=person.name,
        born=list(person.born),
        why=hit.why,
        nights=[*nights],
        doubt=person.doubt or None,
    )
