"""What is to be done by when: from the rules, the case and a date to steps. Pure; the rules are data (exit.toml)."""

import calendar
import tomllib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from importlib import resources
from typing import Annotated, Literal, TypeAlias

from escrow.errors import FormatError, UsageError
from escrow.record import JsonValue, from_object
from escrow.record.grammar import Name, Range, Text
from escrow.vendor.case import Case, Day

NAME = "exit.toml"
State: TypeAlias = Literal["done", "open", "overdue", "waiting", "not-needed"]
_BEGAN, _CONTRACT_END = "began", "contract-end"
_Days = Annotated[int, Range(0, 36_500)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """Why a vendor stops."""

    id: Name
    text: Text


@dataclass(frozen=True, slots=True, kw_only=True)
class Flags:
    """What a step says with true or false."""

    each: bool = False
    night: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One step of exit.toml, without its flags; the file says what its members mean."""

    id: Name
    title: Text
    how: Text
    since: Name
    source: Text
    as_of: Day
    days: _Days | None = None
    months: _Days | None = None
    opens: _Days | None = None
    reasons: tuple[Name, ...] | None = None
    without: tuple[Name, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Something that a vendor has to return, and why it is forgotten."""

    what: Text
    why: Text


@dataclass(frozen=True, slots=True)
class Rules:
    """All of exit.toml."""

    reviewed: date
    reasons: dict[str, str]
    steps: tuple[tuple[Rule, Flags], ...]
    recover: tuple[Wanted, ...]


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a case. `about`: the processor that it is of; `due` None where its clock has not begun."""

    rule: Rule
    about: str | None
    state: State
    due: date | None
    done_on: date | None = None


def rules_text() -> str:
    """The file as the program brings it."""
    return (resources.files("escrow.vendor") / NAME).read_text(encoding="utf-8")


def parse_rules(text: str) -> Rules:
    """UsageError `vendor-rules` that names what is wrong."""
    try:
        raw = tomllib.loads(text)
        steps = [_rule(one) for one in raw["step"]]
        reasons = {name: _text(words) for name, words in raw["reasons"].items()}
        recover = tuple(from_object(one, Wanted, f"{NAME} [[recover]]") for one in raw["recover"])
        rules = Rules(date.fromisoformat(_text(raw["reviewed"])), reasons, tuple(steps), recover)
    except (tomllib.TOMLDecodeError, FormatError, KeyError, TypeError, ValueError, AttributeError) as error:
        hint = f"correct it, or delete it: the program's own {NAME} counts then"
        raise UsageError("vendor-rules", f"{NAME}: expected steps, reasons and recover ({error})", hint=hint) from None
    known = {rule.id for rule, _ in steps}
    for rule, _ in steps:
        named = ({rule.since} - {_BEGAN, _CONTRACT_END}) | set(rule.without or ())
        if strange := sorted(named - known) + sorted(set(rule.reasons or ()) - reasons.keys()):
            raise UsageError("vendor-rules", f"{NAME}: step {rule.id}: there is no {strange[0]}", hint="correct it")
    return rules


def _rule(raw: dict[str, JsonValue]) -> tuple[Rule, Flags]:
    flags = {name: raw[name] for name in ("each", "night") if name in raw}
    if not all(isinstance(value, bool) for value in flags.values()):
        raise TypeError("each and night are true or false")
    plain = {("since" if name == "from" else name): value for name, value in raw.items() if name not in flags}
    rule = from_object(plain, Rule, f"{NAME} step")
    if (rule.days is None) == (rule.months is None):
        raise ValueError(f"step {rule.id}: days or months, one of them")
    return rule, Flags(each=flags.get("each") is True, night=flags.get("night") is True)


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"a text instead of {value!r}")
    return value


def plan(rules: Rules, case: Case, today: date, good_nights: Iterable[date]) -> list[Step]:
    """Every step of the case as of `today`; `good_nights`: days of nights without a complaint."""
    night = min((night for night in good_nights if night >= date.fromisoformat(case.began)), default=None)
    steps: list[Step] = []
    for rule, flags in rules.steps:
        if rule.reasons is None or case.reason in rule.reasons:
            parties: Sequence[str | None] = case.parties if flags.each else (None,)
            steps += [_step(rule, case, about, today, night if flags.night else None) for about in parties]
    done = {step.rule.id for step in steps} - {step.rule.id for step in steps if step.state != "done"}
    return [
        Step(one.rule, one.about, "not-needed", one.due)
        if one.rule.without and one.state != "done" and set(one.rule.without) <= done
        else one
        for one in steps
    ]


def _step(rule: Rule, case: Case, about: str | None, today: date, night: date | None) -> Step:
    start = _start(rule.since, case)
    due = _after(start, rule) if start else None
    said = case.done(rule.id, about)
    done_on = date.fromisoformat(said.on) if said else night
    if done_on is not None:
        return Step(rule, about, "done", due, done_on)
    waits = start is None and rule.since not in (_BEGAN, _CONTRACT_END)
    waits = waits or bool(start and rule.opens and today < start + timedelta(days=rule.opens))
    if waits:
        return Step(rule, about, "waiting", due)
    return Step(rule, about, "overdue" if due and due < today else "open", due)


def _start(since: str, case: Case) -> date | None:
    if since == _BEGAN:
        return date.fromisoformat(case.began)
    if since == _CONTRACT_END:
        return date.fromisoformat(case.contract_end) if case.contract_end else None
    done = case.done(since)
    return date.fromisoformat(done.on) if done else None


def _after(start: date, rule: Rule) -> date:
    if rule.months is None:
        return start + timedelta(days=rule.days or 0)
    month = start.month - 1 + rule.months
    year, month = start.year + month // 12, month % 12 + 1
    return date(year, month, min(start.day, calendar.monthrange(year, month)[1]))


def due_again(rules: Rules, today: date) -> bool:
    """Whether somebody should compare the rules with their sources again: after a year."""
    return (today - rules.reviewed).days > 365
