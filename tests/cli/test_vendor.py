"""`escrow vendor`: the case, its letters, the last dump, deletion and closing; and how each refuses."""

import json
import shutil
from datetime import date, timedelta
from pathlib import Path

import pytest
from escrow_cli import vendor_case
from escrow_cli.exits import Exit

from tests.cli.conftest import World, escrow, files_of
from tests.cli.leaving import QUORUM, Office, enter, school


@pytest.fixture(scope="session")
def leaving_school(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("leaving")
    school(root)
    return root


@pytest.fixture
def office(leaving_school: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Office:
    shutil.copytree(leaving_school, tmp_path / "s")
    return enter(tmp_path / "s", monkeypatch)


def test_status_tells_deadlines_with_their_source_and_fails_when_one_is_past(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    office.start()
    fine = office.run("status", "--json")
    assert fine.code == 0
    steps = {str(line["step"]): line for line in fine.lines if "step" in line}
    assert steps["return"]["state"] == "open"
    assert "28(3)(g)" in str(steps["return"]["source"])
    assert steps["deposit"]["state"] == "done"
    assert any("code tables" in str(line.get("recover")) for line in fine.lines)
    later = vendor_case.today() + timedelta(days=40)
    monkeypatch.setattr(vendor_case, "today", lambda: later)
    late = office.run("status", "--json")
    assert late.code == Exit.OVERDUE
    assert late.lines[-1]["result"] == "overdue"
    states = {str(line["step"]): line["state"] for line in late.lines if "step" in line}
    assert states["dump"] == "overdue"
    assert "overdue" in office.run("status").out
    assert office.run("note", "not needed: access goes on", "--step", "dump").code == 0
    states = {str(line["step"]): line["state"] for line in office.run("status", "--json").lines if "step" in line}
    assert states["dump"] == "done"


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("start", "Birch", "--reason", "dispute", "--began", "2026-11-20"), 2, "vendor-processor"),
        (("start", "Acorn", "--reason", "boredom", "--began", "2026-11-20"), 2, "vendor-reason"),
        (("start", "Acorn", "--reason", "dispute", "--began", "2999-01-01"), 2, "vendor-date"),
        (("start", "Acorn", "--reason", "dispute", "--began", "20.11.2026"), 2, ""),
        (("start", "Acorn", "--reason", "dispute", "--began", "2026-11-20", "--case", "../server/state/x"), 2, "place"),
        (("status",), 2, "vendor-none"),
        (("letters",), 2, "vendor-none"),
        (("close", "--case", "elsewhere"), 2, "vendor-none"),
    ],
)
def test_what_cannot_begin_is_refused(office: Office, arguments: tuple[str, ...], code: int, words: str) -> None:
    if "../server/state/x" in arguments:
        arguments = (*arguments, "--config", "../server/escrow.toml")
    told = office.run(*arguments)
    assert told.code == code
    assert words in told.err
    assert not office.case.exists()


def test_a_vault_whose_charter_names_no_processor(world: World) -> None:
    told = world.run("vendor", "start", "Acorn", "--reason", "dispute", "--began", "2026-11-20")
    assert told.code == 2
    assert "expected a processor of the charter (none)" in told.err


def test_an_end_of_contract_that_lies_behind_and_none_at_all(office: Office) -> None:
    began = ("--reason", "contract-end", "--began", "2026-11-20")
    past = office.run("start", "Acorn", *began, "--contract-end", "2026-11-01", "--case", "past")
    assert past.code == 0
    assert "days ago: ask for access all the same" in past.out
    none = office.run("start", "Cumulus", *began, "--case", "none")
    assert "no end of the contract is known" in none.err


def test_a_case_is_begun_once_and_its_files_are_read_strictly(office: Office) -> None:
    office.start()
    again = office.run("start", "Acorn", "--reason", "dispute", "--began", "2026-11-20")
    assert "vendor-exists" in again.err
    path = office.case / "vendor-exit.json"
    whole = path.read_text("utf-8")
    path.write_text(whole.replace('"reason"', '"raison"'), "utf-8")
    assert "vendor-damaged" in office.run("status").err
    path.write_text(json.dumps({**json.loads(whole), "vault": "0" * 32}), "utf-8")
    assert "vendor-vault" in office.run("status").err
    path.write_text(whole, "utf-8")
    (office.case / "exit.toml").write_text("[[step]]\n", "utf-8")
    assert "vendor-rules" in office.run("status").err
    (office.case / "exit.toml").unlink()
    assert office.run("status").code == 0


def test_letters_cite_the_charter_and_are_not_written_over(office: Office) -> None:
    office.start()
    told = office.run("letters", "--sign", "A. Head", "--address", "1 Acorn Way")
    assert told.code == 0, told.err
    folder = office.case / "letters"
    assert {path.name for path in folder.iterdir()} == {"ownership.html", "ownership.pdf", "return.html", "return.pdf"}
    page = (folder / "ownership.html").read_text("utf-8")
    for words in ("version 1 of our charter", "A. Head", "1 Acorn Way", "ZA000000", "a full copy in an open format"):
        assert words in page
    (folder / "return.html").write_text("edited", "utf-8")
    kept = office.run("letters", "return")
    assert "--again" in kept.err
    assert (folder / "return.html").read_text("utf-8") == "edited"
    assert office.run("letters", "return", "--again").code == 0
    assert (folder / "return.html").read_text("utf-8") != "edited"
    assert "vendor-letter" in office.run("letters", "threats").err


