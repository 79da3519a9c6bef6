"""The bench on S3: the vault that it makes is a vault, its configuration is one, and sides take turns."""

import os
from pathlib import Path

import pytest
from escrow_cli.config import parse_config

from bench.measure import Run
from bench.s3 import _table, _turn
from bench.s3_place import Place, in_bucket
from bench.s3_vault import many_objects
from escrow.engine.ports import NoProgress
from escrow.engine.reading import load_history
from escrow.engine.verify import verify_listing
from escrow.store import MemoryStore

pytestmark = pytest.mark.skipif(not hasattr(os, "wait4"), reason="the bench measures with os.wait4")


def test_the_vault_of_many_objects_has_nothing_to_tell(tmp_path: Path) -> None:
    store = MemoryStore()
    history = load_history(store, many_objects(tmp_path, store, 1000))
    assert history.findings == ()
    checked = verify_listing(store, history, NoProgress())
    assert checked.findings == ()
    assert checked.count > 1000


def test_a_places_configuration_is_kept_and_read(tmp_path: Path) -> None:
    place = Place("one", tmp_path / "source", tmp_path, in_bucket("http://127.0.0.1:1", "bench"), {})
    place.fresh_home()
    file = place.home / "escrow.toml"
    file.write_text(f'vault = "{"a" * 32}"\nfingerprint = "{"b" * 64}"\n[store]\nurl = "other"\n')
    place.configure(place.address, "[[copy]]", 'name = "second"', 'url = "/copy"', 'payer = "bench"')
    config = parse_config(file.read_text(), file, {})
    assert (config.vault, config.store and config.store.url) == ("a" * 32, "s3://bench/vault")
    assert [copy.name for copy in config.copies] == ["second"]


def test_sides_take_turns_and_are_compared() -> None:
    assert [_turn(("a", "b"), turn) for turn in range(3)] == [["a", "b"], ["b", "a"], ["a", "b"]]
    runs = {"a": [Run(2, 1, 50, 0)] * 3, "b": [Run(3, 1, 60, 0), Run(9, 1, 80, 0), Run(3, 1, 70, 0)]}
    assert list(_table({"night": runs, "nothing": {}}, ["a", "b"]))[2:] == [
        "| night | 2.00 | 3.00 | 1.50 | 1.00 | 1.00 | 1.00 | 80 |"
    ]
