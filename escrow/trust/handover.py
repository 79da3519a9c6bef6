"""From a notice of handover to its end: one step an event (docs/format.md, section 13.4). Pure."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Literal, TypeAlias

from escrow.errors import RefusedError
from escrow.record import Charter, Event, NewPurpose, NoticeHead, Party
from escrow.record.charter import SILENCE, TRIGGER_KINDS
from escrow.seal import VerifyKey
from escrow.trust.ending import Ending
from escrow.trust.quorum import shortfall

Phase: TypeAlias = Literal["active", "notice-given", "released", "accepted", "transferred"]

PURPOSES = frozenset({"restore", "check", "drill", "handover"})
"""What keys may be used for where a charter names no purposes."""
STATEMENT = "holders-statement"
LEAST_TO_SHRED = 2


@dataclass(frozen=True, slots=True)
class Given:
    """The notice that began a handover: its event's hash, and until when it cools off."""

    sha256: str
    n: int
    trigger: str
    evidence: str
    at: datetime
    cools_until: datetime


@dataclass(frozen=True, slots=True)
class Grant:
    """One release: the hash of its deed, who got which keys, and the hash of the receipt, once there is one."""

    deed: str
    n: int
    to: Party
    keys: frozenset[str]
    by_custodian: bool
    at: datetime
    receipt: str | None = None


@dataclass(frozen=True, slots=True)
class Handover:
    """Where a vault's handover stands. `custodian` has it after the transfer, for `purposes`; `final` is its last
    notice by then; `past` are releases of earlier handovers: their keys are out. `end`: holds, and what is gone."""

    phase: Phase = "active"
    notice: Given | None = None
    grants: tuple[Grant, ...] = ()
    custodian: Party | None = None
    purposes: tuple[NewPurpose, ...] = ()
    final: NoticeHead | None = None
    past: tuple[Grant, ...] = ()
    end: Ending = field(default_factory=Ending)

    def grant(self, deed: str | None) -> Grant | None:
        """The release with this hash."""
        return next((one for one in self.grants if one.deed == deed), None)

    def keys_of(self, signers: Collection[VerifyKey]) -> frozenset[str]:
        """The keys that were released to any of these signers."""
        encoded = {key.encode() for key in signers}
        return frozenset().union(*(one.keys for one in (*self.past, *self.grants) if one.to.key in encoded))


def purposes_of(charter: Charter, state: Handover) -> frozenset[str]:
    """What keys may be used for: the charter's purposes, and the custodian's once the vault is its own."""
    named = PURPOSES if charter.purposes is None else frozenset(one.id for one in charter.purposes)
    return named | {one.name for one in state.purposes}


def triggers_of(charter: Charter) -> frozenset[str]:
    """What may begin a handover; where a charter names nothing, everything but silence."""
    if charter.triggers is None:
        return frozenset(TRIGGER_KINDS) - {SILENCE}
    return frozenset(one.kind for one in charter.triggers)


def step(state: Handover, event: Event, sha256: str, signers: Collection[VerifyKey], charter: Charter) -> Handover:
    """The handover after one more event, `sha256` its payload's hash, `charter` the one that it cites.

    Raises RefusedError with the code of the rule that forbids it.
    """
    if event.purpose is not None and event.purpose not in purposes_of(charter, state):
        known = ", ".join(sorted(purposes_of(charter, state)))
        raise _refused("event-purpose", f"a purpose of the charter ({known})", event.purpose, "amend the charter first")
    rules = {
        "key-use": _key_use,
        "notice-given": _notice_given,
        "withdrawn": _withdrawn,
        "released": _released,
        "accepted": _accepted,
        "transferred": _transferred,
        "drill": _drill,
        "custody": _custody,
        "erased": _key_use,
        "evidence": _voice,
        "held": _held,
        "hold-cleared": _ended,
        "expired": _ended,
        "shredded": _shredded,
    }
    return rules[event.kind](state, event, sha256, signers, charter)


