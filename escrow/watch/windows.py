"""Pure: a Windows machine's task (Task Scheduler schema 1.4), and the script that installs and tries it."""

import re
from collections.abc import Collection, Mapping, Sequence
from pathlib import PureWindowsPath
from subprocess import list2cmdline
from xml.sax.saxutils import escape

from escrow.errors import UsageError
from escrow.watch.job import Job

SYSTEM = "SYSTEM"
TASK = "escrow-agent.xml"
TRIAL = "escrow-agent-test.xml"
INSTALLER = "install-escrow-agent.ps1"

_GROUP_MANAGED = re.compile(r"[A-Za-z0-9.-]{1,63}\\[A-Za-z0-9_-]{1,15}\$")
_SYSTEM_SID = "S-1-5-18"

_TRIGGERS = """\
    <CalendarTrigger>
      <StartBoundary>2026-01-01T{at}:00</StartBoundary>
      <Enabled>true</Enabled>
      <RandomDelay>PT20M</RandomDelay>
      <ScheduleByDay>
        <DaysInterval>1</DaysInterval>
      </ScheduleByDay>
    </CalendarTrigger>
    <BootTrigger>
      <Enabled>true</Enabled>
      <Delay>PT10M</Delay>
    </BootTrigger>
"""

_TASK = """\
<?xml version="1.0" encoding="UTF-16"?>
<Task version="1.4" xmlns="http://schemas.microsoft.com/windows/2004/02/mit/task">
  <RegistrationInfo>
    <Description>{description}</Description>
  </RegistrationInfo>
  <Triggers>
{triggers}  </Triggers>
  <Principals>
    <Principal id="Author">
{principal}    </Principal>
  </Principals>
  <Settings>
    <MultipleInstancesPolicy>IgnoreNew</MultipleInstancesPolicy>
    <DisallowStartIfOnBatteries>false</DisallowStartIfOnBatteries>
    <StopIfGoingOnBatteries>false</StopIfGoingOnBatteries>
    <AllowHardTerminate>true</AllowHardTerminate>
    <StartWhenAvailable>true</StartWhenAvailable>
    <RunOnlyIfNetworkAvailable>false</RunOnlyIfNetworkAvailable>
    <AllowStartOnDemand>true</AllowStartOnDemand>
    <Enabled>true</Enabled>
    <Hidden>false</Hidden>
    <WakeToRun>{wake}</WakeToRun>
    <ExecutionTimeLimit>{limit}</ExecutionTimeLimit>
    <Priority>7</Priority>
{restart}  </Settings>
  <Actions Context="Author">
    <Exec>
      <Command>{command}</Command>
      <Arguments>{arguments}</Arguments>
    </Exec>
  </Actions>
</Task>
"""

_RESTART = """\
    <RestartOnFailure>
      <Interval>PT15M</Interval>
      <Count>3</Count>
    </RestartOnFailure>
"""

_SCRIPT = """\
#Requires -Version 5.1
#Requires -RunAsAdministrator
# Installs the nightly task of escrow, after trying it as the task's own account. It holds no secret.
# Nobody has run this script in CI: read it before you do.
Set-StrictMode -Version 2
$ErrorActionPreference = 'Stop'

$account = {account}
$state = {state}
$night = 'escrow agent'
$trial = 'escrow agent test'
$report = Join-Path $state 'agent-test.json'
$underWay = 0x41301, 0x41303  # running; not run yet

function Register-Definition([string] $name, [string] $file) {{
    $xml = Get-Content -LiteralPath (Join-Path $PSScriptRoot $file) -Raw -Encoding Unicode
    try {{
        Register-ScheduledTask -TaskName $name -Xml $xml -Force | Out-Null
    }} catch {{
        throw "The task '$name' cannot be registered for ${{account}}: $_. For a managed service account: " +
            "run Install-ADServiceAccount on this machine, and give the account the right 'Log on as a batch job'."
    }}
}}

# The state folder holds the agent's signing key: for the task's account, the system and administrators only.
New-Item -ItemType Directory -Force -Path $state | Out-Null
& icacls.exe $state /inheritance:r /grant:r {grants} | Out-Null
if ($LASTEXITCODE -ne 0) {{ throw "The rights of $state cannot be set: icacls ended with $LASTEXITCODE." }}

Remove-Item -LiteralPath $report -Force -ErrorAction SilentlyContinue
Register-Definition $trial '{trial_file}'
try {{
    Start-ScheduledTask -TaskName $trial
    $end = (Get-Date).AddMinutes(10)
    do {{
        Start-Sleep -Seconds 2
        $result = (Get-ScheduledTaskInfo -TaskName $trial).LastTaskResult
    }} while ($underWay -contains $result -and (Get-Date) -lt $end)
}} finally {{
    Stop-ScheduledTask -TaskName $trial -ErrorAction SilentlyContinue
    Unregister-ScheduledTask -TaskName $trial -Confirm:$false
}}

if (Test-Path -LiteralPath $report) {{
    (Get-Content -LiteralPath $report -Raw -Encoding UTF8 | ConvertFrom-Json).checks |
        Format-Table -Property check, result, detail -AutoSize -Wrap | Out-Host
}} else {{
    Write-Warning "No report at ${{report}}: $account could not start escrow, read its configuration or write there."
}}
if ($result -ne 0) {{
    throw "The test as $account ended with $result ('escrow --help' explains exit codes). The night is not installed."
}}

Register-Definition $night '{task_file}'
Write-Output "Installed '$night' for ${{account}}: every night at {at}. Ask 'escrow status' in the morning."
"""


