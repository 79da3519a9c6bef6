"""Signs each payload once: ML-DSA differs every time, and vectors that share an object need not hold it twice."""

import base64
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from escrow import record as r
from escrow.seal import SigningKey
from escrow.trust import sign_record
from tests.trust import world as w

_KNOWN: dict[tuple[bytes, frozenset[str]], bytes] = {}


def sign_once(record: r.Record, keys: Sequence[SigningKey]) -> bytes:
    """As `sign_record`; the same envelope for the same record and keys, also that of an earlier run."""
    key = r.to_payload(record), frozenset(one.public().id for one in keys)
    if key not in _KNOWN:
        _KNOWN[key] = sign_record(record, keys)
    return _KNOWN[key]


@contextmanager
def steady(objects: Path) -> Iterator[None]:
    """Whoever signs with tests/trust/world.py signs once; what lies in `objects` from an earlier run is used again."""
    for path in objects.glob("*"):
        data = path.read_bytes()
        if data.startswith(b'{"payload":'):
            try:
                members = json.loads(data)
                signers = frozenset(one["keyid"] for one in members["signatures"])
                if len(members["signatures"]) == 2 * len(signers):
                    _KNOWN[base64.b64decode(members["payload"]), signers] = data
            except (ValueError, KeyError, TypeError):
                continue
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(w, "sign_record", sign_once)
        yield
