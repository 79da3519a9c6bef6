"""What `escrow demo handover` does: a school with three holders closes, and its authority takes the vault over."""

import hashlib
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

from escrow import record as r
from escrow.custody import Plan, series_identity
from escrow.custody.custodian import CustodianKey
from escrow.custody.deeds import Named, next_event, open_grant, sign_event
from escrow.custody.newvault import custody_identity, make_stock
from escrow.custody.policies import Bench, Policy, Seat
from escrow.custody.quorum import Draft, draft_vault, hash_of
from escrow.custody.release import Board, Scope, Terms, draft_release
from escrow.custody.sheets import Sheet, combine_sheets
from escrow.engine.acceptance import Tested, prove_copy, take_copy
from escrow.engine.copying import read_original
from escrow.engine.fetch import fetch_exact, public_objects
from escrow.engine.night import Agent, Work, run_night
from escrow.engine.ports import Progress, SystemClock
from escrow.engine.reading import choose, load_history, open_snapshot
from escrow.engine.released import Opening
from escrow.engine.restore import RestoreOptions, everything, restore
from escrow.engine.state import State
from escrow.engine.sync import Anchor
from escrow.seal import SigningKey
from escrow.source import FolderSource, Rule
from escrow.store import FolderStore
from escrow.trust import History, accept, sign_record

from . import demo_school
from .custodian_key import opener_for
from .handover_accept import sign_receipt
from .handover_parts import clock, put_deeds
from .keys import DEFAULT_COMPARTMENTS, parse_compartment

SEED = 7
COOLING_OFF = 7
_SEATS = (Seat("head"), Seat("chair of governors", "other"), Seat("LA records officer", "custodian"))
_POLICY = Policy(1, (Bench("holders", 2, _SEATS),))
_PURPOSES = {"restore": "give the school back what it has lost", "handover": "give the archive to the custodian"}


