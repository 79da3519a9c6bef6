"""`escrow subject`: who is in the vault, and one person's record out of it."""

import json
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer

from .config import load_config
from .exits import Exit
from .key_use import Use, with_keys
from .options import ConfigOption, JsonOption
from .output import Output
from .subject_opening import Night, Opening

if TYPE_CHECKING:
    from escrow.subject.index import Index
    from escrow.subject.persons import Hit, Person

app = typer.Typer(
    help="A person's record: who is in the vault, and what it holds of one person.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
PURPOSE = "subject-request"
SnapshotOption = Annotated[
    list[str] | None,
    typer.Option("--snapshot", metavar="N", help="This night, or latest. May be repeated. Default: see above."),
]
CompartmentOption = Annotated[
    list[str] | None, typer.Option(help="Only this compartment. May be repeated. Default: all but safeguarding.")
]
ReleasedOption = Annotated[
    str | None, typer.Option("--released-by", metavar="WHO", help="Who released safeguarding records for this, when.")
]


@app.command()
@with_keys(PURPOSE)
def find(
    who: Annotated[str, typer.Argument(metavar="WHO", help="A name, or a part of it; a UPN, ULN or other number.")],
    born: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d", "%d/%m/%Y"], metavar="DATE", help="Born on this day.")
    ] = None,
    snapshot: SnapshotOption = None,
    compartment: CompartmentOption = None,
    released_by: ReleasedOption = None,
    *,
    use: Use,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Find a pupil, a member of staff or a parent. Each line begins with what `export` takes, and says why it fits.

    Names are compared without case, accents and punctuation, in whatever order, by sound and by spelling. It looks in
    the last night and in the last of each school year (to 31 August). What it reads of people is kept for the next
    search in the state folder, sealed; who opens the vault opens it. It leaves an event in the vault.

    \b
    Example: escrow subject find "O'Brien, Sian" --born 2013-06-24 --share head.txt --share chair.txt
    """
    from escrow.subject.persons import the_one

    output = Output(as_json)
    opening = Opening(output, load_config(config), use, compartment or [], released_by)
    day = born.date().isoformat() if born else ""
    details = json.dumps({"subject find": who, "born": day, "released by": released_by or ""}, ensure_ascii=False)
    found = Found(opening, opening.open(opening.nights(snapshot or []), details))
    hits = found.search(who, day)
    for hit in hits:
        show(output, found, hit)
    found.tell_unread(output)
    if not hits:
        the_one(hits)
    output.finish(Exit.OK, f"{len(hits)} fit", found=len(hits))


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
        """Notes tables of people that could not be read."""
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
