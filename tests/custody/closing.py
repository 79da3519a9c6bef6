"""A school that closes: its vault, three holders of sheets, an authority, and what each can do."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path

import pytest
from escrow_cli.handover_accept import sign_receipt

from escrow import record as r
from escrow.custody import NewVault, series_identity
from escrow.custody.custodian import CustodianKey
from escrow.custody.deeds import Named, identity_of, next_event, open_grant, sign_event
from escrow.custody.newvault import make_stock
from escrow.custody.policies import Bench, Policy, Seat
from escrow.custody.quorum import Draft, draft_vault
from escrow.custody.release import Board, Scope, Terms, draft_release, released_opener
from escrow.engine.acceptance import Copied, Tested, prove_copy, take_copy
from escrow.engine.copying import read_original
from escrow.engine.fetch import fetch_exact
from escrow.engine.ports import NoProgress
from escrow.engine.reading import load_history
from escrow.engine.released import Opening
from escrow.errors import EscrowError
from escrow.record import CustodyKeyFile
from escrow.seal import HybridIdentity, SigningKey
from escrow.store import MemoryStore, Store
from escrow.trust import History, sign_record
from tests.custody.deal import PLAN
from tests.engine.kit import NIGHTS, T0, FixedClock, School

POLICY = Policy(
    1,
    (
        Bench(
            "holders", 2, (Seat("head"), Seat("chair of governors", "other"), Seat("LA records officer", "custodian"))
        ),
    ),
)
LA = CustodianKey.new("Cyngor Gwynedd", "la")
SUCCESSOR = CustodianKey.new("Conwy", "la")
VENDOR = CustodianKey.new("New MIS Ltd", "other")
EVIDENCE = "ab" * 32
KEEP_UNTIL = datetime(2051, 8, 31, tzinfo=T0.tzinfo)
USES = (r.NewPurpose(name="pupil-files", text="answer requests of former pupils"),)


@cache
def drafted() -> tuple[Draft, NewVault]:
    """The vault of LA, made once."""
    return draft_for(LA)


def draft_for(custodian: CustodianKey) -> tuple[Draft, NewVault]:
    """A charter with custodian, purposes and a week of cooling off, signed by all; and its keys."""
    draft = draft_vault(PLAN, POLICY, T0)
    card = custodian.card()
    charter = replace(
        draft.charter,
        custodian=r.Custodian(name=card.name, kind=card.kind, key=card.key, recipient=card.recipient),
        purposes=(
            r.Purpose(id="handover", text="hand the archive over"),
            r.Purpose(id="restore", text="restore what was lost"),
            r.Purpose(id="drill", text="rehearse"),
        ),
        triggers=(
            r.Trigger(kind="closure-order"),
            r.Trigger(kind="vendor-insolvency"),
            r.Trigger(kind="holders-statement"),
        ),
        cooling_off_days=7,
        cooling_off_except=("vendor-insolvency",),
    )
    draft = replace(draft, charter=charter)
    stock, public = make_stock(charter, draft.identity, T0)
    for record, name in ((charter, r.charter_name), (stock, r.stock_name)):
        data = sign_record(record, [*draft.keys, custodian.signing])
        public[name(1, data)] = data
    key_file = CustodyKeyFile(charter.vault, draft.secret.reveal(), draft.identity.encode().reveal())
    return draft, NewVault(charter.vault, identity_of(charter), key_file, public)


_OPENED: dict[bytes, HybridIdentity] = {}


@dataclass
class Closing:
    """The school's store and the authority's own, and a clock; `keys` of head, chair and officer."""

    school: School
    own: Store
    folder: Path
    keys: list[SigningKey] = field(default_factory=lambda: drafted()[0].keys)

    @property
    def store(self) -> Store:
        return self.school.store

    @property
    def clock(self) -> FixedClock:
        return self.school.clock

    @property
    def history(self) -> History:
        return self.school.history()

    def put(self, objects: Sequence[Named], *stores: Store) -> None:
        for store in stores or (self.store,):
            for name, data in objects:
                store.put(name, data, retain_until=self.clock.now() + timedelta(days=900))

    def open(self, sealed: bytes, key: r.StockKey) -> HybridIdentity:
        if sealed not in _OPENED:
            _OPENED[sealed] = series_identity(sealed, key, self.school.vault.vault, drafted()[0].identity)
        return _OPENED[sealed]

    def board(self, *holders: int) -> Board:
        return Board(self.open, [self.keys[at] for at in holders])

    def notice(self, *keys: SigningKey, trigger: str = "closure-order", purpose: str = "handover") -> list[Named]:
        signers = keys or (self.keys[0],)
        event = replace(
            next_event(self.history, "notice-given", signers, self.clock.now()),
            purpose=purpose,
            trigger=trigger,
            evidence=EVIDENCE,
        )
        return [sign_event(self.history, event, signers)]

    def release(
        self,
        *compartments: str,
        to: CustodianKey = LA,
        board: Board | None = None,
        scope: Scope | None = None,
        clause: str | None = None,
    ) -> list[Named]:
        return draft_release(
            self.history,
            scope or Scope(frozenset(compartments or ("records",))),
            to.card().party,
            board or self.board(0, 1),
            terms=Terms("handover", clause),
            fetch=lambda name, sha256: fetch_exact(self.store, name, sha256),
            now=self.clock.now(),
        )

    def prove(self, by: CustodianKey = LA, own: Store | None = None) -> tuple[Tested, Copied]:
        """Copy and prove what was released."""
        place = own or self.own
        copied = take_copy(
            read_original(self.store, self.school.anchor), place, self.school.anchor, KEEP_UNTIL, NoProgress()
        )
        grant = open_grant(copied.history, by.signing)
        opener = released_opener(
            copied.history, [grant], lambda name, sha256: fetch_exact(place, name, sha256), by.identity
        )
        at = Opening(place, copied.history, grant.keys, opener)
        self.folder.mkdir(exist_ok=True)
        return prove_copy(copied, at, self.folder / f"restored-{grant.n}", NoProgress()), copied

    def receipt(self, by: CustodianKey = LA, own: Store | None = None) -> list[Named]:
        tested, copied = self.prove(by, own)
        history = copied.history
        grant = open_grant(history, by.signing)
        return sign_receipt(history, by, grant, tested, KEEP_UNTIL, self.clock.now())[1]

    def transfer(self, by: CustodianKey = LA) -> list[Named]:
        history = self.history
        grant = [one for one in history.handover.grants if one.to.key == by.card().key][-1]
        assert history.head
        event = replace(
            next_event(history, "transferred", [by.signing], self.clock.now()),
            release=grant.deed,
            purposes=USES,
            final=r.NoticeHead(seq=history.head.seq, sha256=history.head.sha256),
        )
        return [sign_event(history, event, [by.signing])]

    def days(self, count: int) -> None:
        self.clock.at += timedelta(days=count)

    def whole_way(self) -> None:
        """From the notice to the transfer of `records`."""
        self.put(self.notice())
        self.days(8)
        self.put(self.release("records"))
        self.put(self.receipt(), self.own, self.store)
        self.put(self.transfer(), self.own, self.store)


def closing(folder: Path, nights: int = 3) -> Closing:
    """A vault with some nights, in memory."""
    clock = FixedClock()
    school = School(folder / "school", MemoryStore(clock=clock.now), clock, drafted()[1])
    for n in range(1, nights + 1):
        assert school.night(NIGHTS[n]).finished
        clock.at += timedelta(days=1)
    return Closing(school, MemoryStore(clock=clock.now), folder / "la")


def reloaded(place: Closing, store: Store) -> History:
    """What another store says of the vault."""
    return load_history(store, place.school.anchor)


def again(base: Closing, folder: Path) -> Closing:
    """The same vault as it is now, apart from here on. The machine that writes it stays behind."""
    clock = FixedClock(base.clock.at)
    assert isinstance(base.store, MemoryStore)
    assert isinstance(base.own, MemoryStore)
    school = School(folder / "school", MemoryStore(base.store.dump(), clock=clock.now), clock, base.school.vault)
    return Closing(school, MemoryStore(base.own.dump(), clock=clock.now), folder / "la")


def codes(history: History) -> list[str]:
    return [one.code for one in history.findings]


def refused(call: Callable[[], object]) -> str:
    with pytest.raises(EscrowError) as caught:
        call()
    return caught.value.code


def release_records(place: Closing) -> None:
    place.put(place.notice())
    place.days(8)
    place.put(place.release("records"))
