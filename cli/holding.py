"""A ceremony from beginning to end: a new vault, new sheets for its secret, a new secret for its series keys."""

import contextlib
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from escrow.errors import EscrowError, IntegrityError, UsageError

from . import ceremony
from .ceremony import Room
from .desk import Desk
from .public_folder import amiss, load_public, read_objects, rescue_kit, write_public, write_whole

if TYPE_CHECKING:
    from escrow.custody import Plan
    from escrow.custody.deeds import Why
    from escrow.custody.policies import Policy
    from escrow.custody.quorum import Draft, Whole
    from escrow.record import Charter, StockKey
    from escrow.seal import HybridIdentity, Secret, SigningKey
    from escrow.trust import History

PUBLIC, PENDING, TO_SIGN, EVENT = "public", "rekey.json", "charter-to-sign.json", "custody-event.json"
Opened: TypeAlias = "tuple[Secret, list[SigningKey]]"
Public: TypeAlias = "tuple[dict[str, bytes], History]"


def now() -> datetime:
    """The clock, in whole seconds."""
    return datetime.now(UTC).replace(microsecond=0)


def hold_new(
    desk: Desk, plan: "Plan", policy: "Policy", rescue: str | None, room: Room, *, whole: "Whole | None" = None
) -> "Draft":
    """A new vault: sheets first, then charter, stock and sealed keys in `room.out`/public, then the minutes.

    `whole`: from the bare charter to the one that was agreed.
    """
    from escrow.custody.quorum import draft_vault, found

    began = now()
    draft = ceremony.begin(desk, lambda: draft_vault(plan, policy, now(), rescue, whole=whole), roles(policy), room)
    ceremony.hand_out(desk, draft, room)
    desk.say("Now the keys of three years of nights are made, sealed, opened and checked.")
    public = found(draft, now())
    event = _sign_event(draft, None, "ceremony", room)
    _finish(desk, draft, "new vault", public, event, room, began)
    return draft


def hold_reshare(desk: Desk, public: Public, opened: Opened, policy: "Policy", room: Room) -> "Draft":
    """New sheets for the same secret. Old sheets and the vault stay as they are until the new charter is published."""
    from escrow.custody.deeds import in_force
    from escrow.custody.quorum import draft_next, last_stock, signed_charter

    began = now()
    objects, history = public
    in_force(history)
    secret, old = opened
    head = last_stock(objects)[1]
    draft = ceremony.begin(
        desk, lambda: draft_next(history.charters, (secret, secret), policy, now(), head), roles(policy), room
    )
    ceremony.hand_out(desk, draft, room)
    charter = signed_charter(draft, old)
    event = _sign_event(draft, history, "reshare", room)
    _finish(desk, draft, "reshare", objects | charter, event, room, began)
    return draft


def hold_rekey(desk: Desk, public: Public, opened: Opened, policy: "Policy", room: Room) -> "Draft":
    """A new secret with new sheets; every series key sealed again. May be run again after it was interrupted.

    The signed charter waits in `room.out`/rekey.json; keys that are sealed already stand in `room.out`/public.
    """
    from escrow.custody.deeds import in_force
    from escrow.custody.quorum import draft_next, last_stock, signed_charter
    from escrow.seal import Secret

    began = now()
    objects, history = public
    in_force(history)
    _check_keys(public)
    secret, old = opened
    head = last_stock(objects)[1]
    secrets = (secret, Secret(os.urandom(32)))
    draft = ceremony.begin(
        desk, lambda: draft_next(history.charters, secrets, policy, now(), head), roles(policy), room
    )
    ceremony.hand_out(desk, draft, room)
    (envelope,) = signed_charter(draft, old).values()
    _sign_event(draft, history, "rekey", room)
    write_whole(room.out / PENDING, envelope)
    finish_rekey(desk, public, draft, secret, room, began)
    return draft


