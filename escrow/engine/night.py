"""One night: find the footing, choose the series, deposit, publish."""

import hashlib
import os
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from escrow.completeness import Finding, Night, public_codes, status_of
from escrow.engine.deposit import Deadline, Lane, deposit
from escrow.engine.filecache import CacheReader, CacheWriter, drop_old
from escrow.engine.packing import PackWriter, Workers, workers
from escrow.engine.ports import Clock, Progress
from escrow.engine.profile_memory import remember_night
from escrow.engine.profiling import Watch
from escrow.engine.publish import Press
from escrow.engine.rotation import UNPLANNED_AT_MOST, UNPLANNED_WITHIN, Begin, keys_of, plan_series, stock_warning
from escrow.engine.state import PLANNED, OpenSeries, State
from escrow.engine.status import judge_review
from escrow.engine.sync import Anchor, Footing, Tail, find_footing
from escrow.errors import UsageError
from escrow.record import Series, Verdict, series_name, to_payload
from escrow.seal import SigningKey, parse_recipient
from escrow.source import Compartments, Rule, Source
from escrow.store import Store
from escrow.trust import sign_record

_PROGRESS_PACKS = 64
_VERDICT_CODES = ("unread", "changing")
_ADRIFT = {
    "compartment-gone": "the charter has it no more",
    "stock-empty": "the stock has no key for it yet",
}


@dataclass(frozen=True, slots=True)
class Agent:
    """The nightly machine's parts."""

    store: Store
    state: State
    key: SigningKey
    clock: Clock
    anchor: Anchor


@dataclass(frozen=True, slots=True)
class Work:
    """What to deposit. `may_go_on` is asked before each file and block of a file; `watch` profiles and judges."""

    sources: Sequence[Source]
    rules: Sequence[Rule]
    may_go_on: Callable[[], bool]
    watch: Watch | None = None


@dataclass(frozen=True, slots=True)
class CompartmentNight:
    """One compartment's counts: files in the list, of these unchanged; bytes read and bytes put."""

    series: str
    new_series: str | None
    files: int
    unchanged: int
    unread: int
    changing: int
    bytes: int
    bytes_read: int
    bytes_put: int


@dataclass(frozen=True, slots=True)
class NightReport:
    """Last night in numbers; no names of files or people. `alarms` are codes, `warnings` sentences.

    `findings`: what is amiss with the data, by the aliases that a person gave.
    """

    seq: int | None
    verdict: Verdict | None
    compartments: dict[str, CompartmentNight]
    alarms: tuple[str, ...]
    warnings: tuple[str, ...]
    finished: bool
    findings: tuple[Finding, ...] = ()


def run_night(agent: Agent, work: Work, progress: Progress) -> NightReport:
    """Deposit one night. An unfinished one (`may_go_on`) keeps its packs, and reports `finished` False."""
    progress.stage("look at the vault")
    footing = find_footing(agent.store, agent.state, agent.key.public(), agent.clock, agent.anchor)
    names = {compartment.name for compartment in footing.charter.compartments}
    review = judge_review(footing.charter, footing.now)
    strictest = footing.charter.strictest
    adrift = _adrift(work.rules, footing)
    rules = [Rule(strictest, rule.globs) if rule.compartment in adrift else rule for rule in work.rules]
    compartments = Compartments(rules, strictest=strictest)
    begun, warnings = _series_for_tonight(agent, footing, adrift)
    warnings += [f"compartment {name}: {_ADRIFT[code]}; its files go to {strictest}" for name, code in adrift.items()]
    warnings += [finding.detail for finding in review]
    series = {name: one for name, one in agent.state.open_series().items() if name in names}
    with ExitStack() as stack:
        threads = stack.enter_context(workers())
        lanes = {name: _lane(agent, footing, one, threads, stack) for name, one in series.items()}
        press = Press(agent.store, agent.state, agent.key, agent.clock, footing, series)
        keep_up = _KeepUp(press, lanes, work.may_go_on)
        progress.stage("deposit")
        try:
            deposit(work.sources, compartments, lanes, progress, keep_up, watch=work.watch)
            tonight, findings = _judged(agent, work)
            told = [finding.code for finding in review if finding.severity == "error"]
            told += sorted(set(adrift.values()))
            told += ["source-failed"] if any(source.notes.failure for source in work.sources) else []
            published: tuple[int, Verdict] | None = _finish(press, lanes, told, findings, progress)
            if work.watch and tonight:
                remember_night(agent.state.folder, tonight, work.watch.nights)
        except Deadline:
            for lane in lanes.values():
                lane.writer.drain()
            published, findings = None, ()
    return NightReport(
        seq=published[0] if published else None,
        verdict=published[1] if published else None,
        compartments={name: _counts(lane, begun.get(name)) for name, lane in sorted(lanes.items())},
        alarms=tuple(_alarms(agent, footing)),
        warnings=(*footing.warnings, *warnings, *(text for source in work.sources for text in source.notes.warnings())),
        finished=published is not None,
        findings=tuple(replace(one, dataset="") for one in findings),
    )


def _judged(agent: Agent, work: Work) -> tuple[Night | None, tuple[Finding, ...]]:
    if work.watch is None:
        return None, ()
    work.watch.count(work.sources)
    return work.watch.judge(agent.clock.now())


