"""A vault whose series expired and whose keys were destroyed, as readers and custodians meet it."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import files_of
from tests.engine.kit import NIGHTS
from tests.rescue.hook import both
from tests.rescue.reader import KIT
from tests.retention.kit import TWO, Ends

HANDOVER = ("handover", "start", "--trigger", "closure-order", "--evidence")
USE = ("--purpose", "pupil-files=answer requests of former pupils")


@pytest.fixture
def ended(tmp_path: Path) -> Ends:
    """The first series of records expired, the key of the second was destroyed."""
    ends = Ends(tmp_path)
    first, second, _ = ends.series()
    shares = ends.shares(*TWO)
    gone = ends.run("retention", "expire", first, "--yes", *shares)
    assert gone.code == 0, gone.err
    pdf = ("--certificate", tmp_path / "gone.pdf")
    destroyed = ends.run("retention", "shred", second, "--clause", "shred-records", "--yes", *pdf, *shares)
    assert destroyed.code == 0, destroyed.err
    return ends


def take_over(ends: Ends) -> None:
    """The authority takes the vault, its copy in `archive`, and reads that from now on."""
    letter = ends.root / "letter.pdf"
    letter.write_bytes(b"an order")
    assert ends.run(*HANDOVER, letter, *ends.shares("head")).code == 0
    parts = ("--compartment", "records", "--compartment", "safeguarding")
    released = ends.run("handover", "release", *parts, *ends.shares(*TWO))
    assert released.code == 0, released.err
    la = ("--custodian", ends.root / "la.key")
    into = ("--into", ends.root / "archive", "--keep-until", "2051-08-31")
    taken = ends.run("handover", "accept", *la, *into)
    assert taken.code == 0, taken.out + taken.err
    assert "difference" not in taken.out.replace("no differences", "")
    transferred = ends.run("handover", "transfer", *la, *USE, "--into", ends.root / "archive")
    assert transferred.code == 0, transferred.err
    ends.config.write_text(ends.config.read_text("utf-8").replace('url = "vault"', 'url = "archive"'), "utf-8")


def rescue(*words: str | Path) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, KIT / "escrow_rescue.py", *words]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_both_readers_believe_the_same_of_it(ended: Ends) -> None:
    objects = [(info.key, ended.school.store.get(info.key)) for info in ended.school.store.list()]
    history = both([(name, data) for name, data in objects if name.endswith(".json")])
    assert history.findings == ()
    assert set(history.ending.expired) == {ended.series()[0]}
    assert len(history.ending.shredded) == 1


def test_the_rescue_reader_restores_what_is_there_and_says_what_is_gone(ended: Ends) -> None:
    sheets: tuple[str | Path, ...] = ("--sheets", *(ended.root / f"{role}.txt" for role in TWO))
    vault, out = ended.root / "vault", ended.root / "out"
    whole = rescue("check", vault)
    assert (whole.returncode, "series-expired" in whole.stdout, "key-shredded" in whole.stdout) == (0, True, True)
    assert "records (expired)" in rescue("list", vault).stdout
    latest = rescue("restore", vault, out, *sheets)
    assert latest.returncode == 0, latest.stdout
    assert files_of(out / "school") == NIGHTS[2]
    for night, code in (("1", "series-expired"), ("3", "key-shredded")):
        part = rescue("restore", vault, ended.root / night, "--night", night, *sheets)
        assert (part.returncode, code in part.stdout) == (1, True), part.stdout
        assert files_of(ended.root / night), "the other compartment"


def test_a_custodian_takes_it_over_and_ends_even_the_last(ended: Ends) -> None:
    take_over(ended)
    last = ended.series()[2]
    la = ("--custodian", ended.root / "la.key")
    everything = ended.run("retention", "expire", "--yes", "--json", *la)
    assert everything.code == 0, everything.err
    assert ended.sealed(last, "archive"), "the last goes only when it is named"
    named = ended.run("retention", "expire", last, "--yes", "--json", *la)
    assert named.code == 0, named.err
    assert ended.sealed(last, "archive") == []
    assert ended.run("verify", "--json").lines[-1]["findings"] == 1, "that keys are in one place"
    assert rescue("check", ended.root / "archive").returncode == 0
    held = ended.run("hold", "new", "inquiry", "--reason", "r", "--authority", "a", *la)
    assert held.code == 0, held.err
    assert ended.run("hold", "clear", "inquiry", *la).code == 0
