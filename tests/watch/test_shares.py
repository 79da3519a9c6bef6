"""Night after night the agent reads another share of the vault, until all of it has been read."""

from datetime import timedelta
from pathlib import Path

import pytest

from escrow.engine.ports import Progress
from escrow.engine.verify import Checked, Expected, expected_objects, verify_bytes
from escrow.store import Store
from escrow.watch import rounds
from tests.engine.kit import NIGHTS, school, write_tree
from tests.watch.kit import duty, go

SHARE = 1 / 4


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    names: list[str] = []

    def noted(store: Store, chosen: list[Expected], progress: Progress) -> Checked:
        names.extend(one.name for one in chosen)
        return verify_bytes(store, chosen, progress)

    monkeypatch.setattr(rounds, "verify_bytes", noted)
    return names


def test_the_shares_add_up_to_everything(tmp_path: Path, read: list[str]) -> None:
    one = school(tmp_path)
    write_tree(one.source, NIGHTS[1])
    go(one, tonight=duty(one, share=0.0))
    there = {expected.name for expected in expected_objects(one.history())}
    for _ in range(5):
        one.clock.at += timedelta(days=1)
        assert go(one, tonight=duty(one, share=SHARE)).findings == []
    assert there <= set(read), "what was there at first was all read within a cycle and a night"


def test_an_object_is_read_once_a_cycle(tmp_path: Path, read: list[str]) -> None:
    one = school(tmp_path)
    write_tree(one.source, NIGHTS[1])
    for share in (SHARE, 0.0, SHARE, SHARE):
        go(one, tonight=duty(one, share=share))
        one.clock.at += timedelta(days=1)
    assert read
    assert len(set(read)) == len(read)


@pytest.mark.parametrize("damage", ["", "{", '{"secret": 1}', '{"secret": "xyz", "reached": ""}'])
def test_a_damaged_cursor_begins_anew(tmp_path: Path, read: list[str], damage: str) -> None:
    one = school(tmp_path)
    write_tree(one.source, NIGHTS[1])
    (one.state).mkdir(parents=True)
    (one.state / "verify-cursor.json").write_text(damage)
    assert go(one, tonight=duty(one, share=1.0)).findings == []
    assert sorted(read) == [expected.name for expected in expected_objects(one.history())]
