"""Charters through the command line: written as text, checked, signed one after the other, published, lived with."""

import json
import re
import shutil
from datetime import date, timedelta
from pathlib import Path

import pytest
from escrow_cli.exits import Exit

from tests.cli.conftest import World, escrow

PUBLIC = "public"


@pytest.fixture
def text(world: World) -> Path:
    """The charter in force, as text beside the holder's key."""
    file = world.root / "holder" / "charter.toml"
    told = escrow("charter", "new", "--public", world.root / "holder" / PUBLIC, "--out", file)
    assert told.code == 0, told.err
    return file


def edit(file: Path, *pairs: tuple[str, str]) -> None:
    words = file.read_text("utf-8")
    for old, new in pairs:
        assert old in words, old
        words = words.replace(old, new, 1)
    file.write_text(words, "utf-8")


def sign(world: World, file: Path, *more: str | Path) -> list[dict[str, object]]:
    """Signed and published by the one holder, into the public parts and the store."""
    told = world.run(
        *("charter", "sign", file, "--key", world.key, "--public", world.root / "holder" / PUBLIC),
        *("--yes", "--publish", "--json", *more),
    )
    assert told.code == 0, told.err
    return told.lines


def refused(code: Exit, word: str, *arguments: str | Path) -> None:
    told = escrow(*arguments)
    assert (told.code, told.err.split()[1]) == (code, f"{word}:"), told.err


def test_the_text_of_a_charter_unchanged_changes_nothing(world: World, text: Path) -> None:
    told = escrow("charter", "check", text, "--public", world.root / "holder" / PUBLIC)
    assert told.code == 0
    assert "nothing changes" in told.out
    assert "warning: policy-alone: one key file opens the vault, and the head has it alone" in told.out
    assert "warning: policy-no-custodian" in told.out
    assert told.out.splitlines()[-1] == "ready to sign: escrow charter sign"
    refused(Exit.USAGE, "file-exists", "charter", "new", "--public", world.root / "holder" / PUBLIC, "--out", text)


def test_a_template_for_each_type_and_none_for_others(tmp_path: Path) -> None:
    for kind in ("community", "academy", "church"):
        out = tmp_path / f"{kind}.toml"
        assert escrow("charter", "new", "--type", kind, "--school", "Fernhill", "--out", out).code == 0
        assert f'type = "{kind}"' in out.read_text("utf-8")
    refused(Exit.USAGE, "school-type", "charter", "new", "--type", "nursery", "--out", tmp_path / "x.toml")


def test_a_weak_policy_is_refused_and_said_in_words(world: World, text: Path) -> None:
    public = world.root / "holder" / PUBLIC
    words = text.read_text("utf-8")
    one = re.sub(r"\[\[compartments\]\]\nname = \"records\"[^[]*", "", words)
    text.write_text(one, "utf-8")
    told = escrow("charter", "check", text, "--public", public, "--json")
    assert told.code == Exit.REFUSED
    assert [row["finding"] for row in told.lines if row.get("severity") == "error"] == ["policy-compartment"]
    refused(
        *(Exit.REFUSED, "policy-compartment", "charter", "sign", text, "--public", public),
        *("--key", world.key, "--yes"),
    )
    assert not (text.parent / "charter-2.json").exists()


def test_a_second_charter_is_signed_published_and_lived_with(world: World, text: Path) -> None:
    edit(text, ("cap_days = 2000", "cap_days = 1999"))
    rows = sign(world, text)
    assert {"change": "longest lock in days: 2000 becomes 1999"} in rows
    assert rows[-1]["published"] is True
    assert len(list((world.vault / "charter").iterdir())) == 2
    night = world.run("snapshot", "--json").lines
    assert [row.get("new_series") for row in night[:2]] == ["charter-changed"] * 2
    assert world.run("verify", "--read", "1").code == 0
    assert world.run("restore", "latest", "--to", "out", "--key", world.key).code == 0
    said = world.run("charter", "diff", "--json").lines
    assert said[1] == {"change": "longest lock in days: 2000 becomes 1999"}
    refused(Exit.USAGE, "charter-version", "charter", "diff", "1", "3", "--config", world.config)


def test_a_charter_that_changes_contacts_leaves_the_series_alone(world: World, text: Path) -> None:
    edit(text, ("#[[contacts]]\n#role", "[[contacts]]\nrole"), ("#text = \"<name of the DPO's", "text = \"the DPO's"))
    rows = sign(world, text)
    assert {"to_sign": "one holder, as only contacts and processors change"} in rows
    night = world.run("snapshot", "--json").lines
    assert [row.get("new_series") for row in night[:2]] == [None, None]


