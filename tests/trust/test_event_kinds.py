"""Events of custody, of erasure and of kinds that only a newer reader knows: who may sign, and what they do."""

import base64
import hashlib
import json

import pytest

from escrow import record as r
from escrow.seal import SigningKey, sign_envelope
from escrow.trust import History, accept
from tests.trust import world as w

KEY = w.STOCK.keys[0].id
MEMBERS: dict[str, dict[str, object]] = {
    "custody": {"why": "ceremony", "deed": "ab" * 32},
    "erased": {"deed": "ab" * 32, "keys": (KEY,)},
    "drill": {"purpose": "drill"},
}


def event(kind: str, n: int = 1, prev: str | None = None, **changes: object) -> r.Event:
    members: dict[str, object] = {
        "vault": w.VAULT,
        "n": n,
        "prev": prev,
        "kind": kind,
        "created": w.T0,
        "charter": w.payload_sha256(w.CHARTER),
        "by": ("head",),
        **MEMBERS.get(kind, {}),
        **changes,
    }
    return r.Event(**members)  # type: ignore[arg-type]


def named(one: r.Event, *keys: SigningKey, **more: object) -> tuple[str, bytes]:
    """The event's object; `more` members stand in it whatever the records say of them."""
    members = json.loads(r.to_payload(one)) | more
    data = sign_envelope(r.encode(members), "application/vnd.escrow.event+json", keys or (w.HEAD, w.CHAIR))
    return r.event_name(one.n, data), data


def payload_of(found: tuple[str, bytes]) -> str:
    return hashlib.sha256(base64.b64decode(json.loads(found[1])["payload"])).hexdigest()


def read(*objects: tuple[str, bytes]) -> History:
    return accept([*w.vault(), *objects])


@pytest.mark.parametrize("kind", ["custody", "erased"])
def test_enough_holders_must_sign(kind: str) -> None:
    assert [link.refused for link in read(named(event(kind))).events] == [""]
    history = read(named(event(kind), w.HEAD))
    assert [link.refused for link in history.events] == ["event-signers"]
    assert "event-signers" in w.codes(history)


def test_an_unknown_kind_stays_in_the_chain_is_told_and_does_nothing() -> None:
    first = named(event("renamed"), w.HEAD, deed=[7], colour={"a": None})
    second = named(event("drill", 2, payload_of(first)), w.HEAD)
    history = read(first, second)
    assert [(link.event.kind, link.refused) for link in history.events] == [("renamed", "event-kind"), ("drill", "")]
    assert [(one.code, one.severity) for one in history.findings] == [("event-kind", "warning")]
    assert history.handover.phase == "active"


def test_an_unknown_kind_by_nobody_or_under_no_charter_is_no_event() -> None:
    assert w.codes(read(named(event("renamed"), w.STRANGER))) == ["signature"]
    assert w.codes(read(named(event("renamed", charter="00" * 32)))) == ["event-charter"]
    assert read(named(event("renamed"), w.STRANGER)).events == ()
