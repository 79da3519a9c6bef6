"""Runs that end in the middle of much data: little is sent again; and real processes, killed at any moment."""

import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from escrow.store import FolderStore
from tests.engine.crash import QuickState
from tests.engine.kit import FixedClock, School, school, write_tree
from tests.store.faulty import CountingStore, Crash, Fault, FaultyStore

MEGABYTES = 30

NIGHT = """
import sys
from pathlib import Path
from escrow import limits
from escrow.engine.night import Agent, Work, run_night
from escrow.engine.ports import NoProgress, SystemClock
from escrow.engine.state import State
from escrow.engine.sync import Anchor
from escrow.source import FolderSource
from escrow.store import FolderStore
from tests.engine.kit import AGENT, RULES
limits.PACK_TARGET = limits.SEGMENT_RAW = 1 << 18
state, source, store = map(Path, sys.argv[1:4])
print("begin", flush=True)
agent = Agent(FolderStore(store), State.open(state), AGENT, SystemClock(), Anchor(*sys.argv[4:]))
print(run_night(agent, Work([FolderSource("school", source)], RULES, lambda: True), NoProgress()).seq, flush=True)
"""


def noise(megabytes: int, seed: int) -> dict[str, bytes]:
    source = random.Random(seed)
    return {f"{n:02d}.bin": source.randbytes(1 << 20) for n in range(megabytes)}


def test_killed_at_60_percent_sends_at_most_45_percent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("escrow.limits.PACK_TARGET", 1 << 19)
    monkeypatch.setattr("escrow.limits.SEGMENT_RAW", 1 << 19)
    files = noise(MEGABYTES, 1)
    whole = school(tmp_path / "whole")
    everything = CountingStore(whole.store)
    whole.night(files, store=everything, state_type=QuickState)

    place = school(tmp_path / "killed")
    sent = CountingStore(place.store)
    stop = FaultyStore(sent, lambda *_: Fault.BEFORE if sent.sent >= 0.6 * everything.sent else None, error=Crash)
    with pytest.raises(Crash):
        place.night(files, store=stop, state_type=QuickState)
    again = CountingStore(place.store)
    place.night(store=again, state_type=QuickState)
    assert again.sent <= 0.45 * everything.sent
    assert place.restore_all() == files
    place.check_healthy()


@pytest.mark.slow
@pytest.mark.ci
def test_processes_killed_at_random_moments(tmp_path: Path, record_property: Callable[[str, object], None]) -> None:
    """In a folder, by kill -9: what was deposited stays, what was not is absent, and in the end a night succeeds."""
    trial = School(tmp_path / "trial", FolderStore(tmp_path / "trial" / "vault", create=True), FixedClock())
    place = School(tmp_path / "real", FolderStore(tmp_path / "real" / "vault", create=True), FixedClock())
    write_tree(trial.source, noise(6, 1))
    began = time.monotonic()
    run(trial, 60)
    length = (time.monotonic() - began) / 2  # half of it starts Python
    moments = random.Random(20261124)
    expected: dict[int, dict[str, bytes]] = {}
    killed = 0
    for n in range(1, 4):
        files = noise(6, n)
        write_tree(place.source, files)
        for seconds in (*(moments.uniform(0, length) for _ in range(6)), 60):
            killed += run(place, seconds) == -signal.SIGKILL
            known = {one.seq for one in place.history().snapshots}
            assert known >= expected.keys()
            expected |= dict.fromkeys(known - expected.keys(), files)
            place.check_all_snapshots(expected)
        assert files in expected.values()
    assert killed
    place.check_healthy()
    record_property("summary", f"kill -9: {killed} processes, {len(expected)} nights, nothing lost")


def run(place: School, seconds: float) -> int:
    """Start a night and kill it after so many seconds, unless it has ended well; gives its exit code."""
    folders = [str(place.state), str(place.source), str(place.folder / "vault")]
    with subprocess.Popen(
        [sys.executable, "-c", NIGHT, *folders, place.vault.vault, place.vault.fingerprint],
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "begin\n"
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            return process.wait(60)
        assert process.returncode == 0
        return 0
