"""Erasures count when an event tells of them, and what is missing of the register is told."""

import hashlib
from dataclasses import replace

import pytest

from escrow import record as r
from escrow.seal import SigningKey
from escrow.trust import History, ToldErasure, accept, sign_record
from tests.trust import world as w
from tests.trust.test_event_kinds import event

KEYS = (w.STOCK.keys[0].id,)
ERASURE = r.Erasure(
    vault=w.VAULT,
    n=1,
    created=w.T0,
    charter=w.payload_sha256(w.CHARTER),
    keys=KEYS,
    sealed="YWdlLWVuY3J5cHRpb24ub3JnL3YxCg==",
    until=2,
)
SEVENTH = replace(ERASURE, n=7)
BOARD = (w.HEAD, w.CHAIR)


def named(record: r.Erasure | r.Event, *keys: SigningKey) -> tuple[str, bytes]:
    data = sign_record(record, keys or BOARD)
    return (r.event_name if isinstance(record, r.Event) else r.erasure_name)(record.n, data), data


def told(erasure: r.Erasure = ERASURE, keys: tuple[str, ...] = KEYS) -> tuple[str, bytes]:
    return named(event("erased", deed=w.payload_sha256(erasure), keys=keys))


def read(*objects: tuple[str, bytes]) -> History:
    return accept([*w.vault(), *objects])


def test_an_erasure_with_its_event_counts() -> None:
    history = read(named(ERASURE), told())
    assert history.findings == ()
    (found,) = history.deeds.erasures
    assert found == ToldErasure(1, frozenset(KEYS), w.payload_sha256(ERASURE), ERASURE)
    assert [found.applies(KEYS[0], seq) for seq in (1, 2, 3)] == [True, True, False]
    assert not found.applies(w.STOCK.keys[1].id, 1)


def test_without_its_event_it_leaves_nothing_out() -> None:
    history = read(named(ERASURE))
    assert [(one.code, one.severity) for one in history.findings] == [("erasure-unnamed", "warning")]
    assert history.deeds.erasures == ()


def test_an_event_that_is_refused_tells_of_nothing() -> None:
    history = read(named(ERASURE), named(event("erased", deed=w.payload_sha256(ERASURE)), w.HEAD))
    assert w.codes(history) == ["event-signers", "erasure-unnamed"]
    assert history.deeds.erasures == ()


@pytest.mark.parametrize(
    ("objects", "codes"),
    [
        (lambda: [told()], ["erasure-missing"]),
        (lambda: [told(keys=(KEYS[0], "ff" * 8)), named(ERASURE)], ["erasure-differs", "erasure-missing"]),
        (lambda: [named(ERASURE, w.STRANGER), told()], ["signature", "erasure-missing"]),
        (lambda: [told(SEVENTH), named(SEVENTH)], ["erasure-differs", "erasure-missing"]),
    ],
)
def test_what_cannot_be_used_is_missing_for_all_nights(objects: object, codes: list[str]) -> None:
    history = read(*objects())  # type: ignore[operator]
    assert w.codes(history) == codes
    (found,) = history.deeds.erasures
    assert found.record is None
    assert all(found.applies(KEYS[0], seq) for seq in (1, 2, 3))


def test_fewer_signers_than_the_event_has_are_told_and_it_counts() -> None:
    history = read(named(ERASURE, w.HEAD), told())
    assert w.codes(history) == ["erasure-quorum"]
    assert history.deeds.erasures[0].record == ERASURE
    assert w.codes(read(named(ERASURE, w.HEAD), named(ERASURE, w.CHAIR), told())) == []


def test_an_erasure_of_another_vault_is_none() -> None:
    other = replace(ERASURE, vault="11" * 16)
    assert w.codes(read(named(other), told())) == ["vault-mismatch", "erasure-missing"]
    assert hashlib.sha256(r.to_payload(other)).hexdigest() != w.payload_sha256(ERASURE)
