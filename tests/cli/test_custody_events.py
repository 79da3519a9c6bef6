"""What makes or changes custody leaves an event: through the commands, when cut off, and when it comes too late."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from escrow_cli import holders, holding
from escrow_cli.ceremony import Room
from escrow_cli.exits import Exit
from escrow_cli.holding import EVENT, complete, hold_new, hold_reshare
from escrow_cli.public_folder import load_public

from escrow.custody.deeds import identity_of, next_event
from escrow.custody.quorum import hash_of
from escrow.errors import IntegrityError, UsageError
from escrow.record import event_name
from escrow.seal import unverified_payload
from escrow.trust import History, sign_record
from tests.cli.conftest import World, escrow
from tests.cli.people import People
from tests.cli.test_ceremony import SIMPLE, held, opened
from tests.cli.test_ceremony_crash import CrashError, Disk, on_disk
from tests.cli.test_keys_quorum import at_screen, ceremony, paper, publish
from tests.custody import deal


@pytest.fixture(autouse=True)
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(holders, "is_online", lambda: False)


def told(history: History) -> list[tuple[str, str | None, str | None, str]]:
    """Kind, why, deed and refusal of each event."""
    return [(one.event.kind, one.event.why, one.event.deed, one.refused) for one in history.events]


def whys(world: World) -> list[str]:
    """As `event list` shows them."""
    listed = world.run("event", "list", "--json")
    assert listed.code == 0, listed.out
    return [str(row["why"] or row["kind"]) for row in listed.lines[:-1]]


def test_a_ceremony_tells_of_its_charter_and_the_minutes_tell_of_the_event(tmp_path: Path) -> None:
    _, draft = held(tmp_path)
    _, history = load_public(tmp_path / "public")
    assert told(history) == [("custody", "ceremony", hash_of(draft.charter), "")]
    (link,) = history.events
    assert link.signers == {key.public() for key in draft.keys}
    assert link.event.by == ("business manager (school)", "chair of governors (school)", "head (school)")
    minutes = json.loads(unverified_payload((tmp_path / "minutes.json").read_bytes()))
    assert minutes["event"] == {"n": 1, "sha256": link.sha256}
    assert link.sha256 in (tmp_path / "minutes.txt").read_text()


def test_the_whole_life_of_a_vault_is_told_in_one_chain(world: World) -> None:
    papers = ceremony(world)
    assert whys(world) == ["ceremony"]
    sheets = [paper(world.root, papers[role]) for role in ("head", "business manager")]
    shares = ("--share", sheets[0], "--share", sheets[1])
    assert world.run("show", "latest", *shares).code == 0
    assert whys(world) == ["ceremony", "key-use"]
    public = ("--public", world.root / "vault2")
    people = People()
    done = at_screen(people, "keys", "reshare", *public, "--out", world.root / "r", *shares)
    assert done.code == 0, done.err
    publish(world, "r")
    new = [paper(world.root, people.papers[role]) for role in ("head", "business manager")]
    shares = ("--share", new[0], "--share", new[1])
    made = escrow("keys", "stock", *public, "--years", "9", *shares, "--json")
    assert made.lines[-1]["keys"] == 12, made.err
    people = People(typing=[people.papers["head"], people.papers["business manager"]])
    done = at_screen(people, "keys", "rekey", *public, "--out", world.root / "k")
    assert done.code == 0, done.err
    publish(world, "k")
    assert whys(world) == ["ceremony", "key-use", "reshare", "stock", "rekey"]
    assert world.run("snapshot").code == 0
    shown = world.run("event", "show", "5")
    _, history = load_public(world.root / "vault2")
    assert f"why        rekey\ndeed       {history.charter_sha256}" in shown.out
    nothing = escrow("keys", "record", *public)
    assert (nothing.code, "nothing to record" in nothing.out) == (0, True), nothing.err


@pytest.mark.parametrize("hold", ["ceremony", "reshare"])
def test_cut_between_charter_and_event_it_is_completed_without_a_key(hold: str, tmp_path: Path) -> None:
    _, old = held(tmp_path / "first")
    public = load_public(tmp_path / "first" / "public")
    out = tmp_path / "out"

    def run(folder: Path) -> None:
        if hold == "ceremony":
            hold_new(People(), deal.PLAN, SIMPLE, "cd" * 32, Room(folder))
        else:
            hold_reshare(People(), public, opened(old), SIMPLE, Room(folder))

    with pytest.MonkeyPatch.context() as patch:
        disk = Disk()
        on_disk(patch, disk)
        run(tmp_path / "whole")
    last = disk.count - 3
    with pytest.MonkeyPatch.context() as patch, pytest.raises(CrashError):
        on_disk(patch, Disk(last, half=True))
        run(out)
    _, cut = load_public(out / "public")
    assert cut.charter and cut.charter.n == (1 if hold == "ceremony" else 2)
    assert len(cut.events) == cut.charter.n - 1
    history = complete(out)
    assert told(history)[-1] == ("custody", hold, cut.charter_sha256, "")
    assert complete(out).events[-1].sha256 == history.events[-1].sha256
    with pytest.raises(UsageError, match=r"custody-event\.json, found neither"):
        complete(tmp_path / "nowhere")


def test_an_event_that_was_lost_with_its_stick_is_signed_again(tmp_path: Path) -> None:
    people, draft = held(tmp_path)
    (event,) = (tmp_path / "public" / "events").iterdir()
    event.unlink()
    (tmp_path / EVENT).unlink()
    shares = [("--share", paper(tmp_path, people.papers[role])) for role in ("head", "business manager")]
    alone = escrow("keys", "record", "--public", tmp_path / "public", *shares[0])
    assert (alone.code, "event-signers" in alone.err) == (Exit.REFUSED, True), alone.err
    done = escrow("keys", "record", "--public", tmp_path / "public", *shares[0], *shares[1])
    assert done.code == 0, done.err
    _, history = load_public(tmp_path / "public")
    assert told(history) == [("custody", "ceremony", hash_of(draft.charter), "")]


def test_an_event_whose_place_is_taken_forks_nothing_and_is_signed_again(world: World) -> None:
    """Holders met over public parts that were older than the vault's last event."""
    papers = ceremony(world)
    sheets = [paper(world.root, papers[role]) for role in ("head", "business manager")]
    shares = ("--share", sheets[0], "--share", sheets[1])
    people = People()
    done = at_screen(
        people, "keys", "reshare", "--public", world.root / "q" / "public", "--out", world.root / "r", *shares
    )
    assert done.code == 0, done.err
    assert world.run("show", "latest", *shares).code == 0
    joined = world.run("init", "--public", world.root / "r" / "public")
    assert (joined.code, "event-late" in joined.err) == (0, True), joined.err
    assert whys(world) == ["ceremony", "key-use"]
    _, history = load_public(world.root / "vault2")
    assert (history.charter.n if history.charter else 0, history.findings) == (2, ())
    new = [paper(world.root, people.papers[role]) for role in ("head", "business manager")]
    done = escrow("keys", "record", "--public", world.root / "vault2", "--share", new[0], "--share", new[1])
    assert done.code == 0, done.err
    assert whys(world) == ["ceremony", "key-use", "reshare"]
    assert world.run("snapshot").code == 0


