"""Keys that sources declare: what `schema.json` of a database's source says of its tables (docs/guide-sql.md)."""

import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress

from escrow.export.integrity import Key
from escrow.export.originals import Original
from escrow.export.table import Table
from escrow.record import JsonValue

_NAME = "schema.json"


def declared_keys(originals: Iterable[Original], tables: Sequence[Table]) -> list[Key]:
    """Keys of one column, of every schema.json among `originals`; what is no such file is skipped."""
    keys: list[Key] = []
    for said, names in _schemas(originals, tables):
        with suppress(KeyError, TypeError):
            keys += _keys(said, names)
    return keys


def primary_keys(originals: Iterable[Original], tables: Sequence[Table]) -> dict[str, tuple[str, ...]]:
    """The columns that name a table's rows, by its name: as a schema.json or its own database declares them."""
    found = {one.name: one.stored.key for one in tables if one.stored and one.stored.key}
    for said, names in _schemas(originals, tables):
        with suppress(KeyError, TypeError):
            for one in said:
                key = one["primary_key"]
                if isinstance(key, list) and key and one["file"] in names:
                    found[names[str(one["file"])]] = tuple(map(str, key))
    return found


def _schemas(
    originals: Iterable[Original], tables: Sequence[Table]
) -> Iterator[tuple[list[dict[str, JsonValue]], dict[str, str]]]:
    """What each schema.json says of its tables, and the tables' names by their files' paths below its folder."""
    for original in sorted(originals, key=lambda one: one.path):
        folder, _, name = original.path.rpartition("/")
        if name == _NAME:
            with suppress(ValueError, KeyError, TypeError, RecursionError), original.open() as file:
                yield json.load(file)["tables"], {one.origin.removeprefix(f"{folder}/"): one.name for one in tables}


def _keys(said: Iterable[dict[str, JsonValue]], names: dict[str, str]) -> list[Key]:
    files = {(one["schema"], one["table"]): names[str(one["file"])] for one in said if one["file"] in names}
    refers: dict[tuple[str, str], list[tuple[str, str]]] = {}
    for one in said:
        table = files.get((one["schema"], one["table"]))
        key = one["primary_key"]
        if table and isinstance(key, list) and len(key) == 1:
            refers.setdefault((table, str(key[0])), [])
    for one in said:
        table = files.get((one["schema"], one["table"]))
        links = one["foreign_keys"]
        for link in links if table and isinstance(links, list) else ():
            assert isinstance(link, dict)
            to = files.get((link["schema"], link["table"]))
            own, theirs = link["columns"], link["to"]
            if table and to and isinstance(own, list) and isinstance(theirs, list) and len(own) == len(theirs) == 1:
                refers.setdefault((to, str(theirs[0])), []).append((table, str(own[0])))
    return [Key(table, column, tuple(found), guessed=False) for (table, column), found in refers.items()]
