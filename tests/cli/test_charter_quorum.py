"""A charter of several holders and a custodian goes round: each signs alone, in any order; only all of them count."""

from dataclasses import dataclass
from itertools import permutations
from pathlib import Path
from typing import ClassVar

import pytest
from escrow_cli import desk
from escrow_cli.exits import Exit
from escrow_cli.public_folder import load_public

from escrow.custody.policies import POLICIES
from escrow.custody.quorum import draft_next, last_stock, signed_charter
from escrow.trust import accept
from tests.cli.conftest import Result, escrow
from tests.custody import deal


@dataclass(frozen=True)
class Round:
    """A folder with public parts, a file of words for each holder, and the custodian's key."""

    folder: Path

    @property
    def public(self) -> Path:
        return self.folder / "public"

    def sign(self, file: str, *who: str | Path, yes: bool = True) -> Result:
        return escrow(
            *("charter", "sign", self.folder / file, "--public", self.public, "--json", *who),
            *(["--yes"] if yes else []),
        )

    def share(self, role: str) -> tuple[str, Path]:
        return "--share", self.folder / f"{role}.txt"

    def write(self, *pairs: tuple[str, str]) -> None:
        """The charter in force as text, with changes."""
        file = self.folder / "charter.toml"
        file.unlink(missing_ok=True)
        assert escrow("charter", "new", "--public", self.public, "--out", file).code == 0
        words = file.read_text("utf-8")
        for old, new in pairs:
            assert old in words, old
            words = words.replace(old, new, 1)
        file.write_text(words, "utf-8")


@pytest.fixture
def room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Round:
    monkeypatch.setenv("ESCROW_PASSPHRASE", "six words that nobody else has")
    monkeypatch.chdir(tmp_path)
    draft, objects = deal.vault("community")
    for name, data in objects.items():
        path = tmp_path / "public" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    for sheet in draft.sheets:
        (tmp_path / f"{sheet.holder.role}.txt").write_text(" ".join(sheet.share.words()), "ascii")
    assert escrow("custodian", "new", "--name", "Cyngor Gwynedd", "--out", tmp_path / "la.key").code == 0
    return Round(tmp_path)


NAMED = ('#[custodian]\n#card = "la.card"', '[custodian]\ncard = "la.key.card.json"')


def test_every_signature_counts_once_and_all_are_needed(room: Round) -> None:
    room.write(NAMED)
    told = room.sign("charter.toml", *room.share("head"))
    assert told.code == 0, told.err
    assert any("at least 3 of 6 holders" in str(row.get("to_sign")) for row in told.lines)
    assert any("the custodian Cyngor Gwynedd" in str(row.get("to_sign")) for row in told.lines)
    names = ["head"]
    for who, role in (
        (room.share("head"), "head"),
        (room.share("deputy head"), "deputy head"),
        (("--key", room.folder / "la.key"), "Cyngor Gwynedd"),
        (room.share("LA records officer"), "LA records officer"),
    ):
        assert told.lines[-1]["complete"] is False
        assert room.sign("charter-2.json", "--publish").lines[-1]["complete"] is False
        told = room.sign("charter-2.json", *who)
        assert told.code == 0, told.err
        names += [] if role in names else [role]
        signed = next(row["signed_by"] for row in told.lines if "signed_by" in row)
        assert sorted(signed) == sorted(names)  # type: ignore[call-overload]
    assert told.lines[-1]["complete"] is True
    assert room.sign("charter-2.json", "--publish").lines[-1]["published"] is True
    history = accept((f"{path.parent.name}/{path.name}", path.read_bytes()) for path in room.public.glob("*/*"))
    assert history.findings == ()
    assert history.charter is not None
    assert history.charter.custodian is not None
    assert (history.charter.n, history.charter.custodian.name) == (2, "Cyngor Gwynedd")


def test_contacts_need_one_holder_in_any_order_and_no_custodian(room: Round) -> None:
    room.write(
        (
            '#[[contacts]]\n#role = "school office"\n#text = "<telephone, e-mail>"',
            '[[contacts]]\nrole = "a"\ntext = "b"',
        )
    )
    told = room.sign("charter.toml", *room.share("vice-chair of governors"))
    assert told.lines[-1]["complete"] is True


