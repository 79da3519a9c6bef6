"""What a school needs on paper on the Monday after access ended on the Friday: from mapped tables to pages. Pure."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date

from escrow.export.mapping import Plan, roles
from escrow.paper.page import Block, Grid, Page, Section, Words

Row = dict[str, str]
Rows = Callable[[str, Mapping[str, str]], Iterator[Row]]
"""The rows of a table, its columns named by the fields that they fill."""

_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_SHORT = ("Mo", "Tu", "We", "Th", "Fr")
_NO_GROUP = "No registration group"


@dataclass(frozen=True, slots=True)
class _Pupil:
    id: str
    name: str
    group: str
    row: Row


def continuity(plan: Plan, rows: Rows, *, school: str, night: str, today: date) -> Page:
    """Every page that the mapping allows; what it does not map is said where it would stand."""
    found = {role: list(rows(part.table, part.columns)) for role, part in plan.parts.items() if role != "classes"}
    pupils = _on_roll(found.get("pupils", []), today)
    known = {pupil.id: pupil for pupil in pupils}
    classes = _classes(plan, rows, known)
    sections = [
        _registers(pupils),
        _medical(plan, found.get("medical", []), known),
        _contacts(plan, found.get("contacts", []), pupils),
        _class_lists(plan, classes, known),
        _timetable(plan, found.get("timetable", []), today),
        _staff(plan, found.get("staff", [])),
    ]
    lead = (
        f"{school}: what is needed on {_DAYS[today.weekday()]} {today:%d.%m.%Y} without the management system.",
        f"From the night of {night}. {len(pupils)} pupils on roll. These pages hold personal data: keep them, count "
        "them, shred them.",
    )
    return Page(f"Continuity pack: {school}", lead, tuple(sections))


def _on_roll(rows: Iterable[Row], today: date) -> list[_Pupil]:
    pupils = [
        _Pupil(
            row["id"],
            f"{row['surname']}, {row.get('preferred') or row['forename']}",
            row.get("group") or _NO_GROUP,
            row,
        )
        for row in rows
        if row["id"] and not has_left(row.get("left", ""), today)
    ]
    return sorted(pupils, key=lambda one: (_natural(one.group), one.name.casefold()))


def has_left(said: str, today: date) -> bool:
    """A leaving date that cannot be read counts as one: who is listed wrongly is missed, who is not is asked for."""
    if not said.strip():
        return False
    try:
        return date.fromisoformat(said.strip()[:10]) <= today
    except ValueError:
        return True


def _natural(text: str) -> tuple[int, str]:
    digits = "".join(char for char in text[:3] if char.isdigit())
    return int(digits or 99), text


def _grouped(pupils: Iterable[_Pupil]) -> dict[str, list[_Pupil]]:
    groups: dict[str, list[_Pupil]] = {}
    for pupil in pupils:
        groups.setdefault(pupil.group, []).append(pupil)
    return groups


def _registers(pupils: list[_Pupil]) -> Section:
    head = ("Pupil", *(f"{day} {half}" for day in _SHORT for half in ("am", "pm")))
    blank = tuple("" for _ in head[1:])
    grids = [
        Grid(f"Register of {group}: {len(members)} pupils", head, tuple((one.name, *blank) for one in members))
        for group, members in _grouped(pupils).items()
    ]
    return Section("Blank registers by registration group", tuple(grids) or _unsaid("pupils"))


def _medical(plan: Plan, rows: list[Row], known: Mapping[str, _Pupil]) -> Section:
    heading = "Medical conditions and allergies"
    if "medical" not in plan.parts:
        return Section(heading, _unsaid("medical"))
    fields = ("condition", "allergies", "medication", "action")
    told = sorted(
        ((known[row["pupil"]], row) for row in rows if row["pupil"] in known), key=lambda one: one[0].name.casefold()
    )
    body = tuple((one.name, one.group, *(row.get(field, "") for field in fields)) for one, row in told)
    head = ("Pupil", "Group", "Condition", "Allergies", "Medication", "What to do")
    return Section(heading, (Grid(f"{len(body)} entries of pupils on roll", head, body),))


def _contacts(plan: Plan, rows: list[Row], pupils: list[_Pupil]) -> Section:
    heading = "Contacts by pupil"
    if "contacts" not in plan.parts:
        return Section(heading, _unsaid("contacts"))
    by_pupil: dict[str, list[Row]] = {}
    for row in rows:
        by_pupil.setdefault(row["pupil"], []).append(row)
    head = ("Pupil", "Order", "Contact", "Relation", "Parental responsibility", "Telephone", "E-mail")
    grids = []
    for group, members in _grouped(pupils).items():
        body = [
            (one.name if first else "", *cells)
            for one in members
            for first, cells in _contact_cells(by_pupil.get(one.id, []))
        ]
        grids.append(Grid(f"Contacts of {group}", head, tuple(body)))
    return Section(heading, tuple(grids))


def _contact_cells(rows: list[Row]) -> Iterator[tuple[bool, tuple[str, ...]]]:
    if not rows:
        yield True, ("", "no contact in the archive", "", "", "", "")
    for number, row in enumerate(sorted(rows, key=lambda one: _natural(one.get("priority", "")))):
        name = " ".join(filter(None, (row.get("forename"), row["surname"])))
        phones = ", ".join(filter(None, (row.get("mobile"), row.get("phone"))))
        order, relation, responsibility = (row.get(field, "") for field in ("priority", "relation", "responsibility"))
        yield number == 0, (order, name, relation, responsibility, phones, row.get("email", ""))


def _classes(plan: Plan, rows: Rows, known: Mapping[str, _Pupil]) -> dict[str, set[str]]:
    """Pupils' ids by class; read as a stream, as a class may be known by a year of marks alone."""
    part = plan.parts.get("classes")
    found: dict[str, set[str]] = {}
    for row in rows(part.table, part.columns) if part else ():
        if row["pupil"] in known and row["class"]:
            found.setdefault(row["class"], set()).add(row["pupil"])
    return found


