"""From what tables tell of people to persons: who is the same, and who fits what was asked. Pure."""

import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from escrow.errors import UsageError
from escrow.subject.names import Match, match_name, tokens
from escrow.subject.people import NO_NAME, Kind, Record, is_strong, plain_reach, shown_name

_WIDE = ("upn", "uln", "formerupn", "admissionno", "staffcode")
_REACH = 7
"""Signs of the shortest telephone number that is looked for."""
_DIGIT = re.compile(r"\d")


@dataclass(frozen=True, slots=True)
class Person:
    """One person. `handle`: what other commands call them by; `doubt`: why they may be two, or share an identifier."""

    handle: str
    kind: Kind
    records: tuple[Record, ...]
    doubt: str = ""
    shared: frozenset[str] = frozenset()

    @property
    def names(self) -> tuple[tuple[str, str], ...]:
        return tuple(dict.fromkeys(name for one in self.records for name in one.names))

    @property
    def name(self) -> str:
        """A name for lists."""
        return next((name for one in self.records if (name := shown_name(one.names)) != NO_NAME), NO_NAME)

    @property
    def born(self) -> tuple[str, ...]:
        return tuple(sorted({one.born for one in self.records if one.born}))

    @property
    def ids(self) -> frozenset[tuple[str, str]]:
        return frozenset(one for record in self.records for one in record.ids)

    @property
    def links(self) -> frozenset[tuple[str, str]]:
        return frozenset(one for record in self.records for one in record.links)

    def is_in(self, records: Iterable[Record]) -> bool:
        """Whether one of these tells of this person."""
        mine, ids = set(self.records), self.ids
        return any(one in mine or (one.kind == self.kind and not ids.isdisjoint(one.ids)) for one in records)


@dataclass(frozen=True, slots=True)
class Hit:
    """A person who fits what was asked, and why."""

    person: Person
    rank: int
    why: str


def persons_of(records: Iterable[Record], aliases: Sequence[frozenset[str]] = ()) -> list[Person]:
    """Who is the same: one identifier of one kind of people (an `id` alone only in one folder), UPNs that were one
    pupil's, contacts of one name and one address or telephone. Those whose birth dates and names differ stay two."""
    known = list(dict.fromkeys(records))
    groups = _Groups(len(known))
    first: dict[tuple[str, ...], int] = {}
    shared: set[str] = set()
    named = {value: str(number) for number, alias in enumerate(aliases) for value in alias}
    for number, record in enumerate(known):
        for key in _keys(record, named):
            other = first.setdefault(key, number)
            if other == number:
                continue
            if _two(known[other], record):
                shared.add(key[-1])
            else:
                groups.join(other, number)
    found: dict[int, list[Record]] = {}
    for number, record in enumerate(known):
        found.setdefault(groups.of(number), []).append(record)
    return _handled([_person(one, shared) for one in found.values()])


def _keys(record: Record, named: dict[str, str]) -> Iterable[tuple[str, ...]]:
    for concept, value in record.ids:
        yield (record.kind, concept, value) if _wide(concept, value) else (record.kind, record.folder, concept, value)
        if value in named:
            yield (record.kind, "alias", named[value])
    if not record.ids or record.kind == "contact":
        name = " ".join(sorted(tokens(shown_name(record.names))))
        for one in record.reach if name else ():
            yield (record.kind, name, one)
        for concept, value in record.links if name and not record.reach else ():
            yield (record.kind, name, concept, value)
        if name and record.born:
            yield (record.kind, name, record.born)


def _wide(concept: str, value: str) -> bool:
    """Whether an identifier means one person in all of a vault's tables, and not in those of one folder alone."""
    return concept in _WIDE or is_strong(value)


def _two(one: Record, other: Record) -> bool:
    """Whether two records of one identifier are of two people: no name in common, and not born on one day."""
    if one.born and one.born == other.born:
        return False
    mine, theirs = ({part for _, name in each.names for part in tokens(name)} for each in (one, other))
    return bool(mine and theirs and not mine & theirs)


