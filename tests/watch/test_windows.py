"""The task and its installer. No test runs them on Windows: only their form is checked here."""

import re
import shutil
import subprocess
from datetime import time
from pathlib import Path
from xml.etree import ElementTree

import pytest

from escrow.errors import UsageError
from escrow.watch.job import Job
from escrow.watch.windows import INSTALLER, TASK, TRIAL, ps_quote, task_files, unseen_drives

PYTHON = "C:\\Program Files\\escrow & co\\python.exe"
JOB = Job(
    (PYTHON, "-P", "-m", "escrow_cli"),
    "C:\\ProgramData\\escrow\\it's.toml",
    "C:\\ProgramData\\escrow\\state",
    "\\\\nas\\vault",
    time(2),
    time(7),
)
SPACE = "{http://schemas.microsoft.com/windows/2004/02/mit/task}"


def task(account: str, name: str = TASK) -> ElementTree.Element:
    data = task_files(JOB, account)[name]
    assert data.startswith(b"\xff\xfe")
    return ElementTree.fromstring(data)


def text(tree: ElementTree.Element, path: str) -> str | None:
    found = tree.findall("/".join(SPACE + part for part in path.split("/")))
    assert len(found) <= 1
    return found[0].text if found else None


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("Triggers/CalendarTrigger/StartBoundary", "2026-01-01T02:00:00"),
        ("Triggers/CalendarTrigger/RandomDelay", "PT20M"),
        ("Triggers/CalendarTrigger/ScheduleByDay/DaysInterval", "1"),
        ("Triggers/BootTrigger/Delay", "PT10M"),
        ("Settings/StartWhenAvailable", "true"),
        ("Settings/WakeToRun", "true"),
        ("Settings/MultipleInstancesPolicy", "IgnoreNew"),
        ("Settings/DisallowStartIfOnBatteries", "false"),
        ("Settings/StopIfGoingOnBatteries", "false"),
        ("Settings/ExecutionTimeLimit", "PT23H"),
        ("Settings/RestartOnFailure/Interval", "PT15M"),
        ("Settings/RestartOnFailure/Count", "3"),
        ("Actions/Exec/Command", f'"{PYTHON}"'),
        (
            "Actions/Exec/Arguments",
            "-P -m escrow_cli agent run --until 07:00 --due 02:00 --config C:\\ProgramData\\escrow\\it's.toml",
        ),
    ],
)
def test_the_night_says_what_it_must(path: str, expected: str) -> None:
    tree = task("SYSTEM")
    assert (tree.tag, tree.get("version")) == (f"{SPACE}Task", "1.4")
    assert text(tree, path) == expected


@pytest.mark.parametrize(
    ("account", "user", "logon", "level"),
    [
        ("SYSTEM", "S-1-5-18", None, "HighestAvailable"),
        ("SCHOOL\\escrow$", "SCHOOL\\escrow$", "Password", "LeastPrivilege"),
    ],
)
def test_the_account_runs_it_without_a_stored_password(account: str, user: str, logon: str, level: str) -> None:
    for name in (TASK, TRIAL):
        tree = task(account, name)
        assert text(tree, "Principals/Principal/UserId") == user
        assert text(tree, "Principals/Principal/LogonType") == logon
        assert text(tree, "Principals/Principal/RunLevel") == level
        assert tree.find(f"{SPACE}Actions").get("Context") == tree.find(f".//{SPACE}Principal").get("id")  # type: ignore[union-attr]


def test_the_trial_starts_only_when_it_is_told() -> None:
    tree = task("SYSTEM", TRIAL)
    triggers = tree.find(f"{SPACE}Triggers")
    assert triggers is not None
    assert len(triggers) == 0
    assert (text(tree, "Actions/Exec/Arguments") or "").startswith("-P -m escrow_cli agent test --config ")
    assert text(tree, "Settings/AllowStartOnDemand") == "true"
    assert text(tree, "Settings/RestartOnFailure") is None


@pytest.mark.parametrize(
    "account",
    ["", "system", "SCHOOL\\anna", "escrow$", "SCHOOL\\<x>$", "A\\b'; Remove-Item C:\\$", "S\\" + "x" * 16 + "$"],
)
def test_an_account_that_needs_a_password_is_refused(account: str) -> None:
    with pytest.raises(UsageError, match="managed service account"):
        task_files(JOB, account)


def script(account: str = "SCHOOL\\escrow$") -> str:
    data = task_files(JOB, account)[INSTALLER]
    assert data.startswith(b"\xef\xbb\xbf#Requires")
    found = data.decode("utf-8-sig")
    assert found.count("\r\n") == found.count("\n")
    return found


def test_the_installer_tries_before_it_installs() -> None:
    found = script()
    order = [
        "icacls",
        "Register-Definition $trial",
        "Start-ScheduledTask",
        'throw "The test',
        "Register-Definition $night",
    ]
    places = [found.index(word) for word in order]
    assert places == sorted(places)
    assert f"'{TASK}'" in found
    assert f"'{TRIAL}'" in found
    assert "'SCHOOL\\escrow$:(OI)(CI)M'" in found
    assert "(OI)(CI)M" not in script("SYSTEM")


def test_the_installer_is_balanced_and_holds_no_secret() -> None:
    bare = re.sub(r"#[^\n]*|'(?:[^']|'')*'|\"(?:[^\"`]|`.)*\"", "", script())
    for opening, closing in ("{}", "()", "[]"):
        assert bare.count(opening) == bare.count(closing) > 0
    assert "'" not in bare
    assert '"' not in bare
    assert not re.search(r"(?i)passw|secret(?!\.)|token|credential", re.sub(r"#[^\n]*", "", script()))


@pytest.mark.skipif(shutil.which("pwsh") is None, reason="PowerShell is not here: the script's grammar is not checked")
def test_powershell_parses_the_installer(tmp_path: Path) -> None:
    path = tmp_path / INSTALLER
    path.write_bytes(task_files(JOB, "SYSTEM")[INSTALLER])
    parser = "[System.Management.Automation.Language.Parser]"
    code = f"$e = $null; [void]{parser}::ParseFile('{path}', [ref]$null, [ref]$e); $e"
    run = subprocess.run(["pwsh", "-NoProfile", "-Command", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == ""


@pytest.mark.parametrize(
    ("given", "expected"),
    [("plain", "'plain'"), ("it's", "'it''s'"), ("a\u2019b", "'a\u2019\u2019b'"), ("$x `n", "'$x `n'")],
)
def test_a_string_of_powershell_is_verbatim(given: str, expected: str) -> None:
    assert ps_quote(given) == expected


@pytest.mark.parametrize(
    ("path", "fixed", "seen"),
    [
        ("\\\\nas\\share\\vault", None, True),
        ("//nas/share/vault", None, True),
        ("s3://bucket/vault", None, True),
        ("/srv/exports", None, True),
        ("C:\\exports", None, True),
        ("D:\\exports", None, False),
        ("S:\\exports", ["C:", "D:"], False),
        ("d:/exports", ["C:", "D:"], True),
        ("S:exports", ["C:"], False),
    ],
)
def test_a_mapped_drive_is_told(path: str, fixed: list[str] | None, seen: bool) -> None:
    told = unseen_drives({"source mis": path}, fixed)
    assert (told == []) is seen
    assert all(one.startswith("source mis: ") and "UNC" in one for one in told)
