"""Bytes and vaults that nobody meant: both readers take or refuse them alike, and neither breaks.

`make fuzz` takes ten minutes (ESCROW_FUZZ_SECONDS, shared among the checks by weight; ESCROW_FUZZ_SEED begins
elsewhere). CI takes 20 seconds. A failure shows the smallest example that Hypothesis finds: put it among the vectors.
"""

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

from escrow import record as r
from tests.record.samples import RECORDS
from tests.vectors.second import Second

from . import parts, whole
from .mutations import spoilt

SECONDS = float(os.environ.get("ESCROW_FUZZ_SECONDS", "20"))
SEED = int(os.environ.get("ESCROW_FUZZ_SEED", "0"))
ROUND = 50


class Check(NamedTuple):
    """What is tried, how both readers are asked, and its share of the time."""

    strategy: Any
    ask: Callable[[Any, Second], None]
    weight: int = 1


def _asks(kind: str) -> Callable[[Any, Second], None]:
    return lambda given, second: parts.same_answer(kind, given, second)


CHECKS: dict[str, Check] = {
    "records": Check(parts.records(), parts.check_record, 2),
    "json": Check(st.sampled_from([r.to_payload(one) for one in RECORDS]).flatmap(spoilt), parts.check_bytes),
    "binary": Check(st.binary(max_size=40), parts.check_bytes),
    "names": Check(parts.names(), _asks("names")),
    "envelopes": Check(parts.envelopes(), parts.check_envelope, 2),
    "lines": Check(st.sampled_from(parts.LINES).flatmap(spoilt), parts.check_line),
    "entries": Check(parts.ENTRIES, parts.check_line, 2),
    "lists": Check(parts.lists(), _asks("lists")),
    "keys": Check(parts.keys(), _asks("keys")),
    "sheets": Check(parts.sheets(), _asks("sheets"), 2),
    "age": Check(parts.age_files(), parts.check_age, 2),
    "packs": Check(parts.packs(), _asks("packs"), 2),
    "rows": Check(parts.tables(), _asks("rows"), 2),
    "erasures": Check(parts.erasures(), _asks("erasures")),
    "histories": Check(whole.altered(whole.vault), whole.check_history, 4),
    "handovers": Check(whole.altered(whole.handover), whole.check_history, 4),
    "nights": Check(whole.altered_nights(), whole.check_night, 4),
    "folders": Check(whole.folders(), whole.check_folder, 4),
}
pytestmark = pytest.mark.filterwarnings("ignore:Generating overly large repr")
NAMES = pytest.mark.parametrize("name", CHECKS)


def ask(name: str, second: Second, examples: int, start: int) -> None:
    """So many examples, the same ones each time."""

    @seed(start)
    @settings(max_examples=examples, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(CHECKS[name].strategy)
    def alike(case: Any) -> None:
        CHECKS[name].ask(case, second)

    alike()


@NAMES
def test_no_disagreement(name: str, tmp_path: Path) -> None:
    ask(name, Second(tmp_path), ROUND, 0)


@pytest.mark.slow
@pytest.mark.ci
@pytest.mark.fuzz
@NAMES
def test_no_disagreement_for_long(name: str, tmp_path: Path, record_property: Callable[[str, object], None]) -> None:
    end = time.monotonic() + SECONDS * CHECKS[name].weight / sum(one.weight for one in CHECKS.values())
    rounds = 0
    while time.monotonic() < end:
        rounds += 1
        aside = tmp_path / str(rounds)
        aside.mkdir()
        ask(name, Second(aside), ROUND, SEED + rounds)
    record_property("summary", f"fuzz: {rounds * ROUND} {name} from seed {SEED}, no disagreement, no traceback")
