"""Handovers, whole and spoilt: both readers follow the same events, releases and receipts."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.custody.closing import LA, SUCCESSOR, closing

from .hook import both
from .reader import rescue

ROOT = Path(__file__).parents[2]
SUITES = ("tests/trust", "tests/custody/test_handover.py", "tests/custody/test_release.py")


def test_a_handover_to_its_end_and_each_of_its_objects_spoilt(tmp_path: Path) -> None:
    place = closing(tmp_path)
    place.put([place.notice()[0]])
    place.days(8)
    place.put(place.release("records"))
    place.put(place.receipt(), place.own, place.store)
    place.put(place.transfer(), place.own, place.store)
    objects = {info.key: place.store.get(info.key) for info in place.store.list()}
    whole = both(objects.items())
    assert (whole.findings, whole.handover.phase) == ((), "transferred")
    history = rescue.History(objects.items())
    assert history.handover.phase == "transferred"
    assert history.handover.custodian["name"] == LA.card().name != SUCCESSOR.card().name
    assert {name for name in history.expected() if name.startswith("releases/")} == {
        name for name in objects if name.startswith("releases/") and name.endswith(".age")
    }
    deeds = [name for name in objects if name.startswith(("events/", "releases/", "receipts/"))]
    deeds = [name for name in deeds if name.endswith(".json")]
    assert len(deeds) == 6
    for name in deeds:
        rest = {other: data for other, data in objects.items() if other != name}
        missed = both(rest.items()).findings
        assert missed or name.startswith("events/00000004-"), "only the newest can go without a trace"
        assert both([*rest.items(), (name, objects[name][:-1])]).findings, name


@pytest.mark.slow
@pytest.mark.ci
def test_the_suites_of_the_first_reader_ask_the_second_too() -> None:
    """Whatever vault those tests make, both readers answer alike: see hook.py."""
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-m", "not slow", "-p", "tests.rescue.hook", *SUITES],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=500,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-1000:]
