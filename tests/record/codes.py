"""The table of codes of docs/format.md, section 14."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "format.md").read_text("utf-8")
CODE = re.compile(r"`([a-z]+(?:-[a-z0-9]+)*)`")


def table() -> dict[str, set[str]]:
    """The sections of each code."""
    found: dict[str, set[str]] = {}
    for codes, sections in re.findall(r"^\| (`[^|]+) \| ([0-9., ]+) \| [^|]+ \|$", part("14"), re.MULTILINE):
        for code in CODE.findall(codes):
            assert code not in found, code
            found[code] = set(sections.split(", "))
    return found


def part(number: str) -> str:
    """The text of a section, or of a part of one."""
    mark = f"## {number}." if number.isdecimal() else f"### {number} "
    start = TEXT.index(f"\n{mark}")
    end = re.search(r"^## " if number.isdecimal() else r"^#{2,3} ", TEXT[start + len(mark) + 1 :], re.MULTILINE)
    return TEXT[start : start + len(mark) + 1 + end.start()] if end else TEXT[start:]
