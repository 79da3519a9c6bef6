"""The engine with each role's credential only: a night, a lost answer, status and L1a, a restore, on real servers."""

import secrets
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from shutil import rmtree
from typing import ClassVar

import pytest

from escrow.engine.ports import NoProgress, SystemClock
from escrow.engine.status import judge_status
from escrow.engine.verify import expected_objects, verify_bytes, verify_listing
from escrow.errors import DeniedError, UnreachableError
from escrow.record import key_name
from escrow.source import FolderSource
from escrow.store import ObjectInfo
from escrow.store.base import LockMode
from escrow.store.s3 import S3Store
from escrow.store.s3_options import S3Options
from escrow.store.wrappers import Retrying
from escrow.watch.rounds import Duty, Machine, run_round
from infra.policies import Server
from infra.s3.setup import main
from tests.engine.kit import AGENT, NIGHTS, RULES, FixedClock, School, errors, write_tree
from tests.infra.conftest import VaultBucket, use
from tests.infra.servers import Running

pytestmark = pytest.mark.s3

Opener = Callable[..., S3Store]


class LosesAnswers(S3Store):
    """Every first put of a name takes effect, and its answer is lost."""

    lost: ClassVar[set[str]] = set()

    def put(
        self, key: str, body: bytes, *, retain_until: datetime | None = None, lock_mode: LockMode = "COMPLIANCE"
    ) -> ObjectInfo:
        found = super().put(key, body, retain_until=retain_until, lock_mode=lock_mode)
        if key not in self.lost:
            self.lost.add(key)
            raise UnreachableError("store-unreachable", f"{key}: the answer was lost")
        return found


@pytest.fixture
def vault(server: Running, monkeypatch: pytest.MonkeyPatch) -> VaultBucket:
    tag = secrets.token_hex(5)
    users = {role: server.make_user(f"{role}-{tag}") for role in ("depositor", "watcher", "custodian", "registrar")}
    made = VaultBucket(server, f"vault-{tag}", users)
    use(monkeypatch, server.owner)
    assert main([*made.arguments, "--yes"]) == 0
    return made


@pytest.fixture
def opened(vault: VaultBucket, monkeypatch: pytest.MonkeyPatch) -> Opener:
    """The vault's bucket with one role's credential, as boto3's standard chain finds it."""

    def open_as(role: str, kind: Callable[[S3Options], S3Store] = S3Store) -> S3Store:
        use(monkeypatch, vault.users[role])
        return kind(S3Options(vault.name, endpoint=vault.server.endpoint, path_style=True))

    return open_as


@pytest.fixture
def school(opened: Opener, tmp_path: Path) -> School:
    """A vault whose public parts and keys the registrar put."""
    clock = FixedClock(SystemClock().now())
    return School(tmp_path, opened("registrar"), clock)


def test_a_night_needs_the_depositor_only(opened: Opener, school: School) -> None:
    for number in (1, 2, 3):
        assert school.night(NIGHTS[number], store=opened("depositor")).seq == number
    assert school.restore_all(store=opened("custodian")) == NIGHTS[3]
    assert school.restore_all("1", store=opened("custodian")) == NIGHTS[1]


def test_a_night_after_the_state_was_lost_needs_no_more(opened: Opener, school: School) -> None:
    school.night(NIGHTS[1], store=opened("depositor"))
    rmtree(school.state)
    assert school.night(NIGHTS[2], store=opened("depositor")).seq == 2
    assert school.restore_all(store=opened("custodian")) == NIGHTS[2]


def test_lost_answers_do_not_stop_who_may_only_write(opened: Opener, school: School) -> None:
    forgetful = opened("depositor", LosesAnswers)
    assert school.night(NIGHTS[1], store=Retrying(forgetful, sleep=lambda _: None)).seq == 1
    assert len(LosesAnswers.lost) >= 7, "series, packs and manifests of two compartments, and the notice"
    assert school.restore_all(store=opened("custodian")) == NIGHTS[1]


def test_a_name_without_a_hash_is_not_taken_for_our_own(opened: Opener, vault: VaultBucket) -> None:
    depositor = opened("depositor")
    depositor.put("series/plain", b"one")
    if vault.server.kind is Server.CEPH:  # it takes a second put under a name in a bucket with Object Lock
        assert depositor.put("series/plain", b"one").version
        return
    with pytest.raises(DeniedError):
        depositor.put("series/plain", b"one")


def test_junk_that_the_agent_may_not_read_does_not_stop_a_night(
    opened: Opener, school: School, vault: VaultBucket
) -> None:
    opened("registrar").put("stock/junk.bin", b"junk")
    assert school.night(NIGHTS[1], store=opened("depositor")).seq == 1


def test_status_and_l1a_need_the_watcher_only(opened: Opener, school: School) -> None:
    school.night(NIGHTS[1], store=opened("depositor"))
    watcher = opened("watcher")
    history = school.history(store=watcher)
    status = judge_status(history, SystemClock(), timedelta(hours=36))
    assert (status.latest, status.stale, errors(status.findings)) == (1, False, [])
    listing = verify_listing(watcher, history, NoProgress())
    assert [finding.code for finding in listing.findings] == ["object-unseen"]
    assert "the hashes of" in listing.findings[0].detail, "of sealed keys it sees the locks, and not the hashes"
    assert listing.count == len(expected_objects(history))
    assert verify_listing(opened("custodian"), history, NoProgress()).findings == ()
    with pytest.raises(DeniedError):
        verify_listing(opened("depositor"), history, NoProgress())
    sealed = [one for one in expected_objects(history) if one.name.startswith("series/")]
    assert errors(verify_bytes(watcher, sealed, NoProgress()).findings) == []
    assert errors(verify_bytes(opened("custodian"), expected_objects(history), NoProgress()).findings) == []


@pytest.mark.parametrize("role", ["depositor", "watcher", "registrar"])
def test_only_the_custodian_restores(opened: Opener, school: School, role: str) -> None:
    school.night(NIGHTS[1], store=opened("depositor"))
    with pytest.raises(DeniedError):
        school.restore_all(store=opened(role))


@pytest.mark.parametrize("role", ["watcher", "custodian", "registrar"])
def test_only_the_depositor_deposits(opened: Opener, school: School, role: str) -> None:
    with pytest.raises(DeniedError):
        school.night(NIGHTS[1], store=opened(role))


def test_the_depositor_gets_no_sealed_key_and_no_pack(opened: Opener, school: School) -> None:
    school.night(NIGHTS[1], store=opened("depositor"))
    history = school.history(store=opened("watcher"))
    depositor = opened("depositor")
    sealed = [key_name(key.id, key.sha256) for key in history.keys.values()]
    for name in sealed + [one.name for one in expected_objects(history)]:
        with pytest.raises(DeniedError):
            depositor.get(name)


def test_a_round_says_that_it_could_not_verify(opened: Opener, school: School) -> None:
    write_tree(school.source, NIGHTS[1])
    sources = [FolderSource("school", school.source)]
    store = opened("depositor")
    parts = (AGENT, school.anchor, sources, RULES, school.clock)
    machine = Machine(lambda: store, school.state, *parts, open_bare=lambda: store)
    now = school.clock.now()
    duty = Duty(now + timedelta(hours=5), now + timedelta(days=1), 1.0, lambda: 0.5)
    result = run_round(machine, duty, NoProgress(), lambda _: "ok")
    assert result.error is None
    assert result.night is not None
    assert result.night.seq == 1
    assert [text for text in result.warnings if "may only deposit" in text]
    assert [text for text in result.warnings if "run escrow store probe" in text]
