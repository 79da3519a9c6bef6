"""A ceremony whose first charter says all that was agreed, custodian, purposes and triggers included."""

import json
import re
import shutil
from pathlib import Path

import pytest
from escrow_cli import holders
from escrow_cli.exits import Exit
from escrow_cli.public_folder import load_public

from tests.cli.conftest import World, escrow, files_of
from tests.cli.people import People
from tests.cli.test_keys_quorum import at_screen, paper, publish

ROLES = ("head", "deputy head", "business manager", "chair of governors", "vice-chair of governors")


@pytest.fixture(autouse=True)
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(holders, "is_online", lambda: False)


def agreed(world: World, *, custodian: bool) -> Path:
    """The template of a community school, filled in."""
    out = world.root / "charter.toml"
    made = escrow("charter", "new", "--type", "community", "--school", "Fernhill", "--out", out)
    assert made.code == 0, made.err
    text = re.sub(r"<[^>]+>", "Example", out.read_text("utf-8"))
    text = re.sub(r"^(ico = ).*$", r'\1"ZA123456"', text, flags=re.MULTILINE)
    text = re.sub(r'\n#(\[\[agents\]\])\n#(card = "server\.card")', r"\n\1\n\2", text)
    if custodian:
        la = escrow("custodian", "new", "--name", "Cyngor Gwynedd", "--out", world.root / "la.key")
        assert la.code == 0, la.err
        text += '\n[custodian]\ncard = "la.key.card.json"\n'
    out.write_text(text, "utf-8")
    return out


def ceremony(world: World, people: People, *more: str | Path) -> tuple[int, str]:
    done = at_screen(people, "keys", "ceremony", "--out", world.root / "q", "--policy", "community", *more)
    return done.code, done.err


def test_without_a_custodian_yet_the_whole_text_is_in_force_at_once(world: World) -> None:
    code, err = ceremony(world, People(), "--charter", agreed(world, custodian=False))
    assert code == 0, err
    _, history = load_public(world.root / "q" / "public")
    charter = history.charter
    assert charter and charter.n == 1 and charter.controller and charter.purposes and charter.triggers
    assert [one.name for one in charter.agents] == [json.loads((world.root / "server.card").read_text())["name"]]
    assert {key.compartment for key in history.keys.values()} == {"records", "documents", "safeguarding"}


def test_the_custodian_signs_the_first_charter_and_then_there_is_a_vault(world: World) -> None:
    people = People()
    card = world.root / "la.key.card.json"
    text = agreed(world, custodian=True)
    code, err = ceremony(world, people, "--charter", text, "--post", f"LA records officer={card}")
    assert code == 0, err
    assert tuple(people.papers) == ROLES
    assert "until then there is no vault" in people.said
    out = world.root / "q"
    waiting = out / "charter-to-sign.json"
    early = escrow("keys", "complete", "--out", out)
    assert (early.code, "charter-custodian" in early.err) == (Exit.INTEGRITY, True), early.err
    stranger = escrow("custodian", "new", "--name", "Conwy", "--out", world.root / "other.key")
    assert stranger.code == 0
    for key, words, expected in (
        ("other.key", ("--yes",), "signer-unknown"),
        ("la.key", (), "terminal-needed"),
    ):
        done = escrow("custodian", "sign", waiting, "--custodian", world.root / key, *words)
        assert (done.code != 0, expected in done.err) == (True, True), done.err
    done = escrow("custodian", "sign", waiting, "--custodian", world.root / "la.key", "--yes")
    assert done.code == 0, done.err
    assert "Cyngor Gwynedd" in done.err and "What keys may be used for" in done.err
    done = escrow("keys", "complete", "--out", out)
    assert done.code == 0, done.err
    _, history = load_public(out / "public")
    assert history.charter and history.charter.custodian
    assert history.charter.custodian.name == "Cyngor Gwynedd"
    assert [one.event.why for one in history.events] == ["ceremony"]
    joined(world, people)


def joined(world: World, people: People) -> None:
    """The nightly machine takes the vault up, and two groups open a night."""
    config = world.config.read_text()
    kept = [line for line in config.splitlines() if not line.startswith(("vault =", "fingerprint ="))]
    world.config.write_text("\n".join(kept).replace("../vault", "../vault2"))
    key = (world.state / "agent.key").read_bytes()
    shutil.rmtree(world.state)
    world.state.mkdir()
    (world.state / "agent.key").write_bytes(key)
    publish(world, "q")
    assert world.run("snapshot").code == 0
    four = [("--share", paper(world.root, people.papers[role])) for role in (*ROLES[:2], *ROLES[3:])]
    refused = world.run("show", "latest", *(part for pair in four for part in pair), "--purpose", "marketing")
    assert (refused.code, "event-purpose" in refused.err) == (Exit.REFUSED, True)
    opened = world.run("show", "latest", *(part for pair in four for part in pair))
    assert opened.code == 0, opened.err


def test_a_charter_whose_holders_did_not_sign_is_not_signed(world: World) -> None:
    text = agreed(world, custodian=True)
    card = world.root / "la.key.card.json"
    assert ceremony(world, People(), "--charter", text, "--post", f"LA records officer={card}")[0] == 0
    waiting = world.root / "q" / "charter-to-sign.json"
    envelope = json.loads(waiting.read_bytes())
    signed = {**envelope, "signatures": envelope["signatures"][:2]}
    waiting.write_text(json.dumps(signed, sort_keys=True, separators=(",", ":")))
    done = escrow("custodian", "sign", waiting, "--custodian", world.root / "la.key", "--yes")
    assert (done.code, "charter-threshold" in done.err) == (Exit.INTEGRITY, True), done.err


@pytest.mark.parametrize(
    ("more", "edit", "code"),
    [
        (("--school", "F"), "", "charter-both"),
        (("--cap-days", "90"), "", "charter-both"),
        (("--compartment", "records:31:30"), "", "charter-both"),
        ((), 'recipients = ["RECIPIENT"]\n', "charter-made"),
        ((), 'surprise = "x"\n', "field-unknown"),
        ((), "<name>", "policy-placeholder"),
    ],
)
def test_what_the_text_may_not_say_is_refused_before_anybody_begins(
    more: tuple[str, ...], edit: str, code: str, world: World
) -> None:
    text = agreed(world, custodian=False)
    body = text.read_text("utf-8")
    edit = edit.replace("RECIPIENT", escrow("keys", "letterbox", "--out", world.root / "box").out.strip())
    text.write_text(body.replace("Example", edit) if edit.startswith("<") else edit + body, "utf-8")
    people = People()
    done, err = ceremony(world, people, "--charter", text, *more)
    assert (done != 0, code in err, people.asked) == (True, True, 0), err
    assert not (world.root / "q").exists()


def test_a_ceremony_wants_a_school_and_a_machine(world: World) -> None:
    for words, code in (((), "ceremony-school"), (("--school", "F"), "ceremony-agent")):
        done, err = ceremony(world, People(), *words)
        assert (done, code in err) == (Exit.USAGE, True), err
    assert "q" not in files_of(world.root)