def test_a_new_machine_after_the_state_folder_is_lost(world: World, text: Path) -> None:
    """The agent's key went with the state: a new card, the old key revoked after its last good notice."""
    shutil.rmtree(world.state)
    card = world.root / "holder" / "new.card"
    assert world.run("agent", "card", "--name", "new server", "--out", card).code == 0
    assert world.run("snapshot").code == Exit.REFUSED
    old = re.search(r'\[\[agents\]\]\nname = ".*"\nkey = "[0-9a-f]{16}"\n', text.read_text("utf-8"))
    assert old
    edit(text, (old[0], old[0] + 'revoked_after = 2\n\n[[agents]]\ncard = "new.card"\n'))
    rows = sign(world, text)
    assert any("nightly machines: new: name new server" in str(row.get("change")) for row in rows)
    assert any("revoked after: new: 2" in str(row.get("change")) for row in rows)
    night = world.run("snapshot", "--json").lines
    assert [row.get("new_series") for row in night[:2]] == ["agent-changed"] * 2
    assert night[-1]["seq"] == 3
    assert world.run("verify", "--read", "1").code == 0
    assert world.run("restore", "2", "--to", "out", "--key", world.key).code == 0


def test_the_nightly_machine_takes_the_new_charter_from_its_public_parts(world: World, text: Path) -> None:
    """No registrar at the holder's: the folder is carried, and init puts what is in it."""
    edit(text, ("cap_days = 2000", "cap_days = 1999"))
    public = world.root / "holder" / PUBLIC
    signed = ("charter", "sign", text, "--public", public, "--key", world.key, "--yes", "--publish")
    assert escrow(*signed).code == 0
    assert len(list((world.vault / "charter").iterdir())) == 1
    shutil.rmtree(world.root / "server" / "public")
    shutil.copytree(public, world.root / "server" / "public")
    assert world.run("init", "--public", world.root / "server" / "public").code == 0
    assert [row.get("new_series") for row in world.run("snapshot", "--json").lines[:2]] == ["charter-changed"] * 2


def test_a_draft_goes_round_and_an_old_one_is_refused(world: World, text: Path) -> None:
    public = world.root / "holder" / PUBLIC
    edit(text, ("cap_days = 2000", "cap_days = 1999"))
    base = ("--public", public, "--json")
    told = escrow("charter", "sign", text, "--key", world.key, "--yes", *base)
    assert told.code == 0, told.err
    draft = text.parent / "charter-2.json"
    assert told.lines[-1] == {
        **{"result": "ok", "exit": 0, "complete": True, "published": False, "draft": str(draft)},
    }
    refused(Exit.USAGE, "file-exists", "charter", "sign", text, "--key", world.key, "--yes", "--public", public)
    seen = escrow("charter", "sign", draft, *base).lines
    assert {"signed_by": ["head"]} in seen
    assert escrow("charter", "sign", draft, "--publish", *base).lines[-1]["published"] is True
    refused(Exit.USAGE, "draft-old", "charter", "sign", draft, "--public", public)


def test_who_may_not_sign_does_not(world: World, text: Path, tmp_path: Path) -> None:
    public = world.root / "holder" / PUBLIC
    made = escrow(
        *("keys", "new", "--school", "Other", "--agent", world.root / "server.card", "--out", tmp_path / "other"),
        "--no-passphrase",
    )
    assert made.code == 0
    base = ("charter", "sign", text, "--public", public, "--yes")
    refused(Exit.WRONG_KEY, "key-other-vault", *base, "--key", tmp_path / "other" / "custody.key")
    refused(Exit.USAGE, "signer-missing", *base)
    refused(Exit.USAGE, "signer-one", *base, "--key", world.key, "--sheets")
    refused(Exit.USAGE, "charter-basis", "charter", "check", text, "--config", tmp_path / "none.toml")
    refused(Exit.USAGE, "charter-unreadable", "charter", "check", tmp_path / "none", "--public", public)
    assert not (text.parent / "charter-2.json").exists()


def test_nobody_signs_unasked_without_a_terminal(world: World, text: Path) -> None:
    public = world.root / "holder" / PUBLIC
    edit(text, ("cap_days = 2000", "cap_days = 1999"))
    refused(Exit.USAGE, "terminal-needed", "charter", "sign", text, "--public", public, "--key", world.key)


