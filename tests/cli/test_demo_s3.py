"""`escrow demo --store s3`: its own server with a locked bucket, the same nights, and nothing is left."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from escrow_cli import demo, demo_nights, demo_server
from escrow_cli.exits import Exit

from escrow.errors import StoreError, UsageError
from tests.cli.conftest import escrow

KEYS = {"AWS_PROFILE": "production", "AWS_ACCESS_KEY_ID": "AKIAPRODUCTION", "AWS_SESSION_TOKEN": "production"}


@pytest.fixture(autouse=True)
def _private_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    for name, value in KEYS.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list["subprocess.Popen[bytes]"]:
    """Every server process; skips without the wheel."""
    try:
        demo_server.find_weed()
    except UsageError as error:
        if os.environ.get("CI") == "true":
            pytest.fail(str(error))
        pytest.skip(str(error))
    found: list[subprocess.Popen[bytes]] = []

    def remember(*arguments: object, **options: object) -> "subprocess.Popen[bytes]":
        found.append(subprocess.Popen(*arguments, **options))  # type: ignore[call-overload]
        return found[-1]

    monkeypatch.setattr(demo_server, "Popen", remember)
    return found


def check_nothing_is_left(started: list["subprocess.Popen[bytes]"], tmp_path: Path) -> None:
    assert len(started) == 1
    assert started[0].poll() is not None, "the server has ended"
    assert list(tmp_path.iterdir()) == []
    assert {name: value for name, value in os.environ.items() if name.startswith("AWS_")} == KEYS


@pytest.mark.s3
def test_five_nights_in_a_locked_bucket(
    started: list["subprocess.Popen[bytes]"], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    locks: set[bool] = set()
    restore_all = demo_nights.DemoVault.restore_all

    def look_too(vault: demo_nights.DemoVault, *arguments: object) -> None:
        from escrow_cli.vault import connect

        store = connect(vault._config().store)  # type: ignore[arg-type]
        locks.update(store.head(info.key).lock_mode == "COMPLIANCE" for info in store.list())
        restore_all(vault, *arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(demo_nights.DemoVault, "restore_all", look_too)
    told = escrow("demo", "--store", "s3", "--json")
    assert told.code == 0, told.out + told.err
    nights = [row for row in told.lines if "night" in row]
    assert [row["night"] for row in nights] == [1, 2, 3, 4, 5]
    assert all(row["restored"] is True and row["findings"] == [] for row in nights)
    assert locks == {True}
    check_nothing_is_left(started, tmp_path)


@pytest.mark.s3
def test_nothing_is_left_of_a_demo_that_fails(
    started: list["subprocess.Popen[bytes]"], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise StoreError("store-refused", "no")

    monkeypatch.setattr(demo_nights.DemoVault, "begin", fail)
    assert escrow("demo", "--store", "s3").code == Exit.STORE
    check_nothing_is_left(started, tmp_path)


def test_without_the_wheel_it_names_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    monkeypatch.setenv("PATH", str(tmp_path))
    told = escrow("demo", "--store", "s3")
    assert told.code == Exit.USAGE
    assert f"{tmp_path / 'python'} -m pip install {demo_server.WHEEL}" in told.err
    assert list(tmp_path.iterdir()) == []


def test_the_wheel_is_the_one_that_tests_pin() -> None:
    locked = (Path(demo.__file__).parents[1] / "requirements-dev.txt").read_text("utf-8")
    assert f"\n{demo_server.WHEEL} " in locked


@pytest.mark.parametrize("more", [["--keep"], ["--folder", "x"], ["--endpoint", "http://127.0.0.1:1"]])
def test_nothing_of_its_own_server_can_be_kept(more: list[str]) -> None:
    told = escrow("demo", "--store", "s3", *more)
    assert told.code == Exit.USAGE
    assert "--store s3 without" in told.err
