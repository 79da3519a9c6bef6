"""A vendor's exit as the school keeps it: what happened, what was done, when. One JSON file, strictly read. Pure."""

import json
from dataclasses import dataclass, replace
from datetime import date
from typing import Annotated

from escrow.errors import FormatError, UsageError
from escrow.record import Charter, Processor, from_object, to_object
from escrow.record.canonical import parse
from escrow.record.grammar import Hex32, Hex64, Name, Number, Range, Text, Word

NAME = "vendor-exit.json"
_VERSION = 1
_LARGEST = 4 * 1024 * 1024


def _is_day(text: str) -> bool:
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


Day = Annotated[str, Word("a date such as 2026-11-24", _is_day)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One thing that happened. `step`: which step it closes, `about`: of which processor; `file` and its `sha256`;
    `event`: the number of the vault's event that tells it."""

    on: Day
    text: Text
    step: Name | None = None
    about: Text | None = None
    file: Text | None = None
    sha256: Hex64 | None = None
    event: Number | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One exit: whose (names of the charter), why, since when; `entries` in order of writing."""

    version: Annotated[int, Range(_VERSION, _VERSION)]
    vault: Hex32
    processor: Text
    sub_processors: tuple[Text, ...]
    reason: Name
    began: Day
    contract_end: Day | None = None
    entries: tuple[Entry, ...]
    closed: Day | None = None

    def with_entry(self, entry: Entry) -> "Case":
        """The case with one entry more. UsageError `vendor-closed`."""
        if self.closed:
            hint = "begin another case in another folder: --case"
            raise UsageError("vendor-closed", f"expected an open case, found one closed on {self.closed}", hint=hint)
        return replace(self, entries=(*self.entries, entry))

    def done(self, step: str, about: str | None = None) -> Entry | None:
        """The entry that closes a step (of a processor)."""
        return next((one for one in self.entries if one.step == step and one.about == about), None)

    @property
    def parties(self) -> tuple[str, ...]:
        """The processor, then its sub-processors."""
        return (self.processor, *self.sub_processors)


def open_case(text: bytes) -> Case:
    """FormatError that names the member."""
    return from_object(parse(text, limit=_LARGEST), Case, "case")


def case_text(case: Case) -> bytes:
    """The file; it is read back before it is given."""
    made = json.dumps(to_object(case), ensure_ascii=False, indent=2).encode() + b"\n"
    open_case(made)
    return made


def processor_of(charter: Charter, name: str) -> Processor:
    """The charter's processor of this name, or of the only name that it begins. UsageError `vendor-processor`."""
    known = charter.processors or ()
    wanted = name.casefold()
    same = [one for one in known if one.name.casefold() == wanted]
    alike = same or [one for one in known if one.name.casefold().startswith(wanted)]
    if len(alike) != 1:
        names = ", ".join(one.name for one in known) or "none"
        hint = "escrow charter show tells them; one holder may add a processor: escrow charter draft, then sign"
        raise UsageError(
            "vendor-processor", f"expected a processor of the charter ({names}), found {name!r}", hint=hint
        )
    return alike[0]


def begin(
    charter: Charter,
    vault: str,
    name: str,
    *,
    reason: str,
    reasons: dict[str, str],
    began: date,
    today: date,
    contract_end: date | None = None,
    sub_processors: tuple[str, ...] = (),
) -> Case:
    """A new case. UsageError `vendor-processor`, `vendor-reason`, `vendor-date`.

    `contract_end` goes before the charter's; without `sub_processors` all of the charter come along.
    """
    if reason not in reasons:
        raise UsageError("vendor-reason", f"expected one of {', '.join(reasons)}, found {reason!r}")
    if began > today:
        hint = "say the day on which the school heard of it, or lost access"
        raise UsageError("vendor-date", f"expected a day up to today, {today}, found {began}", hint=hint)
    found = processor_of(charter, name)
    end = contract_end or (found.contract_end.date() if found.contract_end else None)
    named = [processor_of(charter, one) for one in sub_processors] or [
        one for one in charter.processors or () if one.role == "sub-processor" and one != found
    ]
    return Case(
        version=_VERSION,
        vault=vault,
        processor=found.name,
        sub_processors=tuple(one.name for one in named),
        reason=reason,
        began=began.isoformat(),
        contract_end=end.isoformat() if end else None,
        entries=(Entry(on=began.isoformat(), text=reasons[reason]),),
    )


def entry(
    on: date,
    today: date,
    text: str,
    *,
    step: str | None = None,
    about: str | None = None,
    file: str | None = None,
    sha256: str | None = None,
    event: int | None = None,
) -> Entry:
    """An entry, checked as the file is. UsageError `vendor-date`, `vendor-text`."""
    if on > today:
        raise UsageError(
            "vendor-date", f"expected a day up to today, {today}, found {on}", hint="note it when it is done"
        )
    made = Entry(on=on.isoformat(), text=text, step=step, about=about, file=file, sha256=sha256, event=event)
    try:
        return from_object(to_object(made), Entry, "entry")
    except FormatError as error:
        raise UsageError("vendor-text", str(error), hint="at most 1,000 characters, on one line") from None
