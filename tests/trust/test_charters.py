"""Which charter follows which: the custodian, one holder's changes, replays and forks; and a machine over all of it."""

from dataclasses import replace

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from escrow import record as r
from escrow.trust import accept
from tests.trust import world as w

LA, NEXT_LA = w.signer(31), w.signer(32)
CONTACTS = (r.Contact(role="DPO", text="01248 000000"),)
VENDOR = (r.Processor(name="Vendor Ltd", role="processor", purpose="MIS"),)


def custodian(key: w.SigningKey) -> r.Custodian:
    return r.Custodian(name="Council", kind="la", key=key.public().encode(), recipient=str(w.identity(8).recipient()))


def after(before: r.Charter, **changes: object) -> r.Charter:
    return replace(before, n=before.n + 1, prev=w.payload_sha256(before), **changes)  # type: ignore[arg-type]


def judged(*objects: tuple[str, bytes]) -> tuple[int, list[str]]:
    history = accept([w.named(w.CHARTER), *objects])
    assert history.charter is not None
    return history.charter.n, w.codes(history)


NAMED = after(w.CHARTER, custodian=custodian(LA))
BOARD = (w.HEAD, w.CHAIR)


def test_a_custodian_signs_the_version_that_names_it() -> None:
    assert judged(w.named(NAMED, *BOARD, LA)) == (2, [])
    assert judged(w.named(NAMED, *BOARD)) == (1, ["charter-custodian"])
    assert judged(w.named(NAMED, w.HEAD, LA)) == (1, ["charter-threshold"])


@pytest.mark.parametrize("next_one", [custodian(NEXT_LA), None], ids=["another", "none"])
def test_a_custodian_is_replaced_by_itself_and_the_next(next_one: r.Custodian | None) -> None:
    third = after(NAMED, custodian=next_one)
    first = w.named(NAMED, *BOARD, LA)
    arriving = (NEXT_LA,) if next_one else ()
    assert judged(first, w.named(third, *BOARD, LA, *arriving)) == (3, [])
    assert judged(first, w.named(third, *BOARD, *arriving)) == (2, ["charter-custodian"])
    if next_one:
        assert judged(first, w.named(third, *BOARD, LA)) == (2, ["charter-custodian"])


def test_a_first_charter_that_names_a_custodian_is_signed_by_it() -> None:
    first = replace(w.CHARTER, custodian=custodian(LA))
    assert w.codes(accept([w.named(first, *BOARD, LA)])) == []
    assert w.codes(accept([w.named(first, *BOARD)])) == ["charter-custodian", "charter-missing"]


def test_one_holder_changes_contacts_and_processors_and_nothing_else() -> None:
    first = w.named(NAMED, *BOARD, LA)
    for signer in BOARD:
        assert judged(first, w.named(after(NAMED, contacts=CONTACTS, processors=VENDOR), signer)) == (3, [])
    for signer in (LA, w.AGENT, w.STRANGER):
        number, codes = judged(first, w.named(after(NAMED, contacts=CONTACTS), signer))
        assert (number, len(codes)) == (2, 1)
    for changes in (
        {"cap_days": 499},
        {"forbidden": ("marketing",)},
        {"threshold": 1},
        {"agents": (*w.CHARTER.agents, r.Agent(key=w.STRANGER.public().encode(), name="new"))},
        {"school": r.School(name="Another")},
        {"ext": {"a": 1}},
    ):
        changed = after(NAMED, contacts=CONTACTS, **changes)
        assert judged(first, w.named(changed, w.HEAD)) == (2, ["charter-threshold"])


def test_a_threshold_is_not_lowered_by_fewer_holders() -> None:
    alone = after(w.CHARTER, threshold=1)
    assert judged(w.named(alone, w.HEAD)) == (1, ["charter-threshold"])
    assert judged(w.named(alone, *BOARD)) == (2, [])


def test_what_one_holder_signed_never_blocks_what_enough_sign() -> None:
    mine = w.named(after(w.CHARTER, contacts=CONTACTS), w.HEAD)
    yours = w.named(after(w.CHARTER, processors=VENDOR), w.CHAIR)
    ours = w.named(after(w.CHARTER, cap_days=400), *BOARD)
    assert judged(mine, yours) == (1, ["charter-fork"])
    assert judged(mine, yours, ours) == (2, ["charter-fork"])
    history = accept([w.named(w.CHARTER), mine, ours])
    assert [finding.severity for finding in history.findings] == ["warning"]
    assert judged(ours, w.named(after(w.CHARTER, cap_days=401), *BOARD)) == (1, ["charter-fork"])


