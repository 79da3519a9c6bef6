"""Originals: files of a night, in a folder or where a vault holds them (`escrow.engine.opened`)."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Protocol

Opens = Callable[[], BinaryIO]
"""Begins to read an original."""


class Original(Protocol):
    """One file. `path`: with `/`, as in the night; `size` in bytes; `place`: where it lies as a file, if it does."""

    @property
    def path(self) -> str: ...

    @property
    def size(self) -> int: ...

    @property
    def place(self) -> Path | None: ...

    def open(self) -> BinaryIO:
        """Its bytes; a zip and a database need them to seek."""


@dataclass(frozen=True, slots=True)
class FolderFile:
    """A file below a folder."""

    path: str
    size: int
    place: Path

    def open(self) -> BinaryIO:
        """Its bytes."""
        return self.place.open("rb")


def folder_files(folder: Path) -> list[FolderFile]:
    """The files below a folder; links are not followed."""
    found = (one for one in folder.rglob("*") if one.is_file() and not one.is_symlink())
    return [FolderFile(one.relative_to(folder).as_posix(), one.stat().st_size, one) for one in found]