def _class_lists(plan: Plan, classes: dict[str, set[str]], known: Mapping[str, _Pupil]) -> Section:
    heading = "Class lists"
    if "classes" not in plan.parts:
        return Section(heading, _unsaid("classes"))
    body = tuple(
        (name, str(len(members)), "; ".join(sorted((known[one].name for one in members), key=str.casefold)))
        for name, members in sorted(classes.items(), key=lambda one: _natural(one[0]))
    )
    return Section(heading, (Grid(f"{len(body)} classes", ("Class", "Pupils", "Who"), body),))


def _timetable(plan: Plan, rows: list[Row], today: date) -> Section:
    day = _DAYS[today.weekday()]
    heading = f"Timetable of {day}"
    if "timetable" not in plan.parts:
        return Section(heading, _unsaid("timetable"))
    lessons = [row for row in rows if _is_day(row["day"], today.weekday())]
    if not lessons:
        said = ", ".join(sorted({row["day"] for row in rows})[:12])
        return Section(heading, (Words(f"No lesson of the timetable is on a {day}. Its days are: {said or 'none'}."),))
    fields = ("period", "class", "subject", "teacher", "room")
    body = sorted(tuple(row.get(field, "") for field in fields) for row in lessons)
    return Section(
        heading, (Grid(f"{len(body)} lessons", ("Period", "Class", "Subject", "Teacher", "Room"), tuple(body)),)
    )


def _is_day(said: str, weekday: int) -> bool:
    """`Monday`, `Mon`, `Mo` or `1`; other schemes are no day."""
    text = said.strip().casefold()
    return text == str(weekday + 1) or (len(text) > 1 and _DAYS[weekday].casefold().startswith(text))


def _staff(plan: Plan, rows: list[Row]) -> Section:
    if "staff" not in plan.parts:
        return Section("Staff", _unsaid("staff"))
    body = sorted(
        (
            f"{row['surname']}, {' '.join(filter(None, (row.get('title'), row.get('forename'))))}".rstrip(", "),
            *(row.get(field, "") for field in ("code", "role", "phone", "email")),
        )
        for row in rows
    )
    return Section(
        "Staff", (Grid(f"{len(body)} people", ("Name", "Code", "Role", "Telephone", "E-mail"), tuple(body)),)
    )


def _unsaid(role: str) -> tuple[Block, ...]:
    return (Words(f"Not in these pages: the mapping names no table of {roles()[role].about}."),)
