"""The authority's own ceremony: typed back by each person, checked alone by a signed list, joined again."""

from pathlib import Path

import pytest
from escrow_cli import custodian_split
from escrow_cli.exits import Exit

from escrow.custody.custodian import CustodianKey, open_custodian, split_key
from escrow.custody.custodian_sheets import open_list, sign_list, whose
from escrow.errors import SignatureError, WrongKeyError
from tests.cli.conftest import Result, escrow
from tests.cli.people import People
from tests.cli.test_ceremony import no_words
from tests.cli.test_keys_quorum import at_screen, paper
from tests.custody.closing import LA, SUCCESSOR
from tests.engine.kit import T0

ROLES = ("archivist", "head of legal", "director")


@pytest.fixture(autouse=True)
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(custodian_split, "is_online", lambda: False)


@pytest.fixture
def safe(tmp_path: Path) -> Path:
    for key, name in ((LA, "la"), (SUCCESSOR, "conwy")):
        (tmp_path / f"{name}.key").write_bytes(key.text().reveal())
        (tmp_path / f"{name}.key.card.json").write_bytes(key.card().text())
    return tmp_path


def split(safe: Path, people: People, *more: str | Path) -> Result:
    roles = [word for role in ROLES for word in ("--role", role)]
    return at_screen(people, "custodian", "split", "--custodian", safe / "la.key", *roles, *more)


def check(safe: Path, *more: str | Path, card: str = "la") -> Result:
    return escrow("custodian", "check", "--card", safe / f"{card}.key.card.json", *more)


def test_each_types_the_sheet_back_and_it_is_checked_alone_and_joined(safe: Path) -> None:
    people = People()
    done = split(safe, people)
    assert done.code == 0, done.err
    assert tuple(people.papers) == ROLES
    assert people.screen.strip().startswith("Every way to join them was tried")
    no_words(safe, people.papers)
    minutes = (safe / "la.key.sheets.json.minutes.txt").read_text("utf-8")
    assert all(role in minutes for role in (*ROLES, "witness")) and "any 2 of 3" in minutes
    for role, words in people.papers.items():
        typed = at_screen(People(typing=[words]), "custodian", "check", "--card", safe / "la.key.card.json")
        assert f"whole       sheet of the {role}, any 2 of 3" in typed.out, typed.err
    again = People(typing=[people.papers[role] for role in ("director", "archivist")])
    join = ("custodian", "join", "--card", safe / "la.key.card.json", "--sheets", "--no-passphrase")
    done = at_screen(again, *join, "--out", safe / "safe" / "again.key")
    assert done.code == 0, done.err
    assert open_custodian((safe / "safe" / "again.key").read_bytes(), None).card() == LA.card()


def test_printed_sheets_are_removed_and_name_their_holder(safe: Path) -> None:
    people = People()
    done = split(safe, people, "--print", safe / "pages")
    assert done.code == 0, done.err
    assert tuple(people.papers) == ROLES
    assert list((safe / "pages").iterdir()) == []
    no_words(safe, people.papers)


def test_stopped_anywhere_nothing_is_left(safe: Path) -> None:
    whole = People()
    assert split(safe, whole).code == 0
    (safe / "la.key.sheets.json").unlink()
    (safe / "la.key.sheets.json.minutes.txt").unlink()
    before = sorted(path.name for path in safe.iterdir())
    for stop in (0, 1, 2, 20, 37, whole.asked - 1):
        people = People(stop=stop)
        assert split(safe, people, "--print", safe / "pages").code == Exit.INTERRUPTED
        assert people.screen.strip() == "" or stop == 0
        if (safe / "pages").exists():
            (safe / "pages").rmdir()
        assert sorted(path.name for path in safe.iterdir()) == before, stop


def test_a_wrong_sheet_is_named_alone(safe: Path) -> None:
    people = People()
    assert split(safe, people).code == 0
    mine = paper(safe, people.papers["archivist"])
    assert check(safe, "--share", mine).code == 0
    listed = safe / "la.key.sheets.json"
    listed.rename(safe / "first.json")
    assert split(safe, People()).code == 0
    for told, code, exit in (
        (check(safe, "--share", mine), "share-foreign", Exit.WRONG_KEY),
        (check(safe, "--share", mine, "--list", listed, card="conwy"), "envelope-unsigned", Exit.INTEGRITY),
        (check(safe, "--share", mine, "--list", safe / "none.json"), "list-unreadable", Exit.USAGE),
    ):
        assert (told.code, code in told.err) == (exit, True), told.err
    assert check(safe, "--share", mine, "--list", safe / "first.json").code == 0


def test_a_share_that_is_not_the_one_on_the_list_is_refused() -> None:
    shares, others = split_key(LA, 2, 3), split_key(LA, 2, 3)
    known = open_list(sign_list(LA, shares, ROLES, T0), LA.card())
    assert [whose(share, known, LA.card()) for share in shares] == list(ROLES)
    swapped = open_list(sign_list(LA, [shares[1], shares[0], shares[2]], ROLES, T0), LA.card())
    for share, table in ((shares[0], swapped), (others[0], known)):
        with pytest.raises(WrongKeyError) as raised:
            whose(share, table, LA.card())
        assert raised.value.code in ("share-altered", "share-foreign")
    stranger = CustodianKey.new("Cyngor Gwynedd", "la")
    with pytest.raises(SignatureError):
        open_list(sign_list(stranger, shares, ROLES, T0), LA.card())


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("--role", "archivist", "--role", "archivist"), "policy"),
        (("--role", "archivist"), "share-policy"),
        (("--role", "a", "--role", "b", "--needed", "3"), "share-policy"),
    ],
)
def test_what_cannot_be_split_is_refused(words: tuple[str, ...], code: str, safe: Path) -> None:
    people = People()
    done = at_screen(people, "custodian", "split", "--custodian", safe / "la.key", *words)
    assert (done.code, code in done.err, people.papers) == (Exit.USAGE, True, {}), done.err


def test_no_key_is_split_on_a_network_or_without_a_person(safe: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    words = ("custodian", "split", "--custodian", safe / "la.key", "--role", "a", "--role", "b")
    assert "terminal-needed" in escrow(*words).err
    monkeypatch.setattr(custodian_split, "is_online", lambda: True)
    refused = at_screen(People(), *words)
    assert (refused.code, "machine-online" in refused.err) == (Exit.REFUSED, True)
