"""`escrow export --since`: what changed and what was deleted since an older night."""

import csv
import json
import sqlite3
from base64 import b64decode
from contextlib import closing
from pathlib import Path

import pytest

from tests.cli.conftest import World, files_of

TABLE = "UPN,Name,Reg\nA1,Ann,7A\nA2,Bob,7A\nA3,Cy,7B\n"


def lines(path: Path) -> list[list[str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.reader(file))


@pytest.fixture
def changed(world: World) -> World:
    """A world whose nights 3 and 4 differ."""
    (world.exports / "pupils.csv").write_text(TABLE)
    (world.exports / "gone.csv").write_text("UPN,Note\nA1,x\n")
    (world.exports / "wild.csv").write_text("a,b\n1,2\n")
    assert world.run("snapshot").code in (0, 4)
    (world.exports / "pupils.csv").write_text("UPN,Name,House\nA1,Ann,Red\nA2,Rob,Red\nA4,Di,Red\n")
    (world.exports / "gone.csv").unlink()
    (world.exports / "wild.csv").write_bytes(b"\0\1")
    (world.exports / "new.csv").write_text("a\n1\n2\n")
    assert world.run("snapshot").code in (0, 4)
    return world


def test_rows_cells_columns_and_files(changed: World, tmp_path: Path) -> None:
    command = ("export", "4", "--since", "3", "--to", "out", "--key", changed.key, "--json")
    made = changed.run(*command)
    assert made.code == 0, made.err
    since = tmp_path / "out/since"
    assert set(files_of(since)) == {
        "files.csv",
        "since.html",
        "pupils.added.csv",
        "pupils.removed.csv",
        "pupils.changed.csv",
        "new.added.csv",
        "gone.removed.csv",
        "wild.removed.csv",
    }
    assert lines(since / "pupils.removed.csv") == [["UPN", "Name", "Reg"], ["A3", "Cy", "7B"]]
    assert lines(since / "pupils.changed.csv") == [["UPN", "column", "before", "after"], ["A2", "Name", "Bob", "Rob"]]
    assert lines(since / "gone.removed.csv") == [["UPN", "Note"], ["A1", "x"]]
    assert [line[:2] for line in lines(since / "files.csv")[1:]] == [
        ["mis/gone.csv", "removed"],
        ["mis/new.csv", "added"],
        ["mis/pupils.csv", "changed"],
        ["mis/wild.csv", "changed"],
    ]
    assert made.lines[-1]["since"] == {
        "files_added": 1,
        "files_removed": 1,
        "files_changed": 2,
        "rows_added": 3,
        "rows_removed": 3,
        "rows_changed": 1,
    }
    (row,) = (one for one in made.lines if one.get("table") == "pupils" and "since" in one)
    assert row["columns"] == {"came": ["House"], "went": ["Reg"]}
    page = (since / "since.html").read_text(encoding="utf-8")
    assert "UPN (a guess by its name)" in page
    assert "mis/gone.csv" in page
    before = {name: (since / name).read_bytes() for name in files_of(since)}
    (since / "stale.csv").touch()
    assert changed.run(*command).code == 0
    assert {name: (since / name).read_bytes() for name in files_of(since)} == before


def test_a_database_declares_its_keys(world: World, tmp_path: Path) -> None:
    path = world.exports / "mis.csv.db"
    for mark in ("/", "L"):
        path.unlink(missing_ok=True)
        with closing(sqlite3.connect(path)) as base, base:
            base.execute("CREATE TABLE mark (day INTEGER, n INTEGER, mark TEXT, PRIMARY KEY (n, day))")
            base.executemany("INSERT INTO mark VALUES (?, ?, ?)", [(1, 1, mark), (1, 2, "/"), (2, 1, "/")])
        assert world.run("snapshot").code in (0, 4)
    arguments = ("--compartment", "records", "--compartment", "safeguarding", "--key", world.key)
    made = world.run("export", "4", "mis.csv.db", "--since", "3", "--to", "out", *arguments)
    assert made.code == 0, made.err
    (changes,) = (tmp_path / "out/since").glob("*.changed.csv")
    assert lines(changes)[1:] == [["1", "1", "mark", "/", "L"]]
    assert "n, day (declared)" in (tmp_path / "out/since/since.html").read_text(encoding="utf-8")


@pytest.mark.parametrize(("night", "code"), [("2", "since-order"), ("3", "since-order"), ("9", "snapshot-unknown")])
def test_a_night_that_is_not_before_is_refused(changed: World, tmp_path: Path, night: str, code: str) -> None:
    refused = changed.run("export", "2", "--since", night, "--to", "out", "--key", changed.key)
    assert refused.code == 2
    assert code in refused.err
    assert not (tmp_path / "out").exists()


def test_an_older_night_that_is_lost_stops_nothing_but_the_comparison(changed: World, tmp_path: Path) -> None:
    notices = sorted((changed.root / "vault/notices").iterdir())
    third = json.loads(b64decode(json.loads(notices[2].read_bytes())["payload"]))
    for series in third["series"]:
        for pack in series["packs"]:
            (found,) = (changed.root / "vault/series" / series["series"]).rglob(f"{pack['sha256']}*")
            found.unlink()
    made = changed.run("export", "4", "new.csv", "--since", "3", "--to", "out", "--key", changed.key)
    assert made.code == 3, made.err
    assert "(since)" in made.out
    assert (tmp_path / "out/csv/new.csv").exists()
    assert "store-absent" in (tmp_path / "out/report.html").read_text(encoding="utf-8")
    assert not (tmp_path / "out/since/since.html").exists()