def test_a_foreign_sheet_signs_nothing(room: Round) -> None:
    room.write(("cap_days = 900", "cap_days = 901"))
    other, _ = deal.vault("church")
    path = room.folder / "other.txt"
    path.write_text(" ".join(other.sheets[0].share.words()), "ascii")
    for who in (("--share", path), ("--key", room.folder / "la.key")):
        told = room.sign("charter.toml", *who)
        assert told.code == Exit.WRONG_KEY, told.err
    assert not (room.folder / "charter-2.json").exists()


def test_any_order_of_signers_gives_the_same_version(room: Round) -> None:
    room.write(("cap_days = 900", "cap_days = 901"))
    assert room.sign("charter.toml", *room.share("head")).code == 0
    first = (room.folder / "charter-2.json").read_bytes()
    charters = set()
    for order in permutations(("deputy head", "LA records officer")):
        (room.folder / "charter-2.json").write_bytes(first)
        for role in order:
            told = room.sign("charter-2.json", *room.share(role))
        assert told.lines[-1]["complete"] is True
        charters |= {str(row["charter"]) for row in told.lines if "charter" in row}
    assert len(charters) == 1


def test_a_policy_that_dies_with_the_school_is_refused_with_a_custodian(room: Round) -> None:
    """The governors are turned into the school's own people: then the LA stays alone when they leave."""
    room.write(NAMED, *[('party = "other"\n', "")] * 2)
    told = room.sign("charter.toml", *room.share("head"))
    assert (told.code, told.lines[-1]["code"]) == (Exit.REFUSED, "policy-dies-with-school")


def test_the_custodian_signs_what_a_reshare_made(room: Round) -> None:
    """escrow keys reshare leaves charter-to-sign.json: it counts only with the custodian's signature."""
    draft, _ = deal.vault("community")
    room.write(NAMED)
    room.sign("charter.toml", *room.share("head"))
    for who in (room.share("deputy head"), room.share("LA records officer"), ("--key", room.folder / "la.key")):
        room.sign("charter-2.json", *who)
    assert room.sign("charter-2.json", "--publish").lines[-1]["published"] is True
    objects, history = load_public(room.public)
    head = last_stock(objects)[1]
    after = draft_next(history.charters, (draft.secret, draft.secret), POLICIES["community"], deal.LATER, head)
    (envelope,) = signed_charter(after, draft.keys).values()
    (room.folder / "charter-to-sign.json").write_bytes(envelope)
    told = room.sign("charter-to-sign.json", "--publish")
    assert told.lines[-1]["complete"] is False
    assert any("holders of keys: new: role head" in str(row.get("change")) for row in told.lines)
    told = room.sign("charter-to-sign.json", "--key", room.folder / "la.key", "--publish")
    assert told.lines[-1]["published"] is True, told.err
    _, history = load_public(room.public)
    assert history.charter == after.charter
    room.write(("cap_days = 900", "cap_days = 901"))
    assert room.sign("charter.toml", *room.share("head")).code == Exit.WRONG_KEY, "an old sheet signs nothing"


class Typist:
    """A terminal at which a person types."""

    answers: ClassVar[list[str]] = []
    shown: ClassVar[list[str]] = []

    def say(self, text: str = "") -> None:
        self.shown.append(text)

    def ask(self, prompt: str) -> str:
        self.shown.append(prompt)
        return self.answers.pop(0)

    def clear(self) -> None:
        self.shown.append("<cleared>")


def test_a_holder_types_the_sheet_and_the_word_sign(room: Round, monkeypatch: pytest.MonkeyPatch) -> None:
    draft, _ = deal.vault("community")
    monkeypatch.setattr(desk, "Terminal", Typist)
    words = [word[:4] for word in draft.sheets[0].share.words()]
    Typist.answers, Typist.shown = [*words, "yes", "SIGN"], []
    room.write(("cap_days = 900", "cap_days = 901"))
    told = room.sign("charter.toml", "--sheets", yes=False)
    assert told.code == 0, told.err
    assert {"signed_by": ["head"]} in told.lines
    assert Typist.answers == []
    assert Typist.shown.count("<cleared>") >= 1
    screen = "\n".join(Typist.shown)
    assert "Compare with your sheet before you type a word" in screen
    assert "Expected the word sign" in screen
