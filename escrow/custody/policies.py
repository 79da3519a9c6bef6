"""Who holds how much of the secret: policies for types of school, as data."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations, product
from typing import Final

from escrow.record import Charter, Custody


@dataclass(frozen=True, slots=True)
class Seat:
    """A role that holds one share. `party`: whose person (as in a charter's holder); None: the school's staff."""

    role: str
    party: str | None = None


@dataclass(frozen=True, slots=True)
class Bench:
    """A group: `needed` of its seats stand for it."""

    name: str
    needed: int
    seats: tuple[Seat, ...]


@dataclass(frozen=True, slots=True)
class Policy:
    """`groups_needed` of the groups open the vault."""

    groups_needed: int
    benches: tuple[Bench, ...]

    @property
    def threshold(self) -> int:
        """The fewest holders that are a quorum."""
        return min(len(subset) for subset in minimal_subsets(self.groups_needed, self.sizes))

    @property
    def sizes(self) -> list[tuple[int, int]]:
        """Needed and members, by group."""
        return [(bench.needed, len(bench.seats)) for bench in self.benches]


_STAFF: Final = Bench("staff", 2, (Seat("head"), Seat("deputy head"), Seat("business manager")))
_AUTHORITY: Final = Bench("authority", 1, (Seat("LA records officer", "custodian"),))

POLICIES: Final[dict[str, Policy]] = {
    "simple": Policy(
        1, (Bench("school", 2, (Seat("head"), Seat("chair of governors", "other"), Seat("business manager"))),)
    ),
    "community": Policy(
        2,
        (
            _STAFF,
            Bench("governors", 2, (Seat("chair of governors", "other"), Seat("vice-chair of governors", "other"))),
            _AUTHORITY,
        ),
    ),
    "academy": Policy(
        2,
        (
            _STAFF,
            Bench(
                "trust",
                2,
                (
                    Seat("trust chief executive", "custodian"),
                    Seat("trust records officer", "custodian"),
                    Seat("chair of trustees", "custodian"),
                ),
            ),
            Bench("authority", 1, (Seat("LA records officer", "other"),)),
        ),
    ),
    "church": Policy(
        2,
        (
            _STAFF,
            Bench("diocese", 2, (Seat("diocesan director of education", "other"), Seat("diocesan registrar", "other"))),
            _AUTHORITY,
        ),
    ),
}
"""`simple` is for a school without a custodian, and dies with its people. With the others any two groups open: after
the staff have left it is the custodian with the governors, the diocese or the LA. The LA with any one other holder
opens nothing.
"""


def policy_of(charter: Charter) -> Policy | None:
    """The policy by which a charter's secret is split now; None where it is in a key file."""
    if charter.custody is None:
        return None
    return Policy(
        charter.custody.groups_needed,
        tuple(
            Bench(
                group.name,
                group.needed,
                tuple(
                    Seat(holder.role, holder.party)
                    for holder in sorted(charter.holders, key=lambda holder: holder.member or 0)
                    if holder.group == group.name
                ),
            )
            for group in charter.custody.groups
        ),
    )


def sizes_of(custody: Custody) -> list[tuple[int, int]]:
    """Needed and members, by group, of a charter's custody."""
    return [(group.needed, group.members) for group in custody.groups]


def minimal_subsets(groups_needed: int, sizes: Sequence[tuple[int, int]]) -> Iterator[tuple[tuple[int, int], ...]]:
    """Every set of (group, member), both from 0, that opens and of which none can be left out."""
    for groups in combinations(range(len(sizes)), groups_needed):
        ways = [
            combinations([(group, member) for member in range(sizes[group][1])], sizes[group][0]) for group in groups
        ]
        for choice in product(*ways):
            yield tuple(place for part in choice for place in part)
