"""Records: round trips, and one mutation per code of sections 2 and 4."""

import json

import pytest

from escrow import record as r
from escrow.errors import FormatError
from tests.record.samples import RECORDS


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: record.TYPE)
def test_every_record_comes_back_equal_and_to_the_same_bytes(record: r.Record) -> None:
    payload = r.to_payload(record)
    again = r.from_payload(payload, type(record))
    assert again == record
    assert r.to_payload(again) == payload
    assert json.loads(payload)["type"] == record.TYPE


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: record.TYPE)
def test_each_member_dropped_or_of_another_type_is_refused_by_name(record: r.Record) -> None:
    members = json.loads(r.to_payload(record))
    for name in members:
        for value, code in ((..., "field-missing"), ({"x": 1.0}, "field-type")):
            broken = {k: v for k, v in members.items() if k != name}
            if value is not ...:
                broken[name] = {"surely": "no member"}
            elif name in ("ext", "crit"):
                continue
            wanted = {code, "payload-type", "version-unknown", "field-unknown", "field-missing"}
            if name == "ext" and value is not ...:
                continue
            with pytest.raises(FormatError, match=name) as caught:
                r.from_payload(r.encode(broken), type(record))
            assert caught.value.code in wanted
