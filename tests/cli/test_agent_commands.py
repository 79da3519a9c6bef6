"""`escrow agent run, test, install`, as a scheduler and an administrator call them."""

import json
import os
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from escrow_cli import agent_install
from escrow_cli.agent_commands import judge_round
from escrow_cli.exits import Exit

from escrow.engine.night import NightReport
from escrow.errors import BusyError, UnreachableError
from escrow.record import Verdict
from escrow.trust import Finding
from escrow.watch import RoundResult, read_agent_status
from tests.cli.conftest import World, change

POSIX_ROOT = pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="wants root")


def local(moment: datetime) -> str:
    """An instant as a clock on the wall shows it."""
    return f"{moment.astimezone():%H:%M}"


def test_a_night_goes_in_and_the_status_tells(world: World) -> None:
    world.new_marks()
    rows = world.run("agent", "run", "--read", "1", "--json").lines
    assert rows[-1] == {"result": "ok", "exit": 0, "seq": 3, "attempts": 1}
    assert {row.get("level") for row in rows} >= {"L1a", "L1b"}
    status = read_agent_status(world.state)
    assert status
    assert (status.outcome, status.seq, status.findings) == ("ok", 3, {"probe-no-lock": 1})
    assert status.sampled == status.listed > 0
    assert "night 4 is in: ok" in world.run("agent", "run").out


def test_a_night_that_is_not_due_is_not_made_again(world: World) -> None:
    now = datetime.now(UTC)
    assert world.run("agent", "run", "--due", local(now - timedelta(hours=1))).code == 0
    again = world.run("agent", "run", "--due", local(now - timedelta(hours=1)), "--json").lines
    assert again == [{"result": "ok", "exit": 0, "deposited": False}]
    status = json.loads((world.state / "agent-status.json").read_text())
    status["last_success"] = (now - timedelta(hours=9)).isoformat()
    (world.state / "agent-status.json").write_text(json.dumps(status))
    missed = world.run("agent", "run", "--due", local(now - timedelta(hours=1)), "--json").lines
    assert missed[-1]["seq"] == 4
    (world.state / "agent-status.json").write_text("{")
    lost = world.run("agent", "run", "--due", local(now - timedelta(hours=1)), "--json").lines
    assert lost[-1]["seq"] == 5


def test_damage_makes_the_night_end_with_integrity(world: World) -> None:
    pack = next(world.vault.glob("series/*/packs/*.age"))
    change(pack, b"\0" + pack.read_bytes()[1:])
    told = world.run("agent", "run", "--read", "1")
    assert told.code == Exit.INTEGRITY
    assert "object-hash" in told.err
    assert "night 3 is in: integrity" in told.out
    status = read_agent_status(world.state)
    assert status
    assert (status.outcome, status.findings) == ("integrity", {"object-hash": 1, "probe-no-lock": 1})


def test_a_store_that_forgot_nights_ends_with_rollback(world: World) -> None:
    assert world.run("agent", "run").code == 0
    for name in sorted(world.vault.glob("notices/*.json"))[-2:]:
        name.unlink()
    told = world.run("agent", "run")
    assert told.code == Exit.ROLLBACK


def test_what_cannot_pass_is_told_at_once(world: World) -> None:
    (world.state / "agent.key").unlink()
    told = world.run("agent", "run")
    assert told.code == Exit.STATE
    assert "agent-key-missing" in told.err


@pytest.mark.parametrize(
    "options", [("--until", "25:00"), ("--due", "noon"), ("--read", "0"), ("--read", "2"), ("--until", "7")]
)
def test_times_and_shares_are_checked(world: World, options: tuple[str, str]) -> None:
    assert world.run("agent", "run", *options).code == Exit.USAGE


