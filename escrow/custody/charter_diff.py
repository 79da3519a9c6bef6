"""What changes from one charter to the next, in words, and who must sign it. Pure."""

from collections import Counter
from collections.abc import Collection, Iterator, Sequence

from escrow.custody.charter_toml import members_of, owners
from escrow.record import Charter, JsonObject, JsonValue, key_id_of
from escrow.seal import VerifyKey
from escrow.trust.quorum import is_minor

LABELS = {
    "school": "the school",
    "controller": "the controller",
    "processors": "processors",
    "forbidden": "forbidden uses",
    "custodian": "the custodian",
    "holders": "holders of keys",
    "threshold": "holders that must sign, at least",
    "custody": "how the secret is split",
    "recipients": "whom series keys are sealed to",
    "agents": "nightly machines",
    "compartments": "compartments",
    "strictest": "the compartment that takes all the rest",
    "purposes": "purposes of keys",
    "triggers": "triggers of a handover",
    "cooling_off_days": "days of cooling-off",
    "cooling_off_except": "triggers without cooling-off",
    "retention": "retention classes",
    "cap_days": "longest lock in days",
    "contacts": "contacts",
    "review": "review date",
    "rescue": "the rescue kit's hash",
    "ext": "extensions",
    "crit": "extensions that a reader must know",
}
_FIRST = ("name", "role", "id", "kind")
_NAMED_BY = ("key", "id", "kind", "name", "role")


def changes(before: Charter, after: Charter) -> list[str]:
    """A sentence for each thing that differs, but for number, date and predecessor."""
    old, new = _short(before), _short(after)
    return [line for name, label in LABELS.items() for line in _changed(label, old.get(name), new.get(name))]


def who_signs(before: Charter | None, charter: Charter) -> str:
    """Whose signatures this version needs, in a sentence."""
    if before is not None and is_minor(before, charter):
        return "one holder, as only contacts and processors change"
    boards = [charter] if before is None or _board(before) == _board(charter) else [before, charter]
    parts = [_quorum(one) + (f" of version {one.n}" if len(boards) > 1 else "") for one in boards]
    custodians = dict.fromkeys(
        one.custodian.name for one in (before, charter) if one is not None and one.custodian is not None
    )
    return ", and ".join(parts + [f"the custodian {name}" for name in custodians])


def _board(charter: Charter) -> tuple[object, ...]:
    return ({holder.key for holder in charter.holders}, charter.threshold, charter.custody)


def _quorum(charter: Charter) -> str:
    text = f"at least {charter.threshold} of {len(charter.holders)} holders"
    if charter.custody and len(charter.custody.groups) > 1:
        groups = ", ".join(f"{one.name} ({one.needed} of {one.members})" for one in charter.custody.groups)
        text += f" that fill {charter.custody.groups_needed} of the groups {groups}"
    return text


def _short(charter: Charter) -> JsonObject:
    """The members with short ids in place of keys."""
    members = members_of(charter)
    for owner in owners(members):
        owner["key"] = VerifyKey.parse(str(owner["key"])).id
        if "recipient" in owner:
            owner["recipient"] = key_id_of(str(owner["recipient"]))
    members["recipients"] = [key_id_of(one) for one in charter.recipients]
    return members


def _changed(label: str, old: JsonValue, new: JsonValue) -> Iterator[str]:
    if old == new:
        return
    if isinstance(old or new, list) and isinstance(new or old, list):
        yield from _lists(label, old if isinstance(old, list) else [], new if isinstance(new, list) else [])
    elif isinstance(old, dict) and isinstance(new, dict):
        for name in sorted(old.keys() | new.keys()):
            yield from _changed(f"{label}: {name.replace('_', ' ')}", old.get(name), new.get(name))
    elif old is None or new is None:
        yield f"{label}: {'new' if old is None else 'gone'}: {shown(new if old is None else old)}"
    else:
        yield f"{label}: {shown(old)} becomes {shown(new)}"


def _lists(label: str, old: Sequence[JsonValue], new: Sequence[JsonValue]) -> Iterator[str]:
    counts = [Counter(map(_name, items)) for items in (old, new)]
    twice = {name for count in counts for name, number in count.items() if number > 1}
    before, after = _by_name(old, twice), _by_name(new, twice)
    for name, value in before.items():
        if name not in after:
            yield f"{label}: gone: {shown(value)}"
        elif isinstance(value, dict):
            yield from _changed(f"{label}: {_title(value)}", value, after[name])
    for name, value in after.items():
        if name not in before:
            yield f"{label}: new: {shown(value)}"
    if before == after:
        yield f"{label}: in another order"


def _by_name(items: Sequence[JsonValue], twice: Collection[str]) -> dict[str, JsonValue]:
    """Items by what names them, or by all they say where that names several."""
    found: dict[str, JsonValue] = {}
    for item in items:
        name = _name(item)
        key = shown(item) if name in twice else name
        while key in found:
            key += " again"
        found[key] = item
    return found


def _name(item: JsonValue) -> str:
    return str(next((item[key] for key in _NAMED_BY if key in item), item)) if isinstance(item, dict) else str(item)


def _title(item: JsonObject) -> str:
    return str(next((item[key] for key in _FIRST if key in item), "one"))


def shown(value: JsonValue) -> str:
    """A value for people."""
    if isinstance(value, dict):
        names = sorted(value, key=lambda name: (_FIRST.index(name) if name in _FIRST else len(_FIRST), name))
        return ", ".join(f"{name.replace('_', ' ')} {shown(value[name])}" for name in names)
    if isinstance(value, list):
        return "; ".join(shown(one) for one in value)
    return str(value).removesuffix("T00:00:00Z")
