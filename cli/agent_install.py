"""`escrow agent install`: hands the nightly run to the system's own scheduler."""

import os
import shlex
import string
import subprocess
import sys
from collections.abc import Sequence
from datetime import datetime, time
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from urllib.parse import unquote, urlsplit

import typer

from escrow.errors import RefusedError, StateError, UsageError

from .config import Config, load_config
from .exits import Exit
from .options import ConfigOption, JsonOption
from .output import Output
from .units import next_clock
from .vault import anchor_of, store_of

if TYPE_CHECKING:
    from escrow.watch.job import Job

UNIT_FOLDER = Path("/etc/systemd/system")
_FIXED = 3  # GetDriveTypeW: DRIVE_FIXED


class Platform(StrEnum):
    """Whose scheduler it is."""

    SYSTEMD = "systemd"
    WINDOWS = "windows"


def install(
    platform: Annotated[Platform, typer.Option(help="Whose scheduler.")] = (
        Platform.WINDOWS if os.name == "nt" else Platform.SYSTEMD
    ),
    at: Annotated[str, typer.Option(metavar="HH:MM", help="When the night begins, up to 20 minutes later.")] = "02:00",
    until: Annotated[str, typer.Option(metavar="HH:MM", help="When it ends at the latest.")] = "07:00",
    user: Annotated[str, typer.Option(help="systemd: the system account that runs it.")] = "escrow",
    account: Annotated[
        str, typer.Option(help="Windows: SYSTEM, or a group managed service account such as SCHOOL\\escrow$.")
    ] = "SYSTEM",
    out: Annotated[Path | None, typer.Option(help="With --dry-run: the folder for the files.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Write the files, and say what to do with them.")] = False,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Let the system run `escrow agent run` every night, in a sandbox (systemd) or as a service account (Windows).

    Without --dry-run the files go where they belong, `escrow agent test` runs as the night's account, and only when
    that went well the night is switched on. It wants root, or an administrator.

    Example: escrow agent install --dry-run --out units --at 02:00
    """
    output = Output(as_json)
    loaded = load_config(config)
    anchor_of(loaded)
    job = _job(loaded, clock_time(at), clock_time(until))
    if dry_run and out is None:
        raise UsageError("install-out", "expected --out FOLDER with --dry-run, found none")
    if platform is Platform.WINDOWS:
        _check_drives(output, loaded)
        files, commands = _windows(job, account, (out or loaded.file.parent).absolute())
    else:
        files, commands = _systemd(job, user, (out or UNIT_FOLDER).absolute())
    if not dry_run:
        _check_may_install(platform, user, loaded.state)
    for path, data in files.items():
        _write(path, data)
        output.row(f"wrote {path}", file=str(path))
    if dry_run:
        for words in commands:
            text = subprocess.list2cmdline(words) if platform is Platform.WINDOWS else shlex.join(words)
            output.row(f"  {text}", command=text)
        output.finish(Exit.OK, "run these as root, or as an administrator", files=len(files))
    for words in commands:
        _run(words)
    output.finish(Exit.OK, f"every night at {at}, and the first one now; then ask escrow status", files=len(files))


def clock_time(text: str) -> time:
    """The time of day of `07:00`. UsageError `clock`."""
    return next_clock(text, datetime.min).time()


def _job(loaded: Config, at: time, until: time) -> "Job":
    from escrow.watch.job import Job

    url = store_of(loaded).url
    scheme = urlsplit(url).scheme if "://" in url else ""
    folder = {"": url, "file": unquote(urlsplit(url).path)}.get(scheme)
    command = (sys.executable, "-P", "-m", "escrow_cli")  # the same Python, whatever PATH says
    network = bool(loaded.tell) or any(source.path is None for source in loaded.sources)
    return Job(command, str(loaded.file), str(loaded.state), folder, at, until, network)


def _systemd(job: "Job", user: str, out: Path) -> tuple[dict[Path, bytes], list[list[str]]]:
    """Unit files, and what to do with them: in full for other folders than systemd's own."""
    from escrow.watch.systemd import CREDENTIAL, units

    files = {out / name: text.encode() for name, text in units(job, user).items()}
    by_hand = [
        ["useradd", "--system", "--home-dir", job.state, "--shell", "/usr/sbin/nologin", user],
        ["chown", "-R", f"{user}:", job.state],
        *([["install", "-D", "-m", "0600", "/dev/stdin", CREDENTIAL]] if job.store is None else []),
        ["install", "-m", "0644", "-t", str(UNIT_FOLDER), *map(str, files)],
    ]
    switch_on = [
        ["systemctl", "daemon-reload"],
        ["systemctl", "start", "escrow-agent-test.service"],
        ["systemctl", "enable", "--now", "escrow-agent.timer"],
    ]
    return files, switch_on if out == UNIT_FOLDER else [*by_hand, *switch_on]


def _windows(job: "Job", account: str, out: Path) -> tuple[dict[Path, bytes], list[list[str]]]:
    from escrow.watch.windows import INSTALLER, task_files

    files = {out / name: data for name, data in task_files(job, account).items()}
    shell = ["powershell.exe", "-NoProfile", "-ExecutionPolicy", "Bypass", "-File"]
    return files, [[*shell, str(out / INSTALLER)]]


def _check_drives(output: Output, loaded: Config) -> None:
    """A service account sees no mapped drive. Refused where this machine knows its drives, else told."""
    from escrow.watch.windows import unseen_drives

    paths = _paths(loaded)
    fixed = _fixed_drives()
    problems = unseen_drives(paths, fixed)
    if problems and fixed is not None:
        raise UsageError("mapped-drive", "; ".join(problems))
    for problem in problems:
        output.note(f"warning: {problem}")


def _paths(loaded: Config) -> dict[str, str]:
    paths = {"store": store_of(loaded).url, "state": str(loaded.state), "config": str(loaded.file)}
    return paths | {f"source {source.name}": str(source.path) for source in loaded.sources if source.path}


def _fixed_drives() -> list[str] | None:
    """The letters of this machine's own disks, None where there are no letters."""
    if sys.platform == "win32":
        import ctypes

        letters = [f"{letter}:" for letter in string.ascii_uppercase]
        return [letter for letter in letters if ctypes.windll.kernel32.GetDriveTypeW(f"{letter}\\") == _FIXED]
    return None


def _check_may_install(platform: Platform, user: str, state: Path) -> None:
    """Refuse before anything is written. RefusedError `install-rights`, UsageError `unit-user`, `state-owner`."""
    if platform is Platform.WINDOWS or sys.platform == "win32":
        if (platform is Platform.WINDOWS) != (sys.platform == "win32"):
            raise UsageError("install-platform", f"{platform} is not this machine's", hint="use --dry-run --out")
        return  # the installer itself asks for an administrator
    import pwd

    if os.geteuid() != 0:
        hint = "run it as root, or use --dry-run --out to see what it would do"
        raise RefusedError("install-rights", f"only root writes to {UNIT_FOLDER}", hint=hint)
    try:
        owner = pwd.getpwnam(user).pw_uid
    except KeyError:
        hint = f"make it: useradd --system --home-dir {state} --shell /usr/sbin/nologin {user}"
        raise UsageError("unit-user", f"expected a system account {user}, found none", hint=hint) from None
    if state.stat().st_uid != owner:
        hint = f"give it to the account: chown -R {user}: {state}"
        raise UsageError("state-owner", f"expected {state} to belong to {user}", hint=hint)


def _write(path: Path, data: bytes) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    except OSError as error:
        raise StateError("file-unwritable", f"{path}: cannot be written ({error.strerror})") from error


def _run(words: Sequence[str]) -> None:
    try:
        ended = subprocess.run(words, check=False).returncode  # noqa: S603 - our own words
    except OSError as error:
        raise StateError("install-failed", f"{words[0]} cannot be run ({error.strerror})") from error
    if ended != 0:
        hint = "look at agent-test.json in the state folder, and at journalctl -u escrow-agent-test"
        raise StateError("install-failed", f"{shlex.join(words)} ended with {ended}; the night is not on", hint=hint)
