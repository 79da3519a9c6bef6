"""Whatever signed events come, in whatever order, keys go nowhere without notice, quorum and receipt."""

import hashlib
from dataclasses import replace
from datetime import timedelta

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from escrow import record as r
from escrow.errors import RefusedError
from escrow.seal import SigningKey, VerifyKey
from escrow.trust import Handover, accept, step
from escrow.trust.quorum import shortfall
from tests.trust import world as w

HOLDERS = [w.signer(n) for n in range(10, 15)]
LA, VENDOR, STRANGER = (w.signer(n) for n in range(15, 18))
EVERYBODY = [*HOLDERS, LA, VENDOR, STRANGER]
RECIPIENT = str(w.identity(9).recipient())
DEED = "ab" * 32


def party(key: SigningKey, name: str) -> r.Party:
    return r.Party(name=name, key=key.public().encode(), recipient=RECIPIENT)


PARTIES = [party(LA, "LA"), party(VENDOR, "vendor")]


def charter(*, needed: int, days: int, excepted: bool) -> r.Charter:
    return replace(
        w.CHARTER,
        holders=tuple(r.Holder(role=f"role {n}", key=key.public().encode()) for n, key in enumerate(HOLDERS)),
        threshold=needed,
        custodian=r.Custodian(name="LA", kind="la", key=LA.public().encode(), recipient=RECIPIENT),
        purposes=(r.Purpose(id="handover", text="hand over"), r.Purpose(id="restore", text="restore")),
        triggers=(r.Trigger(kind="closure-order"), r.Trigger(kind="holders-statement")),
        cooling_off_days=days,
        cooling_off_except=("closure-order",) if excepted else None,
    )


