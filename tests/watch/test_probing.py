"""The probe of a month: when it is made, what is remembered of it, and that no night waits for it."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from escrow.errors import DeniedError, StateError, UnreachableError
from escrow.store import FolderStore, LockMode, MemoryStore, ObjectInfo, Retrying, Store
from escrow.store.probe_judge import CHECKS
from escrow.store.probe_report import Check, ProbeReport
from escrow.watch import RoundResult, probing
from escrow.watch.probe_memory import ACCEPTED, PROBED, Acceptance, Kept, accept, read_acceptance, read_kept
from escrow.watch.probing import failing, judge_kept, overdue
from tests.engine.kit import T0, FixedClock, School
from tests.store.strict import Liar
from tests.watch.kit import duty, go, machine, status

DAY = timedelta(days=1)


class Counting(Liar):
    """Counts the probes that were begun, and lies or fails when it is told to."""

    error: Exception | None = None

    def __init__(self, clock: FixedClock) -> None:
        super().__init__(clock=clock.now)
        self.begun: set[str] = set()

    @property
    def probes(self) -> int:
        return len(self.begun)

    def create(
        self, key: str, body: bytes, *, retain_until: datetime | None = None, lock_mode: LockMode = "COMPLIANCE"
    ) -> ObjectInfo:
        if key.startswith("probe/"):
            self.begun.add(key.split("/")[1])
            if self.error:
                raise self.error
        return super().create(key, body, retain_until=retain_until, lock_mode=lock_mode)


@pytest.fixture
def store(one: School) -> Counting:
    made = Counting(one.clock)
    for name, data in one.vault.public.items():
        made.put(name, data, retain_until=T0 + 900 * DAY)
    one.store = made
    return made


def night(one: School, bare: Store | None = None) -> RoundResult:
    """A round, as the agent makes it: wrapped for the night, bare for the probe."""
    parts = replace(machine(one, lambda: Retrying(one.store)), open_bare=lambda: bare or one.store)
    return go(one, parts)


def told(result: RoundResult) -> dict[str, str]:
    return {finding.code: finding.severity for finding in result.findings}


def test_the_store_is_probed_every_thirty_days(one: School, store: Counting) -> None:
    first = night(one)
    assert (first.error, store.probes, told(first)) == (None, 1, {"probe-governance-bypass": "warning"})
    for day, probes in ((1, 1), (29, 1), (30, 2), (31, 2), (59, 2), (60, 3)):
        one.clock.at = T0 + day * DAY
        result = night(one)
        assert (store.probes, result.error) == (probes, None), day
        assert bool(told(result)) == (day in {30, 60}), "warnings are told with the probe, and not every night"
    assert read_kept(one.state, "another store") is None


def test_a_store_that_got_worse_is_an_error_until_it_is_better(one: School, store: Counting) -> None:
    night(one)
    store.lie = "takes a name twice"
    one.clock.at = T0 + 30 * DAY
    result = night(one)
    worse = dict.fromkeys(("probe-if-none-match", "probe-if-none-match-lock", "probe-if-none-match-race"), "error")
    assert worse.items() <= told(result).items(), "only a warning where it never held"
    assert "it held on 2026-09-01" in next(one.detail for one in result.findings if one.code in worse)
    assert result.night
    assert result.night.finished
    one.clock.at += DAY
    assert (worse.items() <= told(night(one)).items(), store.probes) == (True, 3), "the next night looks again"
    store.lie = ""
    for probes in (4, 4):
        one.clock.at += DAY
        assert "error" not in told(night(one)).values()
        assert store.probes == probes


def test_a_lie_is_an_error_every_night_and_stops_none(one: School, store: Counting) -> None:
    store.lie = "shortens"
    for day in range(3):
        one.clock.at = T0 + day * DAY
        result = night(one)
        assert (result.error, told(result)["probe-shorten"]) == (None, "error")
        assert (status(one).findings or {})["probe-shorten"] == 1
        assert store.probes == day + 1
    accept(one.state, Acceptance("memory", one.clock.at, "a test", frozenset({"shorten"})))
    assert told(night(one)) == {}
    store.lie = "downgrades"
    one.clock.at += 31 * DAY
    result = night(one)
    assert told(result)["probe-downgrade"] == "error", "only what was accepted is accepted"


def denied() -> DeniedError:
    return DeniedError("store-denied", "the credential lacks the right")


def test_a_credential_that_may_not_probe_is_told_once_a_month_and_fails_nothing(one: School, store: Counting) -> None:
    store.error = denied()
    for day, warned in ((0, True), (1, False), (29, False), (30, True)):
        one.clock.at = T0 + day * DAY
        result = night(one)
        assert (result.error, result.findings) == (None, [])
        assert [text for text in result.warnings if "escrow store probe" in text] == result.warnings
        assert bool(result.warnings) == warned, day
    assert store.probes == 2


def test_what_another_credential_found_stays_known(one: School, store: Counting) -> None:
    store.lie = "shortens"
    night(one)
    store.error = denied()
    for warnings in (1, 0, 0):
        one.clock.at += DAY
        result = night(one)
        assert len(result.warnings) == warnings
        assert told(result)["probe-shorten"] == "error"
    assert store.probes == 2


def test_a_probe_of_more_than_a_month_ago_is_reminded_of_where_it_was_made(
    one: School, store: Counting, tmp_path: Path
) -> None:
    night(one)
    store.error = denied()
    folder = machine(one, lambda: one.store).state_folder
    for day, codes in ((29, []), (31, ["probe-old"]), (60, ["probe-old"])):
        one.clock.at = T0 + day * DAY
        night(one)
        reminded = overdue(folder, store.describe(), one.clock.at)
        assert [finding.code for finding in reminded if finding.severity == "warning"] == codes, day
    assert overdue(tmp_path / "elsewhere", store.describe(), one.clock.at) == ()


class OnlyPuts(MemoryStore):
    """The depositor's rights on what a round verifies."""

    def list(self, prefix: str = "", *, versions: bool = False, after: str = "") -> Iterator[ObjectInfo]:
        if not prefix:
            raise denied()
        return super().list(prefix, versions=versions, after=after)


