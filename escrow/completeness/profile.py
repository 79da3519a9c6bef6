"""What a file holds, in numbers: the values that go into the sealed file list (docs/format.md, section 8.1)."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from typing import Literal, TypeAlias

from escrow.errors import FormatError
from escrow.record import JsonObject, JsonValue

Certainty: TypeAlias = Literal["exact", "estimate", "at-least"]
"""Of a count: every value was counted; reckoned from a sample of values; of a part of the file."""

BROKEN = frozenset(
    {"bomb", "entities", "malformed", "nul-bytes", "quote-unclosed", "record-too-long", "too-many-columns", "truncated"}
)
"""Notes that mean that a file cannot be read to its end by a program that expects its format."""


Kind: TypeAlias = Literal["text", "number", "date"]


@dataclass(frozen=True, slots=True)
class Column:
    """One column. `nulls`: blank cells. `least` and `most`: of dates (ISO) and numbers that were looked at, else "".

    `identifier`: which kind the name says, `invalid`: how many of its distinct values fail the check.
    """

    name: str
    nulls: int = 0
    distinct: int = 0
    certainty: Certainty = "exact"
    kind: Kind = "text"
    least: str = ""
    most: str = ""
    identifier: str = ""
    invalid: int = 0


@dataclass(frozen=True, slots=True)
class Profile:
    """One file, or one table inside a file (`members`). `rows` is None where nothing could be counted.

    `encoding`: what the bytes are; `declared`: what the file says, where it does. `notes`: sorted codes.
    """

    format: str
    rows: int | None = None
    columns: tuple[Column, ...] = ()
    encoding: str = ""
    declared: str = ""
    notes: tuple[str, ...] = ()
    members: Mapping[str, "Profile"] = field(default_factory=dict)

    def tables(self, name: str) -> Iterator[tuple[str, "Profile"]]:
        """This file under `name`, then each table inside under `name!table`, to any depth."""
        yield name, self
        for member, inner in self.members.items():
            yield from inner.tables(f"{name}!{member}")

    def column(self, name: str) -> Column | None:
        """The column of this name."""
        return next((column for column in self.columns if column.name == name), None)


OPAQUE = Profile("opaque")


def to_json(profile: Profile) -> JsonObject:
    """The members of section 8.1; what is empty is left out."""
    made: JsonObject = {"format": profile.format}
    if profile.rows is not None:
        made["rows"] = profile.rows
    if profile.columns:
        made["columns"] = [_column_json(column) for column in profile.columns]
    for name, text in (("encoding", profile.encoding), ("declared", profile.declared)):
        if text:
            made[name] = text
    if profile.notes:
        made["notes"] = list(profile.notes)
    if profile.members:
        made["members"] = {name: to_json(inner) for name, inner in profile.members.items()}
    return made


def _column_json(column: Column) -> JsonObject:
    made: JsonObject = {"name": column.name, "nulls": column.nulls, "distinct": column.distinct}
    for each in fields(Column)[3:]:
        value = getattr(column, each.name)
        if value not in ("", 0, "exact", "text"):
            made[each.name] = value
    return made


def from_json(value: JsonValue) -> Profile:
    """A profile that `to_json` wrote; members that are not known are skipped. FormatError `profile-damaged`."""
    try:
        return _profile(value)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise FormatError("profile-damaged", f"expected a profile of section 8.1, found another ({error})") from None


def _profile(value: JsonValue) -> Profile:
    if not isinstance(value, dict):
        raise TypeError
    rows, columns, notes, members = (value.get(name) for name in ("rows", "columns", "notes", "members"))
    return Profile(
        format=str(value["format"]),
        rows=rows if isinstance(rows, int) else None,
        columns=tuple(_column(one) for one in columns) if isinstance(columns, list) else (),
        encoding=str(value.get("encoding", "")),
        declared=str(value.get("declared", "")),
        notes=tuple(str(note) for note in notes) if isinstance(notes, list) else (),
        members={name: _profile(one) for name, one in members.items()} if isinstance(members, dict) else {},
    )


def _column(value: JsonValue) -> Column:
    if not isinstance(value, dict):
        raise TypeError
    certainty, kind = value.get("certainty"), value.get("kind")
    return Column(
        name=str(value["name"]),
        nulls=_count(value, "nulls"),
        distinct=_count(value, "distinct"),
        certainty="estimate" if certainty == "estimate" else "at-least" if certainty == "at-least" else "exact",
        kind="date" if kind == "date" else "number" if kind == "number" else "text",
        least=str(value.get("least", "")),
        most=str(value.get("most", "")),
        identifier=str(value.get("identifier", "")),
        invalid=_count(value, "invalid"),
    )


def _count(value: JsonObject, name: str) -> int:
    count = value.get(name, 0)
    if not isinstance(count, int):
        raise TypeError
    return count
