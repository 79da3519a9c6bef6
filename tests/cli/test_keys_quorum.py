"""`escrow keys ceremony / check / reshare / rekey / seal-share / letterbox`, as commands, with people at the screen."""

import shutil
from pathlib import Path

import pytest
from escrow_cli import desk, holders
from escrow_cli.exits import Exit

from escrow.record import parse_name
from escrow.store import FolderStore
from tests.cli.conftest import PASSPHRASE, Result, World, escrow, files_of
from tests.cli.people import People

COMPARTMENTS = ("--compartment", "records:400:10", "--compartment", "safeguarding:400:10")
Papers = dict[str, tuple[str, ...]]


@pytest.fixture(autouse=True)
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(holders, "is_online", lambda: False)


def at_screen(people: People, *arguments: str | Path) -> Result:
    """A command with these people at the terminal."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(desk, "Terminal", lambda: people)
        return escrow(*arguments)


def ceremony(world: World, *more: str | Path) -> Papers:
    """A vault with sheets in place of the world's own, and one night in it."""
    people = People()
    done = at_screen(
        people,
        *("keys", "ceremony", "--school", "Fernhill", "--agent", world.root / "server.card", "--out", world.root / "q"),
        *COMPARTMENTS,
        *more,
    )
    assert done.code == 0, done.err
    config = world.config.read_text()
    kept = [line for line in config.splitlines() if not line.startswith(("vault =", "fingerprint ="))]
    world.config.write_text("\n".join(kept).replace("../vault", "../vault2"))
    key = (world.state / "agent.key").read_bytes()
    shutil.rmtree(world.state)
    world.state.mkdir()
    (world.state / "agent.key").write_bytes(key)
    publish(world, "q")
    assert world.run("snapshot").code == 0
    return people.papers


def publish(world: World, folder: str) -> None:
    """The nightly machine puts the public parts; the head keeps a copy of the sealed keys."""
    joined = world.run("init", "--public", world.root / folder / "public")
    assert joined.code == 0, joined.err
    shutil.rmtree(world.root / "stick" / "public")
    shutil.copytree(world.root / folder / "public", world.root / "stick" / "public")


def paper(folder: Path, words: tuple[str, ...]) -> Path:
    file = folder / f"{words[-1]}-{words[-2]}.txt"
    file.write_text("\n".join(word[:4] for word in words))
    return file


def test_a_ceremony_makes_a_vault_that_the_nightly_machine_joins(world: World) -> None:
    papers = ceremony(world)
    assert list(papers) == ["head", "chair of governors", "business manager"]
    assert world.run("verify", "--read", "1").code == 0
    assert {"minutes.json", "minutes.txt"} < set(files_of(world.root / "q"))


