"""Any run of reshares and rekeys: the last quorum opens every key, former holders add nothing, whatever they try."""

from datetime import timedelta

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from escrow import record as r
from escrow.custody import series_identity
from escrow.custody.policies import POLICIES, minimal_subsets, policy_of
from escrow.custody.quorum import (
    Draft,
    draft_next,
    last_stock,
    next_stock,
    seal_again,
    signed_charter,
    signed_stock,
)
from escrow.custody.sheets import Sheet, combine_sheets, identify_all, open_sheets
from escrow.errors import WrongKeyError
from escrow.seal import Secret
from escrow.trust import History, accept
from tests.custody import deal
from tests.engine.kit import T0

NAMES = st.sampled_from(sorted(POLICIES))
CHOICE = st.integers(0, 1000)


class Custody(RuleBasedStateMachine):
    """`objects` is the vault; `former` are all drafts that were replaced."""

    @initialize(policy=NAMES)
    def found(self, policy: str) -> None:
        self.draft, public = deal.vault(policy)
        self.objects = dict(public)
        self.former: list[Draft] = []
        self.at = T0

    @property
    def history(self) -> History:
        return accept(self.objects.items())

    def quorum(self, choice: int) -> list[Sheet]:
        """One of the minimal quorums, as the holders type it."""
        policy = policy_of(self.draft.charter)
        assert policy
        subsets = list(minimal_subsets(policy.groups_needed, policy.sizes))
        places = subsets[choice % len(subsets)]
        shares = [
            deal.retyped(sheet) for sheet in self.draft.sheets if (sheet.share.group, sheet.share.member) in places
        ]
        return identify_all(shares, self.history.charters)

    def follow(self, policy: str, choice: int, fresh: bytes | None) -> tuple[Draft, list[Sheet], Secret]:
        self.at += timedelta(days=1)
        signers = self.quorum(choice)
        secret = combine_sheets(signers, self.history.charters[-1])
        secrets = (secret, Secret(fresh) if fresh else secret)
        head = last_stock(self.objects)[1]
        draft = draft_next(self.history.charters, secrets, POLICIES[policy], self.at, head)
        return draft, signers, secret

    @rule(policy=NAMES, choice=CHOICE)
    def reshare(self, policy: str, choice: int) -> None:
        draft, signers, _ = self.follow(policy, choice, None)
        self.objects |= signed_charter(draft, [sheet.key for sheet in signers])
        self.former.append(self.draft)
        self.draft = draft

    @rule(policy=NAMES, choice=CHOICE, fresh=st.binary(min_size=32, max_size=32))
    def rekey(self, policy: str, choice: int, fresh: bytes) -> None:
        draft, signers, _ = self.follow(policy, choice, fresh)
        keys = {}
        for key in self.history.keys.values():
            sealed = self.objects[r.key_name(key.id, key.sha256)]
            keys[key.id], data = seal_again(sealed, key, draft.charter, self.draft.identity, draft.identity)
            self.objects |= data
        stock = next_stock(last_stock(self.objects)[0], keys, self.at)
        self.objects |= signed_stock(stock, draft.keys)
        self.objects |= signed_charter(draft, [sheet.key for sheet in signers])
        self.former.append(self.draft)
        self.draft = draft

    @invariant()
    def former_holders_add_nothing(self) -> None:
        if not self.former:
            return
        ghosts = self.former[self.at.day % len(self.former)]
        before = self.history
        stock = next_stock(last_stock(self.objects)[0], before.keys, self.at)
        late = accept((self.objects | signed_stock(stock, ghosts.keys)).items())
        assert {one.code for one in late.findings} & {"stock-late", "stock-threshold"}
        assert (late.keys, late.charters) == (before.keys, before.charters)
        last = before.charters[-1]
        takeover = draft_next(before.charters, (ghosts.secret, ghosts.secret), POLICIES["simple"], self.at, "00" * 32)
        assert takeover.charter.n == last.n + 1
        taken = accept((self.objects | signed_charter(takeover, ghosts.keys)).items())
        assert [one.code for one in taken.findings] == ["charter-threshold"]
        assert taken.charters == before.charters
        for sheet in ghosts.sheets[:2]:
            with pytest.raises(WrongKeyError) as raised:
                open_sheets([deal.retyped(sheet)], before.charters)
            assert raised.value.code == "share-old"

    @invariant()
    def the_last_quorum_opens_every_key(self) -> None:
        history = self.history
        assert history.findings == ()
        assert history.charters[-1] == self.draft.charter
        identity = open_sheets([sheet.share for sheet in self.quorum(len(self.former))], history.charters)
        for key in history.keys.values():
            sealed = self.objects[r.key_name(key.id, key.sha256)]
            assert str(series_identity(sealed, key, history.vault, identity).recipient()) == key.recipient


Custody.TestCase.settings = settings(
    max_examples=6, stateful_step_count=4, deadline=None, suppress_health_check=list(HealthCheck)
)
TestCustody = Custody.TestCase