def test_a_change_of_one_byte_in_a_draft_leaves_nobody_as_its_signer(world: World, text: Path) -> None:
    public = world.root / "holder" / PUBLIC
    edit(text, ("cap_days = 2000", "cap_days = 1999"))
    assert escrow("charter", "sign", text, "--key", world.key, "--yes", "--public", public).code == 0
    draft = text.parent / "charter-2.json"
    members = json.loads(draft.read_bytes())
    signature = members["signatures"][0]["sig"]
    members["signatures"][0]["sig"] = ("B" if signature[0] == "A" else "A") + signature[1:]
    draft.write_text(json.dumps(members, sort_keys=True, separators=(",", ":")))
    seen = escrow("charter", "sign", draft, "--public", public, "--publish", "--json").lines
    assert {"signed_by": []} in seen
    assert seen[-1]["complete"] is False


def test_a_charter_is_shown_as_text_page_and_pdf(world: World, text: Path, tmp_path: Path) -> None:
    edit(text, ("#[controller]\n#name", "[controller]\nname"))
    sign(world, text)
    told = world.run("charter", "show")
    assert told.code == 0
    assert told.out.startswith("Charter of Fernhill\n===================\n")
    assert "Controller: The governing body of Fernhill" in told.out
    assert "Signed by: head" in told.out
    assert all(len(line) <= 100 for line in told.out.splitlines())
    assert "Controller: " not in world.run("charter", "show", "1").out
    page, paper = tmp_path / "charter.html", tmp_path / "charter.pdf"
    assert world.run("charter", "show", "--html", page, "--pdf", paper).code == 0
    assert "The governing body of Fernhill" in page.read_text("utf-8")
    assert paper.read_bytes().startswith(b"%PDF-")
    record = world.run("charter", "show", "--article-30").out
    assert record.startswith("Article 30 record: Fernhill")
    rows = world.run("charter", "show", "--json").lines
    assert rows[-1]["version"] == 2


def test_a_text_is_shown_before_anybody_signs_it(world: World, text: Path) -> None:
    edit(text, ("#forbidden = [\n#    ", "forbidden = [\n    "), ("#    ", "    "), ("#    ", "    "), ("#]", "]"))
    told = world.run("charter", "show", "--file", text)
    assert told.code == 0, told.err
    assert "- training software or models on live data" in told.out
    assert "This is version 2" in told.out
    assert "Signed by" not in told.out


def test_a_compartment_is_added_and_gets_keys_of_its_own(world: World, text: Path) -> None:
    """Until its keys are there its files go to the strictest; nothing stops."""
    edit(text, ("[[holders]]", '[[compartments]]\nname = "documents"\nnights = 200\nkeep_days = 10\n\n[[holders]]'))
    sign(world, text)
    world.config.write_text(world.config.read_text() + '[[rule]]\ncompartment = "documents"\nglobs = ["letters/"]\n')
    early = world.run("snapshot", "--json")
    assert early.code == Exit.SUSPICIOUS
    assert "compartment documents: the stock has no key for it yet" in early.err
    assert {row["compartment"]: row["files"] for row in early.lines if "compartment" in row} == {
        "records": 1,
        "safeguarding": 2,
    }
    public = world.root / "holder" / PUBLIC
    made = escrow("keys", "stock", "--public", public, "--key", world.key, "--json")
    assert made.code == 0, made.err
    assert made.lines[0] == {"compartment": "documents", "keys": 8}
    again = escrow("keys", "stock", "--public", public, "--key", world.key, "--json")
    assert again.lines[-1]["keys"] == 0
    shutil.rmtree(world.root / "server" / "public")
    shutil.copytree(public, world.root / "server" / "public")
    assert world.run("init", "--public", world.root / "server" / "public").code == 0
    night = world.run("snapshot", "--json")
    assert night.code == 0, night.err
    assert {row["compartment"]: (row["files"], row["new_series"]) for row in night.lines if "compartment" in row} == {
        "documents": (2, "charter-changed"),
        "records": (1, None),
        "safeguarding": (0, None),
    }
    assert world.run("verify", "--read", "1").code == Exit.COPIES, "the new keys lie under one payer"
    assert world.run("store", "copy").code == 0
    assert world.run("verify", "--read", "1").code == 0
    restored = world.run("restore", "latest", "--to", "out", "--compartment", "documents", "--key", world.key)
    assert restored.code == 0, restored.err


