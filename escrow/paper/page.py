"""A page for people as data: one structure that becomes text, HTML or a PDF."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

from escrow.record import JsonObject, JsonValue


@dataclass(frozen=True, slots=True)
class Words:
    """A paragraph."""

    text: str


@dataclass(frozen=True, slots=True)
class Points:
    """A list."""

    items: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Facts:
    """Terms and what they are."""

    rows: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Grid:
    """A table: its caption, its columns' heads, its rows; the first cell of a row names it."""

    caption: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


Block: TypeAlias = Words | Points | Facts | Grid


@dataclass(frozen=True, slots=True)
class Section:
    """A heading and what stands below it."""

    heading: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True, slots=True)
class Page:
    """A title, what it is in a sentence or two, and sections."""

    title: str
    lead: tuple[str, ...]
    sections: tuple[Section, ...]

    def values(self) -> JsonObject:
        """What the template `page` of escrow.paper.pdf sets."""
        sections: list[JsonValue] = [
            {"heading": one.heading, "blocks": [block_values(block) for block in one.blocks]} for one in self.sections
        ]
        return {"title": self.title, "lead": list(self.lead), "sections": sections}


def block_values(block: Block) -> JsonObject:
    """What `blocks` of the templates sets."""
    match block:
        case Words(text):
            return {"kind": "words", "text": text}
        case Points(items):
            return {"kind": "points", "items": list(items)}
        case Facts(rows):
            return {"kind": "facts", "rows": _lists(rows)}
        case Grid(caption, head, rows):
            return {"kind": "grid", "caption": caption, "head": list(head), "rows": _lists(rows)}


def _lists(rows: Sequence[Sequence[str]]) -> list[JsonValue]:
    return [list(row) for row in rows]
