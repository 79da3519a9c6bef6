"""Letters from templates: words filled in, as an HTML file that an office edits and as values of a PDF. Pure."""

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from importlib import resources
from typing import Annotated, TypeAlias

from escrow.errors import FormatError, UsageError
from escrow.paper.html import STYLE, block_html
from escrow.paper.page import Block, Words, block_values
from escrow.record import JsonObject, JsonValue, from_object
from escrow.record.grammar import Name, Text, Word

LETTERS = ("ownership", "return", "complaint", "parents")
Value: TypeAlias = str | Block | None
"""What a template names: words, a block to stand where it is named, or nothing known."""
_Paragraph = Annotated[
    str, Word("a text of 1 to 5,000 characters", re.compile(r"[^\x00-\x09\x0b-\x1f]{1,5000}", re.DOTALL).fullmatch)
]
_NAMED = re.compile(r"\{([a-z_]+)\}")
_LETTER_STYLE = """
.letter { max-width: 45rem; }
.letter h1, .letter h2 { font-size: 1.375rem; border: 0; padding: 0; margin: 1.5rem 0 1rem; }
.letter h3, .one .letter h2 { font-size: 1.1875rem; margin: 1.5rem 0 .5rem; }
.letter address { font-style: normal; margin: 0 0 1.5rem; }
.letter .from { text-align: right; }
.letter .sign { margin-top: 3.5rem; }
.letter + .letter { margin-top: 4rem; border-top: 1px solid #6f777b; padding-top: 2rem; }
@media print {
  .letter { max-width: none; } .letter h1, .letter h2 { font-size: 13pt; }
  .letter h3, .one .letter h2 { font-size: 11.5pt; }
  .many .letter { break-before: page; } .letter + .letter { margin-top: 0; border: 0; padding: 0; }
}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Head:
    subject: Text
    greeting: Text
    to: tuple[Text, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Part:
    text: _Paragraph | None = None
    heading: Text | None = None
    block: Name | None = None
    when: Name | None = None
    unless: Name | None = None


@dataclass(frozen=True, slots=True)
class Letter:
    """One letter: lines of the sender and of whom it goes to, its date, what it is about, and its parts, each a heading
    or "" and a block."""

    sender: tuple[str, ...]
    to: tuple[str, ...]
    date: str
    subject: str
    greeting: str
    parts: tuple[tuple[str, Block], ...]
    closing: tuple[str, ...]

    def values(self) -> JsonObject:
        """What the template `letter` sets of one letter."""
        parts: list[JsonValue] = [{"heading": heading, "block": block_values(block)} for heading, block in self.parts]
        return {
            "sender": [*self.sender],
            "to": [*self.to],
            "date": self.date,
            "subject": self.subject,
            "greeting": self.greeting,
            "parts": parts,
            "closing": [*self.closing],
        }


def letter_text(name: str) -> str:
    """A template as the program brings it."""
    return (resources.files("escrow.vendor") / "letters" / f"{name}.toml").read_text(encoding="utf-8")


@dataclass(frozen=True, slots=True)
class Template:
    """A template, read."""

    name: str
    head: _Head
    parts: tuple[_Part, ...]

    def fill(
        self, values: Mapping[str, Value], *, sender: Sequence[str], to: Sequence[str], date: str, sign: Sequence[str]
    ) -> Letter:
        """The letter. UsageError `vendor-letter` for a name in the template that `values` does not have."""
        parts: list[tuple[str, Block]] = []
        for part in self.parts:
            if (part.when and not self._value(values, part.when)) or (part.unless and self._value(values, part.unless)):
                continue
            heading = self._words(part.heading or "", values)
            if part.text:
                parts.append((heading, Words(self._words(part.text, values))))
                heading = ""
            block = self._value(values, part.block) if part.block else None
            if block:
                parts.append((heading, Words(block) if isinstance(block, str) else block))
        return Letter(
            sender=tuple(sender),
            to=tuple(self.head.to or to),
            date=date,
            subject=self._words(self.head.subject, values),
            greeting=self._words(self.head.greeting, values),
            parts=tuple(parts),
            closing=("Yours faithfully,", *sign),
        )

    def _value(self, values: Mapping[str, Value], name: str) -> Value:
        if name not in values:
            hint = f"correct texts/{self.name}.toml of the case, or delete it: the program's own counts then"
            known = ", ".join(sorted(values))
            raise UsageError("vendor-letter", f"{self.name}: expected one of {known}, found {{{name}}}", hint=hint)
        return values[name]

    def _words(self, text: str, values: Mapping[str, Value]) -> str:
        def filled(match: re.Match[str]) -> str:
            value = self._value(values, match[1])
            return value if isinstance(value, str) else "(not known)"

        return _NAMED.sub(filled, text)


def parse_template(name: str, text: str) -> Template:
    """UsageError `vendor-letter`."""
    try:
        raw: dict[str, JsonValue] = tomllib.loads(text)
        parts = raw.pop("part")
        head = from_object(raw, _Head, name)
        listed = parts if isinstance(parts, list) else [parts]
        return Template(name, head, tuple(from_object(one, _Part, f"{name} [[part]]") for one in listed))
    except (tomllib.TOMLDecodeError, FormatError, KeyError, TypeError) as error:
        hint = "correct it, or delete it: the program's own counts then"
        raise UsageError("vendor-letter", f"{name}.toml: expected a letter ({error})", hint=hint) from None


def letters_html(letters: Sequence[Letter], title: str) -> str:
    """One HTML file that a word processor opens and edits: each letter on a page of its own. WCAG 2.2 AA."""
    many = len(letters) > 1
    kind = "many" if many else "one"
    lead = f"<h1>{escape(title)}</h1>\n<p>{len(letters)} letters, each on a page of its own.</p>\n" if many else ""
    body = "".join(_html(letter, at, 2 if many else 1) for at, letter in enumerate(letters, 1))
    return (
        '<!DOCTYPE html>\n<html lang="en-GB">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>{STYLE}{_LETTER_STYLE}</style>\n</head>\n<body>\n"
        f'<main class="{kind}">\n{lead}{body}</main>\n</body>\n</html>\n'
    )


def _html(letter: Letter, at: int, level: int) -> str:
    parts = "".join(
        (f"<h{level + 1}>{escape(heading)}</h{level + 1}>\n" if heading else "") + block_html(block)
        for heading, block in letter.parts
    )
    return (
        f'<article class="letter" aria-labelledby="letter-{at}">\n'
        f'<address class="from">{_lines(letter.sender)}</address>\n<address>{_lines(letter.to)}</address>\n'
        f"<p>{escape(letter.date)}</p>\n<p>{escape(letter.greeting)}</p>\n"
        f'<h{level} id="letter-{at}">{escape(letter.subject)}</h{level}>\n{parts}'
        f'<p>{escape(letter.closing[0])}</p>\n<p class="sign">{_lines(letter.closing[1:])}</p>\n</article>\n'
    )


def _lines(lines: Sequence[str]) -> str:
    return "<br>\n".join(map(escape, lines))