class _Groups:
    """Disjoint sets."""

    def __init__(self, count: int) -> None:
        self._up = list(range(count))

    def of(self, one: int) -> int:
        while self._up[one] != one:
            self._up[one] = self._up[self._up[one]]
            one = self._up[one]
        return one

    def join(self, one: int, other: int) -> None:
        low, high = sorted((self.of(one), self.of(other)))
        self._up[high] = low


def _person(records: list[Record], shared: set[str]) -> Person:
    ids = {value for record in records for _, value in record.ids}
    born = {record.born for record in records if record.born}
    doubts = []
    if ids & shared:
        doubts.append("an identifier is another person's too")
    if len(born) > 1:
        doubts.append("birth dates differ")
    return Person("", records[0].kind, tuple(records), "; ".join(doubts), frozenset(ids & shared))


def _handled(persons: list[Person]) -> list[Person]:
    """With handles: the UPN, else the kind and a number from what identifies them, the same for the same nights."""
    found = []
    taken: set[str] = set()
    for one in persons:
        upns = sorted(value for concept, value in one.ids if concept == "upn" and value not in one.shared)
        name = sorted(" ".join(sorted(tokens(shown_name(each.names)))) for each in one.records)
        reach = sorted((*(value for each in one.records for value in each.reach), *map(repr, one.links)))
        text = repr(min(one.ids - {(c, v) for c, v in one.ids if v in one.shared}, default=(name[:1], reach[:1])))
        handle = upns[0] if upns else f"{one.kind}-{hashlib.sha256(text.encode()).hexdigest()[:8]}"
        while handle in taken:
            handle += "x"
        taken.add(handle)
        found.append(Person(handle, one.kind, one.records, one.doubt, one.shared))
    return found


def search(persons: Iterable[Person], asked: str, born: str = "") -> list[Hit]:
    """Who fits an identifier, a handle, an address or a name, the best first; born on a day, where that is asked. With
    nothing but a day, who was born on it."""
    wanted = asked.strip()
    found: list[Hit] = []
    for one in persons:
        day = next((each for each in (born, _swapped(born)) if each in one.born), "")
        if born and not day and (one.born or not wanted):
            continue
        match = _match(one, wanted)
        if match:
            said = "birth date not known here" if born and not day else f"born {day}" if day else ""
            said += " (day and month swapped)" if day and day != born else ""
            found.append(Hit(one, match.rank, "; ".join(filter(None, (match.why, said)))))
    return sorted(found, key=lambda hit: (hit.rank, hit.person.name, hit.person.handle))


def _swapped(day: str) -> str:
    """A date with day and month swapped, as programs misread them; empty where that is no date."""
    year, _, rest = day.partition("-")
    month, _, last = rest.partition("-")
    return f"{year}-{last}-{month}" if day and int(last) <= 12 else ""


def _match(one: Person, wanted: str) -> Match | None:
    if not wanted:
        return Match(0, "")
    return _by_id(one, wanted) or (None if _DIGIT.search(wanted) else match_name(wanted, one.names))


def _by_id(one: Person, wanted: str) -> Match | None:
    if wanted.casefold() == one.handle.casefold() and not one.handle.isdigit():
        return Match(-2, "the same person")
    for concept, value in sorted(one.ids):
        if value.casefold() == wanted.casefold():
            former = concept == "formerupn" or (concept == "upn" and ("formerupn", value) in one.ids)
            return Match(-1, f"{'former UPN' if former else concept} {value}")
    reach = plain_reach(wanted)
    if len(reach) >= _REACH and any(reach in record.reach for record in one.records):
        return Match(-1, "email address or telephone number")
    return None


def the_one(hits: Sequence[Hit]) -> Person:
    """The person who is meant. UsageError `subject-nobody`, `subject-several`."""
    if not hits:
        hint = "try a part of the name, another spelling, another night (--snapshot) or compartment (--compartment)"
        raise UsageError("subject-nobody", "expected somebody who fits, found nobody in these nights", hint=hint)
    best = min(one.rank for one in hits)
    chosen = [one for one in hits if one.rank == best] if best < 0 else list(hits)
    if len(chosen) > 1:
        hint = "name one of them by the first word of its line"
        raise UsageError("subject-several", f"expected one person, found {len(chosen)} who fit", hint=hint)
    return chosen[0].person