def test_former_holders_do_not_go_back_behind_what_one_holder_signed() -> None:
    """What enough people built on counts as signed by them: another version of its number is a fork."""
    minor = after(w.CHARTER, contacts=CONTACTS)
    again = after(minor, processors=VENDOR)
    board = (r.Holder(role="new head", key=w.signer(40).public().encode()),)
    replaced = after(again, holders=board, threshold=1)
    chain = [w.named(minor, w.HEAD), w.named(again, w.CHAIR), w.named(replaced, *BOARD, w.signer(40))]
    assert judged(*chain) == (4, [])
    rival = w.named(after(w.CHARTER, cap_days=400), *BOARD)
    number, codes = judged(*chain, rival)
    assert number == 1
    assert "charter-fork" in codes
    history = accept([w.named(w.CHARTER), *chain, rival])
    assert next(one for one in history.findings if one.code == "charter-fork").severity == "error"
    assert judged(*chain[:2], rival) == (2, ["charter-fork", "charter-chain"])


class Charters(RuleBasedStateMachine):
    """Versions, honest and not, held against a model: what is accepted is what enough people signed, in order."""

    def __init__(self) -> None:
        super().__init__()
        self.store: list[tuple[str, bytes]] = [w.named(w.CHARTER)]
        self.chain = [w.CHARTER]
        self.forked = False

    @property
    def now(self) -> r.Charter:
        return self.chain[-1]

    def _people(self, *charters: r.Charter) -> list[w.SigningKey]:
        known = [w.signer(n) for n in (*range(1, 6), 31, 32, *range(40, 44))]
        by_key = {key.public().encode(): key for key in known}
        wanted = [one.key for charter in charters for one in charter.holders]
        wanted += [charter.custodian.key for charter in charters if charter.custodian]
        return [by_key[key] for key in dict.fromkeys(wanted)]

    def _offer(self, charter: r.Charter, signers: list[w.SigningKey]) -> None:
        self.store.append(w.named(charter, *signers))

    @rule(number=st.integers(40, 43), threshold=st.integers(1, 2))
    def the_board_changes_by_the_rule(self, number: int, threshold: int) -> None:
        new = r.Holder(role="new", key=w.signer(number).public().encode())
        if any(holder.key == new.key for holder in self.now.holders) or self.forked:
            return
        charter = after(self.now, holders=(self.now.holders[-1], new), threshold=threshold)
        self._offer(charter, self._people(self.now, charter))
        self.chain.append(charter)

    @rule(leaves=st.booleans())
    def the_custodian_comes_changes_or_leaves(self, leaves: bool) -> None:
        if self.forked:
            return
        have = self.now.custodian
        nobody = leaves and have is not None
        key = NEXT_LA if have and have.key == LA.public().encode() else LA
        charter = after(self.now, custodian=None if nobody else custodian(key))
        self._offer(charter, self._people(self.now, charter))
        self.chain.append(charter)

    @rule(data=st.data())
    def one_person_too_few_signs(self, data: st.DataObject) -> None:
        charter = after(self.now, threshold=1, cap_days=self.now.cap_days - 1)
        needed = self._people(self.now)
        if self.now.threshold < len(self.now.holders) and not self.now.custodian:
            return
        missing = needed[-1] if self.now.custodian else data.draw(st.sampled_from(needed))
        signers = [key for key in needed if key is not missing] or [w.STRANGER]
        if self.now.custodian or self.now.threshold > len(signers):
            self._offer(charter, signers)

    @rule(data=st.data())
    def one_holder_changes_contacts(self, data: st.DataObject) -> None:
        if self.forked:
            return
        text = data.draw(st.sampled_from(["a", "b", "c"]))
        charter = after(self.now, contacts=(r.Contact(role="DPO", text=f"{text}{self.now.n}"),))
        self._offer(charter, [data.draw(st.sampled_from(self._people(replace(self.now, custodian=None))))])
        self.chain.append(charter)

    @rule(data=st.data())
    def an_old_version_comes_again(self, data: st.DataObject) -> None:
        self.store.append(data.draw(st.sampled_from(self.store)))
        old = data.draw(st.sampled_from(self.chain))
        if len(self.chain) > 1 and old is not self.now:
            replayed = replace(old, n=self.now.n + 1, prev=old.prev or "00" * 32)
            self._offer(replayed, self._people(old, self.now))

    @rule()
    def everybody_signs_two_of_one_number(self) -> None:
        if not self.forked:
            for cap in (300, 301):
                charter = after(self.now, cap_days=cap)
                self._offer(charter, self._people(self.now))
            self.forked = True

    @invariant()
    def the_chain_is_what_enough_people_signed(self) -> None:
        history = accept(self.store)
        assert list(history.charters) == self.chain
        assert ("charter-fork" in w.codes(history)) == self.forked


Charters.TestCase.settings = settings(max_examples=15, stateful_step_count=8, deadline=None)
TestCharters = Charters.TestCase
