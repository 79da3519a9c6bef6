"""Vectors on disk: one JSON file each, in the folder of what it is about; sealed and signed objects lie in objects/."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent
KINDS = (
    *("json", "names", "records", "envelopes", "vaults", "deeds", "keys", "sheets"),
    *("age", "packs", "lines", "lists", "nights", "erasures", "rows"),
)


@dataclass(frozen=True)
class Vector:
    """One question: `given` is what is asked, `code` what is wrong with it (None: nothing), `gives` the answer."""

    kind: str
    name: str
    what: str
    code: str | None
    given: Mapping[str, Any]
    gives: Mapping[str, Any]

    @property
    def label(self) -> str:
        """As a test is called."""
        return f"{self.kind}/{self.name}"


def load(root: Path = ROOT) -> Iterator[Vector]:
    """Every vector, by kind and name."""
    for kind in KINDS:
        for path in sorted((root / kind).glob("*.json")):
            members = json.loads(path.read_text("utf-8"))
            yield Vector(kind, path.stem, **members)


def save(vector: Vector, root: Path) -> None:
    """Writes one vector."""
    members = {"what": vector.what, "code": vector.code, "given": vector.given, "gives": vector.gives}
    path = root / vector.kind / f"{vector.name}.json"
    path.parent.mkdir(exist_ok=True)
    assert not path.exists(), f"two vectors of one name: {vector.label}"
    path.write_text(json.dumps(members, indent=1, ensure_ascii=True) + "\n", "ascii", newline="\n")


def keep(data: bytes, root: Path) -> str:
    """Puts an object below `root`; gives its name there, which is its SHA-256."""
    digest = hashlib.sha256(data).hexdigest()
    (root / "objects").mkdir(exist_ok=True)
    (root / "objects" / digest).write_bytes(data)
    return digest


def objects(given: Mapping[str, Any], root: Path = ROOT) -> list[tuple[str, bytes]]:
    """The objects that a vector names, by their names in the vault; or that are given as they are."""
    return [
        (name, one if isinstance(one, bytes) else (root / "objects" / one).read_bytes())
        for name, one in given["objects"].items()
    ]
