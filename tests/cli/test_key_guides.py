"""What the key holders' pages tell people to type exists: commands, options, policies."""

import re
import shlex
from pathlib import Path

import pytest
import typer
from escrow_cli.main import command_line

from escrow.custody.policies import POLICIES

DOCS = Path(__file__).parents[2] / "docs"
PAGES = ("guide-key-holder.md", "guide-key-file.md", "ceremony.md")


def typed(page: str) -> list[list[str]]:
    text = (DOCS / page).read_text("utf-8")
    blocks = re.findall(r"^ *```(?:console|sh)\n(.*?)^ *```$", text, re.MULTILINE | re.DOTALL)
    inline = re.findall(r"`(escrow [a-z][^`]*)`", text)
    lines = [line.strip() for block in blocks for line in block.splitlines()] + inline
    return [shlex.split(line.replace("(", "").replace(")", "")) for line in lines if line.startswith("escrow ")]


@pytest.mark.parametrize("page", PAGES)
def test_every_command_and_option_exists(page: str) -> None:
    found = typed(page)
    assert found
    for words in found:
        command: object = typer.main.get_command(command_line(words[1:]))
        for word in words[1:]:
            inner = getattr(command, "commands", None)
            if not inner:
                break
            assert word in inner, words
            command = inner[word]
        options = {name for parameter in getattr(command, "params", []) for name in parameter.opts}
        assert {word for word in words if word.startswith("--")} <= options, words


def test_the_script_tells_every_policy() -> None:
    text = (DOCS / "ceremony.md").read_text("utf-8")
    rows = re.findall(r"^\| `(\w+)` \|.*\| ([^|]+) \| [^|]+ \|$", text, re.MULTILINE)
    assert [name for name, _ in rows] == list(POLICIES)
    for name, sheets in rows[1:]:
        counts = [int(count) for count in re.findall(r"\d", sheets)]
        assert counts == [len(bench.seats) for bench in POLICIES[name].benches], name