def test_the_texts_of_a_case_are_its_own(office: Office) -> None:
    office.start()
    text = office.case / "texts" / "ownership.toml"
    text.write_text(text.read_text("utf-8").replace("We write because", "We are sad that"), "utf-8")
    assert office.run("letters", "ownership").code == 0
    assert "We are sad that" in (office.case / "letters" / "ownership.html").read_text("utf-8")
    text.write_text('subject = "a"\ngreeting = "{nobody}"\npart = []\n', "utf-8")
    assert "vendor-letter" in office.run("letters", "ownership", "--again").err


def test_the_complaint_comes_with_the_chronology_of_signed_records(office: Office) -> None:
    office.start()
    (office.root / "office" / "mail.eml").write_bytes(b"no")
    assert office.run("note", "they refuse, by e-mail", "--file", "mail.eml").code == 0
    told = office.run("letters", "complaint")
    assert told.code == 0
    assert "draft" in told.err
    page = (office.case / "letters" / "complaint.html").read_text("utf-8")
    assert "notice 2" in page
    assert "they refuse, by e-mail" in page
    assert "mail.eml, SHA-256" in page
    rows = (office.case / "letters" / "chronology.csv").read_text("utf-8-sig").splitlines()
    assert len(rows) == 1 + 2 + 1 + 2


def test_parents_are_written_to_by_a_confirmed_mapping_and_answer(office: Office) -> None:
    office.start()
    assert "vendor-contacts" in office.run("letters", "parents").err
    pack = ("export", "latest", "mis/pupils.csv", "mis/contacts.csv", "--to", "open", "--quick", *QUORUM)
    assert escrow(*pack).code == 0
    assert "vendor-contacts" in office.run("letters", "parents", "--contacts", "open").err
    assert escrow(*pack, "--pack", "continuity").code == 2
    assert "mapping-unconfirmed" in office.run("letters", "parents", "--contacts", "open").err
    assert escrow(*pack, "--pack", "continuity", "--confirm", "A. Head").code == 0
    made = office.run("letters", "parents", "--contacts", "open", "--json")
    assert made.code == 0, made.err
    register = office.case / "letters" / "parents.csv"
    rows = register.read_text("utf-8-sig").splitlines()
    count = made.lines[0]["count"]
    assert count == len(rows) - 1
    assert office.run("replies", "P0002", "--said", "=moved").code == 0
    assert ",'=moved," in register.read_text("utf-8-sig")
    assert office.run("replies", "--json").lines[-1]["answered"] == 1
    assert "vendor-register" in office.run("letters", "parents", "--contacts", "open", "--again").err
    assert office.run("letters", "parents", "--again", "--json").lines[0]["count"] == count
    assert office.run("replies", "P9999", "--said", "x").code == 2


def test_the_dump_is_compared_with_the_last_good_night_without_a_trace_of_it(office: Office) -> None:
    office.start()
    before = set(files_of(office.root / "office"))
    told = office.run("dump", office.dump, *QUORUM, "--json")
    assert told.code == Exit.INCOMPLETE, told.err
    last = told.lines[-1]
    assert (last["tables_missing"], last["columns_missing"], last["rows_missing"]) == (1, 1, 44)
    assert last["night"] == 2
    tables = {str(line["table"]): line for line in told.lines if "table" in line}
    assert tables["mis/behaviour.csv"]["dump"] is None
    assert tables["mis/medical.csv"]["columns_missing"] == ["Medication"]
    assert tables["mis/lesson_marks.csv"]["rows_missing"] == 0
    made = set(files_of(office.root / "office")) - before
    assert {name.rpartition("/")[2] for name in made} == {
        "report.html",
        "report.pdf",
        "missing.csv",
        "counts.json",
    }
    entries = office.said()["entries"]
    assert isinstance(entries, list)
    assert "1 tables" in entries[-1]["text"]
    assert "step" not in entries[-1]
    assert "key-use" in escrow("event", "list").out


