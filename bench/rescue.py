"""The rescue reader against `escrow restore`, on one school: `python -m bench.rescue --mb 500 --nights 3`.

Restores the last night in turn with either; all files must be the same. The rescue reader may take three times as long.
"""

import argparse
import hashlib
import shutil
import sys
import tempfile
from pathlib import Path

from bench.escrow_peer import Escrow
from bench.measure import Run, medians
from bench.school import SEED, make_night, make_school

_SCRIPT = Path(__file__).parents[1] / "escrow" / "recovery" / "kit" / "escrow_rescue.py"
_TIMES = 3


class Rescue(Escrow):
    """A vault that escrow writes and the rescue reader restores."""

    def rescue_all(self, to: Path) -> Run:
        """Restore the last night by the rescue reader."""
        key = ("--key", str(self._holder / "custody.key"))
        return self.run(sys.executable, str(_SCRIPT), "restore", str(self.home / "vault"), str(to), *key, cwd=self.home)


def _contents(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file()
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mb", type=int, default=500)
    parser.add_argument("--nights", type=int, default=3)
    parser.add_argument("--runs", type=int, default=3)
    options = parser.parse_args()
    work = Path(tempfile.mkdtemp(prefix="escrow-rescue-"))
    source = work / "source"
    make_school(source, options.mb, seed=SEED)
    tool = Rescue("escrow", source, work)
    tool.init()
    tool.backup(0)
    for night in range(1, options.nights):
        make_night(source, night)
        tool.backup(night)
    theirs, ours = [], []
    for number in range(options.runs):
        first, second = work / f"escrow-{number}", work / f"rescue-{number}"
        theirs.append(tool.restore_all(options.nights - 1, first))
        ours.append(tool.rescue_all(second))
        if _contents(first) != _contents(second / "mis"):
            sys.exit("the two readers restored different files")
        shutil.rmtree(first)
        shutil.rmtree(second)
    escrow, rescue = medians(theirs), medians(ours)
    print(f"escrow restore  {escrow.wall:6.2f} s, {escrow.cpu:6.2f} s of CPU, {escrow.rss_mib:5.0f} MiB")
    print(f"rescue restore  {rescue.wall:6.2f} s, {rescue.cpu:6.2f} s of CPU, {rescue.rss_mib:5.0f} MiB")
    print(f"{rescue.wall / escrow.wall:.2f} times as long; at most {_TIMES} are allowed")
    shutil.rmtree(work)
    sys.exit(rescue.wall > _TIMES * escrow.wall)


if __name__ == "__main__":
    main()
