"""Bytes and vaults that nobody meant: both readers take or refuse them alike, and neither breaks."""

import hashlib
import json
from functools import cache
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from escrow import record as r
from tests.engine.kit import custody, keys
from tests.record.samples import OPTIONAL, RECORDS
from tests.trust import world as w

from .hook import both
from .reader import code_of, rescue

FEW = settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
MANY = settings(max_examples=5_000, deadline=None, suppress_health_check=list(HealthCheck))
KINDS: dict[str, type[r.Record]] = {type(one).TYPE: type(one) for one in (*RECORDS, *OPTIONAL)}
SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(-2, 70_000), st.integers(2**53 - 2, 2**53 + 2), st.text(max_size=5)
)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3)
)
LINES = [
    *(entry.encode() for entry in json.loads('["{}", "[]", "null", "{\\"path\\":1}"]')),
    b'{"dataset":"d","extents":[[0,0,2]],"mtime":"1970-01-01T00:00:00Z","path":"a/b","sha256":"%s","size":2,"type":"file"}'
    % (b"ab" * 32),
    b'{"mode":493,"mtime":"1970-01-01T00:00:00.5Z","path_b64":"/w==","type":"dir"}',
    b'{"mtime":"1970-01-01T00:00:00Z","path":"l","target":"../x","type":"link"}',
    b'{"path":"u","reason":"locked","type":"unread"}',
]


@st.composite
def mutated(draw: st.DrawFn, value: Any) -> Any:
    """The value with one thing in it exchanged, left out or added."""
    if isinstance(value, dict) and value and draw(st.integers(0, 5)):
        name = draw(st.sampled_from(sorted(value)))
        return {**value, name: draw(mutated(value[name]))}
    if isinstance(value, list) and value and draw(st.integers(0, 5)):
        at = draw(st.integers(0, len(value) - 1))
        return [*value[:at], draw(mutated(value[at])), *value[at + 1 :]]
    if isinstance(value, dict) and value and draw(st.booleans()):
        gone = draw(st.sampled_from(sorted(value)))
        return {name: kept for name, kept in value.items() if name != gone}
    if isinstance(value, dict) and draw(st.booleans()):
        return {**value, draw(st.sampled_from(["ext", "crit", "n", "role", "x"])): draw(VALUES)}
    if isinstance(value, list) and value and draw(st.booleans()):
        return [*value, draw(st.sampled_from(value))]
    if isinstance(value, str) and value and draw(st.booleans()):
        at = draw(st.integers(0, len(value) - 1))
        return value[:at] + draw(st.characters()) + value[at + 1 :]
    return draw(VALUES)


@st.composite
def spoilt(draw: st.DrawFn, data: bytes) -> bytes:
    """The bytes with a few of them exchanged, cut out or doubled."""
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.integers(0, len(data)))
        end = min(len(data), at + draw(st.integers(0, 3)))
        data = (
            data[:at]
            + draw(st.sampled_from([b"", b"0", b"}", b'"', b"\\u0041", b"\xff", b" ", b",", data[at:end] * 2]))
            + data[end:]
        )
    return data


def same_record(payload: bytes, kind: str) -> None:
    theirs = code_of(lambda: r.from_payload(payload, KINDS[kind]))
    assert code_of(lambda: rescue.read_record(payload, kind)) == theirs, payload