def _adrift(rules: Sequence[Rule], footing: Footing) -> dict[str, str]:
    """Compartments whose files the strictest takes tonight, each with the code of why: no charter stops a night.

    UsageError `compartment-unknown` for a rule's compartment that no charter ever had.
    """
    charter = footing.charter
    ever = {one.name for each in footing.charters.values() for one in each.compartments}
    named = {rule.compartment for rule in rules}
    if named - ever:
        raise UsageError(
            "compartment-unknown",
            f"the rules name {', '.join(sorted(named - ever))}, the charter has {', '.join(sorted(ever))}",
            hint="correct the [[rule]] entries of escrow.toml",
        )
    gone = named - {one.name for one in charter.compartments}
    keyless = {one.name for one in charter.compartments if one.name != charter.strictest and not keys_of(one, footing)}
    return dict.fromkeys(sorted(gone), "compartment-gone") | dict.fromkeys(sorted(keyless), "stock-empty")


def _series_for_tonight(agent: Agent, footing: Footing, adrift: Collection[str]) -> tuple[dict[str, str], list[str]]:
    """Open a series wherever one is due; gives why, by compartment, and warnings."""
    begun: dict[str, str] = {}
    warnings: list[str] = []
    me = agent.key.public().id
    current = agent.state.open_series()
    for compartment in footing.charter.compartments:
        if compartment.name in adrift:
            continue
        used = agent.state.used_keys()
        series = current.get(compartment.name)
        named = series is not None and any(pack.seq is not None for pack in agent.state.packs(series.id))
        plan = plan_series(compartment, series, footing, me, used, named=named)
        if plan:
            _begin(agent, footing, compartment.name, plan)
            begun[compartment.name] = plan.why
            if plan.reused:
                warnings.append(f"compartment {compartment.name}: no unused series key is left; the last is used again")
        warning = stock_warning(compartment, footing, used)
        if warning:
            warnings.append(warning)
    return begun, warnings


def _begin(agent: Agent, footing: Footing, compartment: str, plan: Begin) -> None:
    me = agent.key.public().id
    record = Series(
        vault=footing.charter.vault,
        series=os.urandom(8).hex(),
        compartment=compartment,
        key=plan.key.id,
        agent=me,
        charter=footing.charter_sha256,
        started=footing.now.replace(microsecond=0),
        ends=plan.ends.replace(microsecond=0),
        retain_until=plan.retain_until.replace(microsecond=0),
        why=plan.why,
    )
    envelope = sign_record(record, [agent.key])
    agent.store.put(series_name(record.series, envelope), envelope, retain_until=record.retain_until)
    made = OpenSeries(
        id=record.series,
        compartment=compartment,
        key_id=record.key,
        agent=me,
        charter=record.charter,
        record=hashlib.sha256(to_payload(record)).hexdigest(),
        envelope=envelope,
        secret=os.urandom(40),
        ends=int(record.ends.timestamp()),
        retain_until=int(record.retain_until.timestamp()),
    )
    agent.state.begin_series(made, int(footing.now.timestamp()), plan.why in PLANNED)


def _lane(agent: Agent, footing: Footing, series: OpenSeries, threads: Workers, stack: ExitStack) -> Lane:
    agent.state.close_gaps(series.id)
    cache = CacheWriter(agent.state.folder, series.id)
    stack.callback(cache.close)
    known = CacheReader(agent.state.folder, series.cache_sha256)
    stack.callback(known.close)
    writer = PackWriter(
        series.id,
        series.secret,
        parse_recipient(footing.keys[series.key_id].recipient),
        datetime.fromtimestamp(series.retain_until, UTC),
        agent.state,
        agent.store,
        threads,
    )
    return Lane(writer, known, cache, Counter())


class _KeepUp:
    """Between blocks: commits the packs of a long night now and then, and looks at the time."""

    def __init__(self, press: Press, lanes: dict[str, Lane], may_go_on: Callable[[], bool]) -> None:
        self._press = press
        self._lanes = lanes
        self._may_go_on = may_go_on
        self._named = 0

    def __call__(self) -> None:
        acknowledged = sum(lane.writer.acknowledged for lane in self._lanes.values())
        if acknowledged - self._named >= _PROGRESS_PACKS:
            self._press.put_notice({}, Verdict(status="pass", codes=()), {})
            self._named = acknowledged
        if not self._may_go_on():
            raise Deadline


def _finish(
    press: Press, lanes: dict[str, Lane], told: Sequence[str], findings: tuple[Finding, ...], progress: Progress
) -> tuple[int, Verdict]:
    progress.stage("publish")
    manifests = {}
    for name, lane in lanes.items():
        listing = lane.store_list()
        lane.writer.finish()
        manifests[name] = press.put_manifest(name, listing, lane.totals())
    codes = [code for code in _VERDICT_CODES if any(lane.counts[code] for lane in lanes.values())] + list(told)
    statuses = {"fail" if "source-failed" in codes else "warn" if codes else "pass", status_of(findings)}
    status = next(one for one in ("fail", "warn", "pass") if one in statuses)
    verdict = Verdict(status=status, codes=tuple(sorted({*codes, *public_codes(findings)})))
    caches = {lane.writer.series: lane.cache.keep() for lane in lanes.values()}
    seq = press.put_notice(manifests, verdict, caches)
    drop_old(press.state.folder, set(caches.values()))
    return seq, verdict


def _counts(lane: Lane, begun: str | None) -> CompartmentNight:
    count = lane.counts
    return CompartmentNight(
        series=lane.writer.series,
        new_series=begun,
        files=count["file"],
        unchanged=count["unchanged"],
        unread=count["unread"],
        changing=count["changing"],
        bytes=count["bytes"],
        bytes_read=count["read"],
        bytes_put=lane.writer.bytes_put,
    )


def _alarms(agent: Agent, footing: Footing) -> list[str]:
    found = list(footing.alarms)
    if footing.tail is Tail.STORE_ROLLED_BACK:
        found.append("store-rolled-back")
    since = int((footing.now - UNPLANNED_WITHIN).timestamp())
    if max(agent.state.births_since(since).values(), default=0) > UNPLANNED_AT_MOST:
        found.append("series-churn")
    return found
