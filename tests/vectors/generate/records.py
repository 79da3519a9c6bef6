"""Records: each kind good, with all its members too, and each code for which it can be refused."""

import json
from collections.abc import Callable
from typing import Any

from escrow import record as r
from tests.record.samples import CHARTER, EVENT, FULL_CHARTER, NOTICE, OPTIONAL, RECEIPT, RECORDS, RELEASED, STOCK

from .sink import Sink, slug

Members = dict[str, Any]


def text(members: object) -> str:
    return json.dumps(members, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def without(members: Members, *names: str) -> Members:
    return {name: value for name, value in members.items() if name not in names}


FIRST = {"charter": "school", "stock": "keys", "series": "why", "notice": "verdict", "manifest": "totals"}
BROKEN: list[tuple[str, str, Callable[[Members], str]]] = [
    ("field-unknown", "a member that nobody knows", lambda m: text(m | {"colour": "red"})),
    ("field-missing", "a member less", lambda m: text(without(m, FIRST.get(m["type"], "created")))),
    ("field-type", "a vault that is a number", lambda m: text(m | {"vault": 5})),
    ("field-type", "null where a member is absent", lambda m: text(m | {"ext": None})),
    ("crit-unknown", "an extension that a reader must know", lambda m: text(m | {"ext": {"pin": 1}, "crit": ["pin"]})),
    ("field-type", "crit names what ext has not", lambda m: text(m | {"ext": {"pin": 1}, "crit": ["pen"]})),
    ("version-unknown", "another version", lambda m: text(m | {"version": 99})),
    ("field-missing", "no version", lambda m: text(without(m, "version"))),
    ("payload-type", "the type of another record", lambda m: text(m | {"type": "recipe"})),
    ("json-canonical", "a line end behind", lambda m: text(m) + "\n"),
    ("json-duplicate", "a member twice", lambda m: text(m).replace('"type":', '"type":"x","type":', 1)),
    ("json-integer", "a number beyond 2^53 - 1", lambda m: text(m | {"ext": {"n": 2**53}})),
    ("json-depth", "17 levels", lambda m: text(m | {"ext": {"n": json.loads("[" * 15 + "]" * 15)}})),
]


def members(record: r.Record) -> Members:
    return json.loads(r.to_payload(record))  # type: ignore[no-any-return]


def changed(record: r.Record, *path: str | int, value: Any) -> str:
    """The payload with one thing in it exchanged; `...` takes it away."""
    whole = members(record)
    at: Any = whole
    for step in path[:-1]:
        at = at[step]
    if value is ...:
        del at[path[-1]]
    else:
        at[path[-1]] = value
    return text(whole)


HOLDER, SECOND = members(FULL_CHARTER)["holders"][0]["key"], members(CHARTER)["holders"][1]["key"]
OWN: list[tuple[r.Record, str, str, str]] = [
    (CHARTER, "field-type", "a threshold over the number of holders", changed(CHARTER, "threshold", value=3)),
    (CHARTER, "field-type", "prev in number 1", changed(CHARTER, "prev", value="00" * 32)),
    (FULL_CHARTER, "field-type", "no prev in number 2", changed(FULL_CHARTER, "prev", value=None)),
    (CHARTER, "field-type", "one holder twice", changed(CHARTER, "holders", 0, "key", value=SECOND)),
    (CHARTER, "field-type", "the strictest is no compartment", changed(CHARTER, "strictest", value="other")),
    (CHARTER, "field-type", "no holders", changed(CHARTER, "holders", value=[])),
    (CHARTER, "field-type", "a series of 401 nights", changed(CHARTER, "compartments", 0, "nights", value=401)),
    (CHARTER, "field-type", "a time zone", changed(CHARTER, "created", value="2026-11-24T02:00:00+00:00")),
    (CHARTER, "field-type", "a text with a line end", changed(CHARTER, "school", "name", value="a\nb")),
    (CHARTER, "field-type", "a text of 1,001 characters", changed(CHARTER, "school", "name", value="a" * 1001)),
    (FULL_CHARTER, "field-type", "a seat that nobody has", changed(FULL_CHARTER, "holders", 2, "member", value=1)),
    (FULL_CHARTER, "field-type", "one of two needed", changed(FULL_CHARTER, "custody", "groups", 0, "needed", value=1)),
    (
        FULL_CHARTER,
        "field-type",
        "more groups than there are",
        changed(FULL_CHARTER, "custody", "groups_needed", value=3),
    ),
    (FULL_CHARTER, "field-type", "the custodian is a holder", changed(FULL_CHARTER, "custodian", "key", value=HOLDER)),
    (FULL_CHARTER, "field-type", "days of no silence", changed(FULL_CHARTER, "triggers", 0, "days", value=3)),
    (FULL_CHARTER, "field-type", "silence without days", changed(FULL_CHARTER, "triggers", 1, "days", value=...)),
    (FULL_CHARTER, "field-type", "months and schedule", changed(FULL_CHARTER, "retention", 0, "schedule", value="x")),
    (FULL_CHARTER, "field-type", "an exception of nothing", changed(FULL_CHARTER, "cooling_off_days", value=...)),
    (STOCK, "field-type", "one key twice", changed(STOCK, "keys", value=members(STOCK)["keys"] * 2)),
    (NOTICE, "field-unknown", "a manifest in a progress notice", changed(NOTICE, "kind", value="progress")),
    (NOTICE, "field-missing", "no manifest in a snapshot", changed(NOTICE, "series", 0, "manifest", value=...)),
    (NOTICE, "field-type", "compartments that are not sorted", changed(NOTICE, "series", 1, "compartment", value="a")),
    (NOTICE, "field-type", "codes that are not sorted", changed(NOTICE, "verdict", "codes", value=["b", "a"])),
    (EVENT, "field-unknown", "a member of another kind", changed(EVENT, "deed", value="00" * 32)),
    (EVENT, "field-missing", "a notice without a trigger", changed(EVENT, "trigger", value=...)),
    (EVENT, "field-type", "signed by nobody", changed(EVENT, "by", value=[])),
    (RELEASED, "field-type", "sealed in another base64", changed(RELEASED, "sealed", value="YWdl_w==")),
    (RELEASED, "field-type", "keys that are not sorted", changed(RELEASED, "keys", value=["ff" * 8, "00" * 8])),
    (RECEIPT, "field-type", "a count below zero", changed(RECEIPT, "copied", "wrong", value=-1)),
]


def make(sink: Sink) -> None:
    """records/."""
    for record in RECORDS:
        given = {"type": record.TYPE, "payload": r.to_payload(record).decode()}
        sink.add("records", None, f"a {record.TYPE} with what it must have", given, record.TYPE)
        for code, what, change in BROKEN:
            sink.add("records", code, what, given | {"payload": change(members(record))}, f"{record.TYPE}-{slug(what)}")
    for record in OPTIONAL:
        given = {"type": record.TYPE, "payload": r.to_payload(record).decode()}
        sink.add("records", None, f"a {record.TYPE} with more", given, f"{record.TYPE}-more")
    for record, code, what, payload in OWN:
        sink.add("records", code, what, {"type": record.TYPE, "payload": payload}, f"{record.TYPE}-{slug(what)}")
