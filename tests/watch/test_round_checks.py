"""What a round finds in the vault, and what its status file says."""

import json
from dataclasses import replace
from random import Random

import pytest

from escrow.engine.memory import remembered_head
from escrow.errors import DeniedError, StateError
from escrow.store import MemoryStore, ObjectInfo
from escrow.watch import AgentStatus, read_agent_status, rounds
from tests.engine.kit import NIGHTS, T0, School, write_tree
from tests.watch.kit import HOUR, Away, duty, go, machine, status


def test_a_night_goes_in_is_checked_and_told(one: School) -> None:
    result = go(one)
    assert (result.error, result.findings, result.attempts, result.left_out) == (None, [], 1, 0)
    assert result.listing and result.sampled
    assert result.listing.count == result.sampled.count > 4
    one.check_all_snapshots({1: NIGHTS[1]})
    head = one.history().head
    assert head
    assert remembered_head(one.state, one.vault.vault) == head
    assert status(one) == AgentStatus(
        vault=one.vault.vault,
        outcome="ok",
        last_attempt=T0,
        last_success=T0,
        next_due=T0 + 24 * HOUR,
        attempts=1,
        seq=1,
        head=head.sha256,
        findings={},
        listed=result.listing.count,
        sampled=result.sampled.count,
        sampled_bytes=result.sampled.size,
    )
    assert json.loads((one.state / "last-night.json").read_text())["seq"] == 1


def test_the_status_names_no_file_and_no_person(one: School) -> None:
    write_tree(one.source, {"Ann Smith.txt": b"secret", "notes/Bob.txt": b"more", "gone.csv": b"x"})
    (one.source / "Zoe.txt").symlink_to("Ann Smith.txt")
    go(one)
    for name in ("agent-status.json", "last-night.json"):
        text = (one.state / name).read_text()
        for word in ("Ann", "Bob", "Zoe", "gone", "secret", str(one.folder)):
            assert word not in text


def test_the_sample_ends_with_the_morning_and_tells_what_was_left(one: School, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rounds, "_BATCH", 2)
    one.store = Slow(one)
    result = go(one)
    assert result.sampled
    assert 0 < result.sampled.count < result.sampled.count + result.left_out
    assert status(one).left_out == result.left_out


class Slow(MemoryStore):
    """Each pack and key read takes an hour."""

    def __init__(self, one: School) -> None:
        assert isinstance(one.store, MemoryStore)
        super().__init__(one.store.dump(), clock=lambda: one.clock.at)
        self.one = one

    def get(self, key: str, *, start: int = 0, length: int | None = None, version: str | None = None) -> bytes:
        if key.endswith(".age"):
            self.one.clock.at += HOUR
        return super().get(key, start=start, length=length, version=version)


def test_an_altered_object_is_found_in_the_bytes(one: School) -> None:
    go(one)
    assert isinstance(one.store, MemoryStore)
    key = next(info.key for info in one.store.list("series/") if "/packs/" in info.key)

    class Lying(MemoryStore):
        def get(self, name: str, *, start: int = 0, length: int | None = None, version: str | None = None) -> bytes:
            data = super().get(name, start=start, length=length, version=version)
            return bytes([data[0] ^ 1]) + data[1:] if name == key else data

    lying = Lying(one.store.dump(), clock=lambda: one.clock.at)
    one.clock.at += 24 * HOUR
    result = go(one, machine(one, lambda: lying))
    assert [finding.code for finding in result.findings] == ["object-hash"]
    told = status(one)
    assert (told.outcome, told.findings, told.last_success) == ("integrity", {"object-hash": 1}, one.clock.at)


def test_a_hidden_object_is_found_in_the_listing_without_reading(one: School) -> None:
    go(one)
    key = next(info.key for info in one.store.list("series/") if "/manifests/" in info.key)
    one.store.delete(key)
    one.clock.at += 24 * HOUR
    result = go(one, tonight=duty(one, share=0.0))
    assert [finding.code for finding in result.findings] == ["object-deleted"]
    assert result.sampled
    assert result.sampled.count == 0


def test_a_store_that_forgot_a_night_is_told_even_when_the_state_is_lost(one: School) -> None:
    go(one)
    assert isinstance(one.store, MemoryStore)
    early = one.store.dump()
    for n in (2, 3):
        one.clock.at += 24 * HOUR
        write_tree(one.source, NIGHTS[n])
        go(one)
    (one.state / "state.db").unlink()
    one.store = MemoryStore(early, clock=lambda: one.clock.at)
    result = go(one)
    assert result.night
    assert "rollback" in {finding.code for finding in result.findings}


def test_a_store_that_swallows_the_new_notice_is_told_the_same_night(one: School) -> None:
    go(one)

    class Forgetful(MemoryStore):
        def put(self, key: str, body: bytes, **options: object) -> ObjectInfo:
            if key.startswith("notices/"):
                return self.head(next(info.key for info in self.list("notices/")))
            return super().put(key, body, **options)  # type: ignore[arg-type]

    assert isinstance(one.store, MemoryStore)
    forgetful = Forgetful(one.store.dump(), clock=lambda: one.clock.at)
    one.clock.at += 24 * HOUR
    before = remembered_head(one.state, one.vault.vault)
    result = go(one, machine(one, lambda: forgetful))
    assert "rollback" in {finding.code for finding in result.findings}
    assert remembered_head(one.state, one.vault.vault) == before


def test_the_order_of_the_sample_cannot_be_foreseen(one: School, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rounds, "_BATCH", 1)
    orders = []
    for seed in (1, 2):
        read: list[str] = []

        class Noted(MemoryStore):
            def get(self, key: str, *, read: list[str] = read, **options: object) -> bytes:
                read += [key] if key.startswith("stock/") and key.endswith(".age") else []
                return super().get(key, **options)  # type: ignore[arg-type]

        assert isinstance(one.store, MemoryStore)
        one.store = Noted(one.store.dump(), clock=lambda: one.clock.at)
        go(one, tonight=replace(duty(one), random=Random(seed).random))
        orders.append(read)
        one.clock.at += 24 * HOUR
    assert sorted(orders[0]) == sorted(orders[1])
    assert orders[0] != orders[1]


def test_a_failed_round_keeps_what_is_known_of_earlier_ones(one: School) -> None:
    go(one)
    first = status(one)
    one.clock.at += 24 * HOUR
    go(one, machine(one, Away(one, 1, DeniedError("store-denied", "no"))))
    assert status(one) == replace(
        first,
        outcome="store-denied",
        error="store-denied",
        last_attempt=one.clock.at,
        next_due=one.clock.at + 24 * HOUR,
        listed=0,
        sampled=0,
        sampled_bytes=0,
    )


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"vault": 1', "null"])
def test_a_status_that_cannot_be_read_stops_no_night(one: School, text: str) -> None:
    one.state.mkdir(parents=True)
    (one.state / "agent-status.json").write_text(text)
    with pytest.raises(StateError, match="agent-status"):
        read_agent_status(one.state)
    result = go(one)
    assert result.error is None
    assert status(one).warnings[0].startswith("the status of earlier rounds is lost")
