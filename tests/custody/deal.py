"""Vaults whose secret is dealt among holders, small and made once."""

from dataclasses import replace
from datetime import timedelta
from functools import cache

from escrow import record as r
from escrow.custody import Plan
from escrow.custody.policies import POLICIES, Policy
from escrow.custody.quorum import Draft, draft_vault, found
from escrow.custody.sheets import Sheet
from escrow.seal.shares import Share, parse_share
from escrow.trust import History, accept
from tests.engine.kit import AGENT, T0

LATER = T0 + timedelta(days=90)
PLAN = Plan(
    school=r.School(name="Ysgol Bro Tegid"),
    role="",
    agents=(r.Agent(key=AGENT.public().encode(), name="server"),),
    compartments=(
        r.Compartment(name="records", nights=400, keep_days=30),
        r.Compartment(name="safeguarding", nights=400, keep_days=30),
    ),
    strictest="safeguarding",
    cap_days=900,
)


@cache
def vault(policy: str = "simple") -> tuple[Draft, dict[str, bytes]]:
    draft = draft_vault(PLAN, POLICIES[policy], T0)
    return draft, found(draft, T0)


def history(public: dict[str, bytes]) -> History:
    accepted = accept(public.items())
    assert accepted.findings == ()
    return accepted


def retyped(sheet: Sheet) -> Share:
    """What a holder types: the first four letters of each word."""
    return parse_share(" ".join(word[:4] for word in sheet.share.words()))


def renamed(policy: Policy, role: str) -> Policy:
    """The policy with another person in the first seat."""
    first = policy.benches[0]
    seats = (replace(first.seats[0], role=role), *first.seats[1:])
    return replace(policy, benches=(replace(first, seats=seats), *policy.benches[1:]))
