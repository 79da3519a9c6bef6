"""A handover by sheets to the custodian that the charter names, to its end, and on to a successor."""

from pathlib import Path

import pytest
from escrow_cli import desk, handover_parts
from escrow_cli.exits import Exit
from escrow_cli.handover import app

from escrow.errors import DeniedError
from tests.cli.conftest import Result, escrow, files_of
from tests.cli.people import People
from tests.custody.closing import LA, SUCCESSOR, drafted
from tests.engine.kit import NIGHTS, ClockedFolder, FixedClock, School

CONFIG = """\
vault = "{vault}"
fingerprint = "{fingerprint}"
state = "{state}"
[store]
url = "vault"
payer = "the school"
"""


TWO = ("head", "chair of governors")


class Closed:
    """A vault of two nights in a folder, sheets in files, the authority's key, and what each may run."""

    def __init__(self, root: Path) -> None:
        self.root = root
        draft, made = drafted()
        clock = FixedClock()
        self.school = School(root, ClockedFolder(root / "vault", clock), clock, made)
        self.school.nights(2)
        self.config = root / "escrow.toml"
        text = CONFIG.format(vault=made.vault, fingerprint=made.fingerprint, state="watching")
        self.config.write_text(text, "utf-8")
        for sheet in draft.sheets:
            (root / f"{sheet.holder.role}.txt").write_text(" ".join(sheet.share.words()), "ascii")
        for key, name in ((LA, "la"), (SUCCESSOR, "conwy")):
            (root / f"{name}.key").write_bytes(key.text().reveal())
            (root / f"{name}.card.json").write_bytes(key.card().text())
        (root / "letter.pdf").write_bytes(b"%PDF the administrator's letter")

    def run(self, *words: str | Path) -> Result:
        return escrow(*words, "--config", self.config)

    def shares(self, *roles: str) -> list[str | Path]:
        return [word for role in roles for word in ("--share", self.root / f"{role}.txt")]

    def start(self) -> Result:
        letter = self.root / "letter.pdf"
        return self.run(
            *("handover", "start", "--trigger", "vendor-insolvency", "--evidence", letter),
            *("--details", "the administrator wrote it", *self.shares("head")),
        )

    def release(
        self, compartment: str, *more: str | Path, roles: tuple[str, ...] = ("head", "chair of governors")
    ) -> Result:
        return self.run("handover", "release", "--compartment", compartment, *self.shares(*roles), *more)

    def accept(self, name: str = "la", *more: str | Path) -> Result:
        return self.run(
            *("handover", "accept", "--custodian", self.root / f"{name}.key", "--into", self.root / f"{name}-archive"),
            *("--keep-until", "2051-08-31", *more),
        )

    def transfer(self, name: str = "la", *more: str | Path) -> Result:
        return self.run(
            *("handover", "transfer", "--custodian", self.root / f"{name}.key"),
            *("--purpose", "pupil-files=answer requests of former pupils", *more),
        )

    def state(self) -> object:
        return self.run("handover", "status", "--json").lines[-1]["state"]


@pytest.fixture
def closed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Closed:
    monkeypatch.chdir(tmp_path)
    return Closed(tmp_path)


CLAUSE = ("--clause", "7.2: insolvency needs no cooling-off")


def test_two_holders_and_the_authority_hand_over_and_a_successor_takes_it_on(closed: Closed) -> None:
    assert closed.start().code == 0
    early = closed.release("records")
    assert (early.code, "escrow: handover-cooling-off:" in early.err) == (Exit.REFUSED, True)
    alone = closed.release("records", *CLAUSE, roles=("head",))
    assert (alone.code, "escrow: share-too-few:" in alone.err) == (Exit.WRONG_KEY, True)
    told = closed.release("records", *CLAUSE)
    assert told.code == 0, told.err
    told = closed.accept("la", "--certificate", closed.root / "handover.pdf")
    assert told.code == 0, told.out + told.err
    assert (closed.root / "handover.pdf").read_bytes().startswith(b"%PDF")
    told = closed.transfer("la", "--into", closed.root / "la-archive")
    assert told.code == 0, told.err
    assert closed.state() == "transferred"
    told = closed.run("status", "--json", "--max-age", "1h")
    assert told.lines[0]["custodian"] == "Cyngor Gwynedd"
    assert told.code == Exit.COPIES  # one payer holds the keys; that no night comes any more is as it should be

    key = ("--custodian", closed.root / "la.key")
    told = closed.run("restore", "latest", "--to", closed.root / "restored", *key)
    assert told.code == 0, told.err
    assert files_of(closed.root / "restored") == {"school/pupils.csv": NIGHTS[2]["pupils.csv"]}
    told = closed.run("restore", "latest", "--to", closed.root / "no", "--compartment", "safeguarding", *key)
    assert (told.code, told.err.split()[1]) == (Exit.WRONG_KEY, "key-not-released:")
    for purpose, code in (("marketing", Exit.REFUSED), ("pupil-files", Exit.OK)):
        assert closed.run("show", "latest", "--purpose", purpose, *key).code == code

    told = closed.run(*("handover", "pass", *key, "--to", closed.root / "conwy.card.json", "--compartment", "records"))
    assert told.code == 0, told.err
    assert closed.accept("conwy").code == 0
    assert closed.transfer("conwy").code == 0
    events = closed.run("event", "list", "--json").lines
    kinds = [one.get("kind") for one in events if "kind" in one]
    assert kinds == [
        *("notice-given", "released", "accepted", "transferred", "key-use", "key-use"),
        *("released", "accepted", "transferred"),
    ]


