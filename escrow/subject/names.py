"""Whether a name is somebody's: by its letters, by its sound, by its spelling; and which of these. Pure."""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from jellyfish import jaro_winkler_similarity, metaphone

_JOINED = re.compile("['`\u2019\u00b4\u02bc]")
_OTHER = re.compile(r"[^\w]+|_+")
_LETTERS = str.maketrans(
    {"ł": "l", "ø": "o", "đ": "d", "ð": "d", "þ": "th", "ß": "ss", "æ": "ae", "œ": "oe", "\u0131": "i", "ħ": "h"}
)
_ALIKE = 0.92
_SHORT = 3


@dataclass(frozen=True, slots=True)
class Match:
    """How well a name fits (less is better) and why, in words for people."""

    rank: int
    why: str


@lru_cache(maxsize=100_000)
def tokens(name: str) -> tuple[str, ...]:
    """The parts of a name without case, accents, apostrophes and other punctuation: `Zoë O'Neill` is zoe, oneill."""
    bare = unicodedata.normalize("NFKD", _JOINED.sub("", name).casefold().translate(_LETTERS))
    letters = "".join(char for char in bare if not unicodedata.combining(char))
    return tuple(part for part in _OTHER.split(letters) if part)


def match_name(asked: str, names: Sequence[tuple[str, str]]) -> Match | None:
    """Whether every part of `asked` is one of a person's `names` (what kind of name, the name), in whatever order."""
    known = [_Known(part, kind, name, whole=whole) for kind, name in names for part, whole in _parts(name)]
    best: Match | None = None
    for wanted in _readings(tokens(asked)):
        found = [_best(part, known, whole=whole) for part, whole in wanted]
        hits = [one for one in found if one is not None]
        if not hits or len(hits) < len(found):
            continue
        match = Match(sum(one.rank for one in hits), "; ".join(dict.fromkeys(one.why for one in hits)))
        best = match if best is None or match.rank < best.rank else best
    return best


class _Known(NamedTuple):
    """A part of a person's name; `whole`: several written as one, which must be the same."""

    part: str
    kind: str
    name: str
    whole: bool


def _parts(name: str) -> Iterator[tuple[str, bool]]:
    parts = tokens(name)
    yield from ((part, False) for part in parts)
    if len(parts) > 1:
        yield "".join(parts), True


def _readings(parts: tuple[str, ...]) -> Iterator[list[tuple[str, bool]]]:
    """As they stand, and with two neighbours written as one: `Mac Donald`."""
    alone = [(part, False) for part in parts]
    yield alone
    for at in range(len(parts) - 1):
        yield [*alone[:at], (parts[at] + parts[at + 1], True), *alone[at + 2 :]]


def _best(part: str, known: Sequence[_Known], *, whole: bool) -> Match | None:
    found = [match for one in known if (match := _alike(part, one, whole=whole or one.whole))]
    return min(found, key=lambda one: one.rank, default=None)


def _alike(part: str, known: _Known, *, whole: bool) -> Match | None:
    own, kind, name, _ = known
    if part == own:
        return Match(0, f"{kind} {name}")
    if whole:
        return None
    if len(part) == 1 or len(own) == 1:
        return Match(4, f"{kind} {name} by its initial") if part[0] == own[0] else None
    if len(part) >= _SHORT and own.startswith(part):
        return Match(1, f"{kind} {name} begins so")
    if min(len(part), len(own)) >= _SHORT:
        return _nearly(part, own, kind, name)
    return None


def _nearly(part: str, own: str, kind: str, name: str) -> Match | None:
    sound = _sound(part)
    if sound and sound == _sound(own):
        return Match(2, f"{kind} {name} sounds like {part}")
    if jaro_winkler_similarity(part, own) >= _ALIKE:
        return Match(3, f"{kind} {name} is spelt like {part}")
    return None


@lru_cache(maxsize=100_000)
def _sound(part: str) -> str:
    return metaphone(part)
