"""What escrow.toml says of one source, and how it becomes one. Each kind is a class of this interface."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Self

from .tables import Table

if TYPE_CHECKING:
    from escrow.source import Source


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceConfig(ABC):
    """One source. `name`: its alias; `path`: the folder or file that it reads, None where it reads none here."""

    name: str
    path: Path | None = None

    @classmethod
    @abstractmethod
    def parse(cls, name: str, table: Table, root: Path) -> Self:
        """Take this kind's keys out of `table`; relative paths count from `root`. UsageError."""

    @abstractmethod
    def open(self, own: Sequence[Path]) -> "Source":
        """The source. `own`: folders of escrow itself. UsageError; nothing is connected to or read yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FolderConfig(SourceConfig):
    """A folder; `ignore`: patterns to leave out; `recipes`: names of what lies in it, the first that fits counts."""

    path: Path
    ignore: tuple[str, ...] = ()
    recipes: tuple[str, ...] = ()

    @classmethod
    def parse(cls, name: str, table: Table, root: Path) -> Self:
        return cls(
            name=name,
            path=root / table.needed("path"),
            ignore=tuple(table.texts("ignore")),
            recipes=tuple(table.text_or_texts("recipe")),
        )

    def open(self, own: Sequence[Path]) -> "Source":
        from escrow.source import FolderSource

        if not self.recipes:
            return FolderSource(self.name, self.path, ignore=self.ignore, skip=own)
        from escrow.source.recipes import classify, find_recipe

        chosen = [find_recipe(name) for name in self.recipes]
        ignore = (*self.ignore, *(glob for one in chosen for glob in one.ignore))
        return FolderSource(self.name, self.path, ignore=ignore, skip=own, classify=partial(classify, chosen))
