"""Run one command as a fresh process: wall time, CPU time, peak memory. Linux only (os.wait4).

The command is started by this file run as a script, a small interpreter of its own: Linux counts a parent's
resident pages as its child's peak until exec, and the bench itself is larger than some of the tools.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median


@dataclass(frozen=True)
class Run:
    """One run: seconds of wall clock, seconds of CPU (user and system, whole tree), MiB of the largest process."""

    wall: float
    cpu: float
    rss_mib: float
    exit_code: int
    errors: str = ""


def measure(argv: Sequence[str], *, cwd: Path, env: Mapping[str, str]) -> Run:
    """Run `argv` once; never raises for its exit code. `errors` is the end of what it wrote to stderr."""
    os.sync()
    done = subprocess.run(
        [sys.executable, "-I", "-S", __file__, *argv],
        cwd=cwd,
        env=dict(env),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=True,
    )
    wall, cpu, rss_mib, exit_code = json.loads(done.stdout)
    return Run(wall, cpu, rss_mib, exit_code, done.stderr.decode(errors="replace")[-2000:])


def medians(runs: Sequence[Run]) -> Run:
    """The median of every number by itself, but the largest peak: memory is a limit, not a typical value."""
    return Run(
        wall=median(r.wall for r in runs),
        cpu=median(r.cpu for r in runs),
        rss_mib=max(r.rss_mib for r in runs),
        exit_code=max(r.exit_code for r in runs),
    )


def _launch(argv: list[str]) -> None:
    """Child side: run `argv` with its stdout thrown away, print the four numbers as JSON."""
    devnull = os.open(os.devnull, os.O_WRONLY)
    start = time.perf_counter()
    child = os.posix_spawnp(argv[0], argv, os.environ, file_actions=[(os.POSIX_SPAWN_DUP2, devnull, 1)])
    _, status, usage = os.wait4(child, 0)
    wall = time.perf_counter() - start
    cpu = usage.ru_utime + usage.ru_stime
    print(json.dumps([wall, cpu, usage.ru_maxrss / 1024, os.waitstatus_to_exitcode(status)]))


if __name__ == "__main__":
    _launch(sys.argv[1:])