def check_silence(event: Event, charter: Charter, nights: Iterable[datetime]) -> None:
    """Of a notice for silence: no night, by the store's times, in as many days before it as the charter says.

    RefusedError `handover-silence`.
    """
    silence = next((one.days for one in charter.triggers or () if one.kind == SILENCE), None)
    if event.kind != "notice-given" or event.trigger != SILENCE or silence is None:
        return
    last = max((night for night in nights if night <= event.created), default=None)
    if last is not None and event.created - last < timedelta(days=silence):
        raise _refused("handover-silence", f"no night for {silence} days", f"one of {last:%Y-%m-%d %H:%M} UTC")


def _key_use(state: Handover, event: Event, _sha256: str, signers: Collection[VerifyKey], charter: Charter) -> Handover:
    if shortfall(charter, signers):
        theirs = state.keys_of(signers)
        if not theirs or not set(event.keys or ()) <= theirs:
            lacking = shortfall(charter, signers)
            raise _refused("event-signers", "a use by enough holders, or of keys released to the signer", lacking)
    return state


def _notice_given(
    state: Handover, event: Event, sha256: str, signers: Collection[VerifyKey], charter: Charter
) -> Handover:
    if state.phase not in ("active", "accepted"):
        raise _refused("handover-phase", "a vault without a handover under way", state.phase, "withdraw that one first")
    if event.trigger not in triggers_of(charter):
        known = ", ".join(sorted(triggers_of(charter)))
        raise _refused("handover-trigger", f"a trigger of the charter ({known})", str(event.trigger))
    holders = _holders(charter, signers)
    needed = 2 if event.trigger == STATEMENT else 1
    if holders + (needed == 1 and _is_custodian(charter, signers)) < needed:
        raise _refused("event-signers", f"{needed} holders or the custodian to sign", f"{holders} holders")
    assert event.evidence is not None
    cools_until = event.created + timedelta(days=charter.cooling_off_days or 0)
    given = Given(sha256, event.n, event.trigger or "", event.evidence, event.created, cools_until)
    return Handover(phase="notice-given", notice=given, past=(*state.past, *state.grants), end=state.end)


def _withdrawn(
    state: Handover, event: Event, _sha256: str, signers: Collection[VerifyKey], charter: Charter
) -> Handover:
    if state.phase not in ("notice-given", "released") or any(one.receipt for one in state.grants):
        raise _refused("handover-phase", "a handover that nobody has accepted", state.phase)
    _check_notice(state, event)
    _check_quorum(charter, signers, "event-signers")
    return Handover(past=(*state.past, *state.grants), end=state.end)


def _released(
    state: Handover, event: Event, _sha256: str, signers: Collection[VerifyKey], charter: Charter
) -> Handover:
    if state.notice is None:
        raise _refused("handover-phase", "a notice of handover first", state.phase, "escrow handover start")
    _check_notice(state, event)
    assert event.to is not None
    assert event.deed is not None
    keys = frozenset(event.keys or ())
    by_custodian = _owns(state, signers) and bool(shortfall(charter, signers))
    if by_custodian:
        if not keys <= state.keys_of(signers):
            raise _refused("release-key", "keys that were released to this custodian", "others")
    else:
        _check_quorum(charter, signers, "release-quorum")
        _check_cooling(state.notice, event, charter)
    grant = Grant(event.deed, event.n, event.to, keys, by_custodian, event.created)
    phase: Phase = "transferred" if state.phase == "transferred" else "released"
    return replace(state, phase=phase, grants=(*state.grants, grant))


def _check_cooling(notice: Given, event: Event, charter: Charter) -> None:
    excepted = notice.trigger in (charter.cooling_off_except or ()) and event.clause is not None
    if event.created < notice.cools_until and not excepted:
        until = f"{notice.cools_until:%Y-%m-%d %H:%M} UTC"
        hint = "wait, or cite the clause of the charter that excepts this trigger, if it has one"
        raise _refused("handover-cooling-off", f"a release after the cooling-off, {until}", "one before it", hint)


def _accepted(
    state: Handover, event: Event, _sha256: str, signers: Collection[VerifyKey], _charter: Charter
) -> Handover:
    grant = state.grant(event.release)
    if grant is None or grant.receipt is not None:
        found = "one that has a receipt already" if grant else "none such"
        raise _refused("receipt-release", "a receipt for a release of this handover", found)
    if not _signed_by(grant.to.key, signers):
        raise _refused("receipt-signer", f"the signature of {grant.to.name}, to whom it was released", "another's")
    grants = tuple(replace(one, receipt=event.deed) if one is grant else one for one in state.grants)
    done = state.phase == "released" and all(one.receipt for one in grants)
    return replace(state, phase="accepted" if done else state.phase, grants=grants)


