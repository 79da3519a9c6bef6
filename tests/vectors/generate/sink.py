"""Where the generators put what they make: written only when the first reader's answer is the one that is meant."""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from tests.vectors import files
from tests.vectors.files import Vector
from tests.vectors.first import First, as_json

Objects = Iterable[tuple[str, bytes]]


class Sink:
    """Writes vectors below `root`."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.first = First(root)
        self._names: dict[tuple[str, str], int] = {}

    def add(self, kind: str, code: str | None, what: str, given: Mapping[str, Any], name: str | None = None) -> None:
        """One vector, called by its code and `name` (by `what` when None).

        AssertionError when the first reader answers another code.
        """
        codes, gives = self.first.ask(kind, given)
        assert code in codes if code else codes == [], (kind, code, what, codes)
        stem = "-".join(part for part in (code or "good", slug(what) if name is None else name) if part)
        number = self._names[kind, stem] = self._names.get((kind, stem), 0) + 1
        stem = f"{stem}-{number}" if number > 1 else stem
        files.save(Vector(kind, stem, what, code, given, as_json(gives)), self.root)

    def vault(
        self, kind: str, code: str | None, what: str, objects: Objects, name: str | None = None, **known: Any
    ) -> None:
        """A vector of whole objects, by their names in a vault."""
        kept = {name: files.keep(data, self.root) for name, data in objects}
        self.add(kind, code, what, {"objects": kept, **known}, name)


def slug(what: str) -> str:
    """The first words, as part of a file's name."""
    return re.sub("[^a-z0-9]+", "-", what.lower())[:44].strip("-")
