"""One watch over many schools: a table, one exit code, and no bad vault stops the others."""

import shutil
from pathlib import Path

import pytest
from escrow_cli.exits import Exit

from escrow.custody.watchfile import parse_watch
from tests.cli.conftest import CONFIG, Result, World, escrow


def school(root: Path, name: str) -> World:
    """Another school with one night."""
    world = World(root / name)
    world.exports.mkdir(parents=True)
    (world.exports / "marks.csv").write_text(f"upn,mark\n{name},1\n")
    world.config.parent.mkdir()
    world.config.write_text(CONFIG.split("[[copy]]")[0] + '[[source]]\nname = "mis"\npath = "../exports"\n')
    card = world.root / "server.card"
    assert world.run("agent", "card", "--out", card).code == 0
    words = ("keys", "new", "--school", name, "--agent", card, "--out", world.root / "holder")
    made = escrow(*words, "--compartment", "records:400:10")
    assert made.code == 0, made.err
    shutil.copytree(world.root / "holder" / "public", world.root / "server" / "public")
    joined = world.run("init", "--public", world.root / "server" / "public")
    assert joined.code == 0, joined.err
    assert world.run("snapshot").code == 0
    return world


@pytest.fixture
def schools(world: World, tmp_path: Path) -> Path:
    """A folder as an authority has it: one folder a school, each with an escrow.toml."""
    folder = tmp_path / "schools"
    for one in (world, school(tmp_path, "Ashdown"), school(tmp_path, "Brynmawr")):
        place = folder / one.root.name
        place.mkdir(parents=True)
        pins = [line for line in one.config.read_text().splitlines() if line.startswith(("vault =", "fingerprint ="))]
        text = "\n".join(pins) + f'\nstate = "state"\n[store]\nurl = "{(one.root / "vault").as_posix()}"\npayer = "x"\n'
        (place / "escrow.toml").write_text(text + '[[source]]\nname = "none"\npath = "."\n')
    return folder


def watch(schools: Path, *more: str | Path) -> Result:
    return escrow("custodian", "watch", "--file", schools / "heads.json", schools, *more)


def outcomes(told: Result) -> dict[str, tuple[str, object]]:
    return {str(row["school"]): (str(row["outcome"]), row["codes"]) for row in told.lines[:-1]}


def test_all_schools_in_one_table(schools: Path) -> None:
    told = watch(schools)
    assert told.code == 0, told.err + told.out
    head, *rows, last = told.out.splitlines()
    assert head.split() == ["notice", "last", "night", "event", "school"]
    assert [row.split()[-1] for row in rows] == ["Ashdown", "Brynmawr", "Fernhill"]
    assert all(row.startswith("ok ") for row in rows)
    assert last == "3 of 3 vaults show what was seen before, or more; 3 are watched"
    assert len(parse_watch((schools / "heads.json").read_bytes()).vaults) == 3
    again = watch(schools, "--json")
    assert again.lines[-1] == {"result": "ok", "exit": 0, "vaults": 3, "well": 3, "watched": 3}
    assert [row["notice"] for row in again.lines[:-1]] == [1, 1, 2]


def test_one_bad_vault_stops_no_other_and_is_noted_no_further(schools: Path, tmp_path: Path) -> None:
    assert watch(schools).code == 0
    before = {one.school: one for one in parse_watch((schools / "heads.json").read_bytes()).vaults}
    max((tmp_path / "w" / "vault" / "notices").iterdir()).unlink()
    shutil.rmtree(tmp_path / "Ashdown" / "vault")
    assert World(tmp_path / "Brynmawr").run("snapshot").code == 0
    shutil.rmtree(schools / "w" / "state", ignore_errors=True)
    told = watch(schools, "--json")
    assert told.code == Exit.ROLLBACK, told.out
    found = outcomes(told)
    assert found["Fernhill"] == ("rollback", ["rollback"])
    assert found["Brynmawr"] == ("ok", [])
    (away,) = (row for row in told.lines[:-1] if str(row["config"]).endswith("Ashdown/escrow.toml"))
    assert away["outcome"] not in ("ok", "rollback")
    after = {one.school: one for one in parse_watch((schools / "heads.json").read_bytes()).vaults}
    assert (after["Fernhill"], after["Ashdown"]) == (before["Fernhill"], before["Ashdown"])
    assert after["Brynmawr"].head and after["Brynmawr"].head.seq == 2
    assert "rollback: notices/00000002" in watch(schools).out


def test_a_vault_that_nobody_looks_at_any_more_is_told(schools: Path) -> None:
    assert watch(schools).code == 0
    shutil.rmtree(schools / "Ashdown")
    told = watch(schools, "--json")
    assert told.code == Exit.USAGE
    assert outcomes(told)["Ashdown"] == ("usage", ["watch-unseen"])
    alone = escrow("custodian", "watch", "--file", schools / "heads.json", "--config", schools / "w" / "escrow.toml")
    assert alone.code == 0, alone.err


def test_it_wants_one_way_to_name_vaults(schools: Path) -> None:
    both = watch(schools, "--config", schools / "w" / "escrow.toml")
    assert (both.code, "watch-options" in both.err) == (Exit.USAGE, True)
