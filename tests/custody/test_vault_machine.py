"""A vault's life in any order: nights, new sheets, a new machine, notices, releases, receipts, the transfer.

Real keys, a store in memory. After every step a stranger without keys finds nothing amiss, the last night opens for
the holders in office and for nobody else, and the authority opens what was released to it.
"""

import shutil
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from escrow import record as r
from escrow.custody.deeds import next_event, sign_event
from escrow.custody.quorum import draft_next, last_stock
from escrow.custody.release import released_opener
from escrow.engine.fetch import fetch_exact, public_objects
from escrow.errors import EscrowError, RefusedError, WrongKeyError
from escrow.seal import Secret, SigningKey
from escrow.trust import accept, sign_record
from tests.custody.closing import LA, POLICY, Closing, closing, drafted
from tests.engine.kit import AGENT

MACHINES = [AGENT, *(SigningKey.from_seed(Secret(bytes([n]) * 64)) for n in (101, 102))]
PARTS = ("records", "safeguarding")


class VaultMachine(RuleBasedStateMachine):
    """`board` are the keys of the holders in office, `former` those of everybody before; `machine` signs nights."""

    @initialize()
    def found(self) -> None:
        self.root = Path(tempfile.mkdtemp(prefix="escrow-machine-"))
        self.place: Closing = closing(self.root, nights=1)
        self.board = list(drafted()[0].keys)
        self.former: list[SigningKey] = []
        self.machine = 0

    def teardown(self) -> None:
        shutil.rmtree(getattr(self, "root", Path("nowhere")), ignore_errors=True)

    @property
    def phase(self) -> str:
        return self.place.history.handover.phase

    @rule()
    def night(self) -> None:
        self.place.days(1)
        before = len(self.place.history.snapshots)
        try:
            self.place.school.night({"pupils.csv": b"upn\n" * before}, key=MACHINES[self.machine])
        except RefusedError as error:
            assert (error.code, self.phase) == ("vault-transferred", "transferred")
        else:
            assert self.phase != "transferred"
            assert len(self.place.history.snapshots) == before + 1

    def amend(self, charter: r.Charter, *more: SigningKey) -> None:
        data = sign_record(charter, [*self.board, *more, LA.signing])
        self.place.put([(r.charter_name(charter.n, data), data)])
        assert self.place.history.charter == charter

    @precondition(lambda self: len(self.former) < 6)
    @rule()
    def new_sheets(self) -> None:
        old = drafted()[0].secret
        history = self.place.history
        draft = draft_next(
            history.charters, (old, old), POLICY, self.place.clock.now(), last_stock(drafted()[1].public)[1]
        )
        self.amend(draft.charter, *draft.keys)
        self.former += self.board
        self.board = self.place.keys = draft.keys
        self.night()

    @precondition(lambda self: self.machine + 1 < len(MACHINES))
    @rule()
    def new_machine(self) -> None:
        history = self.place.history
        assert history.charter
        assert history.head
        old, fresh = (MACHINES[self.machine + at].public().encode() for at in (0, 1))
        agents = [
            replace(one, revoked_after=history.head.seq) if one.key == old else one for one in history.charter.agents
        ]
        charter = replace(
            history.charter,
            n=history.charter.n + 1,
            prev=history.charter_sha256,
            created=self.place.clock.now(),
            agents=(*agents, r.Agent(key=fresh, name="another server")),
        )
        self.amend(charter)
        if self.phase != "transferred":
            with pytest.raises(RefusedError, match="revokes"):
                self.place.school.night(key=MACHINES[self.machine])
        self.machine += 1
        shutil.rmtree(self.place.school.state)
        self.night()

    @rule(by=st.integers(0, 2))
    def notice(self, by: int) -> None:
        allowed = self.phase in ("active", "accepted")
        self.allowed(allowed, lambda: self.place.put(self.place.notice(self.board[by])))

    @rule(days=st.sampled_from([0, 8]), part=st.sampled_from(PARTS), by=st.sampled_from([(0,), (0, 1), (1, 2)]))
    def release(self, days: int, part: str, by: tuple[int, ...]) -> None:
        self.place.days(days)
        notice = self.place.history.handover.notice
        cooled = notice is not None and self.place.clock.now() >= notice.cools_until
        had = {key for grant in self.place.history.handover.grants for key in grant.keys}
        keys = {one.key for one in self.place.history.series.values() if one.compartment == part}
        allowed = cooled and len(by) == 2 and not keys <= had
        board = self.place.board(*by)
        self.allowed(allowed, lambda: self.place.put(self.place.release(part, board=board)))

    @rule()
    def accept(self) -> None:
        waiting = any(one.receipt is None for one in self.place.history.handover.grants)
        self.allowed(waiting, lambda: self.place.put(self.place.receipt(), self.place.own, self.place.store))

    @precondition(lambda self: bool(self.place.history.handover.grants))
    @rule()
    def transfer(self) -> None:
        history = self.place.history
        ready = history.handover.grants[-1].receipt is not None and self.phase != "transferred"
        self.allowed(ready, lambda: self.place.put(self.place.transfer(), self.place.own, self.place.store))

    @precondition(lambda self: self.place.history.handover.notice is not None)
    @rule(by=st.sampled_from([(0,), (1, 2)]))
    def withdraw(self, by: tuple[int, ...]) -> None:
        history = self.place.history
        keys = [self.board[at] for at in by]
        notice = history.handover.notice
        assert notice
        event = replace(next_event(history, "withdrawn", keys, self.place.clock.now()), notice=notice.sha256)
        taken = any(one.receipt for one in history.handover.grants)
        allowed = len(by) == 2 and not taken and self.phase in ("notice-given", "released")
        self.allowed(allowed, lambda: self.place.put([sign_event(history, event, keys)]))

    @rule(steps=st.integers(1, 4), part=st.sampled_from(PARTS))
    def go_on(self, steps: int, part: str) -> None:
        """The next steps of an honest handover."""
        for _ in range(steps):
            match self.phase:
                case "active":
                    self.notice(0)
                case "notice-given":
                    self.release(8, part, (0, 1))
                case "released":
                    self.accept()
                case "accepted":
                    self.transfer()
                case _:
                    self.release(8, part, (1, 2))
                    self.accept()

    @precondition(lambda self: bool(self.former))
    @rule()
    def former_holders_try(self) -> None:
        with pytest.raises(RefusedError) as caught:
            self.place.notice(*self.former[:2])
        assert caught.value.code == "signer-unknown"

    def allowed(self, expected: bool, act: Callable[[], object]) -> None:
        try:
            act()
        except EscrowError as error:
            assert not expected, error
            assert error.code
        else:
            assert expected

    @invariant()
    def a_stranger_finds_nothing_amiss(self) -> None:
        history = accept(public_objects(self.place.store), vault=self.place.school.vault.vault)
        assert [one for one in history.findings if one.severity == "error"] == []

    @invariant()
    def each_opens_what_it_may(self) -> None:
        history = self.place.history
        grants = (*history.handover.past, *history.handover.grants)
        fetch = lambda name, sha256: fetch_exact(self.place.store, name, sha256)  # noqa: E731
        opener = released_opener(history, grants, fetch, LA.identity)
        out = {key for grant in grants for key in grant.keys}
        for state in history.series.values():
            key = history.keys[state.key]
            if key.id in out:
                opener(b"", key)
            else:
                with pytest.raises(WrongKeyError):
                    opener(b"", key)
        part = history.notices[-1].series[0]
        key = history.keys[part.key]
        self.place.open(fetch(r.key_name(key.id, key.sha256), key.sha256), key)


VaultMachine.TestCase.settings = settings(
    max_examples=10, stateful_step_count=14, deadline=None, suppress_health_check=list(HealthCheck)
)
TestVault = pytest.mark.slow(pytest.mark.ci(VaultMachine.TestCase))
