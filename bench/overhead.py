"""What a night spends on describing itself: manifests, file list and notice against all that it adds, night by night.

`python -m bench.overhead --mb 500 --nights 30 [--documents 50000] --out bench/out`. The list's share is its new chunks,
compressed by themselves as the packs compress them.
"""

import argparse
import shutil
import tempfile
from collections import defaultdict
from pathlib import Path

from bench.school import SEED, make_night, make_school
from bench.vault import bench_agent
from escrow.engine import packing
from escrow.engine.deposit import LIST_DATASET
from escrow.engine.night import Work, run_night
from escrow.engine.ports import NoProgress
from escrow.pack.frames import compress
from escrow.source import FolderSource, Rule

_RULES = [Rule("documents", ("/mis/documents/", "/mis/many/"))]
_SHOWN = (1, 2, 5, 10, 15, 20, 25, 30)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mb", type=int, default=500)
    parser.add_argument("--nights", type=int, default=30)
    parser.add_argument("--documents", type=int, default=0, help="so many small documents more, that never change")
    parser.add_argument("--out", type=Path, default=Path("bench/out"))
    options = parser.parse_args()
    new: defaultdict[str, bytearray] = defaultdict(bytearray)
    append = packing.PackWriter._append

    def counted(self: packing.PackWriter, window: memoryview, start: int, end: int, chunk_id: bytes) -> int:
        new[self._dataset] += window[start:end]
        return append(self, window, start, end, chunk_id)

    packing.PackWriter._append = counted  # type: ignore[method-assign]
    work = Path(tempfile.mkdtemp(prefix="escrow-overhead-"))
    source = work / "source"
    make_school(source, options.mb, seed=SEED)
    for number in range(options.documents):
        path = source / "many" / f"{number % 250:03d}" / f"letter-{number:06d}.pdf"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"%PDF-1.4 letter " + number.to_bytes(4, "big") * 20)
    agent = bench_agent(work)
    lines = ["| night | MB added | file list, KB | manifests and notice, KB | share |", "|---|---|---|---|---|"]
    for night in range(options.nights + 1):
        if night:
            make_night(source, night)
        new.clear()
        report = run_night(agent, Work([FolderSource("mis", source)], _RULES, lambda: True), NoProgress())
        added = sum(one.bytes_put for one in report.compartments.values())
        listing = new[LIST_DATASET]
        listed = sum(len(compress(listing[at : at + (1 << 20)], 3)) for at in range(0, len(listing), 1 << 20))
        seals = sum(path.stat().st_size for path in (work / "vault").rglob(f"manifests/{report.seq:08d}-*"))
        seals += sum(path.stat().st_size for path in (work / "vault" / "notices").glob(f"{report.seq:08d}-*"))
        if night in _SHOWN:
            share = (listed + seals) / (added + seals)
            lines.append(f"| {night} | {added / 1e6:.2f} | {listed / 1e3:.0f} | {seals / 1e3:.0f} | {share:.1%} |")
            print(lines[-1], flush=True)
    agent.state.close()
    shutil.rmtree(work)
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / f"overhead-{options.documents}.md").write_text("\n".join(lines) + "\n", "utf-8")


if __name__ == "__main__":
    main()
