"""What profiling and judging cost a night: later nights of the bench's school with and without, side by side.

    python -m bench.completeness --mb 500 --nights 3 --out bench/out

Each night is deposited into two vaults by the command line, in fresh processes that take turns in going first; one has
profiling taken out.
"""

import argparse
import shutil
import sys
import tempfile
from pathlib import Path

from bench.escrow_peer import Escrow
from bench.measure import Run, medians
from bench.school import SEED, make_night, make_school

LIMIT = 0.5
_UNWATCHED = "import escrow_cli.nights as n; n.watch_of = lambda config: None; from escrow_cli.main import run; run()"


class Unwatched(Escrow):
    """The same command line without completeness."""

    def _escrow(self, *argv: str) -> Run:
        return self.run(sys.executable, "-c", _UNWATCHED, *argv, cwd=self.home)


def main() -> int:
    """Print the table; 1 when the limit is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mb", type=int, default=500)
    parser.add_argument("--nights", type=int, default=5, help="later nights")
    parser.add_argument("--out", type=Path, default=Path("bench/out"))
    options = parser.parse_args()
    work = Path(tempfile.mkdtemp(prefix="escrow-completeness-"))
    source = work / "source"
    make_school(source, options.mb, SEED)
    lanes = (Unwatched("unwatched", source, work), Escrow("watched", source, work))
    runs: dict[str, list[Run]] = {lane.name: [] for lane in lanes}
    first = {}
    for lane in lanes:
        lane.init()
        first[lane.name] = lane.backup(0)
    for night in range(1, options.nights + 1):
        make_night(source, night, SEED)
        for path in source.rglob("*.*"):
            path.read_bytes()
        for lane in lanes if night % 2 else lanes[::-1]:
            runs[lane.name].append(lane.backup(night))
    shutil.rmtree(work)
    lines = ["|  |  | without | with | with / without |", "|---|---|---|---|---|"]
    held = True
    for label, pair in (("first night", first), ("later night", {name: medians(some) for name, some in runs.items()})):
        without, with_ = pair["unwatched"], pair["watched"]
        for unit, name in (("s wall", "wall"), ("s CPU", "cpu"), ("MiB peak", "rss_mib")):
            before, after = getattr(without, name), getattr(with_, name)
            lines.append(f"| {label} | {unit} | {before:.2f} | {after:.2f} | {after / before:.2f} |")
            held = held and (label == "first night" or name == "rss_mib" or after <= (1 + LIMIT) * before)
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "completeness.md").write_text("\n".join(lines) + "\n", "utf-8")
    print("\n".join(lines))
    return int(not held)


if __name__ == "__main__":
    sys.exit(main())