class HandoverMachine(RuleBasedStateMachine):
    """Every rule posts an event that may be allowed or not; a model of four facts says which must have been refused."""

    def __init__(self) -> None:
        super().__init__()
        self.state = Handover()
        self.now = w.T0
        self.n = 0
        self.released: dict[str, tuple[str, frozenset[VerifyKey]]] = {}

    @initialize(needed=st.integers(1, 4), days=st.sampled_from([0, 7]), excepted=st.booleans())
    def begin(self, needed: int, days: int, excepted: bool) -> None:
        self.charter = charter(needed=needed, days=days, excepted=excepted)

    def post(self, signers: frozenset[int], kind: str, **members: object) -> bool:
        """Whether the event was allowed; then the state has moved on."""
        self.n += 1
        event = r.Event(
            vault=w.VAULT,
            n=self.n,
            prev=DEED if self.n > 1 else None,
            kind=kind,
            created=self.now,
            charter=DEED,
            by=("x",),
            **members,  # type: ignore[arg-type]
        )
        keys = {EVERYBODY[at].public() for at in signers}
        sha256 = hashlib.sha256(r.to_payload(event)).hexdigest()
        try:
            self.state = step(self.state, event, sha256, keys, self.charter)
        except RefusedError as error:
            assert error.code
            return False
        if kind == "released":
            self.released[str(members["deed"])] = (sha256, frozenset(keys))
        return True

    people = st.one_of(
        st.sampled_from([frozenset({0, 1, 2, 3, 4}), frozenset({5}), frozenset({6}), frozenset({0, 5})]),
        st.frozensets(st.integers(0, len(EVERYBODY) - 1), max_size=6),
    )

    @rule(days=st.integers(0, 9))
    def wait(self, days: int) -> None:
        self.now += timedelta(days=days)

    @rule(
        by=people,
        trigger=st.sampled_from(["closure-order", "holders-statement", "silence"]),
        purpose=st.sampled_from(["handover", "marketing"]),
    )
    def notice(self, by: frozenset[int], trigger: str, purpose: str) -> None:
        before = self.state.phase
        if self.post(by, "notice-given", trigger=trigger, purpose=purpose, evidence=DEED):
            assert purpose == "handover"
            assert trigger != "silence"
            assert before in ("active", "accepted")
            assert by & {0, 1, 2, 3, 4, 5}

    @precondition(lambda self: self.state.phase in ("active", "accepted"))
    @rule(by=st.sampled_from([0, 5]))
    def give_notice(self, by: int) -> None:
        self.notice(frozenset({by}), "closure-order", "handover")
        assert self.state.phase == "notice-given"

    @rule(by=people)
    def withdraw(self, by: frozenset[int]) -> None:
        notice = self.state.notice.sha256 if self.state.notice else DEED
        taken = any(one.receipt for one in self.state.grants)
        if self.post(by, "withdrawn", notice=notice):
            assert not taken
            assert not shortfall(self.charter, [EVERYBODY[at].public() for at in by])
            assert self.state.phase == "active"

    @rule(
        by=people,
        to=st.sampled_from(PARTIES),
        keys=st.sets(st.sampled_from(["aa" * 8, "bb" * 8, "cc" * 8]), min_size=1),
        clause=st.sampled_from([None, "7.2"]),
    )
    def release(self, by: frozenset[int], to: r.Party, keys: set[str], clause: str | None) -> None:
        state, signers = self.state, [EVERYBODY[at].public() for at in by]
        deed = hashlib.sha256(str(self.n).encode()).hexdigest()
        notice = state.notice.sha256 if state.notice else DEED
        members = {"purpose": "handover", "notice": notice, "deed": deed, "to": to, "keys": tuple(sorted(keys))}
        if self.post(by, "released", clause=clause, **members):
            assert state.notice
            theirs = state.custodian is not None and VerifyKey.parse(state.custodian.key) in signers
            if theirs and shortfall(self.charter, signers):
                assert keys <= state.keys_of(signers)
            else:
                assert not shortfall(self.charter, signers)
                assert theirs or self.now >= state.notice.cools_until or (clause and self.charter.cooling_off_except)

    @precondition(lambda self: self.state.notice is not None)
    @rule(to=st.sampled_from(PARTIES))
    def release_in_time(self, to: r.Party) -> None:
        self.now = max(self.now, self.state.notice.cools_until if self.state.notice else self.now)
        before = len(self.state.grants)
        self.release(frozenset(range(5)), to, {"aa" * 8}, None)
        assert len(self.state.grants) == before + 1

    @precondition(lambda self: any(one.to == PARTIES[0] for one in self.state.grants))
    @rule()
    def take_over(self) -> None:
        which = next(at for at, one in enumerate(self.state.grants) if one.to == PARTIES[0])
        self.accept(frozenset({5}), which)
        self.transfer(frozenset({5}), which)
        assert self.state.phase == "transferred"

    @precondition(lambda self: self.state.phase == "transferred")
    @rule(keys=st.sets(st.sampled_from(["aa" * 8, "bb" * 8, "cc" * 8]), min_size=1))
    def pass_on(self, keys: set[str]) -> None:
        self.release(frozenset({5}), PARTIES[1], keys, None)

    @rule(by=people, which=st.integers(0, 3))
    def accept(self, by: frozenset[int], which: int) -> None:
        grants = self.state.grants
        release = grants[which % len(grants)] if grants else None
        if self.post(by, "accepted", deed=DEED, release=release.deed if release else DEED):
            assert release
            assert release.receipt is None
            assert VerifyKey.parse(release.to.key) in [EVERYBODY[at].public() for at in by]

    @rule(by=people, which=st.integers(0, 3))
    def transfer(self, by: frozenset[int], which: int) -> None:
        grants = self.state.grants
        release = grants[which % len(grants)] if grants else None
        final = r.NoticeHead(seq=9, sha256=DEED)
        uses = (r.NewPurpose(name="archive", text="keep"),)
        if self.post(by, "transferred", release=release.deed if release else DEED, purposes=uses, final=final):
            assert release
            assert release.receipt
            assert VerifyKey.parse(release.to.key) in [EVERYBODY[at].public() for at in by]

    @rule(by=people, purpose=st.sampled_from(["restore", "archive", "marketing"]))
    def use(self, by: frozenset[int], purpose: str) -> None:
        transferred = self.state.phase == "transferred"
        if self.post(by, "key-use", purpose=purpose):
            assert purpose == "restore" or (purpose == "archive" and transferred)
            signers = [EVERYBODY[at].public() for at in by]
            assert not shortfall(self.charter, signers) or self.state.keys_of(signers)

    @invariant()
    def keys_are_out_by_releases_alone(self) -> None:
        assert {one.deed for one in (*self.state.past, *self.state.grants)} <= self.released.keys()

    @invariant()
    def nothing_is_transferred_without_a_receipt(self) -> None:
        if self.state.phase == "transferred":
            assert self.state.custodian
            assert any(one.receipt and one.to == self.state.custodian for one in self.state.grants)

    @invariant()
    def a_stranger_has_nothing(self) -> None:
        assert self.state.keys_of([STRANGER.public()]) == frozenset()


HandoverMachine.TestCase.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
TestHandover = HandoverMachine.TestCase


def test_an_empty_store_has_no_handover() -> None:
    assert accept([]).handover == Handover()
