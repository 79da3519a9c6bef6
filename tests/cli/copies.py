"""Copies on folders: the small school with a county's folder and a disk."""

import shutil
from pathlib import Path

import pytest

from tests.cli.conftest import World, change, files_of

TWO = """
[[copy]]
name = "county"
url = "../county"
payer = "the county"
[[copy]]
name = "usb"
url = "../usb"
payer = "the school"
offline = true
"""


@pytest.fixture
def both(world: World) -> World:
    """The world with a county's folder and a disk, both empty."""
    world.config.write_text(world.config.read_text() + TWO)
    for name in ("county", "usb"):
        (world.root / name).mkdir()
    return world


@pytest.fixture
def filled(both: World) -> World:
    told = both.run("store", "copy")
    assert told.code == 0, told.out + told.err
    return both


def findings(world: World, *arguments: str) -> list[tuple[object, object]]:
    rows = world.run("verify", *arguments, "--json").lines
    return [(row["finding"], row["subject"]) for row in rows if row.get("severity") == "error"]


def standing(world: World) -> dict[str, dict[str, object]]:
    (row, last) = world.run("status", "--json").lines
    found = row["places"]
    assert isinstance(found, list)
    return {each["name"]: each for each in found} | {"": {**row, **last}}


def restored(world: World, which: str = "latest") -> dict[str, bytes]:
    out = world.root / f"out-{which}"
    shutil.rmtree(out, ignore_errors=True)
    told = world.run("restore", which, "--to", out, "--key", world.key)
    assert told.code == 0, told.err
    return files_of(out / "mis")


def exported(world: World) -> dict[str, bytes]:
    return {name: data for name, data in files_of(world.exports).items() if name != "export.tmp"}


def a_pack(folder: Path, which: int = 0) -> Path:
    return sorted(folder.rglob("packs/*.age"))[which]


def flip(path: Path) -> None:
    data = path.read_bytes()
    change(path, data[:-1] + bytes([data[-1] ^ 1]))


def lose(world: World) -> None:
    shutil.rmtree(world.vault)


def empty(world: World) -> None:
    shutil.rmtree(world.vault)
    world.vault.mkdir()
