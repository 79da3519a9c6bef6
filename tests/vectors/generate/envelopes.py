"""Envelopes: signatures by both algorithms, their form, and what is said of the payload."""

import base64
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from escrow import record as r
from escrow.trust import sign_record
from tests.trust import world as w

from .records import text
from .sink import Sink

NIGHT, OTHER = w.chain(2)
KEYS = [w.HEAD.public().encode(), w.CHAIR.public().encode(), w.AGENT.public().encode()]


def members(record: r.Record, *keys: Any) -> dict[str, Any]:
    return json.loads(sign_record(record, keys or (w.AGENT,)))  # type: ignore[no-any-return]


def make(sink: Sink) -> None:
    """envelopes/."""

    def add(code: str | None, what: str, envelope: str, kind: str = "notice", name: str | None = None) -> None:
        sink.add("envelopes", code, what, {"type": kind, "keys": KEYS, "envelope": envelope}, name)

    def broken(
        code: str | None, what: str, change: Callable[[dict[str, Any]], object], name: str | None = None
    ) -> None:
        made = members(NIGHT)
        change(made)
        add(code, what, text(made), name=name)

    add(None, "signed by one", text(members(NIGHT)), name="notice")
    add(None, "signed by two", text(members(w.CHARTER, w.CHAIR, w.HEAD)), "charter", "charter")
    add(None, "signed by a stranger too", text(members(NIGHT, w.STRANGER, w.AGENT)), name="stranger")
    broken(None, "signatures in another order", lambda m: m["signatures"].reverse(), "order")
    broken(None, "keyid is a hint: it is another", lambda m: m["signatures"][0].update(keyid="0" * 16), "keyid")
    broken(None, "keyid is a hint: it is not there", lambda m: m["signatures"][0].pop("keyid", None), "no-keyid")
    broken(None, "128 signatures", lambda m: m.update(signatures=m["signatures"] * 64), "128")
    add("signature", "signed by a stranger alone", text(members(NIGHT, w.STRANGER)))
    broken("signature", "Ed25519 alone", lambda m: m.update(signatures=m["signatures"][:1]))
    broken("signature", "ML-DSA-65 alone", lambda m: m.update(signatures=m["signatures"][1:]))
    theirs = members(NIGHT, w.STRANGER)["signatures"]
    broken("signature", "each algorithm by another", lambda m: m["signatures"].__setitem__(1, theirs[1]))
    broken("signature", "of another payload", lambda m: m.update(payload=members(OTHER)["payload"]))
    broken("signature", "one bit of Ed25519", lambda m: _flip(m["signatures"][0]))
    broken("signature", "one bit of ML-DSA-65", lambda m: _flip(m["signatures"][1]))
    broken("payload-type", "another type", lambda m: m.update(payloadType="application/vnd.escrow.charter+json"))
    broken("payload-type", "no type", lambda m: m.pop("payloadType"))
    series = members(w.SERIES) | {"payloadType": "application/vnd.escrow.notice+json"}
    add("payload-type", "the type of another record than the payload", text(series))
    broken("envelope", "a member more", lambda m: m.update(more=1))
    broken("envelope", "129 signatures", lambda m: m.update(signatures=(m["signatures"] * 65)[:129]))
    broken("envelope", "no signatures", lambda m: m.update(signatures=[]))
    broken("envelope", "base64 for URLs", lambda m: m["signatures"][0].update(sig=_urlsafe(m["signatures"][0]["sig"])))
    broken("envelope", "base64 without its padding", lambda m: m["signatures"][0].update(sig="QQ"))
    broken("envelope", "base64 with bits left over", lambda m: m["signatures"][0].update(sig="QR=="))
    broken("envelope", "a payload that is a number", lambda m: m.update(payload=5))
    broken("envelope", "a signature with a member more", lambda m: m["signatures"][0].update(more=1))
    broken("envelope", "a keyid that is a number", lambda m: m["signatures"][0].update(keyid=5))
    add("json-canonical", "white space", json.dumps(members(NIGHT), sort_keys=True))
    add("json-syntax", "cut", text(members(NIGHT))[:-1])
    broken("version-unknown", "a record of another version", lambda m: _payload(m, '"version":', '"version":9'))
    broken("field-unknown", "a record with a member more", lambda m: _payload(m, '"vault":', '"up":1,"vault":'))
    future = replace(NIGHT, ext={"site": "bangor"})
    add(None, "an extension that a reader skips", text(members(future)), name="ext")


def _flip(signature: dict[str, str]) -> None:
    data = bytearray(base64.b64decode(signature["sig"]))
    data[9] ^= 1
    signature["sig"] = base64.b64encode(data).decode()


def _urlsafe(text: str) -> str:
    return "-_" + text[2:]


def _payload(envelope: dict[str, Any], old: str, new: str) -> None:
    payload = base64.b64decode(envelope["payload"]).replace(old.encode(), new.encode(), 1)
    envelope["payload"] = base64.b64encode(payload).decode()
