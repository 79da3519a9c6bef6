"""restic and borg behind one interface. Each keeps its repository, cache and keys below one folder of its own."""

import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from bench.measure import Run, measure
from escrow.errors import EscrowError, UsageError

_PASSWORD = "a bench password that guards nothing"


class Peer(Protocol):
    """A tool that deposits `source` night by night and gives nights back."""

    name: str

    def version(self) -> str:
        """The tool's own words about its version. Raises UsageError("bench-tool-missing")."""
        ...

    def init(self) -> None:
        """Start an empty repository, whatever was there before."""
        ...

    def backup(self, night: int) -> Run:
        """Deposit the source as it is now."""
        ...

    def restore_all(self, snapshot: int, to: Path) -> Run:
        """Restore the whole night into the empty folder `to`."""
        ...

    def restore_one(self, snapshot: int, path: str, to: Path) -> Run:
        """Restore one file into the empty folder `to`, at its own relative path."""
        ...

    def repo_bytes(self) -> int:
        """Bytes that the repository keeps and that a remote store would have received."""
        ...


def folder_bytes(folder: Path) -> int:
    """Sum of the sizes of all files below `folder`."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def tool_version(argv: Sequence[str]) -> str:
    """First line that a tool prints about its version. Raises UsageError("bench-tool-missing")."""
    if shutil.which(argv[0]) is None:
        raise UsageError("bench-tool-missing", f"expected the program {argv[0]} on the path, found none")
    return subprocess.run(argv, capture_output=True, text=True, check=True).stdout.splitlines()[0]


class Tool:
    """What the adapters share: a folder of their own, an environment, runs that must succeed.

    Python's own variables stay out: with PYTHONDONTWRITEBYTECODE every run would compile what an installed program has
    compiled once.
    """

    def __init__(self, name: str, source: Path, work: Path) -> None:
        self.name = name
        self.source = source
        self.home = work / name
        self.env = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
        self.env["LC_ALL"] = "C.UTF-8"

    def run(self, *argv: str, cwd: Path) -> Run:
        """Measure one command. Raises EscrowError("bench-run-failed") unless it ends with 0."""
        run = measure(argv, cwd=cwd, env=self.env)
        if run.exit_code:
            raise EscrowError(
                "bench-run-failed", f"expected {' '.join(argv[:3])} to end with 0, found {run.exit_code}: {run.errors}"
            )
        return run

    def fresh_home(self) -> None:
        """Empty this tool's folder."""
        shutil.rmtree(self.home, ignore_errors=True)
        self.home.mkdir(parents=True)


class Restic(Tool):
    """restic: repository version 2, compression "auto", its default chunks of about 1 MiB."""

    def __init__(self, name: str, source: Path, work: Path) -> None:
        super().__init__(name, source, work)
        self.env |= {
            "RESTIC_REPOSITORY": str(self.home / "repo"),
            "RESTIC_CACHE_DIR": str(self.home / "cache"),
            "RESTIC_PASSWORD_FILE": str(self.home / "password"),
        }
        self._snapshots: dict[int, str] = {}

    def version(self) -> str:
        """See Peer."""
        return tool_version(["restic", "version"])

    def init(self) -> None:
        """See Peer."""
        self.fresh_home()
        (self.home / "password").write_text(_PASSWORD)
        self.run("restic", "init", "--repository-version", "2", cwd=self.home)

    def backup(self, night: int) -> Run:
        """See Peer."""
        return self.run("restic", "backup", "--quiet", "--tag", f"night-{night}", ".", cwd=self.source)

    def restore_all(self, snapshot: int, to: Path) -> Run:
        """See Peer."""
        return self._restore(snapshot, to)

    def restore_one(self, snapshot: int, path: str, to: Path) -> Run:
        """See Peer."""
        return self._restore(snapshot, to, "--include", f"/{path}")

    def _restore(self, night: int, to: Path, *more: str) -> Run:
        tag = f"night-{night}"
        return self.run("restic", "restore", "latest", "--tag", tag, "--target", str(to), *more, cwd=self.home)

    def repo_bytes(self) -> int:
        """See Peer."""
        return folder_bytes(self.home / "repo")


class Borg(Tool):
    """borg: encrypted (repokey-blake2), its own compression and chunks unless `options` say otherwise."""

    def __init__(self, name: str, source: Path, work: Path, options: Sequence[str] = ()) -> None:
        super().__init__(name, source, work)
        self.options = options
        self.env |= {
            "BORG_REPO": str(self.home / "repo"),
            "BORG_BASE_DIR": str(self.home / "base"),
            "BORG_PASSPHRASE": _PASSWORD,
            "BORG_UNKNOWN_UNENCRYPTED_REPO_ACCESS_IS_OK": "no",
            "BORG_RELOCATED_REPO_ACCESS_IS_OK": "yes",
        }

    def version(self) -> str:
        """See Peer."""
        return f"{tool_version(['borg', '--version'])} {' '.join(self.options)}".strip()

    def init(self) -> None:
        """See Peer."""
        self.fresh_home()
        self.run("borg", "init", "--encryption", "repokey-blake2", cwd=self.home)

    def backup(self, night: int) -> Run:
        """See Peer."""
        return self.run("borg", "create", *self.options, f"::night-{night}", ".", cwd=self.source)

    def restore_all(self, snapshot: int, to: Path) -> Run:
        """See Peer."""
        return self.run("borg", "extract", f"::night-{snapshot}", cwd=to)

    def restore_one(self, snapshot: int, path: str, to: Path) -> Run:
        """See Peer."""
        return self.run("borg", "extract", f"::night-{snapshot}", path, cwd=to)

    def repo_bytes(self) -> int:
        """Bytes of data segments only: borg writes its index, hints and locks anew at the server's side."""
        return folder_bytes(self.home / "repo" / "data")


SMALL_CHUNKS = ("--chunker-params", "buzhash,10,23,12,1023", "--compression", "zstd,3")
"""borg's smallest sensible chunks: about 4 KiB, and zstd, which its default is not.

MB added in the first two later nights at 500 MB (zstd,3; mask bits and window): 16/4095 37.8 and 40.9, 14/4095 23.3
and 26.9, 13/1023 17.2 and 20.6, 12/1023 15.2 and 18.7, 12/511 15.1 and 18.5 for a third more memory, 11/511 16.0 and
19.4, 10/255 21.6 and 25.4: below 4 KiB borg's 80 bytes or so for each chunk cost more than smaller chunks save.
"""