def report(status: str = "pass", *, alarms: tuple[str, ...] = (), codes: tuple[str, ...] = ()) -> NightReport:
    verdict = Verdict(status=status, codes=codes)  # type: ignore[arg-type]
    return NightReport(seq=1, verdict=verdict, compartments={}, alarms=alarms, warnings=(), finished=True)


@pytest.mark.parametrize(
    ("result", "exit"),
    [
        (RoundResult(night=report()), Exit.OK),
        (RoundResult(night=report("warn", codes=("unread",))), Exit.PARTIAL),
        (RoundResult(night=report(), findings=[Finding("object-unnamed", "x", "junk", "warning")]), Exit.OK),
        (RoundResult(night=report(), findings=[Finding("object-hash", "x", "bad")]), Exit.INTEGRITY),
        (RoundResult(night=report(), findings=[Finding("rollback", "x", "bad")]), Exit.ROLLBACK),
        (RoundResult(night=report(alarms=("series-churn",))), Exit.SERIES_CHURN),
        (RoundResult(error=UnreachableError("store-unreachable", "away")), Exit.STORE),
        (RoundResult(error=BusyError("agent-busy", "busy")), Exit.BUSY),
        (RoundResult(night=report(), error=UnreachableError("store-unreachable", "away")), Exit.STORE),
    ],
)
def test_the_worst_of_a_round_is_its_exit(result: RoundResult, exit: Exit) -> None:
    assert judge_round(result) == exit


def test_the_self_test_is_a_checklist(world: World) -> None:
    told = world.run("agent", "test")
    assert told.code == 0
    assert told.out.splitlines()[-1] == "ready for the night"
    rows = world.run("agent", "test", "--json").lines
    assert [row["check"] for row in rows[:-1]] == ["config", "state", "source mis", "store", "charter"]
    kept = json.loads((world.state / "agent-test.json").read_text())
    assert kept["checks"] == rows[:-1]


def test_the_self_test_tells_what_is_wrong_and_tries_the_rest(world: World) -> None:
    world.exports.rename(world.root / "gone")
    rows = world.run("agent", "test", "--json").lines
    assert rows[-1]["exit"] == Exit.SOURCE
    assert {row["check"]: row["result"] for row in rows[:-1]} == {
        "config": "ok",
        "state": "ok",
        "source mis": "source-missing",
        "store": "ok",
        "charter": "ok",
    }
    (world.state / "agent.key").unlink()
    told = world.run("agent", "test")
    assert told.code == Exit.STATE
    assert "agent-key-missing" in told.out
    assert "not ready" in told.out


def test_a_dry_run_writes_units_and_says_what_to_do(world: World, tmp_path: Path) -> None:
    told = world.run("agent", "install", "--platform", "systemd", "--dry-run", "--out", "units", "--at", "01:30")
    assert told.code == 0
    service = (tmp_path / "units" / "escrow-agent.service").read_text()
    assert f"--until 07:00 --due 01:30 --config {world.config}" in service
    assert f"{world.state} " in service
    assert "OnCalendar=*-*-* 01:30:00" in (tmp_path / "units" / "escrow-agent.timer").read_text()
    for word in ("useradd", f"chown -R escrow: {world.state}", "daemon-reload", "enable --now escrow-agent.timer"):
        assert word in told.out
    rows = world.run("agent", "install", "--platform", "systemd", "--dry-run", "--out", "units", "--json").lines
    assert [Path(str(row["file"])).is_file() for row in rows if "file" in row] == [True] * 3
    assert len([row for row in rows if "command" in row]) == 6