def test_what_was_signed_at_the_authority_alone_goes_along(closed: Closed) -> None:
    """It restores from its own copy before the transfer: the two chains do not part."""
    assert closed.start().code == 0
    assert closed.release("records", *CLAUSE).code == 0
    assert closed.accept().code == 0
    own = closed.root / "own.toml"
    own.write_text(closed.config.read_text("utf-8").replace('url = "vault"', 'url = "la-archive"'), "utf-8")
    key = ("--custodian", closed.root / "la.key")
    assert escrow("restore", "latest", "--to", closed.root / "restored", *key, "--config", own).code == 0
    assert closed.transfer("la", "--into", closed.root / "la-archive").code == 0
    for config in (closed.config, own):
        told = escrow("event", "list", "--json", "--config", config)
        assert told.code == 0, told.out
        assert [one["kind"] for one in told.lines[:-1]][2:] == ["accepted", "key-use", "transferred"]
    assert closed.release("safeguarding", *CLAUSE).code == 0
    assert closed.accept().code == 0
    assert escrow("event", "list", "--json", "--config", own).lines[-1]["events"] == 7


def test_a_receipt_that_reached_the_own_copy_alone_is_brought_to_the_school(closed: Closed) -> None:
    def lose(count: int) -> None:
        """The school's store is as if the last step had been cut off before it got there."""
        for event in sorted((closed.root / "vault" / "events").iterdir())[-count:]:
            event.unlink()

    assert closed.start().code == 0
    assert closed.release("records", *CLAUSE).code == 0
    assert closed.accept().code == 0
    lose(1)
    assert closed.state() == "released"
    told = closed.accept()
    assert told.code == 0, told.err
    assert "accepted before" in told.out
    assert closed.state() == "accepted"
    named = closed.root / "archive.toml"
    named.write_text('[store]\nurl = "la-archive"\n', "utf-8")
    into = ("--into", named)
    assert closed.transfer("la", *into).code == 0
    lose(1)
    assert closed.state() == "accepted"
    told = closed.transfer("la", *into)
    assert told.code == 0, told.err
    assert closed.state() == "transferred"
    assert closed.run("event", "list").code == 0


def test_details_are_shown_to_custodian_and_holders_alone(closed: Closed) -> None:
    assert closed.start().code == 0
    words = "details    the administrator wrote it"
    told = closed.run("event", "show", "1")
    assert (told.code, words in told.out, "sealed to custody and custodian" in told.err) == (0, False, True)
    for means in (("--custodian", closed.root / "la.key"), tuple(closed.shares(*TWO))):
        assert closed.run("event", "show", "1", *means).code == Exit.REFUSED
        assert words in closed.run("event", "show", "1", *means, "--purpose", "restore").out
    other = ("--custodian", closed.root / "conwy.key", "--purpose", "restore")
    assert closed.run("event", "show", "1", *other).code == Exit.WRONG_KEY
    assert closed.run("event", "show", "9").code == Exit.USAGE
    uses = [line for line in closed.run("event", "list").out.splitlines() if "key-use" in line]
    assert len(uses) == 1, "the custodian, to whom nothing is released yet, cannot sign one"


def test_a_handover_is_withdrawn_and_begun_again(closed: Closed) -> None:
    assert closed.start().code == 0
    assert closed.run("handover", "withdraw", *closed.shares("head")).code == Exit.REFUSED
    assert closed.run("handover", "withdraw", *closed.shares("head", "LA records officer")).code == 0
    assert closed.state() == "active"
    assert closed.start().code == 0


def test_who_may_not_put_leaves_deeds_for_who_may(closed: Closed, monkeypatch: pytest.MonkeyPatch) -> None:
    assert app

    def denied(*_: object) -> None:
        raise DeniedError("store-denied", "this credential may not put")

    with monkeypatch.context() as patch:
        patch.setattr(handover_parts, "put_deeds", denied)
        told = closed.start()
    assert told.code == 0
    assert "escrow handover post handover-deeds" in told.err
    assert closed.state() == "active"
    assert closed.run("handover", "post", "handover-deeds").code == 0
    assert closed.state() == "notice-given"
    assert closed.run("handover", "post", "handover-deeds").code == 0
    assert closed.run("handover", "post", "nothing").code == Exit.USAGE


