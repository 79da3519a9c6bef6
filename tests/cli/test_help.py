"""`--help` everywhere: quick, with an example that names real commands and options."""

import re
import shlex
import subprocess
import sys

import pytest
import typer
from escrow_cli.main import NOUNS, command_line

from tests.cli.conftest import escrow

SLOW = (
    *("boto3", "botocore", "cryptography", "rich", "blake3", "zstandard", "pyfastcdc", "pathspec", "pydantic"),
    *("sqlite3", "asyncio", "http", "tarfile", "escrow.seal", "escrow.record", "escrow.engine", "escrow.source"),
)
LOADED = "import sys; from escrow_cli.main import main; main(sys.argv[1:]); print(*sys.modules, file=sys.stderr)"


@pytest.mark.parametrize(
    "arguments", [["--help"], ["restore", "--help"], ["agent", "--help"], ["store", "--help"], ["--version"]]
)
def test_help_loads_nothing_slow(arguments: list[str]) -> None:
    done = subprocess.run([sys.executable, "-c", LOADED, *arguments], capture_output=True, text=True, check=True)
    modules = set(done.stderr.split())
    assert "typer" in modules
    assert {name for name in SLOW if name in modules} == set()


def commands() -> dict[str, object]:
    """Every command by its words."""
    found: dict[str, object] = {}

    def walk(words: str, group: object) -> None:
        for name, command in getattr(group, "commands", {}).items():
            found[f"{words}{name}"] = command
            walk(f"{words}{name} ", command)

    for group in ("", *NOUNS):
        walk("", typer.main.get_command(command_line([group])))
    return {words: command for words, command in found.items() if not hasattr(command, "commands")}


def test_the_bare_verbs_and_the_nouns_are_those_of_the_design() -> None:
    bare = {words for words in commands() if " " not in words}
    assert bare == {"init", "snapshot", "status", "list", "show", "diff", "verify", "restore", "export", "demo", "help"}
    assert {words for words in commands() if " " in words} == {
        "keys ceremony",
        "keys check",
        "keys complete",
        "keys letterbox",
        "keys new",
        "keys record",
        "keys rekey",
        "keys reshare",
        "keys seal-share",
        "keys stock",
        "agent card",
        "agent install",
        "agent run",
        "agent test",
        "charter new",
        "charter check",
        "charter sign",
        "charter show",
        "charter diff",
        "custodian new",
        "custodian card",
        "custodian rotate",
        "custodian split",
        "custodian join",
        "custodian check",
        "custodian sign",
        "custodian watch",
        "handover start",
        "handover release",
        "handover accept",
        "handover transfer",
        "handover withdraw",
        "handover status",
        "handover pass",
        "handover post",
        "handover drill",
        "event list",
        "event show",
        "event export",
        "vendor start",
        "vendor status",
        "vendor note",
        "vendor letters",
        "vendor replies",
        "vendor dump",
        "vendor deleted",
        "vendor close",
        "hold new",
        "hold list",
        "hold clear",
        "retention report",
        "retention expire",
        "retention shred",
        "retention erase",
        "retention erased",
        "source check",
        "source learn",
        "source recipes",
        "source show",
        "store probe",
        "subject export",
        "subject find",
        "store copy",
        "store repair",
    }


@pytest.mark.parametrize("words", sorted(commands()))
def test_every_command_has_a_purpose_and_an_example_that_exists(words: str) -> None:
    told = escrow(*words.split(), "--help")
    assert told.code == 0
    example = re.search(r"^ *Example: (.*(?:\n    ?\S.*)?)", told.out, re.MULTILINE)
    assert example, told.out
    tokens = shlex.split(example[1])
    assert f" escrow {words} " in f" {' '.join(tokens)} "
    options = {name for parameter in getattr(commands()[words], "params", []) for name in parameter.opts}
    assert {token for token in tokens if token.startswith("--")} <= options
    if words != "help":
        assert "--json" in options


def test_python_runs_the_package_too() -> None:
    done = subprocess.run([sys.executable, "-m", "escrow_cli", "--version"], capture_output=True, text=True, check=True)
    assert re.fullmatch(r"escrow \d+\.\d+\.\d+\n", done.stdout)
