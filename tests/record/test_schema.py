"""Records: round trips, every member's refusals by name, and hostile changes."""

import json
from dataclasses import replace
from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from escrow import record as r
from escrow.errors import FormatError
from escrow.record.deeds import EVENT_KINDS
from tests.record import samples
from tests.record.samples import CHARTER, FULL_CHARTER, MANIFEST, NOTICE, OPTIONAL, RECORDS, STOCK

by_type = pytest.mark.parametrize("record", RECORDS, ids=lambda record: record.TYPE)


@pytest.mark.parametrize("record", (*RECORDS, *OPTIONAL), ids=lambda record: record.TYPE)
def test_every_record_comes_back_equal_and_to_the_same_bytes(record: r.Record) -> None:
    payload = r.to_payload(record)
    again = r.from_payload(payload, type(record))
    assert again == record
    assert r.to_payload(again) == payload
    assert json.loads(payload)["type"] == record.TYPE


@by_type
def test_each_member_dropped_null_or_of_another_type_is_refused_by_name(record: r.Record) -> None:
    members = json.loads(r.to_payload(record))
    refusals = 0
    for name in members.keys() - {"ext"}:
        dropped = {k: v for k, v in members.items() if k != name}
        for broken, expected in (
            (dropped, {"field-missing"}),
            (members | {name: {"a": "b"}}, {"field-type", "field-unknown", "payload-type", "version-unknown"}),
            (members | {name: -7}, {"field-type", "payload-type", "version-unknown"}),
        ):
            with pytest.raises(FormatError, match=rf"^{record.TYPE}\.{name}\b") as caught:
                r.from_payload(r.encode(broken), type(record))
            assert caught.value.code in expected
            refusals += 1
    assert refusals == 3 * len(members.keys() - {"ext"})


@pytest.mark.parametrize(
    ("record", "where", "value", "code"),
    [
        (NOTICE, "notice.series[0].packs[2].size", -1, "field-type"),
        (NOTICE, "notice.series[0].packs[2].sha256", "AB" * 32, "field-type"),
        (NOTICE, "notice.series[1].compartment", "a", "field-type"),
        (NOTICE, "notice.series[1].manifest", None, "field-type"),
        (NOTICE, "notice.verdict.codes", ["b", "a"], "field-type"),
        (NOTICE, "notice.verdict.codes", ["a", "a"], "field-type"),
        (NOTICE, "notice.agent_time", "2026-11-24T02:00:00.5Z", "field-type"),
        (NOTICE, "notice.agent_time", "2026-02-30T02:00:00Z", "field-type"),
        (NOTICE, "notice.agent_time", "2026-11-24T02:00:00+00:00", "field-type"),
        (NOTICE, "notice.seq", True, "field-type"),
        (NOTICE, "notice.seq", 100_000_000, "field-type"),
        (NOTICE, "notice.prev", None, "field-type"),
        (NOTICE, "notice.software", "", "field-type"),
        (NOTICE, "notice.software", "a\n", "field-type"),
        (NOTICE, "notice.software", "a" * 1001, "field-type"),
        (NOTICE, "notice.ext", None, "field-type"),
        (NOTICE, "notice.crit", None, "field-type"),
        (NOTICE, "notice.crit", [], "field-type"),
        (NOTICE, "notice.crit", ["absent"], "field-type"),
        (NOTICE, "notice.crit", ["site"], "crit-unknown"),
        (NOTICE, "notice.version", False, "version-unknown"),
        (CHARTER, "charter.school.urn", "12345", "field-type"),
        (CHARTER, "charter.school.urn", "12345\N{ARABIC-INDIC DIGIT THREE}", "field-type"),
        (CHARTER, "charter.holders", [], "field-type"),
        (CHARTER, "charter.threshold", 3, "field-type"),
        (CHARTER, "charter.strictest", "photos", "field-type"),
        (CHARTER, "charter.recipients", [samples.RECIPIENT] * 2, "field-type"),
        (CHARTER, "charter.compartments[0].nights", 401, "field-type"),
        (CHARTER, "charter.agents[1].key", samples.VERIFY_KEY, "field-type"),
        (CHARTER, "charter.agents[1].key", samples.VERIFY_KEY[:-1] + "B", "field-type"),
        (CHARTER, "charter.agents[1].key", samples.VERIFY_KEY + "=", "field-type"),
        (FULL_CHARTER, "charter.school.type", "nursery", "field-type"),
        (FULL_CHARTER, "charter.holders[0].party", "la", "field-type"),
        (FULL_CHARTER, "charter.processors", [], "field-type"),
        (FULL_CHARTER, "charter.processors[1].role", "joint controller", "field-type"),
        (FULL_CHARTER, "charter.processors[0].contract_end", "2027-08-31", "field-type"),
        (FULL_CHARTER, "charter.custodian.key", samples.VERIFY_KEY, "field-type"),
        (FULL_CHARTER, "charter.custodian.recipient", "age1pq1x", "field-type"),
        (FULL_CHARTER, "charter.triggers[0].days", 3, "field-type"),
        (FULL_CHARTER, "charter.triggers[1].days", None, "field-type"),
        (FULL_CHARTER, "charter.triggers[1].kind", "closure-order", "field-type"),
        (FULL_CHARTER, "charter.cooling_off_except", ["vendor-notice"], "field-type"),
        (FULL_CHARTER, "charter.retention[1].months", 3, "field-type"),
        (FULL_CHARTER, "charter.retention[1].id", "rolling", "field-type"),
        (FULL_CHARTER, "charter.retention[1].compartment", "photos", "field-type"),
        (FULL_CHARTER, "charter.review", None, "field-type"),
        (FULL_CHARTER, "charter.rescue", "99", "field-type"),
        (STOCK, "stock.keys[0].recipient", "age1pq1QPZRY9", "field-type"),
        (MANIFEST, "manifest.list.extents[1]", [4, 77], "field-type"),
        (MANIFEST, "manifest.list.extents[1]", [4, 77, 0], "field-type"),
        (MANIFEST, "manifest.list.extents[1]", [4, 77, 201], "extent-sum"),
    ],
)
def test_a_value_of_another_grammar_is_refused_at_its_place(
    record: r.Record, where: str, value: object, code: str
) -> None:
    members = json.loads(r.to_payload(record))
    at = members
    *steps, last = where.replace("[", ".[").split(".")[1:]
    for step in steps:
        at = at[int(step[1:-1])] if step.startswith("[") else at[step]
    at[int(last[1:-1]) if last.startswith("[") else last] = value
    with pytest.raises(FormatError) as caught:
        r.from_payload(r.encode(members), type(record))
    assert caught.value.code == code
    named = str(caught.value).split(":")[0]
    assert where.startswith(named)


