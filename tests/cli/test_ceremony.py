"""The ceremony, driven by people at a made-up screen: a whole one, every place to stop, what is left on the disk."""

import json
import re
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
from escrow_cli import ceremony
from escrow_cli.ceremony import Room
from escrow_cli.holding import hold_new, hold_reshare
from escrow_cli.public_folder import load_public
from escrow_cli.units import eights

from escrow.custody.policies import POLICIES
from escrow.custody.quorum import Draft
from escrow.custody.sheets import combine_sheets, identify_all, open_sheets
from escrow.errors import IntegrityError, RefusedError, UsageError, WrongKeyError
from escrow.seal import HybridIdentity, Secret, SigningKey, open_envelope, open_sealed
from escrow.seal.shares import parse_share
from tests.cli.people import People
from tests.custody import deal

SIMPLE = POLICIES["simple"]


def texts(folder: Path) -> list[bytes]:
    return [path.read_bytes() for path in folder.rglob("*") if path.is_file()]


def no_words(folder: Path, papers: dict[str, tuple[str, ...]]) -> None:
    """No file holds two neighbouring words of any sheet."""
    for data in texts(folder):
        for words in papers.values():
            for pair in pairwise(words):
                assert not re.search(rb"\b" + b"\\W+[0-9]*\\W*".join(word.encode() for word in pair) + rb"\b", data)


def held(out: Path) -> tuple[People, Draft]:
    people = People()
    return people, hold_new(people, deal.PLAN, SIMPLE, "cd" * 32, Room(out))


def test_three_people_make_a_vault(tmp_path: Path) -> None:
    people, draft = held(tmp_path)
    objects, history = load_public(tmp_path / "public")
    assert list(people.papers) == ["head", "chair of governors", "business manager"]
    assert history.fingerprint == draft.fingerprint
    assert len([name for name in objects if name.endswith(".age")]) == 10
    sheets = [parse_share(" ".join(words)) for words in people.papers.values()]
    assert open_sheets(sheets[1:], history.charters).encode() == draft.identity.encode()
    assert people.asked <= 3 * (33 + 3) + 1
    no_words(tmp_path, people.papers)


def test_each_sees_the_fingerprint_and_a_clean_screen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str] = []

    class Watching(People):
        def ask(self, prompt: str) -> str:
            seen.append(self.screen)
            return super().ask(prompt)

    people = Watching()
    draft = hold_new(people, deal.PLAN, SIMPLE, "cd" * 32, Room(tmp_path))
    for words in people.papers.values():
        shown = [screen for screen in seen if ceremony.columns(words) in screen]
        assert len(shown) == 1
        assert eights(draft.fingerprint) in shown[0] and "cdcdcdcd" in shown[0]
    assert not any(word in people.screen.split() for words in people.papers.values() for word in words[4:])


def test_the_minutes_are_signed_by_all_and_hold_no_secret(tmp_path: Path) -> None:
    people, draft = held(tmp_path)
    keys = [key.public() for key in draft.keys]
    signed = open_envelope((tmp_path / "minutes.json").read_bytes(), ceremony.MINUTES, keys)
    assert signed.signers == frozenset(keys)
    told = json.loads(signed.payload)
    assert [holder["role"] for holder in told["holders"]] == list(people.papers)
    assert (told["what"], told["fingerprint"], told["online"]) == ("new vault", draft.fingerprint, None)
    text = (tmp_path / "minutes.txt").read_text("utf-8")
    assert eights(draft.fingerprint) in text and "chair of governors" in text
    assert "any 2 of the 3 sheets of school" in text
    assert draft.secret.reveal().hex() not in text


def test_sheets_that_do_not_give_the_secret_end_the_ceremony(tmp_path: Path) -> None:
    draft, _ = deal.vault()
    with pytest.raises(IntegrityError) as raised:
        ceremony.hand_out(People(), replace(draft, secret=Secret(b"x" * 32)), Room(tmp_path))
    assert raised.value.code == "share-secret"


def test_mistakes_at_the_keyboard_are_told_and_cost_nothing(tmp_path: Path) -> None:
    people = People()
    people.wrong = {"word  3": ["zzzz", "abandon", "<"], "Only the head": ["yes"], "word 33": ["", "acad"]}
    hold_new(people, deal.PLAN, SIMPLE, None, Room(tmp_path))
    assert "Not in the list of words" in people.said
    assert "That is not word" in people.said
    assert "Expected the word alone" in people.said


