"""Telling how a night went: what is said in which case, and to whom escrow.toml says."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING

from escrow.errors import EscrowError, StateError

from .config import Config
from .exits import MEANING, Exit, exit_of
from .output import Output

if TYPE_CHECKING:
    from escrow.engine.status import Status
    from escrow.trust import Head
    from escrow.watch import RoundResult
    from escrow.watch.message import Message
    from escrow.watch.tell import Channel, Told, When

_QUIET = frozenset({Exit.OK, Exit.CHARTER})
ACTIONS: dict[Exit, str] = {
    Exit.OK: "",
    Exit.INTERNAL: "run it once more with ESCROW_DEBUG=1 and report what it prints",
    Exit.USAGE: "run escrow agent test on the nightly machine: it says what is wrong in escrow.toml",
    Exit.PARTIAL: "last-night.json in the state folder has the counts; let exports be finished before the night begins",
    Exit.SUSPICIOUS: "all was deposited; look at the codes, then at the exports: escrow source show",
    Exit.STALE: "find out why the night did not run: is the machine on, is the task on, what did it say last",
    Exit.INTEGRITY: "leave the store as it is, run escrow verify --read 1, tell the key holder",
    Exit.ROLLBACK: "leave the store as it is, run escrow verify --read 1, tell the key holder",
    Exit.WRONG_KEY: "this key or passphrase is another vault's",
    Exit.STORE: "look whether the store is there, has room, and answers from the nightly machine",
    Exit.DENIED: "look at the credential of the nightly machine, and at what the store allows it",
    Exit.BUSY: "wait: another run is at work",
    Exit.STATE: "look at the nightly machine: its disk, its clock, the rights on the state folder",
    Exit.REFUSED: "speak to the key holder: the charter or the store forbids it; escrow status says which",
    Exit.UNFINISHED: "nothing, unless it comes again: time was up, and the next night goes on",
    Exit.SERIES_CHURN: "find out why the state folder is lost or restored again and again",
    Exit.SOURCE: "a source was not read, the others were: the warnings say which; look at its server and its rights",
    Exit.COPIES: "escrow status says which copy lags or lacks something; then escrow store copy",
    Exit.CHARTER: "nothing is lost: tell the head that the charter is due for review",
    Exit.INCOMPLETE: "all was deposited, and something is missing in it: escrow source show says what",
    Exit.OVERDUE: "a step of a vendor's exit is late: escrow vendor status says which",
    Exit.INTERRUPTED: "run it again",
}
"""What to do, by exit code, for somebody who reads a mail."""


class Teller:
    """The channels of one configuration. Whatever fails here is said, and stops nothing."""

    def __init__(self, output: Output, config: Config) -> None:
        self._output = output
        self._config = config
        self._channels: list[tuple[Channel, When]] = [(one.make(), one.when) for one in config.tell]

    def begin(self) -> None:
        """A night begins."""
        if self._channels:
            from escrow.watch.tell import begin_all

            self._said(begin_all(self._channels))

    def night(self, result: "RoundResult", exit: Exit, now: datetime, next_due: datetime) -> None:
        """A round is over."""
        if not self._channels:
            return
        night, verdict = result.night, result.night.verdict if result.night else None
        base = self._message(exit, now, verdict.codes if verdict else ())
        self._tell(
            replace(
                base,
                school=result.school or base.school,
                seq=result.head.seq if result.head else None,
                head=result.head.sha256 if result.head else None,
                verdict=verdict.status if verdict else None,
                error=result.error.code if result.error else None,
                alarms=night.alarms if night else (),
                findings=dict(Counter(finding.code for finding in result.findings)),
                warnings=(*result.warnings, *(night.warnings if night else ())),
                next_due=next_due.replace(microsecond=0),
            )
        )

    def failed(self, error: EscrowError, now: datetime) -> None:
        """There was no round: the night could not begin."""
        if self._channels:
            self._tell(replace(self._message(exit_of(error), now), error=error.code))

    def status(self, found: "Status", head: "Head | None", exit: Exit, now: datetime) -> None:
        """A look at the vault, from any machine."""
        if not self._channels:
            return
        errors = Counter(finding.code for finding in found.findings if finding.severity == "error")
        self._tell(
            replace(
                self._message(exit, now, found.verdict_codes),
                school=found.school,
                seq=head.seq if head else None,
                head=head.sha256 if head else None,
                verdict=found.verdict,
                findings=dict(errors),
            )
        )

    def test(self, now: datetime) -> "list[Told]":
        """Send a test to every channel; gives what became of each."""
        return self._sent(replace(self._message(Exit.OK, now), test=True))

    def _message(self, exit: Exit, now: datetime, codes: Sequence[str] = ()) -> "Message":
        from escrow.watch.message import Message
        from escrow.watch.tell import remembered_school

        vault = self._config.vault or "none yet"
        return Message(
            school=remembered_school(self._config.state) or f"vault {vault[:8]}",
            vault=vault,
            time=now.replace(microsecond=0),
            result=exit.word,
            exit=exit.value,
            urgency="heartbeat" if exit in _QUIET else "alarm",
            meaning=MEANING[exit],
            action="; ".join(filter(None, (ACTIONS[exit], *_advice(codes)))),
            codes=tuple(codes),
        )

    def _tell(self, message: "Message") -> None:
        self._said(self._sent(message))

    def _sent(self, message: "Message") -> "list[Told]":
        from escrow.watch.tell import remember_told, tell_all

        told = tell_all(self._channels, message)
        try:
            remember_told(self._config.state, message, told)
        except StateError as error:
            self._output.note(f"warning: what was told is not remembered ({error.code})")
        return told

    def _said(self, told: "Sequence[Told]") -> None:
        for one in told:
            if one.code:
                self._output.note(f"warning: {one.channel} was not told ({one.code}): {one.detail}")


def warn_untold(output: Output, config: Config) -> None:
    """Say which channels failed when they were tried last."""
    from escrow.watch.tell import not_told

    known = {one.name for one in config.tell}
    for channel, code in not_told(config.state).items():
        if channel in known:
            output.note(f"warning: {channel} failed when it was tried last ({code}): run escrow agent test --tell")


def _advice(codes: Sequence[str]) -> list[str]:
    """What to do about each code of a verdict that completeness knows."""
    from escrow.completeness.findings import ADVICE

    named = dict.fromkeys(code.partition("_")[0] for code in codes)
    return [f"{code}: {ADVICE[code]}" for code in named if code in ADVICE]
