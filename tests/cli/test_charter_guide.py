"""The guide to the charter, as it stands: its commands are run, its text is a charter's."""

import os
import re
import shutil
import tomllib

import pytest
from escrow_cli.main import command_line
from typer.main import get_command

from tests.cli.conftest import World, escrow
from tests.test_guides import DOCS, blocks, run

GUIDE = "guide-charter.md"

pytestmark = pytest.mark.skipif(os.name == "nt", reason="the guides' boxes are for a POSIX shell")


def test_the_commands_of_the_guide_run_in_its_order(world: World) -> None:
    holder = world.root / "holder"
    write, check, read = blocks(GUIDE)
    run(write, holder)
    (words,) = blocks(GUIDE, "toml")
    assert set(tomllib.loads(words)) == {"controller", "processors"}
    with (holder / "charter.toml").open("a", encoding="utf-8") as file:
        file.write("\n" + words)
    told = run(check, holder)
    assert "the controller: new: name The governing body of Fernhill School" in told
    assert "ready to sign" in told
    assert (holder / "draft.pdf").read_bytes().startswith(b"%PDF-")

    signed = ("charter", "sign", holder / "charter.toml", "--public", holder / "public", "--key", world.key)
    assert escrow(*signed, "--yes").code == 0
    again = ("charter", "sign", holder / "charter-2.json", "--public", holder / "public", "--publish")
    assert escrow(*again).code == 0
    assert "processors: new: name Example MIS Ltd" in run(read, holder)
    assert "Example MIS Ltd" in (holder / "charter.html").read_text("utf-8")
    assert (holder / "article-30.pdf").read_bytes().startswith(b"%PDF-")
    shutil.copytree(holder / "public" / "charter", world.vault / "charter", dirs_exist_ok=True)
    assert world.run("charter", "show").code == 0


def test_every_command_that_a_person_types_exists_with_its_options() -> None:
    tree = get_command(command_line(["charter"]))
    known = getattr(tree, "commands", {})["charter"].commands
    lines = [line for kind in ("sh", "console") for box in blocks(GUIDE, kind) for line in box.splitlines()]
    assert len(lines) == 10
    for line in lines:
        words = line.split()
        assert words[:2] == ["escrow", "charter"]
        options = {name for parameter in known[words[2]].params for name in parameter.opts}
        assert {word for word in words if word.startswith("--")} <= options


def test_the_guide_fits_two_pages() -> None:
    text = (DOCS / GUIDE).read_text("utf-8")
    assert len(re.findall(r"\S+", text)) < 1300
