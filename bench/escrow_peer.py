"""escrow behind the interface of bench.peers: a folder store, one holder, the command line as users run it.

Two compartments, records and documents, each with the floor of a pack and a manifest every night.
"""

import shutil
import sys
from pathlib import Path

from bench.measure import Run
from bench.peers import Tool, folder_bytes, tool_version

_COMMAND = (sys.executable, "-m", "escrow_cli")
_SOURCE = "mis"


class Escrow(Tool):
    """escrow from this tree, through its command line. The key file has no passphrase, as restic's is a file too."""

    def __init__(self, name: str, source: Path, work: Path) -> None:
        super().__init__(name, source, work)
        self._holder = self.home.with_name(self.home.name + "-holder")
        self._seq: dict[int, int] = {}

    def version(self) -> str:
        """See Peer."""
        return tool_version([*_COMMAND, "--version"])

    def _escrow(self, *argv: str) -> Run:
        return self.run(*_COMMAND, *argv, cwd=self.home)

    def init(self) -> None:
        """See Peer."""
        self.fresh_home()
        self._escrow("agent", "card", "--name", "bench", "--out", "card.json")
        shutil.rmtree(self._holder, ignore_errors=True)
        new = ["keys", "new", "--school", "Bench", "--agent", "card.json", "--out", str(self._holder)]
        self._escrow(*new, "--no-passphrase", "--compartment", "documents:366:400", "--compartment", "records:31:400")
        shutil.copytree(self._holder / "public", self.home / "public")
        places = ["--store", str(self.home / "vault"), "--source", f"{_SOURCE}={self.source}"]
        self._escrow("init", "--public", "public", *places)
        with (self.home / "escrow.toml").open("a", encoding="utf-8") as file:
            file.write(f'\n[[rule]]\ncompartment = "documents"\nglobs = ["/{_SOURCE}/documents/"]\n')
        self._seq = {}

    def backup(self, night: int) -> Run:
        """See Peer."""
        run = self._escrow("snapshot")
        self._seq[night] = len(list((self.home / "vault" / "notices").iterdir()))
        return run

    def restore_all(self, snapshot: int, to: Path) -> Run:
        """See Peer."""
        return self._restore(snapshot, to)

    def restore_one(self, snapshot: int, path: str, to: Path) -> Run:
        """See Peer."""
        return self._restore(snapshot, to, f"/{_SOURCE}/{path}")

    def _restore(self, night: int, to: Path, *patterns: str) -> Run:
        key = ("--key", str(self._holder / "custody.key"))
        run = self._escrow("restore", str(self._seq[night]), *patterns, *key, "--to", str(to))
        for path in (to / _SOURCE).iterdir():
            path.rename(to / path.name)
        (to / _SOURCE).rmdir()
        return run

    def repo_bytes(self) -> int:
        """See Peer."""
        return folder_bytes(self.home / "vault")
