"""`escrow export` against `escrow restore`, on one school: `python -m bench.export --mb 500 --nights 3`.

In turn, each into a new folder: the restore; the export to CSV (at most 1.5 times as long) and to SQLite (at most 3
times), without the dictionary and the report; and with them.
"""

import argparse
import shutil
import sys
import tempfile
from pathlib import Path

from bench.escrow_peer import Escrow
from bench.measure import Run, medians
from bench.school import SEED, make_night, make_school

_TIMES = {"csv": 1.5, "sqlite": 3.0}
_OPTIONS = {"csv": ("--quick",), "sqlite": ("--format", "sqlite", "--quick"), "report": ()}
_MIB = 1024


class Export(Escrow):
    """A vault that escrow writes and exports."""

    def export_all(self, night: int, to: Path, form: str) -> Run:
        """Export a night in one format, or, as `report`, as CSV with its report."""
        key = ("--key", str(self._holder / "custody.key"))
        return self._escrow("export", str(self._seq[night]), *key, "--to", str(to), *_OPTIONS[form])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mb", type=int, default=500)
    parser.add_argument("--nights", type=int, default=3)
    parser.add_argument("--runs", type=int, default=3)
    options = parser.parse_args()
    work = Path(tempfile.mkdtemp(prefix="escrow-export-"))
    source = work / "source"
    make_school(source, options.mb, seed=SEED)
    tool = Export("escrow", source, work)
    tool.init()
    tool.backup(0)
    for night in range(1, options.nights):
        make_night(source, night)
        tool.backup(night)
    runs: dict[str, list[Run]] = {"restore": [], **{form: [] for form in _OPTIONS}}
    for _ in range(options.runs):
        for form, found in runs.items():
            to = work / form
            if form == "restore":
                found.append(tool.restore_all(options.nights - 1, to))
            else:
                found.append(tool.export_all(options.nights - 1, to, form))
            shutil.rmtree(to)
    base = medians(runs["restore"])
    over = False
    for form, found in runs.items():
        run = medians(found)
        ratio = run.wall / base.wall
        limit = _TIMES.get(form)
        print(f"{form:8} {run.wall:6.2f} s, {run.cpu:6.2f} s of CPU, {run.rss_mib:5.0f} MiB, {ratio:.2f} x", end="")
        print(f" (at most {limit})" if limit else "")
        over |= limit is not None and (ratio > limit or run.rss_mib > _MIB)
    shutil.rmtree(work)
    sys.exit(over)


if __name__ == "__main__":
    main()
