"""What a night and a vendor's dump hold: tables, other files by their hash, and what cannot be looked into."""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from escrow.completeness import Profile, from_json
from escrow.completeness.profile import BROKEN
from escrow.completeness.reader import FileReader
from escrow.engine.opened import OpenedFile
from escrow.errors import UsageError
from escrow.export.originals import FolderFile, Original, folder_files
from escrow.export.table import Table
from escrow.export.tables import find_tables

_BLOCK = 1 << 20
_OriginalT = TypeVar("_OriginalT", bound=Original)


@dataclass(frozen=True, slots=True)
class Held:
    """One table. `origin`: its file, behind `#` the table inside; `table` reads it, None where it is only counted."""

    origin: str
    columns: tuple[str, ...]
    table: Table | None = None
    rows: int | None = None


@dataclass(slots=True)
class Side:
    """A night, or a dump. `files`: SHA-256 and size of all, by path; `others`: paths of those that are no tables;
    `troubles`: path and code of what cannot be looked into, wholly or in part."""

    tables: list[Held] = field(default_factory=list)
    files: dict[str, tuple[str, int]] = field(default_factory=dict)
    others: list[str] = field(default_factory=list)
    troubles: list[tuple[str, str]] = field(default_factory=list)

    @property
    def digest(self) -> str:
        """One SHA-256 over all hashes and paths, in their order: what was handed over, as one number."""
        lines = (f"{sha256}  {path}\n" for path, (sha256, _) in sorted(self.files.items()))
        return hashlib.sha256("".join(lines).encode("utf-8", "surrogateescape")).hexdigest()


def dump_files(paths: Sequence[Path]) -> list[FolderFile]:
    """The files of a dump: of folders with all below them, and single ones. UsageError `dump-missing`, `dump-empty`."""
    found: list[FolderFile] = []
    for path in paths:
        if path.is_dir():
            found += folder_files(path)
        elif path.is_file():
            found.append(FolderFile(path.name, path.stat().st_size, path))
        else:
            raise UsageError("dump-missing", f"expected the vendor's dump at {path}, found nothing")
    if not any(one.size for one in found):
        what = f"{len(found)} empty files" if found else "no file"
        hint = "write to the vendor the same day: escrow vendor note"
        raise UsageError("dump-empty", f"expected data from the vendor, found {what}", hint=hint)
    return found


def read_dump(files: Sequence[FolderFile], advance: Callable[[int], None]) -> Side:
    """Every file is read once for its hash and its profile, then each table when it is compared. OSError passes.

    What unfolds beyond all measure is not unfolded. `advance` hears of bytes.
    """
    side = Side()
    profiles: dict[str, Profile] = {}
    for file in files:
        reader = FileReader(file.path.rpartition("/")[2])
        digest = hashlib.sha256()
        with file.open() as raw:
            while block := raw.read(_BLOCK):
                digest.update(block)
                reader.take(memoryview(block))
                advance(len(block))
        side.files[file.path] = (digest.hexdigest(), file.size)
        profiles[file.path] = reader.finish()
    _sort(side, files, profiles)
    return side


def read_night(files: Iterable[OpenedFile], without: str) -> Side:
    """Profiles are those of the night; tables are read where the vault holds them. `without`: the dumps' own source.

    FormatError `profile-damaged`.
    """
    side = Side()
    profiles: dict[str, Profile] = {}
    tabular: list[OpenedFile] = []
    for file in files:
        source = file.path.partition("/")[0]
        if source == without or source.startswith(f"{without}-"):
            continue
        side.files[file.path] = (file.entry.sha256, file.size)
        if file.entry.profile is None:
            side.others.append(file.path)
        else:
            profiles[file.path] = from_json(file.entry.profile)
            tabular.append(file)
    _sort(side, tabular, profiles)
    return side


def _sort(side: Side, files: Sequence[_OriginalT], profiles: dict[str, Profile]) -> None:
    """Into tables that can be read, tables of which only the rows are known, and what is left."""
    bombs = {path for path, profile in profiles.items() if "bomb" in profile.notes}
    tables, left = find_tables(file for file in files if file.path not in bombs)
    side.tables += [Held(one.origin, one.columns, one) for one in tables]
    for path in [*(one.origin for one in left), *sorted(bombs)]:
        counted = [] if path in bombs else list(_counted(path, profiles[path]))
        side.tables += counted
        if not counted:
            side.others.append(path)
    for path, profile in profiles.items():
        codes = {note for _, inner in profile.tables(path) for note in inner.notes} & (BROKEN | {"empty"})
        side.troubles += [(path, code) for code in sorted(codes)]


def _counted(path: str, profile: Profile) -> Iterator[Held]:
    for name, inner in profile.tables(path):
        if inner.rows is not None and not inner.members:
            columns = tuple(column.name for column in inner.columns)
            yield Held(name.replace("!", "#"), columns, rows=inner.rows)
