"""The project's own files agree with each other and with the code: README, lock files, changelog, decisions, links."""

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import escrow

from .layers import ROOT

PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
LOCKS = ("requirements.txt", "requirements-dev.txt")


def read(name: str) -> str:
    """A file of the project, as text."""
    return (ROOT / name).read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def tracked() -> dict[str, str]:
    """Every text file that git tracks and that is there, by name."""
    run = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True)
    texts = {}
    for name in run.stdout.split("\0"):
        path = ROOT / name
        if path.is_file() and b"\0" not in (data := path.read_bytes()):
            texts[name] = data.decode("utf-8", "surrogateescape")
    assert {"README.md", "pyproject.toml", *LOCKS} <= texts.keys()
    return texts


def test_no_tracked_file_names_a_folder_of_our_machines(tracked: dict[str, str]) -> None:
    ours = re.compile(r"(?:^|[^\w.])/(?:work|farm|root)/")
    found = [
        f"{name}:{text[: hit.start()].count(chr(10)) + 1}"
        for name, text in tracked.items()
        if (hit := ours.search(text))
    ]
    assert found == []


def test_no_lock_file_holds_an_address(tracked: dict[str, str]) -> None:
    locks = [name for name in tracked if re.search(r"(\.lock|-lock\.json|requirements[^/]*\.txt)$", name)]
    assert {*LOCKS, "tests/tools/peers/package-lock.json"} <= set(locks)
    download = re.compile(r'https?://\S+\.(?:whl|tgz|tar\.gz|zip)|"resolved"|--(?:extra-)?index-url|--find-links')
    assert [name for name in locks if download.search(tracked[name])] == []
    assert [name for name in LOCKS if "://" in tracked[name]] == []


def _pins(name: str) -> set[str]:
    """Every `name==version ; marker` of a lock file."""
    return set(re.findall(r"^([a-z0-9-]+==[^\\\n]+?) *\\$", read(name), re.MULTILINE))


def test_lock_files_pin_every_dependency_with_hashes() -> None:
    run, dev = (_pins(name) for name in LOCKS)
    assert run < dev
    for name in LOCKS:
        blocks = re.split(r"^(?=\S)", read(name), flags=re.MULTILINE)[1:]
        assert blocks
        assert [block for block in blocks if "--hash=sha256:" not in block] == []
    for pins, wanted in (
        (run, PYPROJECT["project"]["dependencies"] + PYPROJECT["build-system"]["requires"]),
        (dev, PYPROJECT["project"]["optional-dependencies"]["dev"]),
    ):
        locked = {pin.split("==")[0] for pin in pins}
        assert {re.match(r"[\w-]+", need).group().lower() for need in wanted} <= locked  # type: ignore[union-attr]


def test_the_locked_build_backend_is_the_one_that_builds() -> None:
    assert PYPROJECT["dependency-groups"]["build"] == PYPROJECT["build-system"]["requires"]


def test_versions_agree() -> None:
    version = PYPROJECT["project"]["version"]
    assert escrow.__version__ == version
    assert re.search(rf"^## {re.escape(version)}\b", read("CHANGELOG.md"), re.MULTILINE)


def test_every_package_of_the_tree_is_installed() -> None:
    found = {path.parent.relative_to(ROOT).as_posix() for path in (ROOT / "escrow").rglob("__init__.py")}
    found |= {path.parent.relative_to(ROOT).as_posix() for path in (ROOT / "cli").rglob("__init__.py")}
    listed = {
        re.sub("^escrow_cli", "cli", name).replace(".", "/") for name in PYPROJECT["tool"]["setuptools"]["packages"]
    }
    assert listed == found


def test_every_decision_is_in_the_index() -> None:
    pages = sorted(path.name for path in (ROOT / "docs" / "decisions").glob("[0-9]*.md"))
    assert len(pages) >= 4
    assert re.findall(r"^\| \[\d{4}\]\((\d{4}-[^)]+)\) \|", read("docs/decisions/README.md"), re.MULTILINE) == pages
    assert len({page[:4] for page in pages}) == len(pages)


PAGES = sorted(path.relative_to(ROOT).as_posix() for path in (*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")))


def _headings(page: Path) -> list[str]:
    return re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE) if page.exists() else []


def _anchor(heading: str) -> str:
    return re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")


@pytest.mark.parametrize("page", PAGES)
def test_every_relative_link_leads_somewhere(page: str) -> None:
    text = re.sub(r"^```.*?^```", "", read(page), flags=re.MULTILINE | re.DOTALL)
    broken = []
    for link in re.findall(r"\]\(([^)\s]+)\)", text):
        if "://" in link or link.startswith("mailto:"):
            continue
        name, _, anchor = link.partition("#")
        target = (ROOT / page).parent / name if name else ROOT / page
        anchors = {_anchor(line) for line in _headings(target)} if anchor else {anchor}
        if not target.exists() or anchor not in anchors:
            broken.append(link)
    assert broken == []


def _shown_commands() -> list[tuple[str, str]]:
    """What README shows under `<!-- output of: COMMAND -->`: the command and its fenced block."""
    return re.findall(r"<!-- output of: (escrow[^>]*?) -->\n```\w*\n(.*?)```", read("README.md"), re.DOTALL)


def test_readme_shows_what_the_command_line_says() -> None:
    assert len(_shown_commands()) == read("README.md").count("<!-- output of:")
    for command, shown in _shown_commands():
        program = shutil.which("escrow", path=Path(sys.executable).parent)
        assert program is not None
        plain = os.environ | {"COLUMNS": "100", "NO_COLOR": "1", "TERM": "dumb", "PYTHONUTF8": "1"}
        run = subprocess.run(
            [program, *command.split()[1:]], capture_output=True, encoding="utf-8", check=True, env=plain
        )
        assert [line.rstrip() for line in run.stdout.splitlines()] == [line.rstrip() for line in shown.splitlines()]


@pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md", ".ci/run"])
def test_every_make_command_told_of_exists(page: str) -> None:
    told = set(re.findall(r"(?:`|^ {4}|^step .*)make ([a-z0-9-]+)", read(page), re.MULTILINE))
    assert {"demo", "test"} <= told <= set(re.findall(r"^([a-z0-9-]+):", read("Makefile"), re.MULTILINE))