def _transferred(
    state: Handover, event: Event, _sha256: str, signers: Collection[VerifyKey], charter: Charter
) -> Handover:
    grant = state.grant(event.release)
    if grant is None or grant.receipt is None:
        raise _refused("transfer-receipt", "a release that was accepted with a receipt", "none", "accept it first")
    if not _signed_by(grant.to.key, signers):
        raise _refused("transfer-signer", f"the signature of {grant.to.name}", "another's")
    named = charter.custodian is not None and charter.custodian.key == grant.to.key
    if not (grant.by_custodian if state.phase == "transferred" else named):
        expected = "a release by the custodian" if state.phase == "transferred" else "the charter's custodian"
        raise _refused("transfer-custodian", expected, grant.to.name)
    assert event.purposes is not None
    return replace(
        state, phase="transferred", custodian=grant.to, purposes=event.purposes, final=state.final or event.final
    )


def _drill(state: Handover, _event: Event, _sha256: str, signers: Collection[VerifyKey], charter: Charter) -> Handover:
    if not _holders(charter, signers) and not _is_custodian(charter, signers):
        raise _refused("event-signers", "a holder or the custodian to sign", "nobody of them")
    return state


def _voice(state: Handover, _event: Event, _sha256: str, signers: Collection[VerifyKey], charter: Charter) -> Handover:
    if not (_holders(charter, signers) or _is_custodian(charter, signers) or _owns(state, signers)):
        raise _refused("event-signers", "a holder or the custodian to sign", "nobody of them")
    return state


def _held(state: Handover, event: Event, sha256: str, signers: Collection[VerifyKey], charter: Charter) -> Handover:
    _voice(state, event, sha256, signers, charter)
    return replace(state, end=state.end.after(event, sha256))


def _ended(state: Handover, event: Event, sha256: str, signers: Collection[VerifyKey], charter: Charter) -> Handover:
    if not _owns(state, signers):
        _check_quorum(charter, signers, "event-signers")
    return replace(state, end=state.end.after(event, sha256))


def _shredded(state: Handover, event: Event, sha256: str, signers: Collection[VerifyKey], charter: Charter) -> Handover:
    _check_quorum(charter, signers, "event-signers")
    if _holders(charter, signers) < LEAST_TO_SHRED:
        raise _refused("event-signers", f"{LEAST_TO_SHRED} holders to sign", "one")
    return replace(state, end=state.end.after(event, sha256))


def _custody(
    state: Handover, _event: Event, _sha256: str, signers: Collection[VerifyKey], charter: Charter
) -> Handover:
    _check_quorum(charter, signers, "event-signers")
    return state


def _check_notice(state: Handover, event: Event) -> None:
    if state.notice is None or event.notice != state.notice.sha256:
        raise _refused("handover-notice", "the notice of this handover cited", f"{(event.notice or 'none')[:16]}")


def _check_quorum(charter: Charter, signers: Collection[VerifyKey], code: str) -> None:
    lacking = shortfall(charter, signers)
    if lacking:
        raise RefusedError(code, lacking, hint="nobody alone speaks for the vault: let enough holders sign")


def _holders(charter: Charter, signers: Collection[VerifyKey]) -> int:
    keys = {key.encode() for key in signers}
    return sum(holder.key in keys for holder in charter.holders)


def _is_custodian(charter: Charter, signers: Collection[VerifyKey]) -> bool:
    return charter.custodian is not None and _signed_by(charter.custodian.key, signers)


def _owns(state: Handover, signers: Collection[VerifyKey]) -> bool:
    """Whether the custodian signed, to whom the vault was transferred."""
    return state.custodian is not None and _signed_by(state.custodian.key, signers)


def _signed_by(key: str, signers: Collection[VerifyKey]) -> bool:
    return any(signer.encode() == key for signer in signers)


def _refused(code: str, expected: str, found: str, hint: str = "") -> RefusedError:
    return RefusedError(code, f"expected {expected}, found {found}", hint=hint)
