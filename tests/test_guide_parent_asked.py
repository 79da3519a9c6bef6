"""docs/guide-parent-asked.md, run as it stands."""

import json
import shutil
from pathlib import Path

import openpyxl
import pypdfium2
from escrow_cli import demo_school

from .test_guides import MAKE_KEYS, blocks, contents, first_night, machines, pytestmark, run

__all__ = ["pytestmark"]
STICK = "/media/stick/fernhill"


def test_the_guide_to_a_parents_request(tmp_path: Path) -> None:
    server, holder = machines(tmp_path)
    shutil.copy(server / "server.card", holder)
    run(MAKE_KEYS, holder)
    first_night(server, holder)
    with (server / "escrow.toml").open("a", encoding="utf-8") as file:
        for name, globs in demo_school.GLOBS.items():
            file.write(f'[[rule]]\ncompartment = "{name}"\nglobs = {json.dumps(globs)}\n')
    run("escrow snapshot", server)
    shutil.copy(server / "escrow.toml", holder)
    (request,) = blocks("guide-parent-asked.md", "toml")
    (holder / "request.toml").write_text(request, "utf-8")
    find, collect, answer = (block.replace(STICK, "stick") for block in blocks("guide-parent-asked.md"))
    assert "fits: surname O'Brien" in run(find, holder)
    assert "due Wednesday 02 December 2026" in run(collect, holder)
    path = holder / "review" / "review.xlsx"
    book = openpyxl.load_workbook(path)
    (cell,) = [row[1] for row in book["Start"].iter_rows() if str(row[0].value).startswith("Decided by")]
    cell.value = "A. Head, 24 November 2026"
    book.save(path)
    run(answer, holder)
    given = contents(holder / "answer")
    assert any(name.startswith("documents/") for name in given)
    assert "tables/pupils.csv" in given
    assert len(pypdfium2.PdfDocument(given["summary.pdf"])) >= 2
