"""A charter written out as TOML for people to edit, and the template that a school begins with. Pure."""

import json
import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from importlib import resources

from escrow.custody.charter_toml import members_of, owners
from escrow.record import Charter, JsonObject, JsonValue, key_id_of
from escrow.seal import VerifyKey

_OF_THE_VAULT = ("custodian", "agents", "threshold")
_TIMES = ("review", "contract_end")
_FIRST = ("id", "name", "role", "group", "member", "party", "kind", "compartment", "key")
_MADE = {
    "recipients": "The id of the custody secret's public part: escrow keys ceremony or rekey changes it.",
    "rescue": "The hash of the rescue kit, as on every sheet.",
    "custody": "How the secret is split. Only escrow keys ceremony, reshare and rekey change it.",
    "holders": "Who holds a sheet, or the key file. A role may be corrected here; keys come with new sheets.",
}


def to_toml(charter: Charter, review: datetime) -> str:
    """The charter to edit, with comments, and with examples of what it does not say yet; `review` in those."""
    members = members_of(charter)
    for owner in owners(members):
        if "key" in owner:
            owner["key"] = VerifyKey.parse(str(owner["key"])).id
        if "recipient" in owner:
            owner["recipient"] = key_id_of(str(owner["recipient"]))
    members = {name: value for name, value in members.items() if value != []}
    members["recipients"] = [key_id_of(one) for one in charter.recipients]
    parts = list(_blocks(template(charter.school.type or "community", charter.school.name, review)))
    top = [part for part in parts if not part.table]
    made = [_Block(name, f"# {comment}\n", "", False) for name, comment in _MADE.items()]
    ordered = [*top, *made[:2], *(part for part in parts if part.table), *made[2:]]
    written: list[str] = []
    done: set[str] = set()
    for part in ordered:
        if part.name in done:
            if part.name not in members:
                written.append(_commented(part.body))
            continue
        done.add(part.name)
        if part.name in members:
            written.append(part.comment + _toml(part.name, members[part.name]))
        elif part.body:
            written.append(part.comment + _commented(part.body))
    head = f"# The charter of {_quoted(charter.school.name)}, to edit from version {charter.n}.\n\n"
    return head + "\n".join(written)


def template(kind: str, school: str, review: datetime) -> str:
    """The text that a school of this type begins with: everything but holders and keys. Placeholders stand in <...>."""
    folder = resources.files("escrow.custody") / "templates"
    types = tomllib.loads((folder / "charter-types.toml").read_text("utf-8"))
    said = {name: str(value).replace("@school@", school) for name, value in types[kind].items()}
    words = said | {"name": school, "type": kind}
    text = (folder / "charter.toml").read_text("utf-8").replace("@review@", f"{review:%Y-%m-%d}")
    return re.sub("@([a-z]+)@", lambda match: _quoted(words[match[1]]), text)


def new_text(kind: str, school: str, review: datetime) -> str:
    """The template for a new charter: the custodian, the machines and the holders' number, which the vault
    brings, are examples still."""
    parts = _blocks(template(kind, school, review))
    return (
        "# The charter of a school's escrow. What is not written here does not happen.\n"
        "# Replace every <...>, remove what you do not want, then: escrow charter check\n\n"
    ) + "\n".join(part.comment + (_commented(part.body) if part.name in _OF_THE_VAULT else part.body) for part in parts)


@dataclass(frozen=True, slots=True)
class _Block:
    """One piece of the template: a member's name, the comment above it, and its lines."""

    name: str
    comment: str
    body: str
    table: bool


def _blocks(text: str) -> Iterator[_Block]:
    for piece in re.split(r"\n\n+", text.strip()):
        lines = piece.split("\n")
        first = next(at for at, line in enumerate(lines) if not line.startswith("#"))
        match = re.match(r"(\[*)([a-z_]+)", lines[first])
        assert match is not None
        comment = "".join(f"{line}\n" for line in lines[:first])
        yield _Block(match[2], comment, "\n".join(lines[first:]) + "\n", bool(match[1]))


def _commented(body: str) -> str:
    return "".join(f"#{line}\n" for line in body.removesuffix("\n").split("\n"))


def _toml(name: str, value: JsonValue) -> str:
    """A member as TOML: an object as [name], a list of objects as [[name]], anything else on a line."""
    if isinstance(value, dict):
        return f"[{name}]\n" + _lines(name, value)
    if isinstance(value, list) and value and isinstance(value[0], dict):
        return "\n".join(f"[[{name}]]\n" + _lines(name, one) for one in value if isinstance(one, dict))
    return f"{name} = {_plain(value, time=name in _TIMES)}\n"


def _lines(name: str, members: JsonObject) -> str:
    plain: list[str] = []
    tables: list[str] = []
    for key in sorted(members, key=lambda key: (_FIRST.index(key) if key in _FIRST else len(_FIRST), key)):
        value = members[key]
        nested = isinstance(value, list) and value and isinstance(value[0], dict)
        if nested:
            tables.append("\n" + _toml(f"{name}.{key}", value))
        else:
            plain.append(f"{key} = {_plain(value, time=key in _TIMES)}\n")
    return "".join(plain + tables)


def _plain(value: JsonValue, *, time: bool = False) -> str:
    if isinstance(value, list):
        lines = "".join(f"    {_plain(one)},\n" for one in value)
        return f"[\n{lines}]" if value else "[]"
    if isinstance(value, str):
        return value.removesuffix("T00:00:00Z") if time else _quoted(value)
    return json.dumps(value)


def _quoted(text: str) -> str:
    """A TOML basic string: JSON's escapes are a part of its, which allows no DEL outside one."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
