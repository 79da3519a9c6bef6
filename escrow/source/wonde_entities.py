"""Wonde's entities (v1.0), as its public documentation and its own clients list them: data, to be overridden."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Entity:
    """One list of a school: its path below the school's, what comes inside each row, whether `counts` has it."""

    path: str
    include: tuple[str, ...] = ()
    counted: bool = False


_PUPIL = ("contact_details", "education_details", "extended_details", "sen_needs", "year", "house", "registration")

ENTITIES: dict[str, Entity] = {
    entity.path: entity
    for entity in (
        Entity("achievements", ("students", "employees"), counted=True),
        Entity("assessment/aspects"),
        Entity("assessment/marksheets"),
        Entity("assessment/results"),
        Entity("assessment/resultsets"),
        Entity("assessment/templates"),
        Entity("attendance-codes"),
        Entity("attendance-summaries"),
        Entity("attendance/lesson"),
        Entity("attendance/session"),
        Entity("behaviours", ("students", "employees"), counted=True),
        Entity("classes", ("subject", "students", "employees"), counted=True),
        Entity("contacts", ("contact_details", "students"), counted=True),
        Entity("deletions"),
        Entity("doctors"),
        Entity("employee-absences"),
        Entity("employees", ("contact_details", "employment_details", "roles"), counted=True),
        Entity("events"),
        Entity("exclusions"),
        Entity("groups", ("students", "employees"), counted=True),
        Entity("lessons", counted=True),
        Entity("medical-conditions"),
        Entity("medical-events"),
        Entity("medical-notes"),
        Entity("periods", counted=True),
        Entity("photos"),
        Entity("rooms", counted=True),
        Entity("students", _PUPIL, counted=True),
        Entity("students-leaver", _PUPIL),
        Entity("students-pre-admission", _PUPIL),
        Entity("subjects", counted=True),
    )
}
"""By path, in its order."""


def parse_entity(text: str) -> Entity:
    """`students`, or `students?include=year,house`, as a person writes it; an unknown one is asked for as it stands."""
    path, mark, include = text.partition("?include=")
    known = ENTITIES.get(path, Entity(path))
    return Entity(path, tuple(filter(None, include.split(","))), known.counted) if mark else known