def test_an_expired_charter_gives_its_own_exit_code_and_a_whole_night(world: World, text: Path) -> None:
    edit(text, ("#review = 2", "review = 2"))
    words = re.sub(r"^review = .*$", "review = 2026-01-01", text.read_text("utf-8"), flags=re.MULTILINE)
    text.write_text(words, "utf-8")
    rows = sign(world, text)
    assert any(row.get("finding") == "policy-review" for row in rows)
    night = world.run("snapshot")
    assert (night.code, night.out.splitlines()[-1]) == (Exit.CHARTER, "night 3: warn")
    assert "was to be reviewed by 2026-01-01" in night.err
    assert world.run("status").code == Exit.CHARTER
    told = world.run("status").out.splitlines()
    assert told[0].startswith("charter: Fernhill: night 3, ")
    assert any(line.startswith("  charter-expired: ") for line in told)
    assert world.run("restore", "3", "--to", "out", "--key", world.key).code == 0


def test_a_version_that_would_be_a_fork_is_not_published(world: World, text: Path, tmp_path: Path) -> None:
    """Public parts that are behind the store: the second version 2 stays where it is."""
    old = shutil.copytree(world.root / "holder" / PUBLIC, tmp_path / "old")
    other = shutil.copy(text, tmp_path / "other.toml")
    edit(text, ("cap_days = 2000", "cap_days = 1999"))
    sign(world, text)
    edit(Path(other), ("cap_days = 2000", "cap_days = 1998"))
    told = world.run("charter", "sign", other, "--key", world.key, "--public", old, "--yes", "--publish")
    assert (told.code, told.err.split()[1]) == (Exit.INTEGRITY, "charter-not-taken:")
    assert "charter-fork" in told.err
    assert len(list((world.vault / "charter").iterdir())) == 2
    assert len(list((old / "charter").iterdir())) == 1
    assert world.run("verify").code == 0


def test_publishing_again_after_the_store_was_away_completes_it(world: World, text: Path) -> None:
    public = world.root / "holder" / PUBLIC
    edit(text, ("cap_days = 2000", "cap_days = 1999"))
    assert escrow("charter", "sign", text, "--key", world.key, "--yes", "--public", public).code == 0
    draft = text.parent / "charter-2.json"
    away = world.vault.rename(world.root / "away")
    told = world.run("charter", "sign", draft, "--public", public, "--publish")
    assert (told.code, told.err.split()[1]) == (Exit.STORE, "store-folder-missing:")
    away.rename(world.vault)
    for _ in range(2):
        told = world.run("charter", "sign", draft, "--public", public, "--publish")
    assert told.code == Exit.USAGE
    assert len(list((world.vault / "charter").iterdir())) == len(list((public / "charter").iterdir())) == 2


def test_status_reminds_of_the_review_and_of_the_custodian(world: World, text: Path) -> None:
    soon = f"review = {date.today() + timedelta(days=50)}"
    text.write_text(re.sub(r"^#review = .*$", soon, text.read_text("utf-8"), flags=re.MULTILINE), "utf-8")
    sign(world, text)
    assert world.run("snapshot").code == 0
    told = world.run("status")
    assert told.code == 0
    assert "  charter-review: charter 2 is to be reviewed by" in told.out
    assert "  charter-no-custodian: no custodian is named yet" in told.out
    (row,) = [row for row in world.run("status", "--json").lines if "reminders" in row]
    assert [one["code"] for one in row["reminders"]] == ["charter-review", "charter-no-custodian"]  # type: ignore[attr-defined]
    assert row["findings"] == []


def test_an_old_charter_shown_again_is_told_without_keys(world: World, text: Path) -> None:
    edit(text, ("cap_days = 2000", "cap_days = 1999"))
    sign(world, text)
    assert world.run("snapshot").code == 0
    (second,) = (world.vault / "charter").glob("00000002-*")
    second.unlink()
    told = world.run("verify", "--json")
    assert told.code == Exit.INTEGRITY
    assert [row["finding"] for row in told.lines if row.get("severity") == "error"] == ["notice-charter"]
    night = world.run("snapshot")
    assert night.code == Exit.ROLLBACK
    assert "alarm: charter-rolled-back" in night.err
    assert world.run("restore", "latest", "--to", "out", "--key", world.key).code == 0
