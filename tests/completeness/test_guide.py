"""The guide's commands and its entry, run as they stand; the codes of verdicts, and what the operator is told."""

import json
import os
import re
import tomllib
from pathlib import Path

import pytest

from escrow.completeness import Expectation
from escrow.completeness.expectation_toml import parse, to_toml
from escrow.completeness.findings import ADVICE
from escrow.completeness.learn import learn
from escrow.errors import UsageError
from tests.test_guides import blocks, first_night, machines, run

from .year import FIRST, LEARNING, nights

GUIDE = "guide-completeness.md"
DOCS = Path(__file__).parents[2] / "docs"

pytestmark = pytest.mark.skipif(os.name == "nt", reason="the guides' boxes are for a POSIX shell")


def exit_of(command: str, folder: Path) -> tuple[int, list[dict[str, object]]]:
    told = run(f"{command} --json || true", folder)
    rows = [json.loads(line) for line in told.splitlines() if line.startswith("{")]
    return int(str(rows[-1]["exit"])), rows


def test_the_guide_to_completeness(tmp_path: Path) -> None:
    server, holder = machines(tmp_path)
    run('escrow keys new --school "Fernhill School" --agent ../server/server.card --out stick', holder)
    first_night(server, holder)
    check, learn, confirm, show = blocks(GUIDE)
    assert "datasets: ok" in run(check, server)
    assert "confirm" in run(learn, server)
    run(confirm, server)
    expectation = parse((server / "expectations.toml").read_text("utf-8"), "x")
    assert re.fullmatch(r"20\d\d-\d\d-\d\d by S. Patel, network manager", expectation.confirmed)
    assert "UPN" in run(show, server)

    (exit, _), pupils = exit_of("escrow source check", server), server / "exports/pupils.csv"
    assert exit == 0
    pupils.write_bytes(pupils.read_bytes().replace(b"UPN", b"Key", 1))
    exit, rows = exit_of("escrow source check", server)
    assert (exit, [row["code"] for row in rows if row.get("severity") == "fail"]) == (19, ["ids-gone"])
    exit, rows = exit_of("escrow snapshot", server)
    assert (exit, rows[-1]["result"]) == (19, "incomplete")
    assert exit_of("escrow status", server)[0] == 19
    shown = run("escrow show latest", server)
    assert "ids-gone_pupils" in shown

    (server / "expectations.toml").write_text("confirmed = 3\n")
    exit, rows = exit_of("escrow snapshot", server)
    assert (exit, [row["code"] for row in rows if "severity" in row]) == (4, ["expectation"])
    assert exit_of("escrow source check", server)[0] == 2


def test_the_guides_entry_and_its_table_are_true() -> None:
    (entry,) = blocks(GUIDE, "toml")
    assert parse(entry, "guide").datasets[0].grows
    text = (DOCS / GUIDE).read_text("utf-8")
    assert all(f"| `{code}` | {words} |" in text for code, words in ADVICE.items())
    described = set(re.findall(r"^\| `([a-z-]+)` \|", (DOCS / "completeness.md").read_text("utf-8"), re.MULTILINE))
    assert described == set(ADVICE)


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("confirmed = ", "TOML"),
        ("confirmed = 3", "confirmed"),
        ("surprise = 1", "surprise"),
        ("[terms]\nterms = [[2026-09-03]]", "terms"),
        ("[terms]\nterms = [[2026-09-03, 2026-09-01]]", "terms"),
        ('[terms]\nrollover = "summer"', "rollover"),
        ("[terms]\ninset = [3]", "inset"),
        ("dataset = 3", "dataset"),
        ('[[dataset]]\npath = "a"', "alias"),
        ('[[dataset]]\npath = "a"\nalias = "A B"', "alias"),
        ('[[dataset]]\npath = "a"\nalias = "a"\nmax_fall = 200', "max_fall"),
        ('[[dataset]]\npath = "a"\nalias = "a"\ngrows = 1', "grows"),
        ('[[dataset]]\npath = "a"\nalias = "a"\ncolumns = "UPN"', "columns"),
        ('[[dataset]]\npath = "a"\nalias = "a"\naccept = ["nothing"]', "accept"),
        ('[[dataset]]\npath = "a"\nalias = "a"\n[[dataset]]\npath = "b"\nalias = "a"', "alias"),
    ],
)
def test_an_entry_that_is_wrong_is_named(text: str, word: str) -> None:
    with pytest.raises(UsageError, match=word) as caught:
        parse(text, "expectations.toml")
    assert caught.value.code == "expectation"


def test_what_is_learned_reads_back_the_same() -> None:
    terms, series = nights(5, FIRST, LEARNING)
    learned = Expectation("by a test", terms, tuple(learn([*series], terms)))
    assert parse(to_toml(learned), "x") == learned
    assert {one.alias for one in learned.datasets if one.grows} == {"session-marks", "lesson-marks", "behaviour"}
    assert tomllib.loads(to_toml(learned))["dataset"][0]["path"] == "mis/assessment.csv"