def test_a_bad_event_in_the_vault_keeps_no_holder_from_new_sheets(tmp_path: Path) -> None:
    """Any holder could else stop a reshare by signing an event that the rules refuse."""
    _, draft = held(tmp_path / "first")
    _, history = load_public(tmp_path / "first" / "public")
    bad = replace(next_event(history, "custody", draft.keys[:1], deal.LATER), why="rekey", deed="ab" * 32)
    data = sign_record(bad, draft.keys[:1])
    (tmp_path / "first" / "public" / event_name(2, data)).write_bytes(data)
    public = load_public(tmp_path / "first" / "public")
    assert [one.code for one in public[1].findings] == ["event-signers"]
    hold_reshare(People(), public, opened(draft), SIMPLE, Room(tmp_path / "out"))
    _, after = load_public(tmp_path / "out" / "public")
    assert [(one.event.n, one.event.why, one.refused) for one in after.events] == [
        (1, "ceremony", ""),
        (2, "rekey", "event-signers"),
        (3, "reshare", ""),
    ]
    assert after.events[2].event.prev == identity_of(bad)


def test_a_gap_in_the_events_is_mended_before_anybody_begins(tmp_path: Path) -> None:
    _, draft = held(tmp_path / "first")
    folder = tmp_path / "first" / "public"
    _, history = load_public(folder)
    later = replace(next_event(history, "custody", draft.keys, deal.LATER), n=3, why="stock", deed="ab" * 32)
    data = sign_record(later, draft.keys)
    (folder / event_name(3, data)).write_bytes(data)
    people = People()
    for hold in (hold_reshare, holding.hold_rekey):
        with pytest.raises(IntegrityError) as raised:
            hold(people, load_public(folder), opened(draft), SIMPLE, Room(tmp_path / "out"))
        assert raised.value.code == "event-gap"
    assert people.asked == 0


def test_a_copy_of_the_keys_brings_the_events_to_the_holders(world: World) -> None:
    """The stick that the network manager refreshes has what holders need, so that their event follows the last one."""
    papers = ceremony(world)
    sheets = [paper(world.root, papers[role]) for role in ("head", "business manager")]
    shares = ("--share", sheets[0], "--share", sheets[1])
    assert world.run("show", "latest", *shares).code == 0
    copied = world.run("store", "copy", "holder")
    assert copied.code == 0, copied.err
    stick = world.root / "stick" / "public"
    done = at_screen(People(), "keys", "reshare", "--public", stick, "--out", world.root / "r", *shares)
    assert done.code == 0, done.err
    publish(world, "r")
    assert whys(world) == ["ceremony", "key-use", "reshare"]