@st.composite
def records(draw: st.DrawFn) -> tuple[bytes, str]:
    record = draw(st.sampled_from((*RECORDS, *OPTIONAL)))
    members = json.loads(r.to_payload(record))
    for _ in range(draw(st.integers(1, 2))):
        members = draw(mutated(members)) if isinstance(members, dict) else members
    data = json.dumps(members, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode(
        "utf-8", "surrogatepass"
    )
    return data, record.TYPE


def check_record(case: tuple[bytes, str]) -> None:
    same_record(*case)


def check_bytes(data: bytes) -> None:
    theirs = code_of(lambda: r.decode(data))
    assert code_of(lambda: rescue.read_canonical(data)) == theirs, data


def check_line(data: bytes) -> None:
    """Of several faults in one line each reader tells the one that it comes to first."""
    theirs = code_of(lambda: r.decode_line(data))
    assert bool(code_of(lambda: rescue.read_line(data))) == bool(theirs), data


@cache
def envelopes() -> tuple[tuple[str, bytes], ...]:
    return w.vault(4)


@st.composite
def histories(draw: st.DrawFn) -> list[tuple[str, bytes]]:
    """A vault of which objects are missing, spoilt, doubled under other names, or signed anew after a change."""
    found = dict(envelopes())
    for _ in range(draw(st.integers(1, 3))):
        name = draw(st.sampled_from(list(found)))
        data = found[name]
        what = draw(st.integers(0, 3))
        if what == 0 and len(found) > 1:
            del found[name]
        elif what == 1:
            changed = draw(spoilt(data))
            found[draw(st.sampled_from([name, renamed(name, changed)]))] = changed
        elif what == 2:
            found[name.replace("0000000", "0000001")] = data
        else:
            found.update(draw(signed_anew(*draw(st.sampled_from(envelopes())))))
    return sorted(found.items())


def renamed(name: str, data: bytes) -> str:
    return f"{name[: -len('0123456789abcdef.json')]}{hashlib.sha256(data).hexdigest()[:16]}.json"


@st.composite
def signed_anew(draw: st.DrawFn, name: str, data: bytes) -> dict[str, bytes]:
    """Whoever holds the keys signs another thing."""
    from escrow.seal import sign_envelope, unverified_payload

    members = draw(mutated(json.loads(unverified_payload(data))))
    kind = json.loads(data)["payloadType"]
    payload = json.dumps(members, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode(
        "utf-8", "surrogatepass"
    )
    signers = draw(st.sampled_from([[w.HEAD, w.CHAIR], [w.AGENT], [w.HEAD], [w.OTHER_AGENT, w.STRANGER]]))
    envelope = sign_envelope(payload, kind, signers)
    return {renamed(name, envelope): envelope}


def check_history(objects: list[tuple[str, bytes]]) -> None:
    both(objects, vault=w.VAULT)
    both(objects)


@cache
def sealed() -> tuple[bytes, Any, Any]:
    vault = keys()
    name = next(name for name in sorted(vault.public) if name.endswith(".age"))
    mine = rescue.Identity(custody(vault)._seed.reveal())
    return vault.public[name], custody(vault), mine


def check_age(data: bytes) -> None:
    from escrow.seal import open_sealed

    _, theirs, ours = sealed()
    assert bool(code_of(lambda: rescue.age_open(data, [ours]))) == bool(code_of(lambda: open_sealed(data, [theirs])))


CHECKS: dict[str, tuple[Any, Any]] = {
    "records": (records(), check_record),
    "json": (st.sampled_from([r.to_payload(one) for one in RECORDS]).flatmap(spoilt), check_bytes),
    "binary": (st.binary(max_size=40), check_bytes),
    "lines": (st.sampled_from(LINES).flatmap(spoilt), check_line),
    "entries": (
        st.sampled_from([json.loads(line) for line in LINES[4:]])
        .flatmap(mutated)
        .map(lambda v: json.dumps(v).encode()),
        check_line,
    ),
    "histories": (histories(), check_history),
    "age": (st.builds(lambda: sealed()[0]).flatmap(spoilt), check_age),
}


@pytest.mark.parametrize("name", CHECKS)
def test_no_disagreement(name: str) -> None:
    strategy, check = CHECKS[name]
    FEW(given(strategy)(check))()


@pytest.mark.slow
@pytest.mark.parametrize("name", CHECKS)
def test_no_disagreement_for_long(name: str) -> None:
    strategy, check = CHECKS[name]
    MANY(given(strategy)(check))()