def task_files(job: Job, account: str) -> dict[str, bytes]:
    """The night's task, the trial's, and the installer, by file name.

    `account` is SYSTEM or a group managed service account `DOMAIN\\name$`. Raises UsageError `task-account`.
    """
    if account != SYSTEM and not _GROUP_MANAGED.fullmatch(account):
        raise UsageError(
            "task-account",
            f"expected SYSTEM or a group managed service account such as SCHOOL\\escrow$, found {account!r}",
            hint="other accounts would need a password that somebody stores",
        )
    night = _task("escrow: every night", job.run(), account, _TRIGGERS.format(at=f"{job.at:%H:%M}"), "PT23H")
    trial = _task("escrow: try what a night needs", job.test(), account, "", "PT10M")
    return {TASK: night, TRIAL: trial, INSTALLER: _installer(job, account)}


def _task(description: str, words: Sequence[str], account: str, triggers: str, limit: str) -> bytes:
    if account == SYSTEM:
        principal = f"      <UserId>{_SYSTEM_SID}</UserId>\n      <RunLevel>HighestAvailable</RunLevel>\n"
    else:
        principal = (
            f"      <UserId>{escape(account)}</UserId>\n      <LogonType>Password</LogonType>\n"
            "      <RunLevel>LeastPrivilege</RunLevel>\n"
        )
    text = _TASK.format(
        description=description,
        triggers=triggers,
        principal=principal,
        wake="true" if triggers else "false",
        limit=limit,
        restart=_RESTART if triggers else "",
        command=escape(list2cmdline(words[:1])),
        arguments=escape(list2cmdline(words[1:])),
    )
    return b"\xff\xfe" + text.replace("\n", "\r\n").encode("utf-16-le")


def _installer(job: Job, account: str) -> bytes:
    full = [f"*{_SYSTEM_SID}:(OI)(CI)F", "*S-1-5-32-544:(OI)(CI)F"]
    grants = full if account == SYSTEM else [*full, f"{account}:(OI)(CI)M"]
    text = _SCRIPT.format(
        account=ps_quote(account),
        state=ps_quote(job.state),
        grants=" ".join(ps_quote(grant) for grant in grants),
        task_file=TASK,
        trial_file=TRIAL,
        at=f"{job.at:%H:%M}",
    )
    return b"\xef\xbb\xbf" + text.replace("\n", "\r\n").encode()  # Windows PowerShell 5.1 wants the mark


def ps_quote(text: str) -> str:
    """A verbatim PowerShell string. Its curly quotes end a string too (about_Quoting_Rules), so they are doubled."""
    return "'" + re.sub("(['\u2018\u2019\u201a\u201b])", r"\1\1", text) + "'"


def unseen_drives(paths: Mapping[str, str], fixed: Collection[str] | None) -> list[str]:
    """Which of `paths` (by what they are for) a service account may not see, each as a sentence.

    SYSTEM and managed service accounts see no mapped drives: UNC paths, and drives of `fixed` (letters such as
    "C:"; None when they are not known: then every letter but C: is told) are fine.
    """
    known = {letter.upper() for letter in (fixed if fixed is not None else ("C:",))}
    return [
        f"{name}: {path} is on {drive}, which the task's account may not see: use a UNC path (\\\\server\\share\\...)"
        for name, path in paths.items()
        if (drive := PureWindowsPath(path).drive) and len(drive) == 2 and drive.upper() not in known
    ]
