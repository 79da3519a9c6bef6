"""What the letters name: from charter, case, history and plan to words and blocks. Pure."""

from collections.abc import Iterable, Sequence
from datetime import date

from escrow.custody.charter_page import groups
from escrow.paper.page import Facts, Grid, Points
from escrow.record import Charter, Processor
from escrow.trust import History
from escrow.vendor.case import Case, processor_of
from escrow.vendor.chronology import Happened, chronology, good_nights
from escrow.vendor.letter import Value
from escrow.vendor.plan import Rules, Step

_UNSAID = "not said"


def day(on: date | str) -> str:
    """A date for people: 1 September 2027."""
    on = date.fromisoformat(on) if isinstance(on, str) else on
    return f"{on.day} {on:%B %Y}"


def values_of(case: Case, history: History, rules: Rules, steps: Sequence[Step], today: date) -> dict[str, Value]:
    """Every name that a template may use. None or "" is not known."""
    charter = history.charter
    assert charter is not None
    parties = [processor_of(charter, name) for name in case.parties]
    nights = good_nights(history)
    controller = charter.controller
    return {
        "school": charter.school.name,
        "controller": controller.name if controller else charter.school.name,
        "registration": f", registered with the ICO as {controller.ico}" if controller and controller.ico else "",
        "processor": case.processor,
        "reason": rules.reasons.get(case.reason, case.reason),
        "began": day(case.began),
        "today": day(today),
        "contract_end": day(case.contract_end) if case.contract_end else None,
        "return_by": day(_return_by(case, today)),
        "version": str(charter.n),
        "charter_date": day(charter.created.date()),
        "fingerprint": groups(history.charter_sha256),
        "export": parties[0].export,
        "deletion": parties[0].deletion,
        "clauses": _clauses(parties, case),
        "parties": Points(tuple(f"{one.name} ({one.role})" for one in parties)),
        "forbidden": Points(charter.forbidden) if charter.forbidden else None,
        "recover": Points(tuple(one.what for one in rules.recover)),
        "last_night": day(nights[-1].store_time.date()) if nights else None,
        "outstanding": _outstanding(steps),
        "chronology": _chronology(chronology(case, history)),
        "enclosures": _enclosures(case),
    }


def sender_of(charter: Charter) -> tuple[str, ...]:
    """The lines of who writes: the school, its controller where that is another, and whom to ask."""
    controller = charter.controller.name if charter.controller else charter.school.name
    own = (charter.school.name,) if controller == charter.school.name else (charter.school.name, controller)
    return (*own, *(f"{one.role}: {one.text}" for one in charter.contacts or ()))


def _return_by(case: Case, today: date) -> date:
    """The end of the contract where it lies ahead, else in two weeks."""
    end = date.fromisoformat(case.contract_end) if case.contract_end else today
    return end if end > today else date.fromordinal(today.toordinal() + 14)


def _clauses(parties: Sequence[Processor], case: Case) -> Facts:
    rows: list[tuple[str, str]] = []
    for one in parties:
        end = case.contract_end if one.name == case.processor else one.contract_end and f"{one.contract_end:%Y-%m-%d}"
        said = [
            f"{one.role}, for {one.purpose}",
            f"export: {one.export or _UNSAID}",
            f"deletion: {one.deletion or _UNSAID}",
            f"contract ends: {day(end) if end else _UNSAID}",
        ]
        rows.append((one.name, "; ".join(said)))
    return Facts(tuple(rows))


def _outstanding(steps: Iterable[Step]) -> Points | None:
    named = {
        "dump": "the return of all data, in an open format",
        "deletion": "a written confirmation that {} deleted it",
    }
    items = tuple(
        named[one.rule.id].format(one.about)
        for one in steps
        if one.rule.id in named and one.state in ("open", "overdue")
    )
    return Points(items) if items else None


def _chronology(happened: Sequence[Happened]) -> Grid:
    rows = tuple((day(one.on), one.what, one.source) for one in happened)
    return Grid("What happened, and where it is recorded", ("Date", "What", "Record"), rows)


def _enclosures(case: Case) -> Points | None:
    found = {one.sha256: one.file for one in case.entries if one.sha256 and one.file}
    items = tuple(f"{file}, SHA-256 {groups(sha256)}" for sha256, file in found.items())
    return Points(items) if items else None