def test_what_differs_stops_the_receipt_until_it_is_taken_knowingly(closed: Closed) -> None:
    assert closed.start().code == 0
    assert closed.release("records", *CLAUSE).code == 0
    pack = max((closed.root / "vault").glob("series/*/packs/*.age"))
    pack.chmod(0o644)
    data = pack.read_bytes()
    pack.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    told = closed.accept()
    assert (told.code, told.err.split()[1]) == (Exit.INTEGRITY, "accept-differs:")
    assert closed.state() == "released"
    told = closed.accept("la", "--despite-differences")
    assert told.code == 0, told.err
    assert "difference: object-" in told.out
    assert closed.state() == "accepted"


def test_the_watch_file_finds_a_vault_that_was_rolled_back(closed: Closed) -> None:
    heads = closed.root / "heads.json"
    assert closed.start().code == 0
    assert closed.run("custodian", "watch", "--file", heads).code == 0
    (event,) = (closed.root / "vault" / "events").iterdir()
    saved = event.read_bytes()
    event.unlink()
    told = closed.run("custodian", "watch", "--file", heads)
    assert told.code == Exit.INTEGRITY
    assert "event-rollback" in told.out
    event.write_bytes(saved)
    assert closed.run("custodian", "watch", "--file", heads).code == 0
    max((closed.root / "vault" / "notices").iterdir()).unlink()
    assert closed.run("custodian", "watch", "--file", heads).code == Exit.ROLLBACK
    heads.write_text("{}")
    assert closed.run("custodian", "watch", "--file", heads).code == Exit.INTEGRITY


def test_a_custodian_is_made_shown_and_rotated(closed: Closed, monkeypatch: pytest.MonkeyPatch) -> None:
    from escrow.custody.custodian import open_rotation, parse_card

    monkeypatch.setenv("ESCROW_PASSPHRASE", "a passphrase of the authority")
    key = closed.root / "safe" / "new.key"
    made = escrow("custodian", "new", "--name", "Cyngor Môn", "--out", key, "--json")
    assert made.code == 0, made.err
    assert b"secret" not in key.read_bytes()
    shown = escrow("custodian", "card", f"{key}.card.json", "--json")
    assert shown.lines[-1]["fingerprint"] == made.lines[-1]["fingerprint"]
    assert escrow("custodian", "new", "--name", "x", "--out", key).code == Exit.USAGE
    assert (
        escrow("custodian", "new", "--name", "x", "--kind", "county", "--out", closed.root / "y").code == Exit.INTEGRITY
    )
    told = escrow("custodian", "rotate", "--custodian", key, "--out", closed.root / "safe" / "next.key")
    assert told.code == 0, told.err
    statement = open_rotation((closed.root / "safe" / "next.key.rotation.json").read_bytes())
    assert statement.old == parse_card(Path(f"{key}.card.json").read_bytes())
    assert statement.new.name == "Cyngor Môn"


def test_a_custodians_key_is_joined_from_files(closed: Closed, monkeypatch: pytest.MonkeyPatch) -> None:
    from escrow.custody.custodian import open_custodian, split_key

    monkeypatch.setenv("ESCROW_PASSPHRASE", "a passphrase of the authority")
    words: list[str | Path] = []
    for number, share in enumerate(split_key(LA, 2, 3)[1:]):
        path = closed.root / f"{number}.txt"
        path.write_text(" ".join(word[:4] for word in share.words()), "ascii")
        words += ["--share", path]
    join = ("custodian", "join", "--card", closed.root / "la.card.json")
    assert escrow(*join, *words[:2], "--out", closed.root / "one.key").code == Exit.WRONG_KEY
    other = ("custodian", "join", "--card", closed.root / "conwy.card.json")
    assert escrow(*other, *words, "--out", closed.root / "two.key").code == Exit.WRONG_KEY
    told = escrow(*join, *words, "--out", closed.root / "safe" / "again.key", "--no-passphrase")
    assert told.code == 0, told.err
    assert open_custodian((closed.root / "safe" / "again.key").read_bytes(), None).card() == LA.card()


def test_one_holder_types_a_sheet_for_the_notice_and_two_for_the_release(
    closed: Closed, monkeypatch: pytest.MonkeyPatch
) -> None:
    head, chair, _ = (tuple(sheet.share.words()) for sheet in drafted()[0].sheets)
    people = People([head])
    monkeypatch.setattr(desk, "Terminal", lambda: people)
    letter = ("--evidence", closed.root / "letter.pdf")
    told = closed.run("handover", "start", "--trigger", "vendor-insolvency", *letter, "--sheets")
    assert told.code == 0, told.err
    assert people.typing == []
    people.typing = [head, chair]
    told = closed.run("handover", "release", "--compartment", "records", *CLAUSE, "--sheets")
    assert told.code == 0, told.err
    assert people.typing == []
    assert closed.state() == "released"