def test_stopped_anywhere_nothing_is_left(tmp_path: Path) -> None:
    asked = held(tmp_path / "whole")[0].asked
    for stop in (0, 1, 2, 3, 20, 36, 37, 40, 72, 80, asked - 1):
        out = tmp_path / f"at-{stop}"
        people = People(stop=stop)
        with pytest.raises(KeyboardInterrupt):
            hold_new(people, deal.PLAN, SIMPLE, None, Room(out, pages=out / "pages"))
        assert texts(out) == [] if out.exists() else True
        assert people.screen.strip() == "" or stop == 0


def test_printed_sheets_are_removed_when_they_are_in_the_hand(tmp_path: Path) -> None:
    people = People()
    draft = hold_new(people, deal.PLAN, SIMPLE, None, Room(tmp_path, pages=tmp_path / "pages"))
    assert [people.papers[sheet.holder.role] for sheet in draft.sheets] == [
        sheet.share.words() for sheet in draft.sheets
    ]
    assert list((tmp_path / "pages").iterdir()) == []
    assert "spool" in people.said
    no_words(tmp_path, people.papers)


def test_a_page_that_is_still_open_is_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    unlink, refused = Path.unlink, iter([True])

    def held_open(path: Path, missing_ok: bool = False) -> None:
        if path.suffix == ".pdf" and next(refused, False):
            raise PermissionError
        unlink(path, missing_ok)

    monkeypatch.setattr(Path, "unlink", held_open)
    hold_new(People(), deal.PLAN, SIMPLE, None, Room(tmp_path, pages=tmp_path / "pages"))
    assert next(refused, None) is None
    assert list((tmp_path / "pages").iterdir()) == []


def test_a_machine_on_a_network_is_refused_unless_that_is_minuted() -> None:
    ceremony.check_offline(False, None)
    ceremony.check_offline(True, "the only machine we have")
    with pytest.raises(RefusedError) as raised:
        ceremony.check_offline(True, None)
    assert raised.value.code == "machine-online"


def test_who_is_not_in_the_room_gets_a_sealed_file(tmp_path: Path) -> None:
    box = HybridIdentity.generate()
    people = People()
    room = Room(tmp_path, post={"LA records officer": str(box.recipient())})
    draft = hold_new(people, deal.PLAN, POLICIES["community"], None, room)
    governors = ["chair of governors", "vice-chair of governors"]
    assert list(people.papers) == ["head", "deputy head", "business manager", *governors]
    (sealed,) = (tmp_path / "sealed").iterdir()
    share = parse_share(open_sealed(sealed.read_bytes(), [box]).decode())
    papers = [parse_share(" ".join(people.papers[role])) for role in governors]
    sheets = identify_all([share, *papers], [draft.charter])
    assert combine_sheets(sheets, draft.charter) == draft.secret
    with pytest.raises(UsageError) as raised:
        hold_new(People(), deal.PLAN, SIMPLE, None, room)
    assert raised.value.code == "post-role"


Opened = tuple[Secret, list[SigningKey]]


def opened(draft: Draft) -> Opened:
    return draft.secret, [sheet.key for sheet in draft.sheets[:2]]


def test_reshare_gives_new_sheets_and_retires_the_old(tmp_path: Path) -> None:
    old, draft = held(tmp_path / "first")
    people = People()
    policy = deal.renamed(SIMPLE, "new head")
    public = load_public(tmp_path / "first" / "public")
    hold_reshare(people, public, opened(draft), policy, Room(tmp_path / "second"))
    _, history = load_public(tmp_path / "second" / "public")
    assert [holder.role for holder in history.charters[-1].holders] == list(people.papers)
    new = [parse_share(" ".join(words)) for words in people.papers.values()]
    assert open_sheets(new[:2], history.charters).encode() == draft.identity.encode()
    with pytest.raises(WrongKeyError, match="old sheet of the head, of epoch 1"):
        open_sheets([parse_share(" ".join(old.papers["head"])), new[1]], history.charters)


def test_a_reshare_that_stops_leaves_the_old_quorum(tmp_path: Path) -> None:
    _, draft = held(tmp_path / "first")
    public = load_public(tmp_path / "first" / "public")
    before = {path: path.read_bytes() for path in (tmp_path / "first").rglob("*") if path.is_file()}
    for stop in (0, 1, 2, 36, 37, 72, 108):
        out = tmp_path / f"at-{stop}"
        with pytest.raises(KeyboardInterrupt):
            hold_reshare(People(stop=stop), public, opened(draft), SIMPLE, Room(out))
        assert not out.exists() or texts(out) == []
    assert {path: path.read_bytes() for path in before} == before
