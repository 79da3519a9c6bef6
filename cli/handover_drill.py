"""`escrow handover drill`: the whole way on a copy, so that nothing is handed over."""

import hashlib
import shutil
import tempfile
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from escrow.errors import IntegrityError

from .config import Config, load_config
from .custodian_key import opener_for, read_custodian
from .exits import Exit, exit_of_codes
from .handover_accept import tell_tested
from .handover_parts import CertificateOption, clock, open_board, put_deeds, put_or_keep
from .handover_release import OUT, DeedsOption
from .options import ConfigOption, CustodianOption, JsonOption, KeyOption, LetterboxOption, ShareOption, SheetsOption
from .output import Output
from .unlock import Means
from .vault import anchor_of, read_vault, rules_of, sources_of

if TYPE_CHECKING:
    from datetime import datetime

    from escrow.custody.custodian import CustodianKey
    from escrow.custody.release import Board
    from escrow.engine.acceptance import Tested
    from escrow.engine.ports import Progress
    from escrow.engine.sync import Anchor
    from escrow.store import Store
    from escrow.trust import History

_EVIDENCE = hashlib.sha256(b"a drill").hexdigest()


@dataclass(frozen=True, slots=True)
class Stage:
    """Where a drill plays: a vault, whose keys open it, who takes it over, and a folder for what is made."""

    store: "Store"
    anchor: "Anchor"
    board: "Board"
    custodian: "CustodianKey"
    folder: Path