def test_a_store_in_a_bucket_gets_the_network_and_a_credential(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ESCROW_STORE", "s3://bucket/vault")
    told = world.run("agent", "install", "--platform", "systemd", "--dry-run", "--out", "units")
    service = (tmp_path / "units" / "escrow-agent.service").read_text()
    assert "LoadCredential=" in service
    assert "PrivateNetwork" not in service
    assert "/etc/escrow/s3-credentials" in told.out


def test_a_dry_run_for_windows_writes_the_task_and_its_installer(world: World, tmp_path: Path) -> None:
    options = ("--platform", "windows", "--dry-run", "--out", "task", "--account", "SCHOOL\\escrow$")
    told = world.run("agent", "install", *options)
    assert told.code == 0
    assert sorted(path.name for path in (tmp_path / "task").iterdir()) == [
        "escrow-agent-test.xml",
        "escrow-agent.xml",
        "install-escrow-agent.ps1",
    ]
    assert "install-escrow-agent.ps1" in told.out.splitlines()[-2]


def test_a_mapped_drive_is_refused_where_drives_are_known(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(agent_install, "_paths", lambda loaded: {"store": "S:\\vault"})
    options = ("agent", "install", "--platform", "windows", "--dry-run", "--out")
    told = world.run(*options, "first")
    assert told.code == 0
    assert "UNC" in told.err
    monkeypatch.setattr(agent_install, "_fixed_drives", lambda: ["C:"])
    told = world.run(*options, "second")
    assert told.code == Exit.USAGE
    assert "mapped-drive" in told.err
    assert Path("first").exists()
    assert not Path("second").exists()


@pytest.mark.parametrize(
    "options",
    [("--dry-run",), ("--dry-run", "--out", "x", "--at", "2"), ("--dry-run", "--out", "x", "--user", "a b")],
)
def test_a_dry_run_checks_its_options(world: World, options: tuple[str, ...]) -> None:
    assert world.run("agent", "install", "--platform", "systemd", *options).code == Exit.USAGE
    assert not Path("x").exists()


@pytest.fixture
def called(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """An installation into a folder of the test; systemctl is noted and not called."""
    calls: list[list[str]] = []

    def run(words: list[str], check: bool) -> subprocess.CompletedProcess[bytes]:
        calls.append(list(words))
        return subprocess.CompletedProcess(words, 3 if words[1:2] == ["start"] and (tmp_path / "fail").exists() else 0)

    monkeypatch.setattr(agent_install, "UNIT_FOLDER", tmp_path / "units")
    monkeypatch.setattr(subprocess, "run", run)
    return calls


@POSIX_ROOT
def test_an_installation_tries_before_it_switches_on(world: World, tmp_path: Path, called: list[list[str]]) -> None:
    told = world.run("agent", "install", "--platform", "systemd", "--user", "root")
    assert told.code == 0, told.err
    assert len(list((tmp_path / "units").iterdir())) == 3
    assert called == [
        ["systemctl", "daemon-reload"],
        ["systemctl", "start", "escrow-agent-test.service"],
        ["systemctl", "enable", "--now", "escrow-agent.timer"],
    ]


@POSIX_ROOT
def test_a_night_that_cannot_work_is_not_switched_on(world: World, tmp_path: Path, called: list[list[str]]) -> None:
    (tmp_path / "fail").touch()
    told = world.run("agent", "install", "--platform", "systemd", "--user", "root")
    assert told.code == Exit.STATE
    assert "install-failed" in told.err
    assert called[-1][1] == "start"


@POSIX_ROOT
def test_an_installation_is_refused_before_anything_is_written(
    world: World, tmp_path: Path, called: list[list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    nobody = world.run("agent", "install", "--platform", "systemd", "--user", "no-such-user")
    assert (nobody.code, "useradd" in nobody.err) == (Exit.USAGE, True)
    foreign = world.run("agent", "install", "--platform", "systemd", "--user", "daemon")
    assert (foreign.code, "chown" in foreign.err) == (Exit.USAGE, True)
    windows = world.run("agent", "install", "--platform", "windows")
    assert windows.code == Exit.USAGE
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    plain = world.run("agent", "install", "--platform", "systemd", "--user", "root")
    assert (plain.code, "install-rights" in plain.err) == (Exit.REFUSED, True)
    assert called == []
    assert not (tmp_path / "units").exists()
