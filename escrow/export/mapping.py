"""Which table and which columns hold what a school needs: proposed from headings, confirmed by a person. Pure.

A mapping is TOML that people edit: a table a role, with `table` and the columns of its fields.
"""

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources

from escrow.completeness.identifiers import plain
from escrow.errors import UsageError
from escrow.record import JsonValue


@dataclass(frozen=True, slots=True)
class Role:
    """One role of roles.toml: `fields` by name, each with the headings that mean it, in order of preference."""

    name: str
    about: str
    needed: tuple[str, ...]
    hints: tuple[str, ...]
    fields: dict[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Part:
    """Where one role is: the table's name and, by field, its column."""

    table: str
    columns: dict[str, str]


@dataclass(frozen=True, slots=True)
class Plan:
    """A mapping: `parts` by role; `confirmed` says who read it and when, None for a proposal."""

    parts: dict[str, Part]
    confirmed: str | None = None


@cache
def roles() -> dict[str, Role]:
    """The roles in the order of their file."""
    raw = tomllib.loads((resources.files("escrow.export") / "roles.toml").read_text(encoding="utf-8"))
    return {
        name: Role(
            name,
            one["about"],
            tuple(one["needed"]),
            tuple(one["hints"]),
            {field: tuple(words) for field, words in one["fields"].items()},
        )
        for name, one in raw.items()
    }


def propose(tables: Mapping[str, Sequence[str]]) -> Plan:
    """The best table for each role, by its name and columns; a role that no table can fill has none.

    A table's name must hint at the role, or at none while it has two fields more than are needed; a hint goes first.
    """
    parts: dict[str, Part] = {}
    for role in roles().values():
        fits = {name: columns for name, header in tables.items() if (columns := _fits(role, name, header))}
        if fits:
            best = max(fits, key=lambda name: (_hinted(role, name), len(fits[name]), -len(name)))
            parts[role.name] = Part(best, fits[best])
    return Plan(parts)


def _fits(role: Role, table: str, header: Sequence[str]) -> dict[str, str] | None:
    columns = _columns(role, header)
    if columns is None or _hinted(role, table):
        return columns
    others = any(_hinted(other, table) for other in roles().values())
    return columns if not others and len(columns) >= len(role.needed) + 2 else None


def _hinted(role: Role, table: str) -> bool:
    return any(hint in plain(table) for hint in role.hints)


def _columns(role: Role, header: Sequence[str]) -> dict[str, str] | None:
    known = {plain(column): column for column in reversed(header)}
    taken: set[str] = set()
    columns: dict[str, str] = {}
    for field, words in role.fields.items():
        fit = next((known[word] for word in words if word in known and known[word] not in taken), None)
        if fit is not None:
            columns[field] = fit
            taken.add(fit)
    return columns if all(field in columns for field in role.needed) else None


def unmapped(plan: Plan, tables: Mapping[str, Sequence[str]]) -> tuple[list[str], list[str]]:
    """Roles that no table has, and tables that no role uses."""
    used = {part.table for part in plan.parts.values()}
    return [name for name in roles() if name not in plan.parts], [name for name in tables if name not in used]


def parse(text: str, tables: Mapping[str, Sequence[str]]) -> Plan:
    """A mapping file against the tables that there are. UsageError `mapping-syntax`, `mapping-wrong`."""
    try:
        raw: dict[str, JsonValue] = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise UsageError("mapping-syntax", f"expected TOML, found otherwise: {error}") from None
    confirmed = raw.pop("confirmed", None)
    if confirmed is not None and not (isinstance(confirmed, str) and confirmed.strip()):
        raise _wrong("confirmed", 'a text such as "A. Head, 24 November 2026"', confirmed)
    return Plan({name: _part(name, one, tables) for name, one in raw.items()}, confirmed)


def _part(name: str, one: JsonValue, tables: Mapping[str, Sequence[str]]) -> Part:
    role = roles().get(name)
    if role is None:
        raise _wrong(name, f"one of {', '.join(roles())}", name)
    if not isinstance(one, dict):
        raise _wrong(name, "a table", one)
    table = one.get("table")
    if not isinstance(table, str) or table not in tables:
        raise _wrong(f"{name}.table", f"one of {', '.join(sorted(tables)) or 'none'}", table)
    columns: dict[str, str] = {}
    for field, column in one.items():
        if field == "table":
            continue
        if field not in role.fields:
            raise _wrong(f"{name}.{field}", f"one of {', '.join(role.fields)}", field)
        if not isinstance(column, str) or column not in tables[table]:
            raise _wrong(f"{name}.{field}", f"a column of {table}: {', '.join(tables[table])}", column)
        columns[field] = column
    missing = [field for field in role.needed if field not in columns]
    if missing:
        raise _wrong(name, f"columns for {', '.join(role.needed)}", f"none for {', '.join(missing)}")
    return Part(table, columns)


def _wrong(where: str, expected: str, found: object) -> UsageError:
    return UsageError("mapping-wrong", f"{where}: expected {expected}, found {found!r}", hint="edit the mapping file")


def write(plan: Plan, tables: Mapping[str, Sequence[str]]) -> str:
    """The mapping as TOML, with what it leaves out as comments."""
    absent, unused = unmapped(plan, tables)
    lines = [
        "# Which table and columns hold what the pages need. Correct it, then say who read it:",
        f"confirmed = {_quoted(plan.confirmed)}" if plan.confirmed else '# confirmed = "A. Head, 24 November 2026"',
    ]
    for name, part in plan.parts.items():
        lines += ["", f"[{name}] # {roles()[name].about}", f"table = {_quoted(part.table)}"]
        lines += [f"{field} = {_quoted(column)}" for field, column in part.columns.items()]
        lines += [f"# no column for {field}" for field in roles()[name].fields if field not in part.columns]
    lines += [f"\n# [{name}]: no table has {roles()[name].about}" for name in absent]
    lines += ["", "# Tables that nothing above uses:", *(f"# {name}: {', '.join(tables[name])}" for name in unused)]
    return "\n".join(lines) + "\n"


def _quoted(text: str) -> str:
    """A basic string of TOML."""
    known = {'"': '\\"', "\\": "\\\\"}
    return (
        '"' + "".join(known.get(char) or (char if char.isprintable() else f"\\u{ord(char):04x}") for char in text) + '"'
    )