def test_no_secret_is_made_on_a_network(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(holders, "is_online", lambda: True)
    words = ("keys", "ceremony", "--school", "F", "--agent", world.root / "server.card", "--out", world.root / "q")
    refused = at_screen(People(), *words, *COMPARTMENTS)
    assert (refused.code, "machine-online" in refused.err) == (Exit.REFUSED, True)
    assert not (world.root / "q").exists()
    done = at_screen(People(), *words, *COMPARTMENTS, "--online-minuted", "no other machine")
    assert done.code == 0, done.err
    assert "no other machine" in (world.root / "q" / "minutes.txt").read_text()


@pytest.mark.parametrize("command", ["ceremony", "check", "reshare", "rekey", "seal-share"])
def test_without_a_terminal_nothing_begins(command: str, world: World) -> None:
    public, out = ("--public", world.root / "holder" / "public"), ("--out", world.root / "q")
    words = {
        "ceremony": ("--school", "F", "--agent", world.root / "server.card", *out),
        "check": public,
        "reshare": (*public, *out, "--policy", "simple"),
        "rekey": (*public, *out, "--policy", "simple"),
        "seal-share": (*public, *out, "--to", escrow("keys", "letterbox", "--out", world.root / "box").out.strip()),
    }
    done = escrow("keys", command, *words[command])
    assert (done.code, "terminal-needed" in done.err) == (Exit.USAGE, True), done.err
    assert not (world.root / "q").exists()


def test_one_holder_checks_one_sheet_alone(world: World) -> None:
    papers = ceremony(world)
    public = ("--public", world.root / "vault2")
    for role, words in papers.items():
        people = People(typing=[words])
        done = at_screen(people, "keys", "check", *public)
        assert f"sheet of the {role}, school" in done.out
        assert people.screen == ""
        shown = people.said.replace(" ", "")
        assert done.out.split()[-1] in shown
    file = paper(world.root, papers["head"])
    checked = escrow("keys", "check", *public, "--share", file, "--json")
    assert checked.lines[0] == {"role": "head", "group": "school", "member": 1, "epoch": 1}
    swapped = list(papers["head"])
    swapped[5], swapped[6] = swapped[6], swapped[5]
    file.write_text(" ".join(swapped))
    wrong = escrow("keys", "check", *public, "--share", file)
    assert (wrong.code, "share-checksum" in wrong.err) == (Exit.WRONG_KEY, True) or swapped[5] == swapped[6]
    assert not any(word in wrong.err.split() for word in papers["head"] if len(word) > 5)


def test_reshare_after_a_holder_left(world: World) -> None:
    papers = ceremony(world)
    old = [paper(world.root, papers[role]) for role in ("chair of governors", "business manager")]
    people = People()
    done = at_screen(
        people,
        *("keys", "reshare", "--public", world.root / "vault2", "--out", world.root / "again"),
        *("--share", old[0], "--share", old[1]),
        *("--group", "school:2:new head,chair of governors@other,business manager"),
    )
    assert done.code == 0, done.err
    assert "still opens the vault" in done.err
    assert next(iter(people.papers)) == "new head"
    publish(world, "again")
    assert world.run("snapshot").code == 0
    assert world.run("verify", "--read", "1").code == 0
    new = paper(world.root, people.papers["new head"])
    assert escrow("keys", "check", "--public", world.root / "vault2", "--share", new).code == 0
    retired = escrow("keys", "check", "--public", world.root / "vault2", "--share", old[0])
    assert retired.code == Exit.WRONG_KEY
    assert "old sheet of the chair of governors, of epoch 1" in retired.err


def test_a_key_file_becomes_sheets(world: World) -> None:
    people = People()
    done = at_screen(
        people,
        *("keys", "reshare", "--public", world.vault, "--out", world.root / "again", "--policy", "simple"),
        *("--key", world.key),
    )
    assert done.code == 0, done.err
    publish(world, "again")
    assert world.run("snapshot").code == 0
    words = paper(world.root, people.papers["head"])
    assert escrow("keys", "check", "--public", world.vault, "--share", words).code == 0


def test_rekey_touches_no_pack(world: World) -> None:
    papers = ceremony(world)
    before = files_of(world.root / "vault2")
    typing = [papers["head"], papers["business manager"]]
    people = People(typing=typing)
    done = at_screen(people, "keys", "rekey", "--public", world.root / "vault2", "--out", world.root / "again")
    assert done.code == 0, done.err
    assert not (world.root / "again" / "rekey.json").exists()
    order: list[str] = []
    put = FolderStore.put

    def noted(store: FolderStore, key: str, *given: object, **named: object) -> object:
        order.append(key)
        return put(store, key, *given, **named)  # type: ignore[arg-type]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(FolderStore, "put", noted)
        publish(world, "again")
    parts = [parsed.kind for key in order if (parsed := parse_name(key))]
    assert parts[-3:] == ["charter", "charter", "event"], parts
    assert parts.count("charter") == 2
    after = files_of(world.root / "vault2")
    assert before.items() <= after.items()
    assert {name.split("/")[0] for name in after.keys() - before.keys()} == {"charter", "stock", "events"}
    assert world.run("snapshot").code == 0
    checked = world.run("verify", "--read", "1")
    assert (checked.code, "object-unnamed" in checked.out) == (0, False), checked.out


def test_who_cannot_come_seals_a_sheet(world: World) -> None:
    papers = ceremony(world)
    box = world.root / "letterbox.key"
    recipient = escrow("keys", "letterbox", "--out", box).out.strip()
    public = ("--public", world.root / "vault2")
    sealed = []
    for role in ("head", "business manager"):
        out = world.root / f"{role[:4]}.age"
        done = at_screen(People(typing=[papers[role]]), "keys", "seal-share", *public, "--to", recipient, "--out", out)
        assert f"sealed the sheet of the {role}" in done.out
        assert papers[role][7].encode() not in out.read_bytes()
        sealed += ["--share", out]
    lacking = escrow("keys", "check", *public, *sealed)
    assert "letterbox-missing" in lacking.err
    people = People()
    done = at_screen(people, "keys", "reshare", *public, "--out", world.root / "again", *sealed, "--letterbox", box)
    assert done.code == 0, done.err
    assert len(people.papers) == 3


def test_the_custodians_sheet_is_sealed_to_its_key(world: World) -> None:
    made = escrow("custodian", "new", "--name", "Cyngor Gwynedd", "--out", world.root / "la.key")
    assert made.code == 0, made.err
    (card,) = world.root.glob("la.*json")
    papers = ceremony(world, "--policy", "community", "--post", f"LA records officer={card}")
    assert "LA records officer" not in papers
    (sealed,) = (world.root / "q" / "sealed").iterdir()
    public = ("--public", world.root / "vault2")
    checked = escrow("keys", "check", *public, "--share", sealed, "--letterbox", world.root / "la.key")
    assert "sheet of the LA records officer" in checked.out, checked.err
    governors = [paper(world.root, papers[f"{role} of governors"]) for role in ("chair", "vice-chair")]
    opened = world.run(
        *("show", "latest", "--share", sealed, "--letterbox", world.root / "la.key"),
        *("--share", governors[0], "--share", governors[1]),
    )
    assert opened.code == 0, opened.err
    alone = world.run(
        *("show", "latest", "--share", sealed, "--letterbox", world.root / "la.key", "--share", governors[0])
    )
    assert (alone.code, "share-too-few" in alone.err) == (Exit.WRONG_KEY, True)


@pytest.mark.parametrize(
    ("options", "code"),
    [
        (("--policy", "anarchy"), "policy"),
        (("--policy", "simple", "--group", "a:2:x,y,z"), "policy"),
        (("--group", "staff:two:head"), "policy"),
        (("--group", "staff:2:head,,chair"), "policy"),
        (("--group", "staff:2:head@pupil,chair,x"), "policy"),
        (("--group", "staff:2:head,chair"), "policy-fragile"),
        (("--group", "staff:2:head,chair,chair"), "policy"),
        (("--group", "staff:4:head,chair,bursar"), "share-policy"),
        (("--group", "staff:2:head,chair,bursar", "--groups-needed", "2"), "share-policy"),
        (("--post", "caretaker=RECIPIENT"), "post-role"),
        (("--post", "head=age1nonsense"), "recipient"),
        (("--post", "head=nowhere.card.json"), "card-unreadable"),
        (("--rescue", "ABC"), "rescue-hash"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_made(options: tuple[str, ...], code: str, world: World) -> None:
    recipient = escrow("keys", "letterbox", "--out", world.root / "box").out.strip()
    words = ("keys", "ceremony", "--school", "F", "--agent", world.root / "server.card", "--out", world.root / "q")
    people = People()
    done = at_screen(people, *words, *COMPARTMENTS, *(text.replace("RECIPIENT", recipient) for text in options))
    assert done.code != 0
    assert people.asked == 0
    assert code in done.err, done.err
    assert not (world.root / "q").exists()


def test_sheets_are_not_asked_of_a_vault_with_a_key_file(world: World) -> None:
    done = at_screen(
        People(), "keys", "reshare", "--public", world.vault, "--out", world.root / "q", "--policy", "simple"
    )
    assert (done.code, "share-unused" in done.err) == (Exit.WRONG_KEY, True)
    assert PASSPHRASE not in done.err


@pytest.mark.parametrize("command", ["ceremony", "check", "reshare", "rekey", "seal-share"])
def test_no_sheet_is_typed_on_the_nightly_machine(command: str, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    recipient = escrow("keys", "letterbox", "--out", world.root / "box").out.strip()
    monkeypatch.chdir(world.config.parent)
    public, out = ("--public", world.root / "holder" / "public"), ("--out", world.root / "q")
    words = {
        "ceremony": ("--school", "F", "--agent", world.root / "server.card", *out),
        "check": public,
        "reshare": (*public, *out, "--policy", "simple"),
        "rekey": (*public, *out, "--policy", "simple"),
        "seal-share": (*public, *out, "--to", recipient),
    }
    done = at_screen(People(), "keys", command, *words[command])
    assert (done.code, "key-on-agent" in done.err) == (Exit.REFUSED, True), done.err
