"""An event has the members of its kind and no others; deeds' names say what they are."""

import json
from collections.abc import Callable

import pytest

from escrow import record as r
from escrow.errors import FormatError
from tests.record.samples import CUSTODY, ERASED, EVENT, RELEASED, TRANSFERRED


def refused(event: r.Event, **changes: object) -> str:
    members = json.loads(r.to_payload(event)) | changes
    data = r.encode({name: value for name, value in members.items() if value is not ...})
    with pytest.raises(FormatError) as caught:
        r.from_payload(data, r.Event)
    return caught.value.code


@pytest.mark.parametrize(
    ("event", "names"),
    [
        (EVENT, ("purpose", "trigger", "evidence")),
        (RELEASED, ("purpose", "notice", "deed", "to", "keys")),
        (TRANSFERRED, ("release", "purposes", "final")),
        (CUSTODY, ("why", "deed")),
        (ERASED, ("deed", "keys")),
    ],
    ids=lambda value: value.kind if isinstance(value, r.Event) else "",
)
def test_each_kind_needs_its_members(event: r.Event, names: tuple[str, ...]) -> None:
    for name in names:
        assert refused(event, **{name: ...}) == "field-missing"


def test_members_of_another_kind_are_refused() -> None:
    assert refused(EVENT, deed="ab" * 32) == "field-unknown"
    assert refused(EVENT, kind="drill") == "field-unknown"
    assert refused(EVENT, kind="Party") == "field-type"
    assert refused(CUSTODY, purpose="check") == "field-unknown"
    assert refused(CUSTODY, why="whim") == "field-type"
    assert refused(ERASED, purpose="check") == "field-unknown"
    assert refused(RELEASED, keys=[]) == "field-type"
    assert refused(RELEASED, keys=["bb" * 8, "aa" * 8]) == "field-type"
    assert refused(RELEASED, sealed="not base64!") == "field-type"
    assert refused(EVENT, by=[]) == "field-type"
    assert refused(EVENT, n=1) == "field-type"


def test_of_an_unknown_kind_the_common_members_alone_are_read() -> None:
    members = json.loads(r.to_payload(EVENT)) | {"kind": "renamed", "deed": 5, "pages": [{"a": None}]}
    event = r.from_payload(r.encode(members), r.Event)
    assert (event.kind, event.n, event.by, event.deed) == ("renamed", EVENT.n, EVENT.by, None)
    assert refused(EVENT, kind="renamed", by=[]) == "field-type"
    assert refused(EVENT, kind="renamed", created=...) == "field-missing"
    assert refused(EVENT, kind="renamed", n=1) == "field-type"
    assert refused(EVENT, kind="renamed", ext={"a": 1}, crit=["a"]) == "crit-unknown"


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        (lambda data: r.event_name(3, data), "event"),
        (lambda data: r.release_name(3, data), "release"),
        (lambda data: r.receipt_name(3, data), "receipt"),
        (lambda data: r.erasure_name(3, data), "erasure"),
        (lambda data: r.released_key_name("ab" * 8, "cd" * 32), "released-key"),
    ],
    ids=["event", "release", "receipt", "erasure", "released-key"],
)
def test_names_of_deeds_say_what_they_are(name: Callable[[bytes], str], kind: str) -> None:
    parsed = r.parse_name(name(b"data"))
    assert parsed is not None
    assert parsed.kind == kind
    assert name(b"data").startswith(r.FOLDERS)


@pytest.mark.parametrize(
    "name", ["events/3.json", "releases/00000000-0123456789abcdef.json", "receipts/x.age", "events/"]
)
def test_other_names_are_junk(name: str) -> None:
    assert r.parse_name(name) is None
