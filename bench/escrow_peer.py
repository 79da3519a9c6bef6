"""escrow behind the interface of bench.peers: a folder store, one holder, the command line as users run it."""

import subprocess
import sys
from pathlib import Path

from bench.measure import Run
from bench.peers import Tool, folder_bytes
from escrow.errors import UsageError

_COMMAND = (sys.executable, "-m", "escrow_cli.main")
_VERBS = ("init", "snapshot", "restore")


class Escrow(Tool):
    """escrow from this tree, through its command line."""

    def version(self) -> str:
        """See Peer. Raises UsageError("bench-tool-missing") while the command line lacks a verb that is needed."""
        for verb in _VERBS:
            done = subprocess.run([*_COMMAND, verb, "--help"], capture_output=True, text=True, check=False)
            if done.returncode:
                raise UsageError(
                    "bench-tool-missing",
                    f"expected the command `escrow {verb}`, found none",
                    hint="finish the command line, then measure again",
                )
        done = subprocess.run([*_COMMAND, "--version"], capture_output=True, text=True, check=True)
        return done.stdout.strip()

    def init(self) -> None:
        """See Peer."""
        self.fresh_home()
        raise _unfinished("escrow init")

    def backup(self, night: int) -> Run:
        """See Peer."""
        raise _unfinished(f"escrow snapshot (night {night})")

    def restore_all(self, snapshot: int, to: Path) -> Run:
        """See Peer."""
        raise _unfinished(f"escrow restore (night {snapshot}, all, to {to.name})")

    def restore_one(self, snapshot: int, path: str, to: Path) -> Run:
        """See Peer."""
        raise _unfinished(f"escrow restore (night {snapshot}, {path}, to {to.name})")

    def repo_bytes(self) -> int:
        """See Peer."""
        return folder_bytes(self.home / "vault")


def _unfinished(call: str) -> UsageError:
    return UsageError("bench-tool-missing", f"expected the bench to know how to run {call}, found no such call yet")