def test_a_dump_is_deposited_as_a_source_of_its_own_in_the_strictest_compartment(office: Office) -> None:
    server = office.root / "server" / "escrow.toml"
    told = office.run("dump", office.dump, "--deposit", "--config", server, "--json")
    assert told.code == 0, told.err
    assert told.lines[-1]["compartment"] == "safeguarding"
    wanted = ("restore", str(told.lines[-1]["night"]), "vendor-dump/", "--to", "back", *QUORUM)
    assert escrow(*wanted, "--compartment", "safeguarding").code == 0
    assert files_of(Path("back/vendor-dump")) == files_of(office.dump)
    again = office.run("dump", office.dump, "--deposit", "--config", server)
    assert again.code == 0
    assert server.read_text("utf-8").count("[[source]]") == 2
    assert "source vendor-dump already" in again.err
    office.start()
    after = office.run("dump", office.dump, *QUORUM, "--compartment", "safeguarding", "--json")
    assert not any(str(line.get("table", "")).startswith("vendor-dump") for line in after.lines)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("dump", "../from-the-vendor"), "--deposit or keys"),
        (("dump", "../from-the-vendor", "--deposit", *QUORUM), "--deposit or keys"),
        (("dump", "../absent", *QUORUM), "dump-missing"),
        (("dump", "empty", *QUORUM), "dump-empty"),
        (("dump", "../from-the-vendor", *QUORUM, "--night", "99"), "snapshot-unknown"),
        (("dump", "../from-the-vendor/pupils.csv", "--deposit"), "one folder to deposit"),
        (("dump", "../from-the-vendor", "--deposit", "--compartment", "x"), "compartment-unknown"),
        (("dump", "../from-the-vendor", *QUORUM, "--purpose", "marketing"), "event-purpose"),
    ],
)
def test_what_is_no_dump_is_refused(office: Office, arguments: tuple[str, ...], words: str) -> None:
    office.start()
    Path("empty").mkdir()
    told = office.run(*arguments)
    assert told.code in (Exit.USAGE, Exit.REFUSED)
    assert words in told.err


def test_the_schools_own_export_is_suspicious_as_a_dump(office: Office) -> None:
    office.start()
    told = office.run("dump", office.root / "exports", *QUORUM, "--json")
    assert told.code == Exit.SUSPICIOUS
    assert told.lines[-1]["same"] is True


def test_a_certificate_of_deletion_is_signed_into_the_vault_for_each_party(office: Office) -> None:
    office.start()
    Path("c.pdf").write_bytes(b"%PDF deleted")
    Path("none.pdf").touch()
    by = ("--certificate", "c.pdf", "--share", "head.txt")
    assert "evidence-empty" in office.run("deleted", "--by", "Acorn", "--certificate", "none.pdf").err
    assert "vendor-processor" in office.run("deleted", "--by", "Birch", *by).err
    first = office.run("deleted", "--by", "Acorn", *by, "--json")
    assert first.code == 0, first.err
    assert first.lines[-1]["left"] == ["Cumulus Hosting Ltd (demo)"]
    assert "vendor-step" in office.run("deleted", "--by", "Acorn", *by).err
    assert office.run("deleted", "--by", "Cumulus", *by, "--json").lines[-1]["left"] == []
    events = [line for line in escrow("event", "list", "--json").lines if line.get("kind") == "evidence"]
    assert [one["refused"] for one in events] == [None, None]
    shown = escrow("event", "show", str(events[0]["n"]), *QUORUM, "--purpose", "restore", "--json").lines
    assert any("Acorn MIS Ltd" in str(line.get("details")) for line in shown)


def test_closing_waits_for_open_steps_and_for_signatures(office: Office) -> None:
    office.start()
    assert "vendor-counts" in office.run("close").err
    listed = office.run("close", "--new-vendor", "Birch", *QUORUM, "--json")
    assert listed.code == 0, listed.err
    assert listed.lines[-1]["closed"] is None
    table = (office.case / "acceptance.csv").read_text("utf-8-sig")
    assert "mis/contacts.csv,425," in table
    Path("loaded.csv").write_text(table.replace("mis/contacts.csv,425,", "mis/contacts.csv,425,400"), "utf-8")
    compared = office.run("close", "--loaded", "loaded.csv", *QUORUM)
    assert "mis/contacts.csv: 425 on the night, 400 in the new system" in compared.out
    assert "-25" in (office.case / "acceptance.html").read_text("utf-8")
    Path("bad.csv").write_text("table,loaded\nx,many\n", "utf-8")
    assert "vendor-loaded" in office.run("close", "--loaded", "bad.csv", *QUORUM).err
    Path("signed.pdf").write_bytes(b"%PDF signed")
    refused = office.run("close", "--signed", "signed.pdf", *QUORUM)
    assert refused.code == Exit.REFUSED
    assert "deletion (Acorn MIS Ltd (demo))" in refused.err
    closed = office.run("close", "--signed", "signed.pdf", "--accept", "the vendor was wound up", *QUORUM)
    assert closed.code == 0
    assert office.said()["closed"] == vendor_case.today().isoformat()
    assert office.run("status").code == 0
    for arguments in (("note", "x"), ("close",), ("deleted", "--by", "Acorn", "--certificate", "signed.pdf")):
        assert office.run(*arguments, *(("--share", "head.txt") if arguments[0] == "deleted" else ())).code == 2


def test_a_note_closes_one_step_of_one_party(office: Office) -> None:
    office.start()
    assert "vendor-step" in office.run("note", "--step", "nothing").err
    both = office.run("note", "--step", "deletion")
    assert "--by" in both.err
    assert office.run("note", "--step", "deletion", "--by", "Cumulus Hosting Ltd (demo)").code == 0
    assert "vendor-text" in office.run("note").err
    assert "vendor-date" in office.run("note", "x", "--on", str(date(2999, 1, 1))).err
    assert "evidence-unreadable" in office.run("note", "x", "--file", "absent").err