def resumed(out: Path, history: "History") -> "Charter | None":
    """The charter of a rekey that was interrupted in `out`; None when there is none. IntegrityError `rekey-other`."""
    from escrow.custody.quorum import hash_of
    from escrow.record import Charter
    from escrow.trust import peek_record

    try:
        envelope = (out / PENDING).read_bytes()
    except FileNotFoundError:
        return None
    charter, _ = peek_record(envelope, Charter)
    assert history.charter is not None
    if charter.prev != hash_of(history.charter):
        hint = "take the public parts with which the rekey began"
        raise IntegrityError("rekey-other", f"{out / PENDING} does not follow these public parts", hint=hint)
    return charter


def finish_rekey(desk: Desk, public: Public, draft: "Draft", old: "Secret", room: Room, began: datetime) -> None:
    """Seal every series key again, sign the stock, put charter and event last. Goes on where it was interrupted."""
    folder = room.out / PUBLIC
    event = _sign_event(draft, public[1], "rekey", room)
    try:
        ceremony.check_public(folder, draft)
    except (UsageError, IntegrityError):
        _seal_stock(desk, public, draft, old, room)
    if draft.charter.custodian is None:
        _put_event(folder, event)
    _minutes(desk, draft, "rekey", event, room, began)
    (room.out / PENDING).unlink()


def _seal_stock(desk: Desk, public: Public, draft: "Draft", old: "Secret", room: Room) -> None:
    from escrow.custody.newvault import custody_identity
    from escrow.custody.quorum import last_stock, next_stock, seal_again, signed_stock
    from escrow.record import charter_name, key_name

    folder = room.out / PUBLIC
    objects, history = public
    _check_keys(public)
    stock, _ = last_stock(objects)
    before = custody_identity(old, draft.charter.vault)
    keys: dict[str, StockKey] = {}
    for key in history.keys.values():
        destroyed = key.id in history.ending.shredded
        done = key if destroyed else _sealed_already(folder, key, draft.charter, draft.identity)
        if done is None:
            sealed = objects[key_name(key.id, key.sha256)]
            done, data = seal_again(sealed, key, draft.charter, before, draft.identity)
            write_public(folder, data)
        keys[key.id] = done
    envelope = (room.out / PENDING).read_bytes()
    written = objects | signed_stock(next_stock(stock, keys, now()), draft.keys)
    if draft.charter.custodian is None:
        written |= {charter_name(draft.charter.n, envelope): envelope}
    _drop_stocks(folder, written)
    write_public(folder, written)
    if draft.charter.custodian is None:
        ceremony.check_public(folder, draft)
    else:
        write_whole(room.out / TO_SIGN, envelope)
    desk.say(f"{len(keys)} series keys are sealed to the new secret, opened and checked.")


def _check_keys(public: Public) -> None:
    from escrow.record import key_name

    objects, history = public
    left = [key for key in history.keys.values() if key.id not in history.ending.shredded]
    missing = {key_name(key.id, key.sha256) for key in left} - objects.keys()
    if missing:
        hint = "copy the folder stock whole from the vault"
        detail = f"expected {len(history.keys)} sealed keys in the public parts, found {min(missing)} missing"
        raise IntegrityError("object-missing", detail, hint=hint)


def _sealed_already(folder: Path, key: "StockKey", charter: "Charter", new: "HybridIdentity") -> "StockKey | None":
    from escrow.custody.quorum import held

    for path in sorted((folder / "stock").glob(f"{key.id}-*.age")):
        with contextlib.suppress(EscrowError):
            return held(path.read_bytes(), key, charter, new)
    return None


def _drop_stocks(folder: Path, written: dict[str, bytes]) -> None:
    """A stock that an interrupted run signed is replaced: its hash differs each time it is signed."""
    for path in (folder / "stock").glob("*.json"):
        if f"stock/{path.name}" not in written:
            path.unlink()


def roles(policy: "Policy") -> list[str]:
    """Every role of a policy, in the order of the sheets."""
    return [seat.role for bench in policy.benches for seat in bench.seats]


