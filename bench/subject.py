"""`escrow subject` on one school: `python -m bench.subject --mb 500 --nights 3`.

Finds a pupil by name when no index is there, then again by UPN (at most 5 s) and by name; then
collects the pupil's record into a workbook, and makes the answer of it. At most 1 GB of memory each.
"""

import argparse
import csv
import shutil
import sys
import tempfile
from pathlib import Path

import openpyxl

from bench.escrow_peer import Escrow
from bench.measure import Run
from bench.school import SEED, make_night, make_school

_AGAIN = 5.0
_MIB = 1024
_REQUEST = """\
right = "subject-access"
received = 2026-11-02
requester = "A. Parent"
relation = "mother"
authority = "parental responsibility"
court_orders = "none known"
child_view = "content"
"""


class Subject(Escrow):
    """A vault that escrow writes, and in which it looks for people."""

    def subject(self, *arguments: str) -> Run:
        """One command."""
        return self._escrow("subject", *arguments, "--key", str(self._holder / "custody.key"))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mb", type=int, default=500)
    parser.add_argument("--nights", type=int, default=3)
    options = parser.parse_args()
    work = Path(tempfile.mkdtemp(prefix="escrow-subject-"))
    source = work / "source"
    make_school(source, options.mb, seed=SEED)
    tool = Subject("escrow", source, work)
    tool.init()
    tool.backup(0)
    for night in range(1, options.nights):
        make_night(source, night)
        tool.backup(night)
    with (source / "pupils.csv").open(encoding="utf-8", newline="") as table:
        rows = list(csv.DictReader(table))
    pupil = rows[len(rows) // 2]
    upn = next(cell for name, cell in pupil.items() if name.lower() == "upn")
    surname = next(cell for name, cell in pupil.items() if "surname" in name.lower())
    (work / "request.toml").write_text(_REQUEST)
    export = ("export", upn, "--request", str(work / "request.toml"))
    review = work / "review" / "review.xlsx"
    steps: dict[str, tuple[tuple[str, ...], float | None]] = {
        "first find": (("find", surname), None),
        "find by UPN": (("find", upn), _AGAIN),
        "find by name": (("find", surname.upper()), _AGAIN),
        "review": ((*export, "--to", str(work / "review")), None),
        "answer": ((*export, "--to", str(work / "answer"), "--reviewed", str(review)), None),
    }
    over = False
    for name, (arguments, limit) in steps.items():
        run = tool.subject(*arguments)
        print(
            f"{name:12} {run.wall:6.2f} s, {run.cpu:6.2f} s of CPU, {run.rss_mib:5.0f} MiB, exit {run.exit_code}",
            end="",
        )
        print(f" (at most {limit} s)" if limit else "")
        over |= (limit is not None and run.wall > limit) or run.rss_mib > _MIB
        if name == "review":
            _sign(review)
    shutil.rmtree(work)
    sys.exit(over)


def _sign(review: Path) -> None:
    book = openpyxl.load_workbook(review)
    for row in book["Start"].iter_rows():
        if str(row[0].value).startswith("Decided by"):
            row[1].value = "the bench"
    book.save(review)


if __name__ == "__main__":
    main()