class DemoClosing:
    """The school, its three holders and its authority, each with a folder below `root`."""

    def __init__(self, root: Path) -> None:
        self.exports, self.restored = root / "exports", root / "restored"
        self.vault_folder, self.archive = root / "vault", root / "la" / "archive"
        self._state = root / "server" / "state"
        self._agent = SigningKey.generate()
        # the agreement and the notice are a week old, so that what follows the cooling-off is of today
        self._now = clock() - timedelta(days=COOLING_OFF, hours=1)
        self.authority = CustodianKey.new("Fernshire County Council (demo)", "la")

    def begin(self, progress: Progress) -> None:
        """Sheets are dealt, the charter is signed by its three holders and the authority, two nights are deposited."""
        progress.stage("invent a school")
        demo_school.create(self.exports, SEED)
        self._draft = self._agree()
        charter = self._draft.charter
        self.sheets: tuple[Sheet, ...] = self._draft.sheets
        self.anchor = Anchor(charter.vault, self._draft.fingerprint)
        self.store = FolderStore(self.vault_folder, create=True)
        stock, public = make_stock(charter, self._draft.identity, charter.created)
        for record, named in ((stock, r.stock_name), (charter, r.charter_name)):
            signed = sign_record(record, [*self._draft.keys, self.authority.signing])
            public[named(1, signed)] = signed
        for name, data in sorted(public.items(), reverse=True):
            self.store.put(name, data)
        self.night(progress)
        demo_school.next_night(self.exports, SEED, 1)
        self.night(progress)

    def _agree(self) -> Draft:
        plan = Plan(
            school=r.School(name=demo_school.NAME, urn=demo_school.URN, laestab=demo_school.LAESTAB),
            role="",
            agents=[r.Agent(key=self._agent.public().encode(), name="demo server")],
            compartments=[parse_compartment(text) for text in DEFAULT_COMPARTMENTS],
            strictest="safeguarding",
            cap_days=2000,
        )
        draft = draft_vault(plan, _POLICY, self._now)
        card = self.authority.card()
        charter = replace(
            draft.charter,
            custodian=r.Custodian(name=card.name, kind=card.kind, key=card.key, recipient=card.recipient),
            purposes=tuple(r.Purpose(id=name, text=text) for name, text in _PURPOSES.items()),
            triggers=(r.Trigger(kind="closure-order"),),
            cooling_off_days=COOLING_OFF,
        )
        return replace(draft, charter=charter, fingerprint=hash_of(charter))

    def night(self, progress: Progress) -> int:
        """Deposit what the school's MIS left today; gives the night's number."""
        rules = [Rule(name, globs) for name, globs in demo_school.GLOBS.items()]
        with closing(State.open(self._state)) as state:
            agent = Agent(self.store, state, self._agent, SystemClock(), self.anchor)
            report = run_night(agent, Work([FolderSource("mis", self.exports)], rules, lambda: True), progress)
        return report.seq or 0

    def history(self) -> History:
        """What the school's store says now."""
        return load_history(self.store, self.anchor)

    def a_week_later(self) -> None:
        """The cooling-off passes."""
        self._now += timedelta(days=COOLING_OFF, hours=1)

    def board(self, *roles: str) -> Board:
        """The holders of these roles, with their sheets. WrongKeyError where they are too few."""
        sheets = [sheet for sheet in self.sheets if sheet.holder.role in roles]
        secret = combine_sheets(sheets, self._draft.charter)
        custody = custody_identity(secret, self.anchor.vault)
        return Board(
            lambda sealed, key: series_identity(sealed, key, self.anchor.vault, custody), [one.key for one in sheets]
        )

    def give_notice(self) -> None:
        """The head signs alone; nothing is opened."""
        head = next(sheet.key for sheet in self.sheets if sheet.holder.role == "head")
        history = self.history()
        event = replace(
            next_event(history, "notice-given", [head], self._now),
            purpose="handover",
            trigger="closure-order",
            evidence=hashlib.sha256(b"the closure order").hexdigest(),
        )
        self._put([sign_event(history, event, [head])], history)

    def release(self, *compartments: str, roles: Sequence[str] = ("head", "chair of governors")) -> int:
        """These holders release compartments to the authority; gives the number of keys."""
        history = self.history()
        objects = draft_release(
            history,
            Scope(frozenset(compartments)),
            self.authority.card().party,
            self.board(*roles),
            terms=Terms("handover"),
            fetch=lambda name, sha256: fetch_exact(self.store, name, sha256),
            now=self._now,
        )
        self._put(objects, history)
        return len(objects) - 2

    def accept(self, progress: Progress) -> Tested:
        """The authority copies, reads, opens and restores, and signs for it."""
        own = FolderStore(self.archive, create=True)
        until = datetime(self._now.year + 25, 8, 31, tzinfo=self._now.tzinfo)
        copied = take_copy(read_original(self.store, self.anchor), own, self.anchor, until, progress)
        history = copied.history
        grant = open_grant(history, self.authority.signing)
        at = Opening(own, history, grant.keys, opener_for(self.authority, history, own))
        tested = prove_copy(copied, at, self.restored / f"test-{grant.n}", progress)
        _, objects = sign_receipt(history, self.authority, grant, tested, until, self._now)
        put_deeds(own, history, objects, until)
        self._put(objects, history)
        return tested

    def transfer(self) -> None:
        """The authority takes the vault over."""
        history = self.history()
        head = history.head
        assert head is not None
        event = replace(
            next_event(history, "transferred", [self.authority.signing], self._now),
            release=history.handover.grants[-1].deed,
            purposes=(r.NewPurpose(name="pupil-files", text="answer requests of former pupils"),),
            final=r.NoticeHead(seq=head.seq, sha256=head.sha256),
        )
        self._put([sign_event(history, event, [self.authority.signing])], history)

    def restore(self, compartment: str, progress: Progress) -> dict[str, bytes]:
        """The authority restores the last night of a compartment from its own copy; gives files by path.

        WrongKeyError `key-not-released`.
        """
        own = FolderStore(self.archive)
        history = load_history(own, self.anchor)
        opener = opener_for(self.authority, history, own)
        views = open_snapshot(own, history, choose(history, "latest"), opener, [compartment])
        folder = self.restored / compartment
        report = restore(views, folder, RestoreOptions(everything), progress)
        assert not report.failed
        found = (path for path in sorted(folder.rglob("*")) if path.is_file())
        return {path.relative_to(folder / "mis").as_posix(): path.read_bytes() for path in found}

    def without(self, folder: str) -> tuple[str, ...]:
        """The codes that a reader without keys finds when the last object of a folder is removed from the archive."""
        objects = dict(public_objects(FolderStore(self.archive)))
        objects.pop(max(name for name in objects if name.startswith(folder)))
        return tuple(one.code for one in accept(objects.items(), vault=self.anchor.vault).findings)

    def _put(self, objects: Sequence[Named], history: History) -> None:
        put_deeds(self.store, history, objects)