def test_with_the_depositors_credential_no_probe_is_begun(one: School, store: Counting) -> None:
    one.store = OnlyPuts(store.dump(), clock=lambda: one.clock.at)
    result = night(one, store)
    assert result.error is None
    assert len([text for text in result.warnings if "escrow store probe" in text]) == 1
    assert store.probes == 0, "a refused put might ring an alarm"
    one.clock.at += DAY
    assert not [text for text in night(one, store).warnings if "escrow store probe" in text]


def test_a_probe_that_cannot_be_made_leaves_the_night_alone(one: School, store: Counting) -> None:
    store.error = UnreachableError("store-unreachable", "the network is away")
    result = night(one)
    assert (result.error, result.findings) == (None, [])
    assert result.warnings == ["the store could not be probed (store-unreachable); the next round tries again"]
    store.error = None
    one.clock.at += DAY
    assert night(one).warnings == []
    assert store.probes == 2
    store.lie = "shortens"
    one.clock.at += 31 * DAY
    night(one)
    store.error = UnreachableError("store-unreachable", "the network is away")
    result = night(one)
    assert (len(result.warnings), told(result)["probe-shorten"]) == (1, "error"), "to be away hides nothing"

    def gone() -> Store:
        raise UnreachableError("store-folder-missing", "the share is away")

    result = go(one, replace(machine(one), open_bare=gone))
    assert (result.error, len(result.warnings)) == (None, 1)


def test_nothing_is_probed_after_a_failed_night_or_in_the_morning(one: School, store: Counting) -> None:
    def away() -> Store:
        raise denied()

    assert go(one, replace(machine(one, away), open_bare=lambda: store)).error
    assert store.probes == 0
    tonight = duty(one)
    calls = 0

    def slow() -> Store:
        nonlocal calls
        calls += 1
        one.clock.at = tonight.until if calls == 2 else one.clock.at
        return store

    result = go(one, replace(machine(one, slow), open_bare=lambda: store), tonight)
    assert (bool(result.deposited), calls, store.probes) == (True, 2, 0)


def test_a_damaged_memory_costs_one_probe(one: School, store: Counting) -> None:
    night(one)
    whole = '{"memory": {"tried": "2026-09-01", "held": {}, "last": null}}'
    for damage in ("", "[]", '{"memory": []}', '{"memory": {"tried": 1, "held": {}, "last": null}}', whole):
        (one.state / PROBED).write_text(damage)
        assert read_kept(one.state, "memory") is None
        assert night(one).error is None
    assert store.probes == 6


def test_a_damaged_acceptance_accepts_nothing(one: School, store: Counting) -> None:
    store.lie = "shortens"
    one.state.mkdir(exist_ok=True)
    (one.state / ACCEPTED).write_text("[]")
    with pytest.raises(StateError) as caught:
        read_acceptance(one.state, "memory")
    assert caught.value.code == "store-accepted"
    result = night(one)
    assert (result.error, told(result)["probe-shorten"]) == (None, "error")


def test_memory_keeps_a_report_as_it_was(tmp_path: Path) -> None:
    kept = probing.probe_and_keep(Liar("shortens", clock=lambda: T0), tmp_path, lambda: T0)
    assert kept.report
    assert kept.report.left
    assert read_kept(tmp_path, "memory") == kept
    other = probing.probe_and_keep(FolderStore(tmp_path / "vault", create=True), tmp_path)
    assert read_kept(tmp_path, "memory") == kept
    assert read_kept(tmp_path, other.store)


def test_acceptances_are_a_log_and_the_last_holds(tmp_path: Path) -> None:
    first = Acceptance("memory", T0, "one", frozenset({"shorten"}))
    second = Acceptance("memory", T0 + DAY, "two", frozenset({"downgrade", "clock"}))
    other = Acceptance("s3://b/", T0, "three", frozenset())
    for one in (first, second, other):
        accept(tmp_path, one)
    assert (read_acceptance(tmp_path, "memory"), read_acceptance(tmp_path, "s3://b/")) == (second, other)
    assert read_acceptance(tmp_path, "elsewhere") is None
    rows = json.loads((tmp_path / ACCEPTED).read_text())["accepted"]
    assert [row["reason"] for row in rows] == ["one", "two", "three"]


@pytest.mark.parametrize("name", CHECKS)
def test_every_check_that_once_held_is_an_error_when_it_fails(name: str) -> None:
    report = ProbeReport("memory", T0, False, "COMPLIANCE", (Check(name, "allowed", "why"),))
    kept = Kept("memory", T0, report, {name: T0 - DAY})
    assert failing(judge_kept(kept, None)) == {name}
    accepted = Acceptance("memory", T0, "a reason", frozenset({name}))
    (finding,) = judge_kept(kept, accepted)
    assert (finding.severity, "a reason" in finding.detail) == ("warning", True)
    elsewhere = replace(accepted, checks=frozenset({"another"}))
    assert failing(judge_kept(kept, elsewhere)) == {name}
    right_missing = replace(report, checks=(Check(name, "denied"),))
    assert not failing(judge_kept(replace(kept, report=right_missing), None)), "a lesser credential is no worse store"
