"""A request for a person's record, as somebody at the school wrote it down: a TOML file, read strictly. Pure."""

import json
import tomllib
from dataclasses import dataclass, fields
from datetime import date
from typing import NoReturn

from escrow.errors import UsageError
from escrow.subject.law import RIGHTS, age_on, rule
from escrow.subject.people import Kind

SELF = "self"
_ADULT = 18

TEMPLATE = """\
# A request for a person's record. Fill it in, then run the command again. All of this is kept, sealed, in the event
# that tells of the use of keys.

right = "subject-access"     # or "educational-record": a parent's, at a maintained school
received =                   # the day the request came, such as 2026-11-02
# clock_from =               # only where the clock began later: the day identity or scope was made clear
requester = ""               # who asks
relation = ""                # "self" for the person, else such as "mother", "solicitor for the pupil"
authority = ""               # by what right, what was seen: "parental responsibility; birth certificate, 3 Nov"
child_view = ""              # what a child who understands (asked from {age} on) says to it, asked by whom, when
court_orders = ""            # orders about contact or disclosure: "none known; asked 3 Nov"
# safeguarding_released_by = ""   # who released safeguarding records for this request, and when; else they stay shut
# extended_because = ""      # complex or many requests: two further months, told to the requester within the first
# competence_age = {age}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """Who asks for whose record, by what right. Empty texts were left empty."""

    right: str
    received: date
    requester: str
    relation: str
    authority: str
    child_view: str = ""
    court_orders: str = ""
    clock_from: date | None = None
    safeguarding_released_by: str = ""
    extended_because: str = ""
    competence_age: int = 0

    @property
    def by_self(self) -> bool:
        return self.relation.casefold() == SELF

    def text(self) -> str:
        """All of it, for a sealed event."""
        said = {one.name: getattr(self, one.name) for one in fields(self)}
        return json.dumps({name: value for name, value in said.items() if value}, ensure_ascii=False, default=str)


def template() -> str:
    """An empty request."""
    return TEMPLATE.format(age=rule("competence").age)


def parse_request(text: str, where: str) -> Request:
    """UsageError `subject-request` says what is missing or wrong."""
    try:
        raw: dict[str, object] = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise UsageError("subject-request", f"{where}: expected TOML that is filled in: {error}") from None
    known = [one.name for one in fields(Request)]
    for name in raw.keys() - set(known):
        _fail(where, name, f"one of {', '.join(known)}", name)

    def words(name: str) -> str:
        value = raw.get(name, "")
        return value.strip() if isinstance(value, str) else _fail(where, name, "a text in quotes", value)

    def day(name: str) -> date | None:
        value = raw.get(name)
        return value if value is None or type(value) is date else _fail(where, name, "a date: 2026-11-02", value)

    age = raw.get("competence_age", 0)
    received = day("received")
    if not received or not all(words(name) for name in ("right", "requester", "relation", "authority")):
        _fail(where, "received, right, requester, relation, authority", "all to be filled in", "an empty one")
    if words("right") not in RIGHTS:
        _fail(where, "right", " or ".join(RIGHTS), words("right"))
    return Request(
        right=words("right"),
        received=received,
        requester=words("requester"),
        relation=words("relation"),
        authority=words("authority"),
        child_view=words("child_view"),
        court_orders=words("court_orders"),
        clock_from=day("clock_from"),
        safeguarding_released_by=words("safeguarding_released_by"),
        extended_because=words("extended_because"),
        competence_age=age if isinstance(age, int) else _fail(where, "competence_age", "a number", age),
    )


def check_request(request: Request, kind: Kind, born: date | None, where: str, today: date) -> list[str]:
    """What has to be asked before a record is opened: of a parent, court orders; of a child who may understand, its own
    view. Gives what a person should know. UsageError `subject-request`."""
    notes = []
    if request.received > today:
        _fail(where, "received", "a day that has come", request.received)
    if request.clock_from and request.clock_from < request.received:
        _fail(where, "clock_from", f"no day before {request.received}", request.clock_from)
    if kind == "pupil" and not request.by_self:
        if not request.court_orders:
            _fail(where, "court_orders", 'what is known of orders, at least "none known"', "nothing")
        age = request.competence_age or rule("competence").age
        if not request.child_view and (born is None or age_on(born, today) >= age):
            why = rule("competence").source
            old = f"aged {age_on(born, today)}" if born else "whose age is not known"
            _fail(where, "child_view", f"the view of somebody {old} (asked from {age} on: {why})", "nothing")
        if born and age_on(born, today) >= _ADULT:
            notes.append("the person is an adult: a parent asks by their authority alone; is it in `authority`?")
    if request.right == "educational-record" and (kind != "pupil" or request.by_self):
        notes.append(
            "the right to the educational record is a parent's, to a pupil's: is this a subject access request?"
        )
    return notes


def _fail(where: str, key: str, expected: str, found: object) -> NoReturn:
    raise UsageError(
        "subject-request", f"{where}: {key}: expected {expected}, found {found}", hint="edit it, run again"
    )
