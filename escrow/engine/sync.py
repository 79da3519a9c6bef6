"""Before a night: what the store's history says, held against what the agent remembers."""

import hashlib
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum

from escrow.engine.charters import believed, remember_charters, remembered_charters
from escrow.engine.fetch import public_objects
from escrow.engine.ports import Clock
from escrow.engine.state import Birth, State
from escrow.errors import DeniedError, EscrowError, IntegrityError, RefusedError, StateError
from escrow.limits import MAX_CLOCK_SKEW
from escrow.record import Charter, EventHead, Notice, ParsedName, StockKey, check_name, parse_name, to_payload
from escrow.seal import VerifyKey
from escrow.store import Store
from escrow.trust import Head, History, accept, open_record

_JUMP = 90_000_000
"""A notice from here on is gone on from by who put it alone: 250,000 years of nights end below, and whoever holds an
agent's key could leave no number for the next."""


class Tail(Enum):
    """How the store's newest notices relate to the remembered head."""

    EXPECTED = "expected"
    STATE_LOST = "state-lost"
    STATE_ROLLED_BACK = "state-rolled-back"
    STORE_ROLLED_BACK = "store-rolled-back"
    AGENT_CHANGED = "agent-changed"


@dataclass(frozen=True, slots=True)
class Anchor:
    """What pins a vault: its id and the fingerprint of its first charter."""

    vault: str
    fingerprint: str


@dataclass(frozen=True, slots=True)
class Footing:
    """What a night stands on. `charter` is in force, `charters` are all, by hash; `keys` are the stock's, by id.

    `now` is the store's clock.
    """

    charter: Charter
    charter_sha256: str
    charters: dict[str, Charter]
    keys: dict[str, StockKey]
    tail: Tail
    head: Head | None
    now: datetime
    warnings: tuple[str, ...] = ()
    events: EventHead | None = None
    alarms: tuple[str, ...] = ()


def judge_tail(head_name: str | None, present: bool, others: Collection[str], me: str) -> Tail:
    """Pure. `present`: the remembered notice is in the store; `others`: ids of the agents of the charter whose notices
    are there, of the same number or later, that the state does not know."""
    if others and head_name is None:
        return Tail.STATE_LOST if me in others else Tail.AGENT_CHANGED
    if head_name is None:
        return Tail.EXPECTED
    if others:
        return Tail.STATE_ROLLED_BACK
    return Tail.EXPECTED if present else Tail.STORE_ROLLED_BACK


def find_footing(store: Store, state: State, me: VerifyKey, clock: Clock, anchor: Anchor) -> Footing:
    """Read charter, stock and the newest notices; finish a pending notice; take over the store's history when it is
    ahead of the state.

    Raises RefusedError (`agent-unknown`, `agent-revoked`, `vault-transferred`), IntegrityError (`charter-missing`),
    StateError (`clock-skew`).
    """
    now = store.now()
    _check_clock(clock, now)
    basis = list(public_objects(store, ("charter/", "stock/")))
    events, unseen = _events(store)
    basis += events
    basis, agreed, alarms = _agreed(state, anchor, basis)
    charter = _charter_in_force(agreed)
    _check_here(agreed)
    head = state.head()
    reached = head.seq if head else 0
    found = public_objects(store, ("notices/",), after=f"notices/{reached:08d}" if head else "")
    newest = {name: data for name, data in found if not _is_jump(parse_name(name), reached)}
    pending = state.pending()
    writers = {name: writer for name, data in newest.items() if (writer := _writer(name, data, charter))}
    head_name = state.recall("head-name")
    mine = {head_name, pending.name if pending else None}
    tail = judge_tail(head_name, head_name in writers, {writers[name] for name in writers if name not in mine}, me.id)
    if tail in (Tail.STATE_LOST, Tail.STATE_ROLLED_BACK, Tail.AGENT_CHANGED):
        history = accept(
            [*basis, *public_objects(store, ("notices/",))], vault=anchor.vault, fingerprint=anchor.fingerprint
        )
        _adopt(state, history, tail)
        head = state.head()
    elif pending:
        finish_pending(store, state)
        head = state.head()
    elif tail is Tail.EXPECTED:
        tail = Tail(state.recall("adopted") or tail.value)
    _check_agent(charter, me, head)
    warnings = tuple(f"{name}: no notice of this vault; it was left out" for name in newest if name not in writers)
    charters = {hashlib.sha256(to_payload(one)).hexdigest(): one for one in agreed.charters}
    seen = agreed.event_head
    told = (*warnings, *unseen)
    return Footing(charter, agreed.charter_sha256, charters, agreed.keys, tail, head, now, told, seen, alarms)


