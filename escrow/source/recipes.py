"""Recipes: what lies in a folder, told by who writes it there. The recipes themselves are data, in recipes.toml."""

import codecs
import re
import tomllib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import Literal, get_args

from pathspec import GitIgnoreSpec

from escrow.errors import UsageError
from escrow.source.base import Kind
from escrow.source.compartments import compile_globs
from escrow.source.datasets import as_text, dataset_of, kind_of
from escrow.source.paths import fold

Format = Literal["csv", "xml", "jsonl", "sql", "zip", "image", "any", "opaque"]

HEAD = 4096
"""Bytes of a file's beginning that a mark may look at."""

_KINDS: dict[str, Kind] = {name: name for name in get_args(Kind)}
_FORMATS: dict[str, Format] = {name: name for name in get_args(Format)}
_DATE = r"(?:19|20)\d\d(?P<s>[-_.]?)(?:0[1-9]|1[0-2])(?P=s)(?:0[1-9]|[12]\d|3[01])"
_EUROPEAN = r"(?:0[1-9]|[12]\d|3[01])[-_.](?:0[1-9]|1[0-2])[-_.](?:19|20)\d\d"
_TIME = r"(?:[T _-]?(?:[01]\d|2[0-3])[-_.:]?[0-5]\d(?:[-_.:]?[0-5]\d)?Z?)?"
_STAMP = re.compile(rf"(?<!\d)(?:{_DATE}|{_EUROPEAN}){_TIME}(?!\d)")


@dataclass(frozen=True, slots=True)
class FileRule:
    """Files that belong together. `rows` are paths of elements (XML), `ids` what names a row, the best first.

    `dataset` is one name for all of them; without it every file is its own.
    """

    globs: tuple[str, ...]
    kind: Kind
    format: Format
    dataset: str = ""
    rows: tuple[str, ...] = ()
    ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Mark:
    """How a recipe is recognised: files of these names, whose first bytes `head` finds something in."""

    globs: tuple[str, ...]
    head: re.Pattern[bytes]


@dataclass(frozen=True, slots=True)
class Recipe:
    """What one program leaves in a folder. `broken`: first bytes that are an error message and no data.

    `secrets`: columns that should not be there; `silent`: how it fails without an error, for people.
    """

    name: str
    title: str
    rules: tuple[FileRule, ...]
    marks: tuple[Mark, ...]
    silent: tuple[str, ...]
    ignore: tuple[str, ...] = ()
    broken: tuple[re.Pattern[bytes], ...] = ()
    secrets: tuple[str, ...] = ()
    _specs: list[GitIgnoreSpec] = field(default_factory=list, compare=False, repr=False)

    def rule_of(self, relative: str) -> FileRule | None:
        """The first rule for a path relative to the source, None where the recipe does not know it."""
        if not self._specs:
            self._specs.extend(compile_globs(map(fold, rule.globs)) for rule in self.rules)
        text = fold(relative)
        return next((rule for rule, spec in zip(self.rules, self._specs, strict=True) if spec.match_file(text)), None)


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A recipe for a folder: how many of its files have a mark of it, how many of these are error messages."""

    recipe: str
    files: int
    broken: int


def classify(chosen: Sequence[Recipe], path: bytes) -> tuple[str, Kind]:
    """Dataset and size class of a file by its full path: the first recipe that knows it counts.

    What none knows is as without a recipe.
    """
    source, _, relative = path.partition(b"/")
    text = relative.decode("utf-8", "surrogateescape")
    rule = next(filter(None, (one.rule_of(text) for one in chosen)), None)
    if rule is None:
        return dataset_of(path), kind_of(path)
    if rule.dataset:
        return as_text(source + b"/" + rule.dataset.encode()), rule.kind
    return as_text(undated(path)), rule.kind


def undated(path: bytes) -> bytes:
    """A path without dates and times, so that tonight's `sims_20261124.bak` is of one dataset with last night's."""
    text = _STAMP.sub("DATE", path.decode("utf-8", "surrogateescape"))
    return text.encode("utf-8", "surrogateescape")


@cache
def recipes() -> dict[str, Recipe]:
    """Every recipe by name, in recipes.toml's order."""
    text = files(__package__).joinpath("recipes.toml").read_text("utf-8")
    return {one["name"]: _recipe(one) for one in tomllib.loads(text)["recipe"]}


def find_recipe(name: str) -> Recipe:
    """UsageError `recipe-unknown`."""
    known = recipes()
    if name not in known:
        raise UsageError(
            "recipe-unknown",
            f"expected one of {', '.join(known)}, found {name[:80]!r}",
            hint="escrow source recipes FOLDER suggests one",
        )
    return known[name]


def suggest(looked: Iterable[tuple[str, bytes]]) -> list[Suggestion]:
    """Pure: recipes whose marks are on files (relative path, first HEAD bytes), the one with the most files first."""
    counts = {name: [0, 0] for name in recipes()}
    marks = [(one, mark, compile_globs(map(fold, mark.globs))) for one in recipes().values() for mark in one.marks]
    for relative, first in looked:
        text, head = fold(relative), _narrow(first[:HEAD])
        found = {one.name: one for one, mark, spec in marks if spec.match_file(text) and mark.head.search(head)}
        for name, one in found.items():
            counts[name][0] += 1
            counts[name][1] += any(pattern.search(head) for pattern in one.broken)
    suggested = [Suggestion(name, *numbers) for name, numbers in counts.items() if numbers[0]]
    return sorted(suggested, key=lambda one: -one.files)


def _narrow(head: bytes) -> bytes:
    """UTF-16 with its mark as UTF-8; all else as it is."""
    if not head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return head
    return head.decode("utf-16", "replace").encode("utf-8", "replace")


def _recipe(raw: dict[str, object]) -> Recipe:
    return Recipe(
        name=str(raw["name"]),
        title=str(raw["title"]),
        rules=tuple(_rule(one) for one in _tables(raw, "file")),
        marks=tuple(Mark(_texts(one, "globs"), _pattern(str(one["head"]))) for one in _tables(raw, "mark")),
        silent=_texts(raw, "silent"),
        ignore=_texts(raw, "ignore"),
        broken=tuple(map(_pattern, _texts(raw, "broken"))),
        secrets=_texts(raw, "secrets"),
    )


def _rule(raw: dict[str, object]) -> FileRule:
    return FileRule(
        globs=_texts(raw, "globs"),
        kind=_KINDS[str(raw["kind"])],
        format=_FORMATS[str(raw["format"])],
        dataset=str(raw.get("dataset", "")),
        rows=_texts(raw, "rows"),
        ids=_texts(raw, "ids"),
    )


def _pattern(text: str) -> re.Pattern[bytes]:
    return re.compile(text.encode("ascii"), re.DOTALL)


def _tables(raw: dict[str, object], key: str) -> list[dict[str, object]]:
    found = raw.get(key, [])
    return found if isinstance(found, list) else []


def _texts(raw: dict[str, object], key: str) -> tuple[str, ...]:
    found = raw.get(key, [])
    return tuple(map(str, found)) if isinstance(found, list) else ()
