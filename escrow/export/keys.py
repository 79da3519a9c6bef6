"""Keys that sources declare: what `schema.json` of a database's source says of its tables (docs/guide-sql.md)."""

import json
from collections.abc import Iterable, Sequence

from escrow.export.integrity import Key
from escrow.export.originals import Original
from escrow.export.table import Table
from escrow.record import JsonValue

_NAME = "schema.json"


def declared_keys(originals: Iterable[Original], tables: Sequence[Table]) -> list[Key]:
    """Keys of one column, of every schema.json among `originals`; what is no such file is skipped."""
    by_origin = {table.origin: table.name for table in tables}
    keys: list[Key] = []
    for original in sorted(originals, key=lambda one: one.path):
        folder, _, name = original.path.rpartition("/")
        if name != _NAME:
            continue
        try:
            with original.open() as file:
                said = json.load(file)
            keys += _keys(
                said["tables"], {origin.removeprefix(f"{folder}/"): name for origin, name in by_origin.items()}
            )
        except (ValueError, KeyError, TypeError, RecursionError):
            continue
    return keys


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