def test_members_that_must_agree_with_each_other() -> None:
    for changes, where in (
        ({"seq": 1}, "notice.prev"),
        ({"kind": "progress"}, "notice.series[0].manifest"),
        ({"series": (replace(NOTICE.series[0], manifest=None),)}, "notice.series[0].manifest"),
    ):
        with pytest.raises(FormatError) as caught:
            r.to_payload(replace(NOTICE, **changes))  # type: ignore[arg-type]
        assert str(caught.value).startswith(where + ":")


def test_the_message_names_the_member() -> None:
    with pytest.raises(FormatError) as caught:
        r.to_payload(replace(NOTICE, series=(replace(NOTICE.series[0], packs=(replace(samples.REF, size=-1),)),)))
    assert str(caught.value) == (
        "notice.series[0].packs[0].size: expected an integer from 0 to 9007199254740991, found -1"
    )


def test_a_writer_cannot_make_what_no_reader_takes() -> None:
    for broken in (
        replace(CHARTER, threshold=3),
        replace(CHARTER, created=datetime(2026, 1, 1)),
        replace(CHARTER, created=samples.T0.replace(microsecond=1)),
        replace(CHARTER, crit=("x",)),
        replace(NOTICE, kind="progress"),
        replace(NOTICE, ext={"a": [[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]}),
    ):
        with pytest.raises(FormatError):
            r.to_payload(broken)


paths = st.lists(st.integers(0, 30), min_size=1, max_size=5)
hostile = st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.just([]) | st.just({})


@given(st.sampled_from((*RECORDS, *OPTIONAL)), paths, hostile)
def test_hostile_members_raise_only_format_errors(record: r.Record, path: list[int], value: object) -> None:
    members = json.loads(r.to_payload(record))
    at = members
    for step in path:
        keys = sorted(at) if isinstance(at, dict) else list(range(len(at)))
        if not keys:
            break
        key = keys[step % len(keys)]
        if not isinstance(at[key], dict | list):
            at[key] = value
            break
        at = at[key]
    try:
        again = r.from_payload(r.encode(members), type(record))
    except FormatError:
        return
    if not isinstance(again, r.Event) or again.kind in EVENT_KINDS:
        assert json.loads(r.to_payload(again)) == members


@given(st.binary(max_size=300), st.sampled_from(RECORDS))
def test_hostile_payloads_raise_only_format_errors(data: bytes, record: r.Record) -> None:
    with pytest.raises(FormatError):
        r.from_payload(data, type(record))
