"""`escrow export`: a night in open formats, its mapping, its bag."""

import csv
import logging
import sqlite3
from contextlib import closing
from hashlib import sha256
from pathlib import Path

import bagit
import pytest

from tests.cli.conftest import World, files_of


def test_originals_tables_dictionary_and_report(world: World, tmp_path: Path) -> None:
    made = world.run("export", "2", "--to", "out", "--format", "csv", "--format", "sqlite", "--key", world.key)
    assert made.code == 0, made.err
    assert "safeguarding is left out" in made.err
    assert set(files_of(tmp_path / "out")) == {
        "originals/mis/marks.csv",
        "csv/marks.csv",
        "school.sqlite",
        "dictionary.csv",
        "report.html",
    }
    assert (tmp_path / "out/originals/mis/marks.csv").read_bytes() == (world.exports / "marks.csv").read_bytes()
    with closing(sqlite3.connect(tmp_path / "out/school.sqlite")) as base:
        assert base.execute("SELECT * FROM marks").fetchall() == [("A1", "/"), ("A2", "L"), ("A3", "N")]
    assert b"marks,upn,text,0,0,3,2,A9" in (tmp_path / "out/dictionary.csv").read_bytes()
    again = world.run("export", "2", "--to", "out", "--key", world.key, "--json").lines[-1]
    assert (again["exit"], again["tables"], again["rows"]) == (0, 1, 3)


def test_safeguarding_comes_along_where_it_is_named(world: World, tmp_path: Path) -> None:
    arguments = ("--compartment", "safeguarding", "--key", world.key)
    assert world.run("export", "2", "--to", "out", *arguments).code == 0
    assert "originals/mis/letters/first.txt" in files_of(tmp_path / "out")


def test_an_export_leaves_an_event(world: World) -> None:
    assert world.run("export", "2", "--to", "out", "--key", world.key).code == 0
    assert "key-use" in world.run("event", "list").out
    refused = world.run("export", "2", "--to", "other", "--purpose", "marketing", "--key", world.key)
    assert refused.code == 13
    assert not Path("other").exists()


def test_pages_wait_for_a_mapping_that_somebody_has_read(world: World, tmp_path: Path) -> None:
    (world.exports / "pupils.csv").write_text("UPN,Surname,Forename,Reg\nA1,Bell,Sam,7A\n")
    assert world.run("snapshot").code in (0, 4)
    pack = ("export", "3", "--to", "out", "--pack", "continuity", "--key", world.key)
    waits = world.run(*pack)
    assert waits.code == 2
    assert "mapping-unconfirmed" in waits.err
    assert 'table = "pupils"' in (tmp_path / "out/mapping.toml").read_text()
    assert not (tmp_path / "out/continuity.pdf").exists()
    goes = world.run(*pack, "--confirm", "A. Head", "--on", "2026-11-23")
    assert goes.code == 0, goes.err
    assert (tmp_path / "out/continuity.pdf").read_bytes().startswith(b"%PDF")
    assert 'confirmed = "A. Head, ' in (tmp_path / "out/mapping.toml").read_text()
    assert world.run(*pack).code == 0


def test_a_bag_is_valid_and_is_not_changed(world: World, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL)
    bag = ("export", "2", "--to", "out", "--bag", "--key", world.key)
    assert world.run(*bag).code == 0
    bagit.Bag(str(tmp_path / "out")).validate()
    names = set(files_of(tmp_path / "out"))
    assert "data/originals/mis/marks.csv" in names
    listed = list(csv.DictReader((tmp_path / "out/data/inventory.csv").read_text().splitlines()))
    assert {f"data/originals/{one['path']}" for one in listed} == {one for one in names if "/originals/" in one}
    marks = next(one for one in listed if one["path"] == "mis/marks.csv")
    assert (marks["compartment"], marks["dataset"]) == ("records", "mis/marks.csv")
    assert marks["sha256"] == sha256((world.exports / "marks.csv").read_bytes()).hexdigest()
    assert any(name.startswith("data/evidence/notices/") for name in names)
    again = world.run(*bag)
    assert again.code == 2
    assert "export-bagged" in again.err
