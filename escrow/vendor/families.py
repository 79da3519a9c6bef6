"""Whom the letter to parents goes to, and the register of their answers. Pure.

Who has no parental responsibility gets no letter: it names children. Who is unclear is listed for a person to decide.
"""

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields, replace

from escrow.errors import UsageError
from escrow.export.continuity import Row, Rows
from escrow.export.mapping import Plan

_YES = frozenset({"t", "true", "y", "yes", "1", "x"})
_NO = frozenset({"f", "false", "n", "no", "0"})
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


@dataclass(frozen=True, slots=True)
class Family:
    """One line of the register. `how`: post, e-mail, by hand, or check where a person has to decide; `pupils`: their
    names; `sent`, `replied`, `said`, `note` are filled in by the school."""

    ref: str
    name: str
    address: str
    postcode: str
    email: str
    pupils: str
    how: str
    sent: str = ""
    replied: str = ""
    said: str = ""
    note: str = ""


_COLUMNS = tuple(one.name for one in fields(Family))


def families(plan: Plan, rows: Rows, on_roll: Iterable[Row]) -> list[Family]:
    """One for each person with parental responsibility, with all their children on roll, by name. UsageError
    `vendor-contacts` where the mapping has no contacts.

    A person is known by name, address and e-mail together. Where no responsibility is mapped, all contacts of the
    first two priorities are listed to be checked.
    """
    part = plan.parts.get("contacts")
    if part is None or "pupils" not in plan.parts:
        hint = "map contacts and pupils in the mapping.toml of the export, have it confirmed, and run this again"
        raise UsageError("vendor-contacts", "expected a mapping with contacts and pupils, found none", hint=hint)
    known = {row["id"]: f"{row.get('preferred') or row['forename']} {row['surname']}" for row in on_roll}
    children: dict[tuple[str, ...], list[str]] = {}
    first: dict[tuple[str, ...], tuple[Row, str]] = {}
    for row in rows(part.table, part.columns):
        if row["pupil"] not in known or not (how := _how(row, "responsibility" in part.columns)):
            continue
        name = " ".join(filter(None, (row.get("forename"), row["surname"])))
        person = tuple(text.casefold() for text in (name, row.get("address", ""), row.get("email", "")))
        first.setdefault(person, (row, name))
        children.setdefault(person, []).append(known[row["pupil"]])
        if how == "check":
            first[person] = ({**first[person][0], "check": "yes"}, name)
    ordered = sorted(first.items(), key=lambda one: (one[1][0]["surname"].casefold(), one[0]))
    return [
        Family(
            ref=f"P{number:04d}",
            name=name,
            address=row.get("address", ""),
            postcode=row.get("postcode", ""),
            email=row.get("email", ""),
            pupils=_listed(sorted(dict.fromkeys(children[person]))),
            how="check" if "check" in row else _way(row),
        )
        for number, (person, (row, name)) in enumerate(ordered, 1)
    ]


def _how(row: Row, mapped: bool) -> str:
    """`letter`, `check`, or "" for nobody to write to."""
    if not mapped:
        return "check" if row.get("priority", "1") in ("", "1", "2") else ""
    said = row.get("responsibility", "").casefold()
    return "letter" if said in _YES else "" if said in _NO else "check"


def _way(row: Row) -> str:
    return "post" if row.get("address") else "e-mail" if row.get("email") else "by hand"


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def register_csv(register: Iterable[Family]) -> bytes:
    """The register for a spreadsheet and its mail merge: UTF-8 with a mark, no cell a formula."""
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(_COLUMNS)
    writer.writerows([plain_cell(getattr(one, name)) for name in _COLUMNS] for one in register)
    return b"\xef\xbb\xbf" + text.getvalue().encode()


def plain_cell(text: str) -> str:
    """A cell that no spreadsheet takes for a formula."""
    return f"'{text}" if text.startswith(_FORMULA) else text


def read_register(data: bytes) -> list[Family]:
    """The register as the school has filled it in. UsageError `vendor-register`."""
    hint = "keep the columns that escrow wrote; save as CSV UTF-8"
    try:
        rows = list(csv.DictReader(io.StringIO(data.decode("utf-8-sig"), newline=""), strict=True))
    except (UnicodeDecodeError, csv.Error) as error:
        raise UsageError("vendor-register", f"expected CSV in UTF-8, found otherwise ({error})", hint=hint) from None
    missing = [name for name in _COLUMNS if rows and name not in rows[0]]
    if missing or not rows:
        found = f"none of {', '.join(missing)}" if rows else "no line"
        raise UsageError("vendor-register", f"expected the register of letters, found {found}", hint=hint)
    return [Family(*((row[name] or "").removeprefix("'") for name in _COLUMNS)) for row in rows]


def answered(register: Sequence[Family], ref: str, *, said: str, on: str) -> list[Family]:
    """The register with one answer. UsageError `vendor-register`."""
    if all(one.ref != ref for one in register):
        hint = "the reference stands at the end of the letter"
        raise UsageError("vendor-register", f"expected a reference of the register, found {ref!r}", hint=hint)
    return [replace(one, replied=on, said=said) if one.ref == ref else one for one in register]
