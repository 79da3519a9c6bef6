"""Who stands in one compartment of one night, kept for the next search: sealed, so that who may open it reads it."""

import json
import os
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from escrow.engine.opened import opened_files
from escrow.engine.reading import CompartmentView
from escrow.engine.restored import RestoreReport
from escrow.errors import EscrowError, FormatError
from escrow.export.tables import find_tables
from escrow.seal import Identity, Recipient, open_sealed, seal
from escrow.subject.people import Kind, Record, aliases_of, people_of

_VERSION = 1


@dataclass(frozen=True, slots=True)
class Index:
    """The people of one compartment of one night; UPNs that were one pupil's; tables that could not be read."""

    records: tuple[Record, ...]
    aliases: tuple[frozenset[str], ...]
    unread: tuple[tuple[str, str], ...]


def make_index(view: CompartmentView) -> Index:
    """Read every table of a compartment that names people. IntegrityError `erasure-missing`, `erasure-damaged`, and
    what a vault raises while it is read."""
    tables, left = find_tables(list(opened_files(view, RestoreReport())))
    records: list[Record] = []
    aliases: list[frozenset[str]] = []
    unread = [(one.origin, one.code) for one in left if one.code not in {"opaque", "empty"}]
    for table in tables:
        try:
            records += people_of(table)
            aliases += aliases_of([table])
        except FormatError as error:
            unread.append((table.origin, error.code))
    return Index(tuple(records), tuple(aliases), tuple(unread))


def index_of(view: CompartmentView, place: Path, recipient: Recipient, identity: Identity) -> Index:
    """The index of a compartment, from `place` where it was kept and can be opened, else made and kept there."""
    view.left_out.check()
    try:
        return parse(open_sealed(place.read_bytes(), [identity]))
    except (OSError, EscrowError, ValueError, KeyError, TypeError):
        index = make_index(view)
    partial = place.with_name(f"{place.name}.{os.getpid()}")
    with suppress(OSError):  # the next search reads again
        place.parent.mkdir(parents=True, exist_ok=True)
        partial.write_bytes(seal(write(index), [recipient]))
        partial.replace(place)
    return index


def write(index: Index) -> bytes:
    """An index as bytes: never anywhere but sealed."""
    records = [
        [
            one.table,
            one.folder,
            one.kind,
            one.cells,
            one.names,
            one.born,
            sorted(one.ids),
            sorted(one.links),
            sorted(one.reach),
        ]
        for one in index.records
    ]
    text = {"v": _VERSION, "records": records, "aliases": [*map(sorted, index.aliases)], "unread": index.unread}
    return json.dumps(text, ensure_ascii=False).encode()


def parse(data: bytes) -> Index:
    """What `write` wrote. ValueError, KeyError, TypeError for anything else."""
    raw = json.loads(data)
    if raw["v"] != _VERSION:
        raise ValueError(raw["v"])
    return Index(
        tuple(_record(*one) for one in raw["records"]),
        tuple(frozenset(one) for one in raw["aliases"]),
        tuple((origin, code) for origin, code in raw["unread"]),
    )


def _record(  # noqa: PLR0917 - in the order of `write`
    table: str,
    folder: str,
    kind: Kind,
    cells: Sequence[Sequence[str]],
    names: Sequence[Sequence[str]],
    born: str,
    ids: Sequence[Sequence[str]],
    links: Sequence[Sequence[str]],
    reach: Sequence[str],
) -> Record:
    return Record(
        table,
        folder,
        kind,
        _pairs(cells),
        _pairs(names),
        born,
        frozenset(_pairs(ids)),
        frozenset(_pairs(links)),
        frozenset(reach),
    )


def _pairs(raw: Sequence[Sequence[str]]) -> tuple[tuple[str, str], ...]:
    return tuple((first, second) for first, second in raw)
