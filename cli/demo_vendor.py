"""`escrow demo vendor`: a vendor stops, told by the commands that a school would type; each must end as it should."""

import io
import json
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from .exits import Exit
from .output import Output
from .vendor_case import today

if TYPE_CHECKING:
    from escrow.record import JsonObject

    from .demo_leaving import DemoLeaving

_QUORUM = ("--share", "head.txt", "--share", "chair.txt")


@dataclass
class _Story:
    """What was told so far, and whether all of it was as it should be."""

    output: Output
    demo: "DemoLeaving"
    started: float = field(default_factory=time.perf_counter)
    good: bool = True

    def tell(self, text: str, *, good: bool = True) -> None:
        seconds = time.perf_counter() - self.started
        self.good &= good
        words = text if good else f"{text}: NOT AS IT SHOULD BE"
        self.output.row(f"{seconds:5.1f} s  {words}", step=text, good=good)

    def run(self, text: str, folder: Path, *arguments: str, ends: Exit = Exit.OK) -> "list[JsonObject]":
        """One command in a folder, as a person would run it there; gives its lines."""
        from .main import main

        out, err = io.StringIO(), io.StringIO()
        with _in_folder(folder), redirect_stdout(out), redirect_stderr(err):
            code = main([*arguments, "--json"])
        lines: list[JsonObject] = [json.loads(line) for line in out.getvalue().splitlines()]
        self.tell(text if ends is Exit.OK else f"{text} ({ends.word})", good=code == ends)
        if code != ends:
            self.output.note(f"escrow {' '.join(arguments)}: ended with {code}: {err.getvalue().strip()}")
        return lines

    def office(self, text: str, *arguments: str, ends: Exit = Exit.OK) -> "list[JsonObject]":
        """One command in the school's office."""
        return self.run(text, self.demo.office, *arguments, ends=ends)


@contextmanager
def _in_folder(folder: Path) -> Iterator[None]:
    """Commands see this folder, and nothing of ESCROW_ in the environment."""
    before, here = dict(os.environ), Path.cwd()
    for name in [name for name in before if name.startswith("ESCROW_")]:
        del os.environ[name]
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(here)
        os.environ.update(before)


def run(output: Output, folder: Path | None, *, keep: bool) -> None:
    """The whole story, in a temporary folder unless one is given."""
    from .demo_leaving import DemoLeaving

    root = (folder or Path(tempfile.mkdtemp(prefix="escrow-demo-"))).absolute()
    root.mkdir(exist_ok=True, parents=True)
    demo = DemoLeaving(root)
    story = _Story(output, demo)
    try:
        with output.progress() as progress:
            demo.begin(progress)
        story.tell("two nights deposited; the charter names the vendor, its host, and what is owed at the end")
        _first_day(story)
        _first_week(story, demo)
        _end(story)
        if folder or keep:
            output.note(f"left in {root}; the case is {demo.office / 'vendor-exit'}")
    finally:
        if not (folder or keep):
            shutil.rmtree(root, ignore_errors=True)
    words = "the vendor is gone, and nothing with it" if story.good else "SOMETHING IS WRONG, see above"
    output.finish(Exit.OK if story.good else Exit.INTEGRITY, words)


def _first_day(story: _Story) -> None:
    began = (today() - timedelta(days=5)).isoformat()
    start = ("vendor", "start", "Acorn", "--reason", "access-lost", "--began", began)
    story.office("access ended five days ago: the case begins", *start)
    late = story.office("what is overdue", "vendor", "status", ends=Exit.OVERDUE)
    overdue = {str(line["step"]) for line in late if line.get("state") == "overdue"}
    story.tell(f"late are {', '.join(sorted(overdue))}", good=overdue == {"breach", "continuity"})
    pack = ("export", "latest", "--to", "monday", "--pack", "continuity", "--quick", *_QUORUM)
    story.office("pages for Monday wait until a person has read the mapping", *pack, ends=Exit.USAGE)
    story.office("the head has read it: registers, contacts, medical needs", *pack, "--confirm", "A. Head")
    story.office("printed", "vendor", "note", "printed for the office and the kitchen", "--step", "continuity")
    decided = ("vendor", "note", "loss of access, no risk to people: not reported, as the DPO advises")
    story.office("the breach is weighed", *decided, "--step", "breach")


def _first_week(story: _Story, demo: "DemoLeaving") -> None:
    story.office("letters to the vendor", "vendor", "letters", "--sign", "A. Head", "--sign", "Head teacher")
    for step in ("ownership", "return"):
        story.office(f"sent: {step}", "vendor", "note", "by recorded post", "--step", step)
    parents = ("vendor", "letters", "parents", "--contacts", "monday", "--sign", "A. Head")
    story.office("a letter for each parent, by the contacts of the archive", *parents)
    story.office("sent: parents", "vendor", "note", "with the pupils, and by post", "--step", "parents")
    story.office("a parent answers", "vendor", "replies", "P0042", "--said", "new mobile number")
    demo.hand_over_a_dump()
    deposit = ("vendor", "dump", str(demo.dump), "--deposit")
    story.run("the vendor's dump comes, and the nightly machine deposits it", demo.server, *deposit)
    compare = ("vendor", "dump", str(demo.dump), *_QUORUM)
    lines = story.office("it is held against the last good night", *compare, ends=Exit.INCOMPLETE)
    _check_dump(story, lines)
    story.office("the complaint is drafted, with its chronology", "vendor", "letters", "complaint", "--sign", "A. Head")
    demo.hand_over_the_rest()
    story.office("the vendor sends the rest, and nothing is missing", *compare)


def _check_dump(story: _Story, lines: "list[JsonObject]") -> None:
    tables = {str(line["table"]): line for line in lines if "table" in line}
    behaviour, results = tables["mis/behaviour.csv"], tables["mis/assessment.csv"]
    medical = tables["mis/medical.csv"]["columns_missing"]
    found = behaviour["dump"] is None and bool(results["rows_missing"]) and medical == ["Medication"]
    text = f"missing: behaviour ({behaviour['rows_night']} rows), {results['rows_missing']} results, the medication"
    story.tell(text, good=found and not tables["mis/pupils.csv"]["rows_missing"])


def _end(story: _Story) -> None:
    close = ("vendor", "close", "--new-vendor", "Birch MIS (demo)")
    story.office("the acceptance checklist for the new vendor", *close)
    paper = story.demo.office / "signed.pdf"
    paper.write_bytes((story.demo.office / "vendor-exit" / "acceptance.pdf").read_bytes())
    signed = (*close, "--signed", paper.name)
    story.office("closing with deletions open is refused", *signed, ends=Exit.REFUSED)
    (story.demo.office / "deletion.pdf").write_bytes(b"%PDF-1.7 we deleted everything, backups by the end of March")
    for name in ("Acorn", "Cumulus"):
        certificate = ("vendor", "deleted", "--by", name, "--certificate", "deletion.pdf", "--share", "head.txt")
        story.office(f"{name} certifies the deletion, signed into the vault", *certificate)
    story.office("the new vendor and the school have signed", *signed)
    events = [line["kind"] for line in story.office("what the vault says of it", "event", "list") if "kind" in line]
    story.tell(f"{events.count('key-use')} uses of keys, 2 certificates", good=events.count("evidence") == 2)
