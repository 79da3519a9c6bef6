"""expectations.toml: what a person reads and corrects. Strict: an entry that nobody knows is an error."""

import json
import tomllib
from collections.abc import Sequence
from dataclasses import MISSING, fields
from datetime import date
from typing import NoReturn

from escrow.completeness.expectation import ALIAS, Expectation, Expected
from escrow.completeness.findings import ADVICE
from escrow.completeness.terms import Span, Terms
from escrow.errors import UsageError

_HEAD = """\
# What this school's exports hold on a good night. Learned by `escrow source learn`; correct it, then write into
# `confirmed` when and by whom it was confirmed. While that is empty, nothing fails: it only warns.
# The aliases stand in the signed notice, where everybody can read them: let them name no person.
"""
_PERCENT = {"max_fall", "rollover_fall"}


def parse(text: str, where: str) -> Expectation:
    """The expectation in a text of TOML. UsageError `expectation` tells what is wrong, in the file `where`."""
    try:
        raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise UsageError("expectation", f"{where}: expected TOML, found otherwise: {error}") from error
    _only(raw, {"confirmed", "terms", "dataset"}, where)
    entries = raw.get("dataset", [])
    if not isinstance(entries, list):
        _fail(where, "dataset", "[[dataset]] tables", entries)
    datasets = tuple(_dataset(entry, f"{where}: [[dataset]] {number}") for number, entry in enumerate(entries, 1))
    aliases = [one.alias for one in datasets]
    twice = sorted({alias for alias in aliases if aliases.count(alias) > 1})
    if twice:
        _fail(where, "alias", "another for every dataset", twice[0])
    return Expectation(_text(raw, "confirmed", where), _terms(raw.get("terms", {}), where), datasets)


def _terms(raw: object, where: str) -> Terms:
    if not isinstance(raw, dict):
        _fail(where, "terms", "a table", raw)
    _only(raw, {"terms", "holidays", "inset", "rollover"}, where)
    inset = raw.get("inset", [])
    if not isinstance(inset, list) or not all(_is_day(day) for day in inset):
        _fail(where, "inset", "a list of dates", inset)
    rollover = raw.get("rollover")
    terms = Terms(_spans(raw, "terms", where), _spans(raw, "holidays", where), frozenset(inset))
    if rollover is None:
        return terms
    try:
        first, last = (tuple(map(int, str(day).split("-"))) for day in rollover)
        (month, day), (end_month, end_day) = first, last
    except (ValueError, TypeError):
        _fail(where, "rollover", '["07-10", "09-20"], month and day', rollover)
    return Terms(terms.terms, terms.holidays, terms.inset, ((month, day), (end_month, end_day)))


def _spans(raw: dict[str, object], name: str, where: str) -> tuple[Span, ...]:
    spans = raw.get(name, [])
    if not isinstance(spans, list):
        _fail(where, name, "a list of [first day, last day]", spans)
    for span in spans:
        fits = isinstance(span, list) and len(span) == 2 and all(_is_day(day) for day in span) and span[0] <= span[1]
        if not fits:
            _fail(where, name, "[first day, last day]", span)
    return tuple((span[0], span[1]) for span in spans)


def _is_day(value: object) -> bool:
    return type(value) is date


def _dataset(raw: object, where: str) -> Expected:
    if not isinstance(raw, dict):
        _fail(where, "dataset", "a table", raw)
    known = {each.name: each for each in fields(Expected)}
    _only(raw, set(known), where)
    values: dict[str, object] = {}
    for name, each in known.items():
        value = raw.get(name)
        if value is None:
            if each.default is MISSING:
                _fail(where, name, "a text", None)
            continue
        values[name] = _value(value, each.default, name, where)
    made = Expected(**values)  # type: ignore[arg-type]
    if not ALIAS.fullmatch(made.alias):
        _fail(where, "alias", "1 to 32 of a-z, 0-9 and -", made.alias)
    unknown = sorted(set(made.accept) - set(ADVICE))
    if unknown:
        _fail(where, "accept", f"codes such as {', '.join(sorted(ADVICE)[:3])}", unknown[0])
    return made


def _value(value: object, default: object, name: str, where: str) -> object:
    if isinstance(default, tuple):
        if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
            _fail(where, name, "a list of texts", value)
        return tuple(value)
    if isinstance(default, bool):
        if not isinstance(value, bool):
            _fail(where, name, "true or false", value)
    elif isinstance(default, int):
        if not isinstance(value, int) or isinstance(value, bool) or value < 0 or (name in _PERCENT and value > 100):
            _fail(where, name, "a whole number" + (" up to 100" if name in _PERCENT else ""), value)
    elif not isinstance(value, str):
        _fail(where, name, "a text", value)
    return value


def _text(raw: dict[str, object], name: str, where: str) -> str:
    value = raw.get(name, "")
    if not isinstance(value, str):
        _fail(where, name, "a text", value)
    return value.strip()


def _only(raw: dict[str, object], known: set[str], where: str) -> None:
    unknown = sorted(set(raw) - known)
    if unknown:
        _fail(where, unknown[0], f"one of {', '.join(sorted(known))}", "another entry")


def _fail(where: str, name: str, expected: str, found: object) -> NoReturn:
    hint = "correct expectations.toml; escrow source learn writes one anew where there is none"
    raise UsageError("expectation", f"{where}: {name}: expected {expected}, found {found!r:.80}", hint=hint)


def to_toml(expectation: Expectation) -> str:
    """The file's text; entries that are as by default are left out."""
    lines = [
        _HEAD,
        f"confirmed = {json.dumps(expectation.confirmed, ensure_ascii=False)}",
        "",
        *_terms_lines(expectation.terms),
    ]
    for one in expectation.datasets:
        lines += ["", "[[dataset]]", *_dataset_lines(one)]
    return "\n".join(lines) + "\n"


def _terms_lines(terms: Terms) -> list[str]:
    first, last = (f'"{month:02}-{day:02}"' for month, day in terms.rollover)
    return [
        "[terms]",
        f"terms = {_spans_text(terms.terms)}",
        f"holidays = {_spans_text(terms.holidays)}",
        f"inset = [{', '.join(day.isoformat() for day in sorted(terms.inset))}]",
        f"rollover = [{first}, {last}]",
    ]


def _spans_text(spans: Sequence[Span]) -> str:
    return "[" + ", ".join(f"[{first.isoformat()}, {last.isoformat()}]" for first, last in spans) + "]"


def _dataset_lines(one: Expected) -> list[str]:
    lines = []
    for each in fields(Expected):
        value = getattr(one, each.name)
        if value != each.default:
            text = json.dumps(list(value) if isinstance(value, tuple) else value, ensure_ascii=False)
            lines.append(f"{each.name} = {text}")
    return lines