def drill(
    throwaway: Annotated[
        bool, typer.Option("--throwaway", help="A one-use vault and key, from the same sources: no holder need come.")
    ] = False,
    compartment: Annotated[
        list[str] | None, typer.Option(help="Only this compartment. May be repeated. Default: all.")
    ] = None,
    key: KeyOption = None,
    share: ShareOption = None,
    letterbox: LetterboxOption = None,
    sheets: SheetsOption = False,
    custodian: CustodianOption = None,
    certificate: CertificateOption = None,
    work: Annotated[
        Path | None, typer.Option(help="Where the copy goes while it lasts: a disk with room for the vault.")
    ] = None,
    deeds: DeedsOption = OUT,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Rehearse a handover on a copy of the vault: notice, release, own copy, reading, opening, test restore.

    With the holders' keys it opens the real series, and leaves an event. With --throwaway it deposits today's sources
    in a one-use vault on this machine. Everything it made is removed at the end.

    \b
    Example: escrow handover drill --throwaway --certificate drill.pdf
    """
    from escrow.custody.custodian import CustodianKey

    output = Output(as_json)
    loaded = load_config(config)
    vault = read_vault(loaded)
    assert vault.history.charter is not None
    folder = Path(tempfile.mkdtemp(prefix="escrow-drill-", dir=work))
    event = ""
    try:
        with output.progress() as progress:
            taker = read_custodian(custodian) if custodian else CustodianKey.new("The drill's custodian", "other")
            if throwaway:
                stage = _throwaway(loaded, vault.history, taker, folder, progress)
            else:
                board = open_board(Means(key, tuple(share or ()), letterbox, sheets), vault.history)
                stage = Stage(vault.store, anchor_of(loaded), board, taker, folder)
            names = frozenset(compartment or (one.name for one in vault.history.charter.compartments))
            tested = rehearse(stage, names, clock(), progress)
        if not throwaway:
            event = _leave_event(output, loaded, vault.history, stage.board, deeds)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    tell_tested(output, tested)
    if certificate:
        how = "on a one-use vault made from the same sources" if throwaway else "on a copy, with the holders' keys"
        _write(certificate, vault.history, tested, how, event)
    exit = exit_of_codes(text.partition(":")[0] for text in tested.differences)
    words = "everything came back as it was listed" if exit is Exit.OK else "SOMETHING DIFFERS, see above"
    output.finish(exit, f"drill: {words}", differences=len(tested.differences), event=event or None)


def rehearse(stage: Stage, compartments: frozenset[str], now: "datetime", progress: "Progress") -> "Tested":
    """Every step up to the receipt, on a copy below the stage's folder."""
    from escrow.custody.deeds import next_event, open_grant, sign_event
    from escrow.custody.release import Scope, Terms, draft_release
    from escrow.engine.acceptance import Copied, prove_copy, take_copy
    from escrow.engine.copying import read_original
    from escrow.engine.fetch import fetch_exact
    from escrow.engine.reading import load_history
    from escrow.engine.released import Opening
    from escrow.store import FolderStore

    own = FolderStore(stage.folder / "archive", create=True)
    far = now.replace(year=now.year + 1, day=1)
    copied = take_copy(read_original(stage.store, stage.anchor), own, stage.anchor, far, progress)
    history = copied.history
    if history.handover.phase in ("active", "accepted"):
        keys = stage.board.keys
        trigger = _trigger(history)
        notice = replace(
            next_event(history, "notice-given", keys, now),
            purpose=_purpose(history),
            trigger=trigger,
            evidence=_EVIDENCE,
        )
        put_deeds(own, history, [sign_event(history, notice, keys)])
        history = load_history(own, stage.anchor)
    given = history.handover.notice
    assert given is not None
    terms = Terms(_purpose(history))
    objects = draft_release(
        history,
        Scope(compartments),
        stage.custodian.card().party,
        stage.board,
        terms=terms,
        fetch=lambda name, sha256: fetch_exact(own, name, sha256),
        now=max(now, given.cools_until),
    )
    put_deeds(own, history, objects)
    history = load_history(own, stage.anchor)
    grant = open_grant(history, stage.custodian.signing)
    at = Opening(own, history, grant.keys, opener_for(stage.custodian, history, own))
    return prove_copy(Copied(history, copied.proof, copied.findings), at, stage.folder / "restored", progress)


def _trigger(history: "History") -> str:
    """One of the charter's triggers; one that a single holder may cite where there is any."""
    from escrow.trust.handover import STATEMENT, triggers_of

    assert history.charter is not None
    return min(triggers_of(history.charter), key=lambda name: (name == STATEMENT, name))


def _purpose(history: "History") -> str:
    """The charter's purpose for drills, else its first."""
    from escrow.trust.handover import purposes_of

    assert history.charter is not None
    named = purposes_of(history.charter, history.handover)
    return "drill" if "drill" in named else min(named)


def _throwaway(config: Config, history: "History", taker: "CustodianKey", folder: Path, progress: "Progress") -> Stage:
    """A one-use vault of the same shape, with tonight's data in it."""
    from escrow.custody import Plan, new_vault, series_identity, signing_key
    from escrow.custody.newvault import custody_identity
    from escrow.custody.release import Board
    from escrow.engine.night import Agent, Work, run_night
    from escrow.engine.ports import SystemClock
    from escrow.engine.state import State
    from escrow.engine.sync import Anchor
    from escrow.record import Agent as Named
    from escrow.seal import Secret, SigningKey
    from escrow.store import FolderStore

    charter = history.charter
    assert charter is not None
    agent = SigningKey.generate()
    plan = Plan(
        school=charter.school,
        role="drill",
        agents=[Named(key=agent.public().encode(), name="drill")],
        compartments=charter.compartments,
        strictest=charter.strictest,
        cap_days=charter.cap_days,
    )
    made = new_vault(plan, clock())
    anchor = Anchor(made.vault, made.fingerprint)
    store = FolderStore(folder / "vault", create=True)
    for name, data in made.public.items():
        store.put(name, data)
    with closing(State.open(folder / "state")) as state:
        work = Work(sources_of(config), rules_of(config), lambda: True)
        report = run_night(Agent(store, state, agent, SystemClock(), anchor), work, progress)
    if not report.finished:
        raise IntegrityError("drill-night", "expected a whole night in the one-use vault, found none")
    secret = Secret(made.key_file.secret)
    custody = custody_identity(secret, made.vault)
    board = Board(
        lambda sealed, key: series_identity(sealed, key, made.vault, custody), [signing_key(secret, made.vault)]
    )
    return Stage(store, anchor, board, taker, folder)


def _leave_event(output: Output, config: Config, history: "History", board: "Board", deeds: Path) -> str:
    from escrow.custody.deeds import identity_of, next_event, sign_event

    event = replace(next_event(history, "drill", board.keys, clock()), purpose=_purpose(history))
    put_or_keep(output, config, history, [sign_event(history, event, board.keys)], deeds)
    return identity_of(event)


def _write(out: Path, history: "History", tested: "Tested", how: str, event: str) -> None:
    from escrow.custody.certificate import Drill, drill_certificate
    from escrow.paper.pdf import pdf

    from .public_folder import write_whole

    assert history.charter is not None
    proofs = (
        ("Copied", tested.copied),
        ("Read back and compared", tested.read),
        ("Nights opened, with their lists", tested.nights),
        ("Files of the last nights opened", tested.opened),
    )
    page = drill_certificate(
        Drill(history.charter.school.name, clock(), how, proofs, tested.restored, tested.differences, event)
    )
    write_whole(out, pdf("page", page.values()))
