"""Sources: where the school's data comes from, and which compartment each path goes to."""

from escrow.source.base import (
    DirItem,
    FileItem,
    Item,
    Kind,
    LinkItem,
    ScanNotes,
    Source,
    UnreadableError,
    UnreadItem,
    scan_all,
    stream_item,
)
from escrow.source.compartments import Compartments, Rule, compile_globs
from escrow.source.folder import FolderSource
from escrow.source.paths import Collisions, escape_component, extended, safe_target

__all__ = [
    "Collisions",
    "Compartments",
    "DirItem",
    "FileItem",
    "FolderSource",
    "Item",
    "Kind",
    "LinkItem",
    "Rule",
    "ScanNotes",
    "Source",
    "UnreadItem",
    "UnreadableError",
    "compile_globs",
    "escape_component",
    "extended",
    "safe_target",
    "scan_all",
    "stream_item",
]
