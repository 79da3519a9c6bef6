"""What is remembered of a night: each dataset's counts, column names and newest dates; no other value."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date

from escrow.completeness.profile import Profile


@dataclass(frozen=True, slots=True)
class Seen:
    """A dataset on one night. `sha256` of the file that it stands in."""

    sha256: str
    size: int
    profile: Profile

    @property
    def rows(self) -> int:
        """Rows, 0 where they could not be counted."""
        return self.profile.rows or 0


@dataclass(frozen=True, slots=True)
class Night:
    """One night's datasets by key. `day`: what its data tells of. `counts`: the source's own.

    `failed`: keys of datasets that were not as they should be. `unread`: keys of files that could not be read.
    """

    day: date
    datasets: Mapping[str, Seen]
    failed: frozenset[str] = frozenset()
    unread: frozenset[str] = frozenset()
    counts: Mapping[str, int] = field(default_factory=dict)


def datasets_of(key: str, seen: Seen) -> dict[str, Seen]:
    """The file's dataset, and one for every table inside it."""
    return {name: replace(seen, profile=inner) for name, inner in seen.profile.tables(key)}


def spare(profile: Profile) -> Profile:
    """The profile without what could be personal: bounds are kept of dates alone, and of those only the last."""
    columns = tuple(
        replace(column, least="", most=column.most if column.kind == "date" else "") for column in profile.columns
    )
    members = {name: spare(inner) for name, inner in profile.members.items()}
    return replace(profile, columns=columns, members=members)


def last_seen(key: str, nights: Sequence[Night]) -> Seen | None:
    """The dataset as it was last night."""
    return nights[-1].datasets.get(key) if nights else None


def last_good(key: str, nights: Sequence[Night], *, filled: bool = False) -> Seen | None:
    """The dataset on the last night that it was as it should be; where there is none, on the first that is known.

    `filled`: of nights on which it had rows.
    """
    known = [night for night in nights if key in night.datasets and (night.datasets[key].rows or not filled)]
    good = [night for night in known if key not in night.failed]
    return good[-1].datasets[key] if good else known[0].datasets[key] if known else None