def _agreed(
    state: State, anchor: Anchor, shown: list[tuple[str, bytes]]
) -> tuple[list[tuple[str, bytes]], History, tuple[str, ...]]:
    """What the store shows under the charters that this machine has seen; `charter-rolled-back` where that differs."""
    history = accept(shown, vault=anchor.vault, fingerprint=anchor.fingerprint)
    _charter_in_force(history)
    basis = believed(shown, remembered_charters(state.folder, anchor.vault))
    agreed = history
    if set(basis) != set(shown):
        agreed = accept(basis, vault=anchor.vault, fingerprint=anchor.fingerprint)
    remember_charters(state.folder, basis, agreed.charters)
    same = agreed.charter_sha256 == history.charter_sha256
    return basis, agreed, () if same else ("charter-rolled-back",)


def finish_pending(store: Store, state: State) -> None:
    """Put the journalled notice (again), and take it for the head."""
    pending = state.pending()
    if pending:
        store.put(pending.name, pending.envelope, retain_until=datetime.fromtimestamp(pending.retain_until, UTC))
        state.commit(pending)


def _events(store: Store) -> tuple[list[tuple[str, bytes]], tuple[str, ...]]:
    """The events, or a warning: that a credential of an older deployment may not see them stops no night."""
    try:
        return list(public_objects(store, ("events/",))), ()
    except DeniedError:
        return [], ("this credential may not read events/: a transfer of the vault would not be seen",)


def _check_here(history: History) -> None:
    custodian = history.handover.custodian
    if custodian is not None:
        raise RefusedError(
            "vault-transferred",
            f"the vault was handed over to {custodian.name}: nothing more is deposited in it",
            hint="remove this machine's timer; a new vault begins with escrow keys new",
        )


def _check_clock(clock: Clock, store_now: datetime) -> None:
    skew = abs((clock.now() - store_now).total_seconds())
    if skew > MAX_CLOCK_SKEW:
        raise StateError(
            "clock-skew",
            f"this machine's clock and the store's differ by {skew:.0f} seconds; at most {MAX_CLOCK_SKEW} are allowed",
            hint="set this machine's clock (NTP), or the store's, and run again",
        )


def _charter_in_force(history: History) -> Charter:
    if history.charter is None:
        found = "; ".join(f"{finding.code}: {finding.detail}" for finding in history.findings[:3])
        raise IntegrityError(
            "charter-missing",
            f"the store shows no valid charter of this vault ({found or 'none at all'})",
            hint="check the store's address; run escrow init with the public parts of this school's keys",
        )
    return history.charter


def _check_agent(charter: Charter, me: VerifyKey, head: Head | None) -> None:
    for agent in charter.agents:
        if VerifyKey.parse(agent.key) == me:
            if agent.revoked_after is not None and (head.seq if head else 0) >= agent.revoked_after:
                raise RefusedError(
                    "agent-revoked",
                    f"the charter revokes this machine's key after notice {agent.revoked_after}",
                    hint="speak to the key holders; a new machine needs a new key in the charter",
                )
            return
    raise RefusedError(
        "agent-unknown",
        f"the charter does not name this machine's key {me.id}",
        hint="give the card of `escrow agent card` to the key holder",
    )


def _writer(name: str, data: bytes, charter: Charter) -> str | None:
    """The id of the agent that signed the notice `name`; None for junk (docs/format.md, section 9, step 4)."""
    parsed = parse_name(name)
    agents = {VerifyKey.parse(agent.key): agent.revoked_after for agent in charter.agents}
    try:
        if parsed is None:
            return None
        check_name(parsed, data)
        opened = open_record(data, Notice, agents)
    except EscrowError:
        return None
    notice = opened.record
    for key in opened.signers:
        last = agents[key]
        if key.id == notice.agent and (last is None or notice.seq <= last):
            return key.id if (notice.vault, notice.seq) == (charter.vault, parsed.n) else None
    return None


def _is_jump(name: ParsedName | None, reached: int) -> bool:
    return name is not None and name.n >= _JUMP > reached


def _adopt(state: State, history: History, why: Tail) -> None:
    births: dict[str, Birth] = {}
    begun: set[str] = set()
    for notice in history.notices:
        for part in notice.series:
            if part.series not in births:
                at = int(notice.store_time.timestamp())
                births[part.series] = Birth(part.series, part.compartment, part.key, at, part.compartment not in begun)
                begun.add(part.compartment)
    known = [link for link in history.main if link.notice.seq < _JUMP]
    if known:
        head = Head(known[-1].notice.seq, known[-1].sha256)
        state.adopt(head, known[-1].name, list(births.values()), why.value)