def _sign_event(draft: "Draft", history: "History | None", why: "Why", room: Room) -> bytes:
    """The event that tells of the draft's charter, kept beside the public parts until the charter is among them.

    One that an interrupted run has signed is taken again: two with one number would be a fork.
    """
    from escrow.custody.deeds import sign_custody
    from escrow.custody.quorum import hash_of
    from escrow.record import Event
    from escrow.trust import peek_record

    head = history.event_head if history else None
    made = hash_of(draft.charter)
    waiting = _waiting(room.out / EVENT)
    if waiting is not None:
        told = peek_record(waiting, Event)[0]
        if (told.deed, told.prev) == (made, head.sha256 if head else None):
            return waiting
    _, event = sign_custody(draft.charter, head, why, made, keys=draft.keys, now=now())
    write_whole(room.out / EVENT, event)
    return event


def _put_event(folder: Path, event: bytes) -> None:
    """Put the event behind its charter, and read it as others will. IntegrityError `ceremony-written`."""
    from escrow.record import Event, event_name
    from escrow.trust import peek_record

    told, sha256 = peek_record(event, Event)
    write_public(folder, {event_name(told.n, event): event})
    _, history = load_public(folder)
    if all(link.sha256 != sha256 or link.refused for link in history.events):
        hint = "take the vault's newest public parts, events included, and sign again: escrow keys record"
        raise IntegrityError("ceremony-written", f"readers of {folder} would not take event {told.n}", hint=hint)


def _waiting(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None


def _finish(
    desk: Desk, draft: "Draft", what: str, public: dict[str, bytes], event: bytes, room: Room, began: datetime
) -> None:
    """Write what is public, read it again, write the minutes."""
    from escrow.record import charter_name
    from escrow.trust import accept

    name = next(name for name in public if name.startswith(charter_name(draft.charter.n, b"")[:16]))
    write_public(room.out / PUBLIC, rescue_kit([*accept(public.items()).charters, draft.charter]))
    if draft.charter.custodian is None:
        write_public(room.out / PUBLIC, public)
        ceremony.check_public(room.out / PUBLIC, draft)
        _put_event(room.out / PUBLIC, event)
    else:
        write_whole(room.out / TO_SIGN, public[name])
        write_public(room.out / PUBLIC, {one: data for one, data in public.items() if one != name})
    _minutes(desk, draft, what, event, room, began)


def _minutes(desk: Desk, draft: "Draft", what: str, event: bytes, room: Room, began: datetime) -> None:
    times = (began, now())
    write_whole(room.out / "minutes.json", ceremony.minutes(draft, what, event, times, room))
    write_whole(room.out / "minutes.txt", ceremony.minutes_text(draft, what, event, times, room).encode())
    desk.say(f"The minutes are {room.out / 'minutes.txt'}, signed in minutes.json. They hold no secret.")
    if draft.charter.custodian is not None:
        name = draft.charter.custodian.name
        first = draft.charter.n == 1
        how = "escrow custodian sign" if first else "escrow charter sign"
        desk.say(f"{name} signs {room.out / TO_SIGN} next ({how}). Then run escrow keys complete:")
        desk.say("until then there is no vault." if first else "until then the old sheets open the vault.")


def complete(out: Path) -> "History":
    """Put what still waits in `out` into `out`/public: the charter that the custodian has signed, then its event.

    IntegrityError while a signature is missing; UsageError `complete-missing` when nothing waits.
    """
    from escrow.record import Charter, charter_name
    from escrow.trust import accept, peek_record

    envelope, event = _waiting(out / TO_SIGN), _waiting(out / EVENT)
    if envelope is None and event is None:
        hint = "name the folder of escrow keys ceremony, reshare or rekey"
        raise UsageError("complete-missing", f"expected {out / TO_SIGN} or {out / EVENT}, found neither", hint=hint)
    if envelope is not None:
        charter, _ = peek_record(envelope, Charter)
        name = charter_name(charter.n, envelope)
        history = accept([*read_objects(out / PUBLIC).items(), (name, envelope)])
        wrong = amiss(history)
        if history.charter != charter or wrong:
            found = "; ".join(f"{finding.code}: {finding.detail}" for finding in wrong[:3])
            hint = "pass the file on to those who have not signed"
            raise IntegrityError("charter-missing", f"{out / TO_SIGN} does not count yet: {found}", hint=hint)
        write_public(out / PUBLIC, {name: envelope})
    if event is not None:
        _put_event(out / PUBLIC, event)
    return load_public(out / PUBLIC)[1]
