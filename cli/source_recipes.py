"""`escrow source recipes`: what is known of programs that leave exports, and which of them a folder looks like."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from escrow.errors import SourceError

from .exits import Exit
from .options import JsonOption
from .output import Output

_MOST = 20_000
_AT_ONCE = 200


def recipes(
    folder: Annotated[Path | None, typer.Argument(metavar="FOLDER", help="Suggest one for what lies there.")] = None,
    as_json: JsonOption = False,
) -> None:
    """List the recipes for [[source]], each with how it fails silently; or suggest one for a folder.

    \b
    Example: escrow source recipes /srv/exports
    """
    from escrow.source import recipes as book

    output = Output(as_json)
    if folder is None:
        for one in book.recipes().values():
            output.row(f"{one.name:<22} {one.title}", recipe=one.name, title=one.title, silent=list(one.silent))
            if not as_json:
                for sentence in one.silent:
                    output.row(f"    - {sentence}")
        output.finish(Exit.OK)
    suggested = book.suggest(_heads(folder, book.HEAD))
    for found in suggested:
        text = f"{found.recipe:<22} {found.files} {'file' if found.files == 1 else 'files'}"
        text += f", {found.broken} of them an error message" if found.broken else ""
        output.row(text, recipe=found.recipe, files=found.files, error_messages=found.broken)
    if not suggested:
        output.finish(Exit.OK, "no recipe is known for what lies there; it is deposited all the same", suggested=None)
    names = [one.recipe for one in suggested[:3]]
    output.finish(Exit.OK, f"for its [[source]]: recipe = {json.dumps(names)}", suggested=list(names))


def _heads(folder: Path, size: int) -> Iterator[tuple[str, bytes]]:
    """The first bytes of files below `folder`: 200 of each folder, 20,000 in all. SourceError `source-missing`."""
    if not folder.is_dir():
        raise SourceError("source-missing", f"{folder}: expected a folder, found none")
    left = _MOST
    for place, folders, names in os.walk(folder):
        folders.sort()
        for name in sorted(names)[: min(_AT_ONCE, left)]:
            left -= 1
            path = Path(place, name)
            try:
                if path.is_file() and not path.is_symlink():
                    with path.open("rb") as file:
                        yield path.relative_to(folder).as_posix(), file.read(size)
            except OSError:
                continue
