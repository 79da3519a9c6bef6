"""Decides as AWS documents it whether policies allow an action: an explicit Deny wins, then an Allow is needed.

Knows the conditions that infra/ uses and raises KeyError on any other.
"""

from collections.abc import Callable, Mapping, Sequence
from fnmatch import fnmatchcase

from infra.policies import Statement

Context = Mapping[str, str]
"""Condition keys of one request; an absent key is not there."""


def _any(test: Callable[[str, str], bool]) -> Callable[[str | None, list[str]], bool]:
    return lambda found, wanted: found is not None and any(test(found, each) for each in wanted)


def _negated(test: Callable[[str, str], bool], missing: bool) -> Callable[[str | None, list[str]], bool]:
    return lambda found, wanted: missing if found is None else not any(test(found, each) for each in wanted)


OPERATORS: dict[str, Callable[[str | None, list[str]], bool]] = {
    "Bool": _any(lambda found, wanted: found == wanted),
    "Null": lambda found, wanted: (found is None) == (wanted == ["true"]),
    "StringLike": _any(fnmatchcase),
    "StringNotLike": _negated(fnmatchcase, missing=True),
    "StringNotEqualsIfExists": _negated(lambda found, wanted: found == wanted, missing=False),
    "NumericGreaterThan": _any(lambda found, wanted: float(found) > float(wanted)),
    "NumericLessThan": _any(lambda found, wanted: float(found) < float(wanted)),
}


def _many(value: object) -> list[str]:
    return [str(each) for each in value] if isinstance(value, list) else [str(value)]


def _holds(conditions: object, context: Context) -> bool:
    assert isinstance(conditions, dict)
    return all(
        OPERATORS[operator](context.get(key), _many(wanted))
        for operator, keys in conditions.items()
        for key, wanted in keys.items()
    )


def applies(statement: Statement, principal: str, action: str, resource: str, context: Context) -> bool:
    """Whether one statement is about this request. Identity policies have no Principal."""
    who = statement.get("Principal")
    if isinstance(who, dict) and principal not in _many(who["AWS"]):
        return False
    if not any(fnmatchcase(action, each) for each in _many(statement["Action"])):
        return False
    named = statement.get("Resource", statement.get("NotResource"))
    fits = any(fnmatchcase(resource, each) for each in _many(named))
    return fits == ("Resource" in statement) and _holds(statement.get("Condition", {}), context)


def is_allowed(policies: Sequence[Statement], principal: str, action: str, resource: str, context: Context) -> bool:
    """The verdict over all statements of identity and bucket."""
    about = [each["Effect"] for each in policies if applies(each, principal, action, resource, context)]
    return "Deny" not in about and "Allow" in about
