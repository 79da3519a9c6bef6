"""`escrow subject find`: who is in the vault, why a line fits, and what is left behind of the search."""

from pathlib import Path

import pytest

from tests.cli.conftest import PASSPHRASE, World

FIND = ("subject", "find")


@pytest.fixture
def school(world: World) -> World:
    (world.exports / "pupils.csv").write_text(
        "UPN,Surname,Forename,DOB\nA1,O'Brien,Siân,2012-02-03\nA2,Bell,Sam,2013-04-05\n", encoding="utf-8"
    )
    (world.exports / "contacts.csv").write_text("UPN,Surname,Forename,Relationship\nA1,O'Brien,Cathryn,MOT\n")
    assert world.run("snapshot").code in (0, 4)
    return world


def test_a_name_finds_pupil_and_parent_and_says_why(school: World) -> None:
    made = school.run(*FIND, "obrien", "--key", school.key, "--json")
    assert made.code == 0, made.err
    *rows, end = made.lines
    assert [(row["kind"], row["name"], row["why"], row["nights"]) for row in rows] == [
        ("contact", "Cathryn O'Brien", "surname O'Brien", [3]),
        ("pupil", "Siân O'Brien", "surname O'Brien", [3]),
    ]
    assert (rows[1]["id"], end["found"]) == ("A1", 2)
    text = school.run(*FIND, "Katherine", "--key", school.key).out
    assert "fits: forename Cathryn sounds like katherine" in text


def test_nobody_has_an_exit_code_and_a_hint(school: World) -> None:
    none = school.run(*FIND, "Nobody", "--key", school.key)
    assert none.code == 2
    assert "subject-nobody" in none.err
    assert school.run(*FIND, "bell", "--born", "2000-01-01", "--key", school.key).code == 2
    assert "subject-who" in school.run(*FIND, "--key", school.key).err
    assert "Sam Bell" in school.run(*FIND, "--born", "05/04/2013", "--key", school.key).out


def test_every_search_is_an_event_whose_details_are_sealed(school: World) -> None:
    assert school.run(*FIND, "Bell", "--key", school.key).code == 0
    listed = school.run("event", "list", "--json").lines
    number = str([row["n"] for row in listed if row.get("kind") == "key-use"][-1])
    assert b"Bell" not in b"".join(path.read_bytes() for path in (school.vault / "events").iterdir())
    shown = school.run("event", "show", number, "--key", school.key, "--purpose", "check").out
    assert '"subject find": "Bell"' in shown


def test_a_purpose_that_the_charter_lacks_opens_nothing(school: World) -> None:
    refused = school.run(*FIND, "Bell", "--purpose", "marketing", "--key", school.key)
    assert refused.code == 13
    assert "event-purpose" in refused.err
    assert not (school.state / "people").exists()


def test_safeguarding_stays_shut_unless_it_is_named_and_released(school: World) -> None:
    (school.exports / "letters" / "pupils.txt").write_text("UPN,Surname,Forename\nA9,Secret,Ann\n")
    assert school.run("snapshot").code in (0, 4)
    assert school.run(*FIND, "Secret", "--key", school.key).code == 2
    named = (*FIND, "Secret", "--compartment", "safeguarding", "--key", school.key)
    refused = school.run(*named)
    assert refused.code == 13
    assert "subject-safeguarding" in refused.err
    found = school.run(*named, "--released-by", "D. Lead, 24.11.2026")
    assert found.code == 0, found.err
    assert "Ann Secret" in found.out


def test_the_index_is_sealed_and_spares_the_next_search_the_tables(
    school: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert school.run(*FIND, "Bell", "--key", school.key).code == 0
    kept = list((school.state / "people").iterdir())
    assert kept
    assert not any(word in path.read_bytes() for path in kept for word in (b"Bell", b"O'Brien", b"pupils"))
    monkeypatch.setattr("escrow.subject.index.make_index", None)
    assert "Sam Bell" in school.run(*FIND, "Bell", "--key", school.key).out
    monkeypatch.undo()
    monkeypatch.setenv("ESCROW_PASSPHRASE", PASSPHRASE)
    kept[0].write_bytes(b"no longer whole")
    assert "Sam Bell" in school.run(*FIND, "Bell", "--key", school.key).out


def test_what_was_erased_is_not_found(school: World, tmp_path: Path) -> None:
    find = (*FIND, "Bell", "--key", school.key)
    assert school.run(*find).code == 0
    wish = tmp_path / "wish.toml"
    wish.write_text('[[entry]]\nkind = "rows"\npath = "mis/pupils.csv"\ncolumn = "UPN"\nvalue = "A2"\n')
    assert school.run("retention", "erase", wish, "--yes", "--key", school.key).code == 0
    before = {path.name for path in (school.state / "people").iterdir()}
    assert school.run(*find).code == 2
    assert before.isdisjoint(path.name for path in (school.state / "people").iterdir())
